from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.control.estimates.tokens import PER_MESSAGE, PER_REQUEST, estimated, of_messages, of_tools


@given(st.text(max_size=200), st.text(max_size=200))
def test_more_text_is_never_fewer_tokens(first: str, second: str) -> None:
    assert estimated(first) <= estimated(first + second) <= estimated(first) + estimated(second)


def test_messages_count_their_texts_and_their_frame() -> None:
    assert of_messages([]) == 0
    assert of_messages([{"role": "user", "content": "x" * 36}]) == 10 + PER_MESSAGE + PER_REQUEST
    picture = {
        "role": "user",
        "content": [{"type": "text", "text": "hi"}, {"image_url": {"url": "data:" + "x" * 9999}}],
    }
    assert of_messages([picture]) < 20
    assert of_tools([{"type": "function", "function": {"name": "f", "parameters": {}}}]) > 10
    assert estimated(None) == 0
