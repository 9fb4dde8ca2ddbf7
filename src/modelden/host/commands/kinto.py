"""The command `modelden kinto push`."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from modelden.host.commands.activity import activity
from modelden.host.commands.options import DryRunOption, JsonOption
from modelden.host.commands.output import print_facts

AUTH = "MODELDEN_KINTO_AUTH"
REVIEWER = "MODELDEN_KINTO_REVIEWER"

kinto = typer.Typer(help="A Remote Settings server (Kinto) instead of static files.", no_args_is_help=True)


@kinto.callback()
def _kinto_commands() -> None:
    """Keep `push` a subcommand: Typer merges a single command into its group."""


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

    # Typer's envvar is not used, because its messages repeat the values.
    editor_account, reviewer_account = auth or os.environ.get(AUTH), reviewer or os.environ.get(REVIEWER)
    if not editor_account:
        raise HostError(f"Who edits there? Set {AUTH} to user:password, or say --auth.")
    source = Tree(tree)
    with activity(f"comparing {tree} with {server}"), ExitStack() as closing:
        editor = closing.enter_context(KintoEditor(server, editor_account))
        approver = closing.enter_context(KintoEditor(server, reviewer_account)) if reviewer_account else None
        results = push_tree(source, editor, approver, dry_run=dry_run)
    waiting = [result.collection for result in results if result.status == "to-review"]
    facts = {"server": server, "user": editor.user, "waiting_for_review": waiting, "dry_run": dry_run}
    if as_json:
        print_facts(facts | {"collections": [asdict(result) for result in results]}, as_json=True)
        return
    for result in results:
        counts = ", ".join(
            f"{len(identifiers)} {change}"
            for change in ("created", "updated", "deleted", "uploaded")
            if (identifiers := getattr(result, change))
        )
        facts[result.collection] = f"{counts or 'no change'}; {result.status}"
    print_facts(facts, as_json=False)
