from __future__ import annotations

import json

import pytest

from phantom_gateway.dialects.chat import errors as chat
from phantom_gateway.dialects.gemini import errors as gemini
from phantom_gateway.dialects.messages import errors as messages
from phantom_gateway.dialects.problem import TOO_LONG, Problem
from phantom_gateway.dialects.responses import errors as responses


def test_most_of_a_problem_may_be_unknown() -> None:
    problem = Problem(400, "invalid_request_error", "No.")
    assert (problem.param, problem.code, problem.details, problem.call_id) == (None, None, None, "")


OPENAIS = "This model's maximum context length is 8192 tokens."
ANTHROPICS = "prompt is too long: 200001 tokens > 200000 maximum"
GOOGLES = "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576)."


@pytest.mark.parametrize("said", [OPENAIS, ANTHROPICS, GOOGLES])
def test_clients_know_an_input_that_does_not_fit_by_words_of_their_format(said: str) -> None:
    problem = Problem(400, "invalid_request_error", said, code=TOO_LONG)
    openais = f"Input tokens exceed the configured limit: {said}"
    expected = {
        chat: openais,
        responses: openais,
        messages: said if said == ANTHROPICS else f"prompt is too long: {said}",
        gemini: said if said == GOOGLES else f"Exceeds the maximum number of tokens allowed: {said}",
    }
    for errors, words in expected.items():
        assert json.loads(errors.body(problem))["error"]["message"] == words
        assert json.loads(errors.event(problem).partition(b"data: ")[2])["error"]["message"] == words
        assert json.loads(errors.body(problem._replace(code=None)))["error"]["message"] == said
