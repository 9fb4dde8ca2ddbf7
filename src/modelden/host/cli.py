"""The command ``modelden``.

Everything heavy is imported inside a command, so that ``modelden --help`` answers at once.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

try:
    import typer
except ModuleNotFoundError as error:
    raise SystemExit("modelden: the command needs more packages: pip install 'modelden[host]'") from error

from modelden.host.errors import HostError

app = typer.Typer(
    help="On-device machine learning in web pages: the publishing side.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _commands() -> None:
    """Keeps `serve` a command of its own; Typer would make a single command the whole program."""


@app.command()
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

    Example: modelden serve build/tree --site build/site
    """
    from modelden.host.server import Application, listen
    from modelden.host.server import serve as serve_forever
    from modelden.host.tree import Tree

    try:
        application = Application(Tree(tree), site, switches=test_switches)
        listener = listen(host, port)
    except HostError as error:
        typer.echo(f"modelden: {error}", err=True)
        raise typer.Exit(2) from error
    origin = f"http://localhost:{listener.getsockname()[1]}"
    typer.echo(f"settings   {origin}/v1")
    typer.echo(f"hub        {origin}/hub")
    if site:
        typer.echo(f"site       {origin}/")
    typer.echo(f"root hash  {application.root_hash}")
    with contextlib.suppress(KeyboardInterrupt):
        serve_forever(application, listener)


def main() -> None:
    """Entry point of the ``modelden`` command."""
    app()
