"""One module opens connections to the outside; nothing else even could."""

from __future__ import annotations

from tests.unit.house.tree import called, calls, imported, lines, modules

OPENING = frozenset(
    {"create_connection", "open_connection", "create_unix_connection", "open_unix_connection", "connect", "connect_ex",
     "sock_connect", "sendto", "create_datagram_endpoint", "urlopen", "getaddrinfo", "gethostbyname"}
)  # fmt: skip
LIBRARIES = (
    "urllib.request", "http.client", "requests", "httpx", "httpcore", "aiohttp", "urllib3", "websockets", "grpc",
    "ftplib", "smtplib", "poplib", "imaplib", "telnetlib", "xmlrpc", "socketserver",
)  # fmt: skip

ALLOWED = {
    ("wire/egress.py", "create_connection"): "the one way out, after the address was judged",
    ("wire/egress.py", "create_unix_connection"): "to the demo upstream and to control, both in the data directory",
    ("wire/egress.py", "sock_connect"): "to the very address that was judged",
    ("wire/egress.py", "getaddrinfo"): "resolves a name so that every address can be judged",
    ("wire/pool.py", "connect"): "asks wire/egress.py",
    ("wire/redis_client.py", "connect"): "asks wire/egress.py",
    ("spine/client.py", "create_unix_connection"): "a worker's line to control on this node",
    ("store/database.py", "connect"): "sqlite3 opens a file",
    ("store/postgres.py", "connect"): "to the one database the operator has named",
    ("store/notices.py", "connect"): "to the same database, to listen",
    ("bridge/doors.py", "open_connection"): "puts streams around a socket that wire/egress.py has connected",
    ("cli/supervisor.py", "getaddrinfo"): "the address to listen on",
}


def test_only_egress_opens_connections() -> None:
    found = {(path, name) for path, tree in modules().items() for name, _ in calls(tree) if name in OPENING}
    assert found <= ALLOWED.keys(), "no reason given:" + lines(
        [": ".join(place) for place in sorted(found - ALLOWED.keys())]
    )
    assert ALLOWED.keys() <= found, "not needed any more:" + lines(
        [": ".join(p) for p in sorted(ALLOWED.keys() - found)]
    )


def test_no_client_library_is_imported() -> None:
    found = [
        f"{path}:{line}: {name}"
        for path, tree in modules().items()
        for name, line in imported(tree)
        if name in LIBRARIES or name.startswith(tuple(f"{library}." for library in LIBRARIES))
    ]
    assert not found, lines(found)


def test_processes_are_started_by_the_supervisor_only() -> None:
    starting = {
        "create_subprocess_exec",
        "create_subprocess_shell",
        "Popen",
        "system",
        "popen",
        "fork",
        "execv",
        "spawnv",
    }
    found = {path for path, tree in modules().items() if any(name in starting for name, _ in calls(tree))}
    assert found == {"cli/supervisor.py", "bridge/zygotes.py", "bridge/inside/zygote.py"}


def test_the_names_of_calls_are_read_right() -> None:
    """The guard itself: what it looks for is found in the usual ways to write it."""
    import ast

    for text in ("connect()", "a.connect()", "await a.b().connect(1)", "x = [s.connect(y) for y in z]"):
        assert "connect" in {called(node) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)}
