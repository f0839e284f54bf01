from __future__ import annotations

import os
import shutil

import pytest
from bench.targets import Nginx, SkippedError, answers, free_port, litellm_config, post, start_simulator

CPUS = os.sched_getaffinity(0)


@pytest.mark.skipif(
    shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin") is None, reason="nginx is not installed"
)
def test_nginx_in_front_of_the_simulator() -> None:
    simulator, port = start_simulator(CPUS)
    try:
        with Nginx(port, CPUS) as nginx:
            assert answers(nginx.port, "/v1/models")
            assert answers(nginx.stream_port, "/v1/models")
            assert nginx.ready_s > 0
            assert [len(pids) for pids in nginx.roles().values()] == [1, 1]
            directory = nginx.directory
        assert not directory.exists()
        with pytest.raises(SkippedError, match="400"):
            post(port, "/v1/chat/completions", {}, "x")
        assert post(port, "/v1/embeddings", {"model": "demo", "input": "x"}, "x")["object"] == "list"
    finally:
        simulator.terminate()
        simulator.wait()
        assert simulator.stdout is not None
        simulator.stdout.close()


def test_nobody_answers_on_a_free_port() -> None:
    assert not answers(free_port(), "/")


def test_the_model_points_to_the_simulator() -> None:
    parameters = litellm_config("bench", 4010)["model_list"][0]["litellm_params"]
    assert parameters["api_base"] == "http://127.0.0.1:4010/v1"
