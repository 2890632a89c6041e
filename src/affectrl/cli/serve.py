"""``affectrl serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

NEEDS = ("fastapi", "gradio", "multipart", "prometheus_client", "uvicorn")
TOKEN = "AFFECTRL_TOKEN"


def serve(
    model: Annotated[
        str | None, typer.Option(help="A run or model folder; default: $AFFECTRL_MODEL, else the newest in runs/.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen at; others than this machine's need a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 7860,
    token: Annotated[
        str | None,
        typer.Option(envvar=TOKEN, help="What requests must bring, at least 16 characters.", show_default=False),
    ] = None,
    runs: Annotated[Path, typer.Option(help="Run folders whose reports and models are shown.")] = Path("runs"),
    max_upload: Annotated[int, typer.Option(min=1, help="Largest upload, in MiB.")] = 64,
    max_seconds: Annotated[float, typer.Option(min=1, help="Longest recording.")] = 600,
    timeout: Annotated[float, typer.Option(min=1, help="Longest wait for an answer, in seconds.")] = 120,
    queue: Annotated[int, typer.Option(min=1, help="Requests that may wait; others get 429.")] = 32,
    batch_size: Annotated[int, typer.Option(min=1, help="Clips in one forward pass.")] = 8,
    page: Annotated[bool, typer.Option("--page/--api-only", help="The page for people, or the REST API alone.")] = True,
) -> None:
    """Serve a model to browsers and programs of this machine; with a token, of others."""
    _check_parts()
    checked_token(host, token)
    import signal
    import sys
    import tempfile

    from affectrl.inference.model import default_model
    from affectrl.serving.guard import LOOPBACK
    from affectrl.serving.limits import Limits
    from affectrl.serving.service import Settings

    limits = Limits(
        body_bytes=max_upload << 20, seconds=max_seconds, timeout_s=timeout, waiting=queue, batch=batch_size
    )
    place = model or default_model()
    # The server ends, and then lets the signal do what it does; the folder below must still be removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="affectrl-", ignore_cleanup_errors=True) as scratch:
        # Whatever the libraries put aside, uploads of the page included, lies in a folder that ends with us.
        tempfile.tempdir = scratch
        local = host in LOOPBACK and token is None
        _listen(Settings(place, runs, limits, token, local, page, Path(scratch)), host, port)


def _listen(settings: object, host: str, port: int) -> None:
    import socket

    import uvicorn

    from affectrl.errors import UsageError
    from affectrl.serving.app import build
    from affectrl.serving.service import Settings

    assert isinstance(settings, Settings)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((host, port))
        except OSError as error:
            raise UsageError(
                f"the server cannot listen at {host}:{port} ({error.strerror}).",
                code="address_taken",
                hint="Choose another --port, or --port 0 for a free one.",
            ) from error
        app = build(settings)
        shown = f"[{host}]" if ":" in host else host
        typer.echo(f"affectrl: {settings.model} at http://{shown}:{door.getsockname()[1]}/", err=True)
        if settings.token is not None:
            typer.echo("affectrl: in a browser, open /?token=TOKEN once.", err=True)
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=5
        )
        uvicorn.Server(config).run(sockets=[door])


def checked_token(host: str, token: str | None) -> None:
    """Refuse to be reachable from elsewhere without a token.

    Raises:
        UsageError: ``token_missing``; ``token_weak``.
    """
    from affectrl.errors import UsageError

    # Without serving's modules, which need packages that may not be there.
    if token is None and host not in ("localhost", "127.0.0.1", "::1"):
        raise UsageError(
            f"at {host} others can reach the server, and no token was given.",
            code="token_missing",
            hint=f"Set {TOKEN} (for example: openssl rand -hex 24), or leave --host out.",
        )
    if token is not None and (len(token) < 16 or not token.isascii() or not token.isalnum()):
        raise UsageError(
            "the token can be guessed, or cannot stand in an address.",
            code="token_weak",
            hint="Take 16 or more letters and digits, such as openssl rand -hex 24 gives.",
        )


def _check_parts() -> None:
    from importlib.util import find_spec

    from affectrl.errors import UsageError

    if missing := [name for name in NEEDS if find_spec(name) is None]:
        raise UsageError(
            f"serving needs packages that are not installed ({', '.join(missing)}).",
            code="package_missing",
            hint="pip install 'affectrl[serve]'",
        )
