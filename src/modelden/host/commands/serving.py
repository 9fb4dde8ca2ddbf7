"""`serve`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer


def serve(
    tree: Annotated[Path, typer.Argument(help="Folder with hub, settings and attachments.")],
    site: Annotated[Path | None, typer.Option(help="Folder of a static site to serve at /.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at; 0 for any free one.")] = 8642,
    *,
    test_switches: Annotated[
        bool,
        typer.Option(
            "--test-switches",
            help="Offer /__log__, /__faults__ and /__collections__ to everybody, for tests.",
        ),
    ] = False,
) -> None:
    """Serve a tree over HTTP: Remote Settings, model hub and, with --site, a page.

    A published tree is served as it was signed; a tree with a folder `keys` is signed now, for development.

    Examples:
      modelden serve build/tree --site build/site
    """
    from modelden.host.server import Application, listen
    from modelden.host.server import serve as serve_forever
    from modelden.host.tree import Tree

    application = Application(Tree(tree), site, switches=test_switches)
    listener = listen(host, port)
    origin = f"http://localhost:{listener.getsockname()[1]}"
    typer.echo(f"settings   {origin}/v1")
    typer.echo(f"hub        {origin}/hub")
    if site:
        typer.echo(f"site       {origin}/")
    typer.echo(f"root hash  {application.root_hash}")
    with contextlib.suppress(KeyboardInterrupt):
        serve_forever(application, listener)
