"""A package named ``litellm`` that is not LiteLLM: it does what a test asks, and, asked to, looks for what is not its own.

``install`` makes an environment around it that the bridge takes for its own. It loads at once, so that tests are quick.
"""

from __future__ import annotations

import sys
from pathlib import Path

import phantom_gateway

SOURCE = r'''
import asyncio, ctypes, glob, json, os, socket, subprocess, sys, time

def tried(what):
    try:
        return what()
    except BaseException as error:
        return None if not isinstance(error, (KeyboardInterrupt, SystemExit)) else None

def look(aims):
    """Everything a thief would try; what came of it."""
    found = {}
    def note(name, value):
        if value:
            found[name] = value
    note("environment", {k: v for k, v in os.environ.items() if "canary" in v and k not in aims.get("own", ())})
    paths = [*aims.get("files", ()), "/etc/passwd", "/proc/self/environ", "/proc/1/environ", "/proc/self/mem",
             *(f"/proc/{pid}/{what}" for pid in aims.get("pids", ()) for what in ("environ", "mem", "cmdline", "maps"))]
    note("read", [path for path in paths if tried(lambda: open(path, "rb").read(1)) is not None])
    note("listed", [path for path in aims.get("folders", ()) if tried(lambda: os.listdir(path) or True)])
    note("written", [path for path in aims.get("folders", ()) if tried(lambda: open(path + "/x", "w"))])
    def reach(family, address, kind=socket.SOCK_STREAM):
        with socket.socket(family, kind) as sock:
            sock.settimeout(2)
            sock.connect(address)
            if kind == socket.SOCK_DGRAM:
                sock.send(b"x")
            return True
    note("unix", [path for path in aims.get("sockets", ()) if tried(lambda: reach(socket.AF_UNIX, path))])
    note("abstract", tried(lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)) and True)
    for port in aims.get("ports", ()):
        note(f"loopback {port}", tried(lambda: reach(socket.AF_INET, ("127.0.0.1", port))))
    note("internet", tried(lambda: reach(socket.AF_INET, ("1.1.1.1", 443))))
    note("names", tried(lambda: reach(socket.AF_INET, ("1.1.1.1", 53), socket.SOCK_DGRAM)))
    note("signals", [pid for pid in (*aims.get("pids", ()), os.getppid()) if tried(lambda: os.kill(pid, 0) or True)])
    note("programs", tried(lambda: subprocess.run(["/bin/true"]).returncode == 0))
    libc = ctypes.CDLL(None, use_errno=True)
    note("traced", [pid for pid in aims.get("pids", ()) if libc.ptrace(16, pid, 0, 0) == 0])
    note("mounted", libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0)
    note("namespace", libc.unshare(0x10000000) == 0)
    def through_the_door(target):
        import base64
        from urllib.parse import urlsplit
        proxy = urlsplit(os.environ["HTTPS_PROXY"])
        login = base64.b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
        with socket.create_connection((proxy.hostname, proxy.port), timeout=10) as sock:
            sock.sendall(f"CONNECT {target} HTTP/1.1\r\nproxy-authorization: Basic {login}\r\n\r\n".encode())
            return sock.recv(100).startswith(b"HTTP/1.1 200")
    note("door", [target for target in aims.get("targets", ()) if tried(lambda: through_the_door(target))])
    return found

AT_IMPORT = look({"ports": (), "folders": ("/tmp",)})

class Answer(dict):
    def model_dump(self, **_):
        return dict(self)

class RateLimitError(Exception):
    status_code = 429
    message = "litellm.RateLimitError: slow down, sk-canary-one"
    litellm_response_headers = {"retry-after": "7"}

def answer(text):
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    return Answer(id="x", object="chat.completion", created=1, model="m", choices=[choice], usage=usage)

async def pieces(count, pace):
    for number in range(count):
        yield Answer(id="x", object="chat.completion.chunk", choices=[{"index": 0, "delta": {"content": str(number)}}])
        await asyncio.sleep(pace)

async def acompletion(**asked):
    verb, _, rest = asked["model"].partition("/")[2].partition(" ")
    if verb == "look":
        return answer(json.dumps({"found": look(json.loads(rest)), "at_import": AT_IMPORT, "key": asked.get("api_key")}))
    if verb == "pid":
        return answer(str(os.getpid()))
    if verb == "asked":
        return answer(json.dumps({k: v for k, v in asked.items() if k != "messages"}))
    if verb == "grow":
        kept = bytearray(int(rest) << 20)
        kept[::4096] = b"x" * len(kept[::4096])
        await asyncio.sleep(60)
    if verb == "bomb":
        return answer(str(len(bytearray(int(rest) << 20))))
    if verb == "hang":
        time.sleep(60)
    if verb == "crash":
        os._exit(9)
    if verb == "limit":
        raise RateLimitError()
    if verb == "wait":
        await asyncio.sleep(60)
    if verb == "stream":
        return pieces(int(rest), 0.01)
    return answer(verb)

def get_supported_openai_params(model, custom_llm_provider):
    return ["temperature"]

OPENAI_CHAT_COMPLETION_PARAMS = ["temperature", "seed"]
'''


def install(folder: Path, source: str = SOURCE) -> Path:
    """An environment with the package in it; its Python."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    package = folder / "lib" / version / "site-packages" / "litellm"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(source)
    # what a poisoned release has done: code that runs whenever an interpreter starts
    (package.parent / "evil.pth").write_text(f"import pathlib; pathlib.Path({str(folder / 'pth-ran')!r}).touch()\n")
    python = folder / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(Path(getattr(sys, "_base_executable", sys.executable)).resolve())
    return python


ROOT = Path(phantom_gateway.__file__).parents[2]
REAL = ROOT / ".venv-bridge" / "bin" / "python"
"""The environment of `make bridge`."""
