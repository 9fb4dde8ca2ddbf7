"""`kinto push`."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from modelden.host.commands.options import DryRunOption, JsonOption
from modelden.host.commands.output import print_facts

AUTH = "MODELDEN_KINTO_AUTH"
REVIEWER = "MODELDEN_KINTO_REVIEWER"

kinto = typer.Typer(help="A Remote Settings server (Kinto) instead of static files.", no_args_is_help=True)


@kinto.callback()
def _kinto_commands() -> None:
    """Keeps `push` a command of its own."""


@kinto.command()
def push(
    tree: Annotated[Path, typer.Argument(help="The published tree.")],
    server: Annotated[str, typer.Option(help="Root URL of the settings server (…/v1).", metavar="URL")],
    auth: Annotated[
        str | None,
        typer.Option(help=f"The account that edits, user:password; better in {AUTH}.", metavar="ACCOUNT"),
    ] = None,
    reviewer: Annotated[
        str | None,
        typer.Option(help=f"The account that approves, or {REVIEWER}; without it people do.", metavar="ACCOUNT"),
    ] = None,
    *,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Bring records and attachments of a tree to a real Remote Settings server: Kinto with attachment and signer.

    A second push changes nothing; records that are gone from the tree are deleted. Where the server wants a review,
    it is asked for, and approved by --reviewer; the server signs with its own keys. Model files stay static: they go
    to a hub (docs/hosting.md).

    Examples:
      MODELDEN_KINTO_AUTH=editor:secret modelden kinto push tree --server https://settings.example/v1

      modelden kinto push tree --server https://settings.example/v1 --dry-run --json
    """
    from modelden.host.errors import HostError
    from modelden.host.publish.kinto_editor import KintoEditor
    from modelden.host.publish.kinto_push import push as push_tree
    from modelden.host.publish.tree import Tree

    # not Typer's envvar: its messages repeat what they were given
    account, other = auth or os.environ.get(AUTH), reviewer or os.environ.get(REVIEWER)
    if not account:
        raise HostError(f"Who edits there? Set {AUTH} to user:password, or say --auth.")
    opened = Tree(tree)
    with ExitStack() as closing:
        editor = closing.enter_context(KintoEditor(server, account))
        approves = closing.enter_context(KintoEditor(server, other)) if other else None
        done = push_tree(opened, editor, approves, dry_run=dry_run)
    waits = [each.collection for each in done if each.status == "to-review"]
    facts = {"server": server, "user": editor.user, "waiting_for_review": waits, "dry_run": dry_run}
    if as_json:
        print_facts(facts | {"collections": [asdict(each) for each in done]}, as_json=True)
        return
    for each in done:
        counts = ", ".join(
            f"{len(found)} {word}"
            for word in ("created", "updated", "deleted", "uploaded")
            if (found := getattr(each, word))
        )
        facts[each.collection] = f"{counts or 'no change'}; {each.status}"
    print_facts(facts, as_json=False)
