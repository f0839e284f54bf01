"""Counters of one worker: cheap to bump, read once a second for ``Load`` and metrics."""

from __future__ import annotations

from bisect import bisect_left

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class Series:
    """One (model group, status class): how many, how long, how many tokens, how much money."""

    __slots__ = ("buckets", "cost_nano", "count", "input_tokens", "output_tokens", "seconds")

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0
        self.buckets = [0] * (len(BUCKETS_S) + 1)
        self.input_tokens = 0
        self.output_tokens = 0
        self.cost_nano = 0


class Meter:
    """All series of a worker; their number is bounded by the models configured times the outcomes."""

    def __init__(self) -> None:
        self.series: dict[tuple[str, str], Series] = {}

    def closed(self, group: str, outcome: str, seconds: float, cost_nano: int) -> Series:
        """Count one finished request."""
        series = self.series.get((group, outcome))
        if series is None:
            series = self.series[(group, outcome)] = Series()
        series.count += 1
        series.seconds += seconds
        series.cost_nano += cost_nano
        series.buckets[bisect_left(BUCKETS_S, seconds)] += 1
        return series
