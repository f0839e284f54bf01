"""Write ``docs/reference/audit_events.md`` from the events: ``python -m tools.audit_reference``."""

from __future__ import annotations

from pathlib import Path

from phantom_gateway.security.audit_events import Action, ActorKind, EventCode, Result

TARGET = Path(__file__).parent.parent / "docs" / "reference" / "audit_events.md"
COMMAND = "python -m tools.audit_reference"

_INTRODUCTION = """# Audit events

Generated from the code by `make docs`; do not edit.

The closed list of what an audit record can say ([how the log works](../guides/security.md#the-audit-log)). Codes are kept for
years: they are never renamed and never reused. `table_name` and the first six actions are LiteLLM's. An event is recorded from
the release on that has what it speaks of.
"""


def render() -> str:
    """The whole page."""
    lines = [_INTRODUCTION, "| event | table_name | action | what happened |", "| --- | --- | --- | --- |"]
    lines += [f"| `{each.code}` | `{each.table}` | `{each.action}` | {each.text} |" for each in EventCode]
    lines += ["", "## Values of other fields", "", "| field | values |", "| --- | --- |"]
    for field, kind in (("action", Action), ("actor_kind", ActorKind), ("result", Result)):
        lines.append(f"| `{field}` | {', '.join(f'`{member.value}`' for member in kind)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page."""
    TARGET.write_text(render(), encoding="utf-8")
    print(f"wrote {TARGET}")


if __name__ == "__main__":
    main()
