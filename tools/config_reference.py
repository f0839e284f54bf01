"""Write ``docs/reference/config.md`` from the schema: ``python -m tools.config_reference``."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from phantom_gateway.config.schema import Config
from phantom_gateway.config.schema_base import Dollars, DurationText, Money, Seconds, Section, meta_of
from phantom_gateway.config.secret import Secret

TARGET = Path(__file__).parent.parent / "docs" / "reference" / "config.md"
COMMAND = "python -m tools.config_reference"

_INTRODUCTION = """# Configuration reference

Generated from the schema by `make docs`; do not edit.

The file is LiteLLM's `config.yaml` with one section more, `phantom`. Any value may be `os.environ/NAME`; a missing variable is an
error. Unknown keys are errors, except in `litellm_params` (they become parameters of the provider), `model_info` (kept) and
`litellm_settings` (a warning); sections whose names begin with `x-` hold anchors. What LiteLLM knows and is not listed here is
accepted and reported as not active yet. `phantom check` reports everything at once.

Status: **active** settings work. **later** settings are accepted and do nothing yet; `phantom check` lists those you use.
**noted** settings are accepted and need to do nothing here, for the reason given.
"""
_WORDS = {
    "seconds or duration": Seconds,
    "duration": DurationText,
    "US dollars": Dollars,
    "US dollars up to a billion": Money,
}
_NAMES = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true/false",
    Decimal: "number",
    Secret: "secret",
    Any: "any",
}


def render() -> str:
    """The whole page."""
    lines = [_INTRODUCTION]
    for path, section in _sections(Config, ""):
        lines += [f"## {f'`{path}`' if path else 'Top level'}", "", *_documented(section), *_table(section), ""]
    return "\n".join(lines)


def _documented(section: type[Section]) -> Iterator[str]:
    text = " ".join((section.__doc__ or "").split())
    if text and section is not Config:
        yield text
        yield ""


def _table(section: type[Section]) -> Iterator[str]:
    yield "| key | type | default | status | what it does |"
    yield "| --- | --- | --- | --- | --- |"
    for name, info in section.model_fields.items():
        meta = meta_of(section, name)
        description = meta.description.replace("|", "\\|")
        yield f"| `{name}` | {_type(info)} | {_default(info.default)} | {meta.status} | {description} |"


def _default(value: Any) -> str:
    if value is PydanticUndefined or value is None:
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _type(info: FieldInfo) -> str:
    """Pydantic moves the outermost type's validators into the field's metadata."""
    for words, kind in _WORDS.items():
        if get_args(kind)[1] in info.metadata:
            return words
    return type_name(info.annotation)


def type_name(annotation: Any) -> str:
    """A type in words an operator knows."""
    for words, kind in _WORDS.items():
        if annotation == kind:
            return words
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is typing.Annotated:
        return type_name(arguments[0])
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(type_name(argument) for argument in arguments if argument is not type(None)))
    if origin is Literal:
        return " or ".join(f"`{argument}`" for argument in arguments)
    if origin is list:
        return f"list of {type_name(arguments[0])}"
    if origin is dict:
        return f"mapping to {type_name(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return "section"
    return _NAMES[annotation]


def _sections(section: type[Section], path: str) -> Iterator[tuple[str, type[Section]]]:
    yield path, section
    for name, info in section.model_fields.items():
        for child, suffix in _children(info.annotation, ""):
            yield from _sections(child, f"{path}.{name}{suffix}".lstrip("."))


def _children(annotation: Any, suffix: str) -> Iterator[tuple[type[Section], str]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation, suffix
        return
    origin = get_origin(annotation)
    for argument in get_args(annotation):
        yield from _children(argument, suffix + ("[]" if origin is list else ".NAME" if origin is dict else ""))


def main() -> None:
    """Write the page."""
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(render(), encoding="utf-8")
    print(f"wrote {TARGET}")


if __name__ == "__main__":
    main()
