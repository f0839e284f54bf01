from __future__ import annotations

from phantom_gateway.control.checks.log import MAX_CHECKS, Check, HealthLog, view


def check(model_id: str, status: str, at: float) -> Check:
    return Check(model_name="g", model_id=model_id, status=status, error="", response_time_ms=1.0, at=at, by="somebody")


def test_it_is_bounded_and_the_newest_come_first() -> None:
    log = HealthLog()
    for number in range(MAX_CHECKS + 10):
        log.checks.append(check(f"m{number % 3}", "healthy" if number % 2 else "unhealthy", float(number)))
    assert len(log.checks) == MAX_CHECKS
    assert log.latest()["m0"].at == max(each.at for each in log.checks if each.model_id == "m0")
    total, found = log.page("m1", "healthy", (1, 2))
    assert total > 2
    assert [each.at for each in found] == sorted((each.at for each in found), reverse=True)
    assert log.page("nobody", None, (0, 10)) == (0, [])
    assert view(found[0], "now")["healthy_count"] == 1
