"""The routing trail: what was considered for a request, what was skipped and why, what was tried and how it ended.

Part of the journal's form (``Closed.trail``): fields of ``Step`` are only ever added, at the end, with a default.
"""

from __future__ import annotations

from typing import NamedTuple

MAX_STEPS = 40
"""The last steps matter most; what is beyond is left out in the middle."""
MAX_HEADER = 1024


class Step(NamedTuple):
    """One step.

    =========  ==================  ==============================================  ===================
    kind       name                why                                             value
    =========  ==================  ==============================================  ===================
    among      model group         the strategy, or what kept it on a deployment   how many could serve
    skip       deployment          ``resting``, ``open``, ``half_open``, ``tags``,  seconds until it may
                                   ``input_too_long``, ``order``, ``budget``,
                                   ``unhealthy``
    try        deployment          ``success``, or the kind of failure and its     milliseconds
                                   status (``ServiceUnavailable 503``)
    wait       deployment          ``retry_after``, ``backoff``                    milliseconds
    fallback   model group         ``general``, ``context_window``,                position, from 1
                                   ``content_policy``
    stop       (empty)             ``retries``, ``retry_budget``, ``deadline``     retries made
    =========  ==================  ==============================================  ===================
    """

    kind: str
    name: str = ""
    why: str = ""
    value: int = 0


def bounded(steps: list[Step]) -> tuple[Step, ...]:
    """``steps`` for the record."""
    if len(steps) > MAX_STEPS:
        steps = [*steps[: MAX_STEPS // 2], *steps[-MAX_STEPS // 2 :]]
    return tuple(steps)


def header(steps: list[Step]) -> bytes:
    """``steps`` as the value of one response header: ``skip d2 resting 4; try d1 ServiceUnavailable 503 12``."""
    text = "; ".join(" ".join([part for part in (*each[:3], str(each.value or "")) if part]) for each in bounded(steps))
    if len(text) > MAX_HEADER:
        text = text[: MAX_HEADER - 3] + "..."
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text).encode()
