"""Reading journals: of the living (control tails them) and of the dead (recovery, verification).

Promises: what was appended is read in order, each number once; of a damaged file at least everything before the damage.

- The end of the newest segment of a living writer may be half a frame: the reader waits there.
- Once a newer segment exists, or the writer is known to be dead, an end that is no frame is *damage*: it is reported with its
  byte offset, the rest of the segment is searched for frames that are whole, and reading goes on in the next segment.
- A writer whose sync failed repeats its unsynced records in the next segment; they are known by their numbers. If the next
  segment repeats what a damaged one has lost, the damaged one is not searched.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

import msgspec

from phantom_gateway.ledger.frames import FRAME, HEADER, MAGIC, MAX_PAYLOAD, check, segment_name, segment_numbers
from phantom_gateway.ledger.record import Closed, Opened, Record, decoder

CHUNK = 1024 * 1024
SEARCH_BYTES = 4 * 1024 * 1024
"""How far beyond damage whole frames are looked for."""


class Position(NamedTuple):
    """How far a journal is read: the number of the last record, and where the next frame begins."""

    n: int = 0
    segment: int = 1
    offset: int = 0


class Damage(NamedTuple):
    """Bytes of a segment that are no records, or records that are missing."""

    segment: int
    offset: int
    length: int
    reason: str


class Summary(NamedTuple):
    """What a directory holds, for ``phantom verify``."""

    records: int
    opened: int
    closed: int
    interrupted: int
    """``Opened`` without a ``Closed``."""
    bytes: int
    damage: tuple[Damage, ...]
    cost: int
    """Nano-dollars over all ``Closed``."""


class Reader:
    """Reads one journal directory from ``position`` on; ``read`` again for what was written since."""

    def __init__(self, directory: Path, position: Position = Position()) -> None:  # noqa: B008  immutable
        self.directory = directory
        self.position = position
        self.damage: list[Damage] = []

    def read(self, limit: int = 2000, *, final: bool = False) -> list[Record]:
        """Up to ``limit`` new records. ``final``: the writer is dead, the end is the end.

        An empty list means that there is nothing more for now; ``position`` is then behind the last whole frame.
        """
        records: list[Record] = []
        while len(records) < limit:
            # listed before reading: a segment is complete only if a newer one existed before its end was read
            numbers = [number for number in segment_numbers(self.directory) if number >= self.position.segment]
            if not numbers:
                break
            newer = numbers[1:] if numbers[0] == self.position.segment else numbers
            if numbers[0] == self.position.segment:
                self._read_segment(records, limit, newer, complete=final or bool(newer))
                if len(records) >= limit:
                    break
            if not newer:
                break
            self.position = Position(self.position.n, newer[0], 0)
        return records

    def _read_segment(self, records: list[Record], limit: int, newer: list[int], *, complete: bool) -> None:
        try:
            segment = _Segment(self.directory, self.position.segment)
        except FileNotFoundError:
            return
        with segment:
            offset = self.position.offset or HEADER.size
            if not segment.readable:
                if complete and self.position.offset < segment.size:
                    self._report(self.position.offset, segment.size - self.position.offset, "no header")
                    self.position = Position(self.position.n, self.position.segment, segment.size)
                return
            while len(records) < limit:
                offset = self._take_whole(segment, offset, records, limit)
                if len(records) >= limit:
                    break
                payload = segment.frame(offset)
                if payload is None:
                    if not complete:
                        break
                    found = self._skip_damage(segment, offset, newer)
                    if found is None:
                        break
                    offset = found
                    continue
                at = offset
                offset += FRAME.size + len(payload)
                self._take(payload, at, records)
                self.position = Position(self.position.n, self.position.segment, offset)

    def _take_whole(self, segment: _Segment, offset: int, records: list[Record], limit: int) -> int:
        """Take the frames that are whole, valid and next in number; the offset of the first that needs a closer look.

        This is how nearly all records are read, so it works on one chunk of the file without a call per frame.
        """
        chunk, at = segment.ahead(offset)
        base, seed, n, room = offset - at, segment.seed, self.position.n, limit - len(records)
        unpack, crc32, decode, size_of_chunk, head = (
            FRAME.unpack_from,
            zlib.crc32,
            decoder.decode,
            len(chunk),
            FRAME.size,
        )
        while room and at + head <= size_of_chunk:
            size, word = unpack(chunk, at)
            end = at + head + size
            if not 0 < size <= MAX_PAYLOAD or end > size_of_chunk:
                break
            payload = chunk[at + head : end]
            if crc32(payload, seed ^ size) != word:
                break
            try:
                record = decode(payload)
            except msgspec.MsgspecError:
                break
            if record.n > n:
                if record.n != n + 1:
                    break
                records.append(record)
                n += 1
                room -= 1
            at = end
        if base + at > offset:
            self.position = Position(n, self.position.segment, base + at)
        return base + at

    def _take(self, payload: bytes, offset: int, records: list[Record]) -> None:
        try:
            record = decoder.decode(payload)
        except msgspec.MsgspecError as error:
            self._report(offset, len(payload), f"unknown record: {error}")
            return
        last = self.position.n
        if record.n <= last:
            return
        if record.n > last + 1:
            self._report(offset, 0, f"records {last + 1} to {record.n - 1} are missing")
        records.append(record)
        self.position = Position(record.n, self.position.segment, offset)

    def _skip_damage(self, segment: _Segment, offset: int, newer: list[int]) -> int | None:
        """What follows ``offset`` is no frame: where the next whole one begins, or ``None`` for the end of the segment."""
        end = segment.end_of_data(offset)
        if end <= offset:
            return None
        found = None
        if not self._repeated(newer):
            found = segment.search(offset + 1)
        stop = end if found is None else found
        self._report(offset, stop - offset, "torn or damaged")
        # past the damage, so that it is reported once
        self.position = Position(self.position.n, self.position.segment, stop if found else segment.size)
        return found

    def _repeated(self, newer: list[int]) -> bool:
        """Whether the next segment begins with what would be lost here."""
        if not newer:
            return False
        try:
            with _Segment(self.directory, newer[0]) as following:
                payload = following.frame(HEADER.size) if following.readable else None
        except FileNotFoundError:
            return False
        if payload is None:
            return False
        try:
            return decoder.decode(payload).n <= self.position.n + 1
        except msgspec.MsgspecError:
            return False

    def _report(self, offset: int, length: int, reason: str) -> None:
        self.damage.append(Damage(self.position.segment, offset, length, reason))


class _Segment:
    """One segment file, read in chunks."""

    def __init__(self, directory: Path, number: int) -> None:
        """Raises FileNotFoundError."""
        self._file = (directory / segment_name(number)).open("rb", buffering=0)
        self._start = 0
        self._chunk = b""
        self.size = self._file.seek(0, 2)
        self.seed = 0
        self.readable = self._read_header()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def frame(self, offset: int) -> bytes | None:
        """The payload of the frame at ``offset``, or ``None`` if there is no whole and valid one."""
        head = self._bytes(offset, FRAME.size)
        if len(head) < FRAME.size:
            return None
        size, word = FRAME.unpack(head)
        if not 0 < size <= MAX_PAYLOAD:
            return None
        payload = self._bytes(offset + FRAME.size, size)
        if len(payload) < size or check(payload, self.seed) != word:
            return None
        return payload

    def end_of_data(self, offset: int) -> int:
        """End of what follows ``offset``, without the zeros that were allocated ahead; ``offset`` if there is nothing else."""
        end = self.size
        while end > offset:
            start = max(offset, end - CHUNK)
            rest = self._bytes(start, end - start).rstrip(b"\0")
            if rest:
                return start + len(rest)
            end = start
        return offset

    def search(self, offset: int) -> int | None:
        """Where the next whole frame begins at or after ``offset``."""
        for at in range(offset, min(self.size - FRAME.size, offset + SEARCH_BYTES)):
            if self.frame(at) is not None:
                return at
        return None

    def _read_header(self) -> bool:
        raw = self._bytes(0, HEADER.size)
        if len(raw) < HEADER.size:
            return False
        magic, seed, again = HEADER.unpack(raw)
        self.seed = seed
        if seed == again:
            # a new format changes the magic altogether; one damaged byte of it does no harm
            matching = [a for a, b in zip(magic, MAGIC, strict=True) if a == b]
            return len(matching) >= len(MAGIC) - 1
        for candidate in (seed, again):
            self.seed = candidate
            if self.frame(HEADER.size) is not None:
                return True
        return False

    def ahead(self, offset: int) -> tuple[bytes, int]:
        """A chunk of the file and where in it ``offset`` is; at least one largest frame beyond it if the file has it."""
        self._bytes(offset, FRAME.size + MAX_PAYLOAD)
        return self._chunk, offset - self._start

    def _bytes(self, offset: int, size: int) -> bytes:
        start = offset - self._start
        if start < 0 or start + size > len(self._chunk):
            self._file.seek(offset)
            self._start = offset
            self._chunk = self._file.read(max(size, CHUNK)) or b""
            start = 0
        return self._chunk[start : start + size]


def read_segments(
    directory: Path, from_segment: int = 1, from_offset: int = 0, damage: list[Damage] | None = None
) -> Iterator[tuple[Record, Position]]:
    """Every record of a journal whose writer is dead, with the position behind its batch; damage is added to ``damage``."""
    reader = Reader(directory, Position(0, from_segment, from_offset))
    if damage is not None:
        reader.damage = damage
    while records := reader.read(1, final=True):
        for record in records:
            yield record, reader.position


def scan(directory: Path) -> Summary:
    """Read a whole journal directory and sum it up. Never raises for damage."""
    damage: list[Damage] = []
    reader = Reader(directory)
    reader.damage = damage
    opened = closed = cost = 0
    unclosed: set[int] = set()
    while records := reader.read(final=True):
        for record in records:
            if isinstance(record, Opened):
                opened += 1
                unclosed.add(record.n)
            elif isinstance(record, Closed):
                closed += 1
                cost += record.cost.total
                unclosed.discard(record.opened)
    size = sum([(directory / segment_name(number)).stat().st_size for number in segment_numbers(directory)])
    return Summary(opened + closed, opened, closed, len(unclosed), size, tuple(damage), cost)
