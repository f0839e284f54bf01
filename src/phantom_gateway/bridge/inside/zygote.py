"""Loads the SDK once, behind the sandbox and without a secret, and forks children from it.

Started with an empty environment by an interpreter that reads no site folders (``-I -S``): a ``.pth`` file of a poisoned package is
never run, and the package itself only when the sandbox stands.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from phantom_gateway.bridge.inside import sandbox
from phantom_gateway.bridge.inside.kernel import Kernel
from phantom_gateway.bridge.inside.link import Link, Said

if TYPE_CHECKING:
    from phantom_gateway.bridge.inside.sandbox import Layers

ENVIRONMENT = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION", "LITELLM_LOG": "CRITICAL"}
"""No price list is downloaded, no ``.env`` is read, nothing is written to logs."""


def main(fd: int) -> None:
    """Serve the keeper at the other end of ``fd`` until it is gone."""
    link = Link.of(fd)
    said = link.receive()
    if said is None:
        return
    wanted = said.message
    site, temporary = list(wanted["site"]), str(wanted["temporary"])
    kernel = Kernel()
    readable = [*sandbox.python_paths(site), *wanted.get("readable", ())]
    layers = sandbox.confine(kernel, readable, temporary)
    if wanted.get("probe"):
        link.send({"ready": "", "layers": layers.names(), "missing": layers.missing})
        return
    if layers.missing and wanted.get("required"):
        link.send({"failed": f"the sandbox is required and not whole: {'; '.join(layers.missing)}"})
        return
    try:
        version = _load(site, temporary)
    except Exception as error:  # noqa: BLE001 - a stranger's package: whatever it raises is why there is no bridge
        link.send({"failed": f"the SDK does not load: {type(error).__name__}: {error}"[:2000]})
        return
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a child ended: the keeper sees that it did
    link.send({"ready": version, "layers": layers.names(), "missing": layers.missing})
    while (said := link.receive()) is not None:
        _fork(link, said, kernel, layers, readable)


def _load(site: list[str], temporary: str) -> str:
    os.environ.update(ENVIRONMENT, TMPDIR=temporary)
    sys.path.extend(site)
    importlib.import_module("phantom_gateway.bridge.inside.child")
    calls: Any = importlib.import_module("phantom_gateway.bridge.inside.calls")
    version: str = calls.prepare()
    return version


def _fork(link: Link, said: Said, kernel: Kernel, layers: Layers, readable: list[str]) -> None:
    sys.stdout.flush()
    if os.fork():
        said.close()
        return
    status = 1
    try:
        link.close()
        # loaded by the zygote already: it draws in what the SDK needs
        from phantom_gateway.bridge.inside.child import run

        run(said, kernel, layers, readable)
        status = 0
    finally:
        os._exit(status)
