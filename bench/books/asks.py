"""The requests of the mixed load: each with a label that the simulator and the ledger both keep, and what it must cost."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

MILLION = 1_000_000
TOKENS_PER_MESSAGE = 3
BYTES_PER_TOKEN = 4
Leave = Literal["", "sending", "waiting", "reading"]
Bill = Literal["all", "counted", "some", "guess", "none"]

PRICES = MappingProxyType(
    {
        "up-a1": (1_000_000_000, 2_000_000_000),
        "up-a2": (1_000_000_000, 2_000_000_000),
        "up-b": (700_000_000, 3_100_000_000),
        "up-c": (123_457_000, 987_654_000),
        "up-d": (1_000_000_000, 2_000_000_000),
    }
)
"""Input and output, in nano-dollars for a million tokens, by the name the upstream knows; those of ``up-c`` have to be rounded."""
GROUPS = MappingProxyType(
    {"alpha": ("up-a1", "up-a2"), "beta": ("up-b", "up-a1", "up-a2"), "gamma": ("up-c",), "delta": ("up-d",)}
)
"""Who may serve a public name: its deployments and those of its fallback. ``delta`` meets the rate limits and rests."""

MODES: MappingProxyType[str, tuple[Bill, Bill]] = MappingProxyType(
    {
        "ok": ("all", "all"),
        "slow_drip": ("all", "all"),
        "crlf": ("all", "all"),
        "pings": ("all", "all"),
        "usage_last": ("all", "all"),
        "no_done": ("all", "all"),
        "length_long": ("guess", "all"),
        "no_usage": ("counted", "some"),
        "fin": ("guess", "some"),
        "rst": ("guess", "some"),
        "stall": ("guess", "some"),
        "error_event": ("none", "some"),
        "invalid_json_chunk": ("guess", "some"),
        "bad_chunk_size": ("guess", "all"),
        "gzip": ("all", "all"),
        "both_cl_te": ("none", "none"),
        "html": ("none", "none"),
        "empty_body": ("none", "none"),
        "400": ("none", "none"),
        "500": ("none", "none"),
        "503": ("none", "none"),
        "429_none": ("none", "none"),
    }
)
"""What an unstreamed and a streamed call in this mode are billed: what the provider says, what it said counted in characters, the
chunks that came, a guess, nothing."""
FREE = tuple(mode for mode, bills in MODES.items() if bills == ("none", "none") and mode != "429_none")
FAULTS = tuple(mode for mode in MODES if mode not in ("ok", "429_none"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request."""

    label: str
    model: str = "alpha"
    stream: bool = False
    include_usage: bool = False
    mode: str = "ok"
    once: bool = False
    """The mode is met by the first attempt only."""
    words: int = 5
    chunks: int = 5
    limit: int = 40
    """``max_tokens``."""
    pace_ms: int = 0
    first_ms: int = 0
    customer: str = ""
    tags: tuple[str, ...] = ()
    leave: Leave = ""
    after: float = 0.0
    """When the caller hangs up: the part of the body sent, seconds waited, bytes of the answer read."""

    @property
    def prompt(self) -> int:
        """Input tokens, as the simulator counts."""
        return self.words + TOKENS_PER_MESSAGE

    @property
    def output(self) -> int:
        """Output tokens of the whole answer."""
        return min(self.chunks, self.limit)

    @property
    def size(self) -> int:
        """Bytes of what a model reads of the body: not the name of the customer."""
        return len(self.body()) - (len(json.dumps(self.customer)) if self.customer else 0)

    @property
    def question(self) -> int:
        """Input tokens by the size of the body, which is what is billed where nobody reported them."""
        return -(-self.size // BYTES_PER_TOKEN)

    @property
    def bill(self) -> Bill:
        """How the mode is billed, the whole of it being seen."""
        return MODES[self.mode][self.stream]

    def body(self) -> bytes:
        """The JSON that is sent."""
        simulate: dict[str, object] = {"label": self.label, "mode": self.mode, "chunks": self.chunks}
        if self.pace_ms:
            simulate["pace_ms"] = self.pace_ms
        if self.first_ms:
            simulate["first_ms"] = self.first_ms
        if self.once:
            simulate |= {"fail_first": 1, "key": self.label}
        content = " ".join(["word"] * self.words)
        asked: dict[str, object] = {"model": self.model, "messages": [{"role": "user", "content": content}]}
        asked |= {"max_tokens": self.limit, "simulate": simulate}
        if self.customer:
            asked["user"] = self.customer
        if self.stream:
            asked["stream"] = True
        if self.include_usage:
            asked["stream_options"] = {"include_usage": True}
        return json.dumps(asked).encode()

    def estimate(self) -> int:
        """Nano-dollars billed when the worker dies: the size of the question and ``max_tokens``, at the group's dearest price."""
        dear_in, dear_out = self._dearest()
        return ((self.size // BYTES_PER_TOKEN + 1) * dear_in + self.limit * dear_out) // MILLION

    def worst(self) -> int:
        """Nano-dollars reserved: as many tokens as bytes."""
        dear_in, dear_out = self._dearest()
        return -(-(self.size * dear_in + self.limit * dear_out) // MILLION)

    def _dearest(self) -> tuple[int, int]:
        prices = [PRICES[name] for name in GROUPS[self.model]]
        return max(price[0] for price in prices), max(price[1] for price in prices)


def cost(upstream: str, tokens_in: int, tokens_out: int) -> int:
    """Nano-dollars, rounded half up once per call."""
    prices = PRICES[upstream]
    return (tokens_in * prices[0] + tokens_out * prices[1] + MILLION // 2) // MILLION


class Draw:
    """Draws requests; the same seed draws the same ones."""

    def __init__(self, seed: int, customers: tuple[str, ...], tags: tuple[str, ...]) -> None:
        self._random = random.Random(seed)
        self._customers = customers
        self._tags = tags
        self._number = 0

    def next(self) -> Ask:
        """Another request: four in five go well as far as the upstream is concerned, one in eight callers hangs up."""
        pick = self._random
        self._number += 1
        stream = pick.random() < 0.5
        model = pick.choices(("alpha", "beta", "gamma", "delta"), (6, 2, 2, 1))[0]
        mode, once = self._mode(model)
        leave: Leave = pick.choice(("sending", "waiting", "waiting", "reading")) if pick.random() < 1 / 8 else ""
        after = {"": 0.0, "sending": pick.random(), "waiting": pick.random() * 0.15, "reading": pick.random() * 4000}
        return Ask(
            label=f"{self._number:x}.{pick.getrandbits(40):x}",
            model=model,
            stream=stream,
            include_usage=stream and pick.random() < 0.5,
            mode=mode,
            once=once,
            words=pick.randint(1, 60),
            chunks=pick.randint(4, 45),
            limit=40,
            pace_ms=pick.choice((0, 0, 1, 5)) if stream else 0,
            first_ms=pick.choice((0, 0, 0, 20, 100)) if pick.random() > 0.01 else 2500,
            customer=pick.choice(self._customers) if pick.random() < 0.4 else "",
            tags=tuple(pick.sample(self._tags, pick.choice((0, 0, 0, 1, 2)))),
            leave=leave,
            after=after[leave],
        )

    def _mode(self, model: str) -> tuple[str, bool]:
        pick = self._random
        if model == "delta":
            return pick.choice(("ok", "ok", "ok", "429_none")), False
        if pick.random() < 0.8:
            return "ok", False
        if model == "alpha":
            return pick.choice(FAULTS), pick.random() < 0.4
        # what costs something is not followed by another model of another price: then a row says what it is made of
        return pick.choice(FREE), model == "beta" and pick.random() < 0.5
