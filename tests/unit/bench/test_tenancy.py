from __future__ import annotations

import argparse
from pathlib import Path

import msgspec
from bench import tenancy
from bench.load import Spec
from bench.population import key_of
from bench.targets import Direct
from tests.unit.bench.test_population import SMALL


def test_callers_are_those_that_work(tmp_path: Path) -> None:
    files = tenancy.callers(tmp_path, SMALL, 10)
    assert {name: len(Path(file).read_text().splitlines()) for name, file in files.items()}["one"] == 1
    many = [line.split(" ")[0] for line in Path(files["many"]).read_text().splitlines()]
    assert len(set(many)) == 10
    assert set(many) <= {key_of(number) for number in range(SMALL.keys)}
    assert "customer-" in Path(files["subjects"]).read_text()


def test_each_request_is_that_of_one_caller(tmp_path: Path) -> None:
    files = tenancy.callers(tmp_path, SMALL, 10)
    options = argparse.Namespace(connections=2, requests=30, chunks=0, callers=10, only="many,subjects")
    with Direct(1, {0}, 1) as target:
        spec = tenancy.scenarios(files, options)["subjects"].spec(target)
    assert (spec.requests, spec.warmup) == (30, 20)
    requests = spec.requests_of(spec.body)
    assert len(requests) == 10
    for request in requests:
        head, _, body = request.partition(b"\r\n\r\n")
        assert b"authorization: Bearer sk-ph-" in head
        assert b"content-length: %d" % len(body) in head
        assert msgspec.json.decode(body)["user"].startswith("customer-")


def test_without_callers_there_is_one_request() -> None:
    spec = Spec(port=1, connections=1, requests=1, warmup=1, body="{}", warm_body="{}")
    assert spec.requests_of("{}") == [spec.render("{}")]
