"""What all sections of the schema share: documented fields with a status, and the types of values.

Every field is ``Annotated[type, Active("what it does")]`` (or ``Later``, ``Noted``); ``docs/reference/config.md`` and the remarks
of ``phantom check`` are generated from these.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from phantom_gateway.config.credentials import conceal
from phantom_gateway.config.cron import parse_cron
from phantom_gateway.config.durations import parse_duration, parse_seconds, parse_window, parse_zone
from phantom_gateway.config.errors import NoteKind
from phantom_gateway.config.secret import Secret

MAX_COUNT = 10**15


@dataclass(frozen=True, slots=True)
class Meta:
    """Description and status of a field."""

    description: str
    status: ClassVar[str] = "active"


@dataclass(frozen=True, slots=True)
class Active(Meta):
    """The setting does what its description says."""


@dataclass(frozen=True, slots=True)
class Later(Meta):
    """The setting is accepted and typed, and does nothing yet."""

    status: ClassVar[str] = "later"


@dataclass(frozen=True, slots=True)
class Noted(Meta):
    """The setting is accepted for compatibility; the description says why it needs to do nothing here."""

    status: ClassVar[str] = "noted"


class Section(BaseModel):
    """Base of every part of the configuration: closed (unknown keys are refused) and immutable."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        arbitrary_types_allowed=True,
        protected_namespaces=(),
        hide_input_in_errors=True,
        defer_build=True,
    )


class OpenSection(Section):
    """A part in which keys the schema does not name are kept, everything credential-like in them as ``Secret``."""

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="before")
    @classmethod
    def _conceal_unnamed(cls, values: Any) -> Any:
        """Conceal credentials below keys the schema does not type; typed keys conceal themselves."""
        if not isinstance(values, dict):
            return values
        return {
            key: value if key in cls.model_fields else conceal(value, name=str(key)) for key, value in values.items()
        }


def meta_of(section: type[Section], field: str) -> Meta:
    """The description and status of a field; every field has exactly one."""
    (meta,) = (item for item in section.model_fields[field].metadata if isinstance(item, Meta))
    return meta


def inactive(section: Section) -> Iterator[tuple[str, NoteKind, str]]:
    """``(key, kind, description)`` of every key the operator wrote that does nothing yet or by design."""
    for name in section.model_fields_set & type(section).model_fields.keys():
        meta = meta_of(type(section), name)
        if getattr(section, name) is not None and isinstance(meta, (Later, Noted)):
            yield name, "later" if isinstance(meta, Later) else "noted", meta.description


_NANO = Decimal("1e-9")


def _fail(message: str) -> PydanticCustomError:
    return PydanticCustomError("config", "{reason}", {"reason": message})


def _secret(value: Any) -> Any:
    if isinstance(value, Secret):
        return value
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise _fail("must be a string")
    return Secret(str(value))


def _cron(value: str) -> str:
    try:
        parse_cron(value)
    except ValueError as error:
        raise _fail(str(error)) from None
    return value


def _text(value: Any) -> Any:
    """Numbers are taken as the text they were, so that ``organization: 123`` works as it does in LiteLLM."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return value


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise _fail("must be a number")
    return value


def _seconds(value: Any) -> float:
    try:
        return parse_seconds(value)
    except ValueError as error:
        raise _fail(str(error)) from None


def _duration(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = f"{value}s"
    if not isinstance(value, str):
        raise _fail("must be a duration such as 30s, 30m, 24h, 7d or 1mo")
    try:
        return str(parse_duration(value))
    except ValueError as error:
        raise _fail(str(error)) from None


def _window(value: Any) -> str:
    if not isinstance(value, str):
        return _duration(value)
    try:
        return parse_window(value)
    except ValueError as error:
        raise _fail(str(error)) from None


def _zone(value: Any) -> str:
    if not isinstance(value, str):
        raise _fail("must be a time zone such as Europe/Berlin")
    try:
        return parse_zone(value)
    except ValueError as error:
        raise _fail(str(error)) from None


def _decimal(value: Any) -> Any:
    """Floats by their shortest decimal form: what the operator wrote, not its binary neighbour."""
    if isinstance(value, bool):
        raise _fail("must be a number")
    return str(value) if isinstance(value, float) else value


def _whole_nano(value: Decimal) -> Decimal:
    if 0 < value < _NANO:
        raise _fail("must be 0 or at least a nano-dollar (0.000000001)")
    return value


def _block(value: Any) -> Any:
    try:
        ipaddress.ip_network(value if isinstance(value, str) else "")
    except ValueError:
        raise _fail("must be an IP address (192.0.2.1) or a block of addresses (192.0.2.0/24)") from None
    return value


def as_list(value: Any) -> Any:
    """A single text where a list of them is expected."""
    return [value] if isinstance(value, str) else value


def as_list_of_mappings(value: Any) -> Any:
    """A single mapping where a list of them is expected."""
    return [value] if isinstance(value, dict) else value


SecretText = Annotated[Secret, BeforeValidator(_secret)]
Text = Annotated[str, BeforeValidator(_text), Field(max_length=4096)]
Name = Annotated[str, BeforeValidator(_text), Field(min_length=1, max_length=256)]
CronText = Annotated[str, AfterValidator(_cron)]
Names = Annotated[list[Name], BeforeValidator(as_list), Field(max_length=10_000)]
Blocks = Annotated[list[Annotated[str, BeforeValidator(_block)]], BeforeValidator(as_list), Field(max_length=10_000)]
"""IP addresses and blocks of them."""
Count = Annotated[int, BeforeValidator(_no_bool), Field(ge=0, le=MAX_COUNT)]
Positive = Annotated[int, BeforeValidator(_no_bool), Field(ge=1, le=MAX_COUNT)]
Number = Annotated[float, BeforeValidator(_no_bool), Field(ge=0, le=1e15, allow_inf_nan=False)]
Seconds = Annotated[float, BeforeValidator(_seconds)]
DurationText = Annotated[str, BeforeValidator(_duration)]
WindowText = Annotated[str, BeforeValidator(_window)]
"""The window of a budget: a duration that may name a time zone (``1d@Europe/Berlin``)."""
Zone = Annotated[str, BeforeValidator(_zone)]
Dollars = Annotated[Decimal, BeforeValidator(_decimal), Field(ge=0, le=10**12, allow_inf_nan=False)]
"""US dollars, exact. Prices are dollars per token and the like."""
Money = Annotated[
    Decimal, BeforeValidator(_decimal), Field(ge=0, le=10**9, allow_inf_nan=False), AfterValidator(_whole_nano)
]
"""US dollars of a budget: sums of such amounts fit 64 bits of nano-dollars."""
Free = Annotated[Any, BeforeValidator(conceal)]
"""Anything, with credentials concealed."""
FreeDict = Annotated[dict[str, Any], BeforeValidator(conceal)]
FreeList = Annotated[list[Any], BeforeValidator(conceal)]
Fallbacks = Annotated[list[dict[str, Names]], BeforeValidator(as_list_of_mappings), Field(max_length=10_000)]
"""``[{model: [fallback, ...]}, ...]``"""


class BudgetEntry(Section):
    """A budget; LiteLLM spells both keys in two ways."""

    max_budget: Annotated[Money | None, Active("US dollars.")] = None
    budget_limit: Annotated[Money | None, Active("Another name of `max_budget`.")] = None
    budget_duration: Annotated[WindowText | None, Active("Window; without it, it never resets.")] = None
    time_period: Annotated[WindowText | None, Active("Another name of `budget_duration`.")] = None

    @model_validator(mode="after")
    def _amount(self) -> Self:
        """A budget that sets no bound would look like one."""
        if self.max_budget is None and self.budget_limit is None:
            raise _fail("must have max_budget")
        return self
