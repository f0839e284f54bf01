from __future__ import annotations

import random
from pathlib import Path

from tests.unit.ledger.samples import closed, opened

from phantom_gateway.ledger.files import OsLayer, SegmentFile
from phantom_gateway.ledger.frames import HEADER, frame, segment_name
from phantom_gateway.ledger.record import Record, encoder
from phantom_gateway.ledger.replay import Position, Reader, read_segments, scan


def numbered(number: int, record: Record | None = None) -> Record:
    record = record or closed(f"r{number}", number)
    record.n = number
    return record


def write(directory: Path, segment: int, numbers: range | list[int], allocate: int = 0) -> SegmentFile:
    directory.mkdir(exist_ok=True)
    file = SegmentFile(OsLayer(), directory / segment_name(segment), segment, allocate)
    for number in numbers:
        file.append(encoder.encode(numbered(number)), number)
    return file


def ends(file: SegmentFile, numbers: range) -> list[int]:
    """Offsets behind each frame."""
    at, result = HEADER.size, []
    for number in numbers:
        at += len(frame(encoder.encode(numbered(number)), file.seed))
        result.append(at)
    return result


def read_all(directory: Path, *, final: bool = True) -> tuple[list[int], Reader]:
    reader = Reader(directory)
    numbers: list[int] = []
    while records := reader.read(7, final=final):
        numbers += [record.n for record in records]
    return numbers, reader


def test_truncation_at_every_byte_gives_the_longest_whole_prefix(tmp_path: Path) -> None:
    file = write(tmp_path, 1, range(1, 13))
    bounds = ends(file, range(1, 13))
    path = tmp_path / segment_name(1)
    data = path.read_bytes()
    for size in range(len(data), -1, -1):
        path.write_bytes(data[:size])
        whole = [number for number, end in enumerate(bounds, 1) if end <= size]
        for final in (False, True):
            numbers, reader = read_all(tmp_path, final=final)
            assert numbers == whole
            torn = size not in (0, HEADER.size, *bounds)
            if final and torn:
                (damage,) = reader.damage
                assert damage.offset == (
                    bounds[len(whole) - 1] if whole else (HEADER.size if size > HEADER.size else 0)
                )
                assert damage.offset + damage.length <= size
            else:
                assert reader.damage == []


def test_no_flipped_bit_goes_unnoticed_and_only_the_hit_record_is_lost(tmp_path: Path) -> None:
    file = write(tmp_path, 1, range(1, 9))
    path = tmp_path / segment_name(1)
    data = path.read_bytes()
    bounds = ends(file, range(1, 9))
    originals = {number: numbered(number) for number in range(1, 9)}
    choice = random.Random(5)
    for bit in sorted(choice.sample(range(8 * len(data)), 2000)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        reader = Reader(tmp_path)
        records = reader.read(final=True)
        assert all(record == originals[record.n] for record in records)
        if bit // 8 >= HEADER.size:
            hit = next(number for number, end in enumerate(bounds, 1) if bit // 8 < end)
            assert [record.n for record in records] == [number for number in range(1, 9) if number != hit]
            assert reader.damage
        else:
            assert len(records) == 8


def test_reading_stops_before_half_a_frame_and_goes_on(tmp_path: Path) -> None:
    file = write(tmp_path, 1, range(1, 3))
    path = tmp_path / segment_name(1)
    data = path.read_bytes()
    last = ends(file, range(1, 3))[0]
    reader = Reader(tmp_path)
    seen: list[int] = []
    for size in range(last, len(data) + 1):
        path.write_bytes(data[:size])
        seen += [record.n for record in reader.read()]
    assert seen == [1, 2]
    assert reader.damage == []


def test_a_torn_end_before_a_newer_segment_is_reported_and_passed(tmp_path: Path) -> None:
    write(tmp_path, 1, range(1, 4))
    path = tmp_path / segment_name(1)
    path.write_bytes(path.read_bytes()[:-3])
    write(tmp_path, 2, range(4, 6))
    numbers, reader = read_all(tmp_path, final=False)
    assert numbers == [1, 2, 4, 5]
    assert [damage.reason for damage in reader.damage] == ["torn or damaged", "records 3 to 3 are missing"]
    assert (reader.damage[0].segment, reader.position.segment) == (1, 2)


def test_a_repeated_segment_replaces_the_damaged_end_of_the_one_before(tmp_path: Path) -> None:
    """After a failed sync the old file may have holes with whole frames behind them: the new file has everything."""
    file = write(tmp_path, 1, range(1, 11))
    bounds = ends(file, range(1, 11))
    path = tmp_path / segment_name(1)
    data = bytearray(path.read_bytes())
    data[bounds[3] : bounds[5]] = bytes(bounds[5] - bounds[3])
    path.write_bytes(data)
    write(tmp_path, 2, range(3, 15))
    numbers, reader = read_all(tmp_path)
    assert numbers == list(range(1, 15))
    assert len(reader.damage) == 1


def test_zeros_allocated_ahead_are_no_damage(tmp_path: Path) -> None:
    write(tmp_path, 1, range(1, 4), allocate=3_000_000)
    write(tmp_path, 2, range(4, 6))
    numbers, reader = read_all(tmp_path)
    assert numbers == [1, 2, 3, 4, 5]
    assert reader.damage == []


def test_reading_goes_on_at_a_stored_position(tmp_path: Path) -> None:
    write(tmp_path, 1, range(1, 6))
    write(tmp_path, 2, range(6, 9))
    reader = Reader(tmp_path)
    seen = [record.n for record in reader.read(3)]
    again = Reader(tmp_path, reader.position)
    (tmp_path / "unrelated").touch()
    seen += [record.n for record in again.read()]
    assert seen == list(range(1, 9))
    (tmp_path / segment_name(1)).unlink()
    assert Reader(tmp_path, Position(5, 1, 900)).read()[0].n == 6


def test_a_record_of_a_later_release_is_passed_and_reported(tmp_path: Path) -> None:
    file = write(tmp_path, 1, [1])
    file.append(b"\x93\x09\x02\xa1x", 2)
    file.append(encoder.encode(numbered(3)), 3)
    numbers, reader = read_all(tmp_path)
    assert numbers == [1, 3]
    assert reader.damage[0].reason.startswith("unknown record")


def test_a_frame_planted_in_a_text_is_not_found(tmp_path: Path) -> None:
    """Even who knows the format cannot know the segment's seed."""
    planted = numbered(2, closed("evil", amount=10**12))
    record = closed("carrier")
    record.end_user = frame(encoder.encode(planted), 0).decode("latin-1")
    file = write(tmp_path, 1, [])
    file.append(encoder.encode(numbered(1, record)), 1)
    path = tmp_path / segment_name(1)
    data = bytearray(path.read_bytes())
    data[HEADER.size + 9] ^= 1
    path.write_bytes(data)
    assert read_all(tmp_path)[0] == []


def test_an_unreadable_header_costs_its_segment_only(tmp_path: Path) -> None:
    write(tmp_path, 1, [1])
    (tmp_path / segment_name(2)).write_bytes(b"not a segment at all")
    write(tmp_path, 3, [2])
    numbers, reader = read_all(tmp_path)
    assert numbers == [1, 2]
    assert [damage.segment for damage in reader.damage] == [2]


def test_scan_sums_up(tmp_path: Path) -> None:
    directory = tmp_path / "w"
    file = write(directory, 1, [])
    records: list[Record] = [opened("a"), opened("b"), closed("a", 1, 70), closed("c", 0, 5)]
    for number, record in enumerate(records, 1):
        file.append(encoder.encode(numbered(number, record)), number)
    summary = scan(directory)
    assert (summary.records, summary.opened, summary.closed, summary.interrupted, summary.cost) == (4, 2, 2, 1, 75)
    assert summary.bytes == (directory / segment_name(1)).stat().st_size
    assert summary.damage == ()
    assert scan(tmp_path / "none").records == 0


def test_read_segments_yields_positions_to_go_on_from(tmp_path: Path) -> None:
    write(tmp_path, 1, range(1, 4))
    write(tmp_path, 2, range(4, 6))
    pairs = list(read_segments(tmp_path))
    assert [record.n for record, _ in pairs] == [1, 2, 3, 4, 5]
    _, position = pairs[2]
    assert [record.n for record, _ in read_segments(tmp_path, position.segment, position.offset)] == [4, 5]
