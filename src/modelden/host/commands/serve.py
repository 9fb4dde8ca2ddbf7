"""The command `modelden serve`."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from modelden.core.printable import printable


def serve(
    tree: Annotated[Path, typer.Argument(help="Folder with hub, settings and attachments.")],
    site: Annotated[Path | None, typer.Option(help="Folder of a static site to serve at /.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at; 0 for any free one.")] = 8642,
    max_age: Annotated[
        int, typer.Option(min=0, help="Seconds for which a CDN may keep changesets; 0 lets it ask each time.")
    ] = 0,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Serve what is published meanwhile.")] = False,
    isolate: Annotated[bool, typer.Option("--isolate", help="Send COOP and COEP: pages may then use threads.")] = False,
    access_log: Annotated[bool, typer.Option("--access-log", help="Write a line for each request to stderr.")] = False,
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

      modelden serve tree --host 0.0.0.0 --port 80 --watch --max-age 60 --access-log
    """
    from modelden.host.publish.tree import Tree
    from modelden.host.serve.page_scripts import boot_lines
    from modelden.host.serve.server import Application, listen
    from modelden.host.serve.server import serve as serve_forever
    from modelden.host.serve.watcher import Watcher

    served_tree = Tree(tree)
    application = Application(
        served_tree,
        site,
        switches=test_switches,
        # The switches show and change uncompressed responses.
        record=test_switches,
        compress=not test_switches,
        max_age=max_age,
        isolate=isolate,
    )
    listener = listen(host, port)
    origin = f"http://localhost:{listener.getsockname()[1]}"
    typer.echo(f"settings   {origin}/v1")
    typer.echo(f"hub        {origin}/hub")
    if site:
        typer.echo(f"site       {origin}/")
    typer.echo(f"root hash  {application.root_hash}")
    typer.echo("\nIn Python on a page:\n")
    arguments = {
        "settings_server": f"{origin}/v1",
        "root_hash": application.root_hash,
        "hub_root_url": f"{origin}/hub/",
    }
    typer.echo(f"modelden.configure({', '.join(f'{name}="{value}"' for name, value in arguments.items())})")
    if site:
        typer.echo("\nIn a page of the site:\n")
        typer.echo("\n".join(boot_lines(site)))
    # A parent process waits for these lines.
    sys.stdout.flush()
    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as closing:
        if watch:
            closing.enter_context(Watcher(served_tree, application.collections, _print_message))
        if access_log:
            from modelden.host.serve.access_log import with_access_log

            serve_forever(with_access_log(application, _write_line), listener)
        else:
            serve_forever(application, listener)


def _print_message(message: str) -> None:
    typer.echo(f"modelden: {printable(message, lines=True)}", err=True)


def _write_line(line: str) -> None:
    sys.stderr.write(f"{line}\n")
