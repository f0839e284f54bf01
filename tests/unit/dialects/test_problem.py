from __future__ import annotations

from phantom_gateway.dialects.problem import Problem


def test_most_of_a_problem_may_be_unknown() -> None:
    problem = Problem(400, "invalid_request_error", "No.")
    assert (problem.param, problem.code, problem.details, problem.call_id) == (None, None, None, "")
