"""What is measured: the simulator alone, nginx in front of it, the gateway in front of it, LiteLLM's proxy in front of it."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from bench.measure import ROOT, command, environment, family, pinned

HOST = "127.0.0.1"
MASTER_KEY = "sk-bench-master-0123456789abcdef"
SIMULATE = "import typer; from phantom_gateway.cli.simulate import simulate; typer.run(simulate)"
READY_S = 60
OTHERS = MappingProxyType({"anthropic": "-anthropic"})
"""What the name of a model ends with whose provider speaks another format than OpenAI's."""
NGINX = """
daemon off;
{user}
worker_processes 1;
worker_rlimit_nofile 16384;
pid {dir}/nginx.pid;
error_log {dir}/error.log crit;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    tcp_nodelay on;
    keepalive_requests 100000000;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    upstream simulator {{
        server 127.0.0.1:{upstream};
        keepalive 1024;
        keepalive_requests 100000000;
    }}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ proxy_pass http://simulator; }}
    }}
    server {{
        listen 127.0.0.1:{stream_port} backlog=4096;
        location / {{ proxy_pass http://simulator; proxy_buffering off; }}
    }}
}}
"""


class SkippedError(Exception):
    """The target cannot be measured here; the message says why."""


class Target:
    """A server in front of the simulator, in a process family of its own and a temporary directory.

    ``scale`` shrinks the number of requests for a slow one.
    """

    name = ""
    model = "demo"
    scale = 1.0

    def __init__(self, upstream: int, cpus: set[int]) -> None:
        self.upstream = upstream
        self.cpus = cpus
        self.port = self.stream_port = free_port()
        self.headers: dict[str, str] = {}
        self.ready_s = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._directory = tempfile.TemporaryDirectory(prefix="phantom-bench-")

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start and wait until it is ready. Raises SkippedError."""
        raise NotImplementedError

    def roles(self) -> dict[str, list[int]]:
        """The processes by what they do; ``worker`` is the one whose cost per request counts."""
        raise NotImplementedError

    def stop(self) -> None:
        """End the process family and remove its directory."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                for pid in reversed(family(self._process.pid)):
                    os.kill(pid, signal.SIGKILL)
                self._process.wait()
        self._directory.cleanup()

    @property
    def directory(self) -> Path:
        """A temporary directory of the target."""
        return Path(self._directory.name)

    @property
    def pid(self) -> int:
        """The first process of the family."""
        assert self._process is not None
        return self._process.pid

    def model_of(self, upstream: str) -> str:
        """The model whose provider speaks the format of ``upstream``; what translates nothing has but one."""
        return self.model

    def launch(self, arguments: list[str], path: str, **env: str) -> None:
        """Start ``arguments`` and wait until GET ``path`` answers 200; notes the time that took."""
        log = self.directory / "log"
        started = time.perf_counter()
        with pinned(self.cpus), log.open("wb") as output:
            self._process = subprocess.Popen(
                arguments, cwd=self.directory, env={**environment(), **env}, stdout=output, stderr=output
            )
        while not answers(self.port, path):
            late = time.perf_counter() - started > READY_S
            if late or self._process.poll() is not None:
                tail = log.read_text(errors="replace")[-600:]
                raise SkippedError(f"{'not ready in time' if late else 'ended at once'}: {' '.join(arguments)}\n{tail}")
            time.sleep(0.005)
        self.ready_s = time.perf_counter() - started


class Direct(Target):
    """The simulator alone: what there is to add to. It is shared by all targets and never stopped here."""

    name = "direct"

    def __init__(self, upstream: int, cpus: set[int], simulator_pid: int) -> None:
        super().__init__(upstream, cpus)
        self.port = self.stream_port = upstream
        self._simulator_pid = simulator_pid

    def start(self) -> None:
        """Nothing to start."""

    def roles(self) -> dict[str, list[int]]:
        """The simulator."""
        return {"worker": [self._simulator_pid]}


class Nginx(Target):
    """A plain reverse proxy with one worker: the floor."""

    name = "nginx"

    def start(self) -> None:
        """Write the configuration and start nginx from PATH. Raises SkippedError."""
        binary = find_nginx()
        self.stream_port = free_port()
        config = self.directory / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        ports = {"upstream": self.upstream, "port": self.port, "stream_port": self.stream_port}
        config.write_text(NGINX.format(dir=self.directory, user=user, **ports))
        self.launch([binary, "-c", str(config), "-p", str(self.directory)], "/v1/models")

    def roles(self) -> dict[str, list[int]]:
        """Its worker, and the master that does nothing."""
        return {"worker": family(self.pid)[1:], "master": [self.pid]}


class Gateway(Target):
    """``phantom serve`` with one worker and a virtual key that has every kind of limit."""

    name = "gateway"
    model = "bench"

    def model_of(self, upstream: str) -> str:
        """Its model on a provider of that format."""
        return self.model + OTHERS.get(upstream, "")

    def prepare(self) -> None:
        """What is to be done in the directory before the first start."""

    def start(self) -> None:
        """Start it, make the key. Raises SkippedError."""
        self.prepare()
        phantom = Path(sys.executable).with_name("phantom")
        if not phantom.exists():
            raise SkippedError(f"there is no {phantom}")
        config = self.directory / "config.yaml"
        config.write_text(json.dumps(litellm_config(self.model, self.upstream)))
        arguments = [
            str(phantom),
            "serve",
            "--config",
            str(config),
            "--host",
            HOST,
            "--port",
            str(self.port),
            "--workers",
            "1",
            "--data-dir",
            str(self.directory / "data"),
        ]
        self.launch(arguments, "/health/readiness", PHANTOM_MASTER_KEY=MASTER_KEY)
        models = [self.model, *(self.model + suffix for suffix in OTHERS.values())]
        limits = {"rpm_limit": 100_000_000, "tpm_limit": 1_000_000_000_000, "max_budget": 1_000_000}
        made = post(self.port, "/key/generate", {"key_alias": "bench", "models": models, **limits}, MASTER_KEY)
        self.headers = {"authorization": f"Bearer {made['key']}"}

    def roles(self) -> dict[str, list[int]]:
        """Worker, control and the supervisor, told apart by their command lines."""
        roles: dict[str, list[int]] = {"worker": [], "control": [], "supervisor": []}
        for pid in family(self.pid):
            line = command(pid)
            if "phantom_gateway.gateway" in line:
                roles["worker"].append(pid)
            elif "phantom_gateway.control" in line:
                roles["control"].append(pid)
            else:
                roles["supervisor"].append(pid)
        if not roles["worker"]:
            raise SkippedError(f"no process of {family(self.pid)} has phantom_gateway.gateway in its command line")
        return {role: pids for role, pids in roles.items() if pids}


class LiteLLM(Target):
    """LiteLLM's proxy with its master key: virtual keys would need a PostgreSQL, so it does less than the gateway."""

    name = "litellm"
    model = "bench"
    scale = 0.02

    def model_of(self, upstream: str) -> str:
        """Its model on a provider of that format."""
        return self.model + OTHERS.get(upstream, "")

    def start(self) -> None:
        """Start it when ``litellm[proxy]`` is installed beside this Python. Raises SkippedError."""
        binary = Path(sys.executable).with_name("litellm")
        if importlib.util.find_spec("litellm") is None or not binary.exists():
            raise SkippedError("LiteLLM is not installed in this environment")
        config = self.directory / "config.yaml"
        settings = {**litellm_config(self.model, self.upstream), "general_settings": {"master_key": MASTER_KEY}}
        config.write_text(json.dumps(settings))
        arguments = [
            str(binary),
            "--config",
            str(config),
            "--host",
            HOST,
            "--port",
            str(self.port),
            "--num_workers",
            "1",
        ]
        self.launch(arguments, "/health/readiness", LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_TELEMETRY="False")
        self.headers = {"authorization": f"Bearer {MASTER_KEY}"}

    def roles(self) -> dict[str, list[int]]:
        """All its processes together."""
        return {"worker": family(self.pid)}


def litellm_config(model: str, upstream: int) -> dict[str, Any]:
    """A config.yaml of one model for each format that the simulator serves (JSON is YAML)."""
    base = f"http://{HOST}:{upstream}"
    prices = {"api_key": "x", "input_cost_per_token": 0.00000015, "output_cost_per_token": 0.0000006}
    # LiteLLM puts the version behind Anthropic's address itself; the gateway takes it either way
    anthropic = {"model": "anthropic/demo", "api_base": base}
    return {
        "model_list": [
            {
                "model_name": model,
                "litellm_params": {"model": "openai/demo", "api_base": f"{base}/v1"} | prices,
            },
            {"model_name": model + OTHERS["anthropic"], "litellm_params": anthropic | prices},
        ]
    }


def start_simulator(cpus: set[int]) -> tuple[subprocess.Popen[str], int]:
    """The simulator in a process of its own on ``cpus``; gives its port."""
    with pinned(cpus):
        process = subprocess.Popen(
            [sys.executable, "-c", SIMULATE, "--port", "0", "--keep", "0"],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment(),
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    return process, int(line.rpartition(":")[2].partition("/")[0])


def find_nginx() -> str:
    """The path of nginx; installs ``nginx-light`` when root on Debian. Raises SkippedError."""
    places = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    found = shutil.which("nginx", path=places)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "install", "-y", "-qq", "nginx-light"], check=False, stdout=subprocess.DEVNULL)
        found = shutil.which("nginx", path=places)
    if found is None:
        raise SkippedError("nginx was not found: WITHOUT IT THERE IS NO FLOOR and no ratio")
    return found


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def answers(port: int, path: str) -> bool:
    """Whether GET ``path`` is answered with 200."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def post(port: int, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
    """POST JSON with a bearer key. Raises SkippedError on anything but 200."""
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise SkippedError(f"POST {path}: {answer.status} {content[:300]!r}")
    made: dict[str, Any] = json.loads(content)
    return made
