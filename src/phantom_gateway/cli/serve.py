"""``phantom serve``: the gateway, all of it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from phantom_gateway.cli.supervisor import Plan, StartError, Supervisor


def data_dir_default() -> Path:
    """``$PHANTOM_DATA_DIR``, or ``phantom-data`` in the working directory."""
    return Path(os.environ.get("PHANTOM_DATA_DIR") or "phantom-data")


def serve(
    config: Annotated[
        Path | None,
        typer.Option(help="LiteLLM's config.yaml. Without one: the demo model and the providers whose keys are set."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 4000,
    data_dir: Annotated[
        Path | None, typer.Option(help="Database, journal, keys. Default: $PHANTOM_DATA_DIR or ./phantom-data")
    ] = None,
    workers: Annotated[int, typer.Option(help="Gateway workers, one per core is enough.", min=1, max=256)] = 1,
    grace: Annotated[
        float | None,
        typer.Option(
            help="Seconds that running streams get to finish at the end. Default: phantom.drain_grace (60).", min=0
        ),
    ] = None,
    ssl_certfile: Annotated[Path | None, typer.Option(help="TLS certificate chain (PEM).")] = None,
    ssl_keyfile: Annotated[Path | None, typer.Option(help="TLS private key (PEM).")] = None,
) -> None:
    """Serve the gateway: one control process and the workers, on one public port."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for path, name in ((config, "--config"), (ssl_certfile, "--ssl-certfile"), (ssl_keyfile, "--ssl-keyfile")):
        if path is not None and not path.is_file():
            _fail(f"{name}: there is no file {path}")
    if (ssl_certfile is None) != (ssl_keyfile is None):
        _fail("--ssl-certfile and --ssl-keyfile belong together")
    plan = Plan(
        data_dir=(data_dir or data_dir_default()).absolute(),
        config=config.absolute() if config else None,
        host=host,
        port=port,
        workers=workers,
        grace_s=grace,
        tls_cert=ssl_certfile,
        tls_key=ssl_keyfile,
    )
    try:
        raise SystemExit(asyncio.run(_run(plan)))
    except StartError as error:
        _fail(str(error))


async def _run(plan: Plan) -> int:
    return await Supervisor(plan, _announce).run()


def _fail(message: str) -> NoReturn:
    typer.echo(f"phantom serve: {message}", err=True)
    raise SystemExit(1)


def _announce(plan: Plan, ready: dict[str, Any], port: int) -> None:
    scheme = "https" if plan.tls_cert else "http"
    host = f"[{plan.host}]" if ":" in plan.host else plan.host
    url = f"{scheme}://{host}:{port}"
    typer.echo(f"Phantom Gateway is ready on {url}  (data in {plan.data_dir})")
    models = ready.get("models") or []
    if models:
        more = f" and {len(models) - 8} more" if len(models) > 8 else ""
        typer.echo("Models: " + ", ".join(models[:8]) + more)
    key = ready.get("master_key")
    if key:
        typer.echo("")
        typer.echo(f"Your master key (shown once, kept in {plan.data_dir}/keys/master.key): {key}")
        typer.echo("Try it:")
        typer.echo(
            f"  curl {url}/v1/chat/completions -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\"
        )
        typer.echo("""    -d '{"model": "demo", "messages": [{"role": "user", "content": "Hello!"}]}' """)
    sys.stdout.flush()
