from __future__ import annotations

from bench.measure import Figures
from bench.report import CROWD, Bar, Visit, added, bars, markdown, median, memory_per_stream

MIB = 1 << 20


def figures(cpu: float, p50: float, peak: int = 0) -> Figures:
    return Figures(100, 0, 1000.0, p50, 2 * p50, p50 / 2, 1.0, {"worker": cpu}, {"worker": peak} if peak else {})


def visit(cpu: float, p50: float) -> Visit:
    found = {name: figures(cpu, p50) for name in ("plain-1", "plain-64", "plain-1000", "stream-1", "stream-64")}
    found[CROWD] = figures(cpu, p50, peak=70 * MIB)
    return Visit(1.5, {"worker": 60 * MIB, "control": 100 * MIB}, found)


def test_bars_compare_with_nginx_in_the_same_rounds() -> None:
    rounds = {
        "direct": [visit(5, 100)] * 3,
        "nginx": [visit(10, 110), visit(10, 120), visit(10, 130)],
        "gateway": [visit(30, 140), visit(40, 150), visit(50, 170)],
    }
    assert added(rounds, "nginx", "plain-1", lambda found: found.p50_us) == 20
    found = {bar.name: (bar.value, bar.verdict) for bar in bars(rounds)}
    assert found["CPU plain-64, x nginx"] == (4.0, "kept")
    assert found["CPU stream-64, x nginx"] == (4.0, "MISSED")
    assert found["added p50 plain-1, x nginx"] == (2.5, "kept")
    assert found["worker idle, MiB"] == (60.0, "kept")
    assert found["all processes idle, MiB"] == (160.0, "kept")
    assert memory_per_stream(rounds, "gateway") == 10 * MIB / 1000
    text = markdown(rounds, ["plain-1", CROWD], ["a note"], {"commit": "abc"})
    assert "| gateway | plain-1 | 40.0 |" in text
    assert "> a note" in text
    assert "MISSED" in text


def test_what_was_not_measured_is_shown_as_such() -> None:
    assert median([]) is None
    assert Bar("x", 1, None).verdict == "-"
    assert all(bar.verdict == "-" for bar in bars({}))
