"""Every mode of the simulator: its name, one line about it, and how its script is made."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from phantom_gateway.simulator import faults_http as http
from phantom_gateway.simulator import faults_sse as events
from phantom_gateway.simulator.controls import ControlError

if TYPE_CHECKING:
    from collections.abc import Callable

    from phantom_gateway.simulator.answers import Answer
    from phantom_gateway.simulator.reading import Ask
    from phantom_gateway.simulator.script import Script

_TABLE: dict[str, tuple[str, Callable[[Ask, Answer], Script]]] = {
    "ok": ("the honest answer", http.ok),
    "400": ("bad request", http.status(400)),
    "too_long": ("the prompt does not fit the model, in its provider's words", http.too_long),
    "401": ("wrong provider key", http.status(401)),
    "402": ("the provider account has no balance", http.status(402)),
    "403": ("not allowed", http.status(403)),
    "404": ("no such model", http.status(404)),
    "408": ("request timeout", http.status(408)),
    "413": ("request too large", http.status(413)),
    "429": ("rate limited, Retry-After: 1 or the control retry_after", http.status(429, "1")),
    "429_none": ("rate limited without Retry-After", http.status(429)),
    "429_date": ("rate limited, Retry-After is a date 5 seconds ahead", http.status(429, "date")),
    "429_absurd": ("rate limited, Retry-After has 20 digits", http.status(429, "absurd")),
    "500": ("server error", http.status(500)),
    "502": ("bad gateway", http.status(502)),
    "503": ("unavailable", http.status(503)),
    "529": ("overloaded", http.status(529)),
    "slow_first_byte": ("the first byte comes after first_ms (1000)", http.slow_first_byte),
    "slow_drip": ("size (16) bytes every pace_ms (20)", http.slow_drip),
    "stall": ("silence after `at` chunks or half a body, the connection stays open", http.stall),
    "fin": ("the connection is closed after `at` chunks or half a body", http.fin),
    "rst": ("the connection is reset after `at` chunks or half a body", http.rst),
    "no_done": ("a stream that ends without [DONE]", events.no_done),
    "no_usage": ("no usage anywhere, also when asked for", http.ok),
    "usage_last": ("usage in the chunk with the finish reason, asked for or not", http.ok),
    "error_event": ("an error object after `at` chunks of a 200 stream; a 200 with an error body", events.error_event),
    "cr_only": ("SSE lines that end with CR alone", events.restyled(events.cr_only, b"data: [DONE]\r\r")),
    "crlf": ("SSE lines that end with CR LF", events.restyled(events.crlf, b"data: [DONE]\r\n\r\n")),
    "bom": ("a byte order mark before the first byte of the body", events.bom),
    "split_utf8": ("writes and chunks that end inside a UTF-8 character", events.split_utf8),
    "long_line": ("one SSE line with size (1 MiB) bytes of padding", events.long_line),
    "data_no_space": ("`data:` without the space", events.restyled(events.data_no_space, b"data:[DONE]\n\n")),
    "event_only": ("events that have only an `event:` line between the chunks", events.restyled(events.event_only)),
    "comments": ("SSE comments inside every event", events.restyled(events.comments)),
    "pings": ("three comment pings before every event", events.restyled(events.pings)),
    "nul": ("a NUL byte in the JSON of the chunk after `at` chunks or of the body", events.nul),
    "invalid_json_chunk": ("half the JSON in the chunk after `at` chunks or in the body", events.invalid_json_chunk),
    "wrong_content_type": ("the right answer as text/plain", http.wrong_content_type),
    "gzip": ("Content-Encoding: gzip though nobody asked", http.gzip),
    "gzip_bomb": ("a small gzip body that unpacks to size (64 MiB) bytes", http.gzip_bomb),
    "html": ("200 with an HTML page", http.html),
    "html_502": ("502 with an HTML page", http.html_502),
    "huge_header": ("a header field of size (1 MiB) bytes", http.huge_header),
    "huge_body": ("a JSON body of size (64 MiB) bytes", http.huge_body),
    "empty_body": ("200 with nothing in it", http.empty_body),
    "body_of_204": ("204 followed by a body", http.body_of_204),
    "redirect": ("307 to /sim/redirected, where nobody should ever arrive", http.redirect),
    "continue_100": ("100 Continue before the answer though nobody expects it", http.continue_100),
    "flood_1xx": ("size (1000) times 103 Early Hints before the answer", http.flood_1xx),
    "http10": ("HTTP/1.0 without a length, ended by closing", http.http10),
    "two_status_lines": ("a second status line where a header field should be", http.two_status_lines),
    "length_short": ("Content-Length 10 bytes too small", http.length_short),
    "length_long": ("Content-Length 10 bytes too large, then the end", http.length_long),
    "both_cl_te": ("Content-Length and Transfer-Encoding together", http.both_cl_te),
    "bytes_after_end": ("a second response nobody asked for behind the first", http.bytes_after_end),
    "bad_chunk_size": ("a chunk whose size is not a number", http.bad_chunk_size),
    "chunk_no_end": ("a chunked body whose last chunk never comes", http.chunk_no_end),
}

MODES = MappingProxyType({name: text for name, (text, _) in _TABLE.items()})
"""Name of every mode and one line about it."""


def build(ask: Ask, answer: Answer) -> Script:
    """The script of ``answer`` in the mode of ``ask``. Raises ControlError when there is no such mode."""
    controls = ask.controls
    found = _TABLE.get(controls.mode)
    if found is None:
        raise ControlError(f"simulate: unknown mode {controls.mode!r}; `phantom simulate --list` names them")
    script = found[1](ask, answer)
    return replace(
        script,
        first_ms=script.first_ms if controls.first_ms is None else controls.first_ms,
        pace_ms=script.pace_ms if controls.pace_ms is None else controls.pace_ms,
    ).joined()
