"""The command `modelden verify`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelden.host.commands.activity import activity
from modelden.host.commands.options import JsonOption
from modelden.host.commands.output import Size, print_facts

if TYPE_CHECKING:
    from modelden.host.verify.verification import Report

RootHashOption = Annotated[
    str | None,
    typer.Option(help="SHA-256 of the root certificate that clients trust; Mozilla's servers' is known."),
]
HubOption = Annotated[str | None, typer.Option(help="Root URL of the hub, if it is not beside the settings.")]


def verify(
    where: Annotated[str, typer.Argument(help="Root URL of the settings (…/v1), or a tree.", metavar="URL|TREE")],
    root_hash: RootHashOption = None,
    hub: HubOption = None,
    bucket: Annotated[str, typer.Option(help="The bucket of the collections.")] = "main",
    *,
    files: Annotated[bool, typer.Option(help="Fetch and hash attachments and model files.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Walk settings, signatures, attachments, manifests and model files, and report every fault.

    Exit code 1 when there is one. A tree is looked at as a plain web server would serve it; without --root-hash its
    own root certificate counts, which proves that it is whole, not who signed it.

    Examples:
      modelden verify tree --json

      modelden verify https://models.example/v1 --root-hash AB:CD:...

      modelden verify https://firefox.settings.services.mozilla.com/v1 --hub https://model-hub.mozilla.org --no-files
    """
    import asyncio

    from modelden.host.verify.target import verify_server, verify_tree

    tree = Path(where)
    with activity(f"verifying {where}"):
        if where.startswith(("http://", "https://")):
            report = asyncio.run(verify_server(where, root_hash=root_hash, hub=hub, bucket=bucket, files=files))
        else:
            report = verify_tree(tree, root_hash=root_hash, bucket=bucket, files=files)
    _print_report(where, report, as_json=as_json)
    raise typer.Exit(1 if report.faults else 0)


def _print_report(where: str, report: Report, *, as_json: bool) -> None:
    facts = {"verified": where, "good": not report.faults, **asdict(report), "bytes": Size(report.bytes)}
    if not as_json:
        facts["faults"] = [f"{finding.where}: {finding.what}" for finding in report.faults]
        facts["notes"] = [f"{finding.where}: {finding.what}" for finding in report.notes]
    print_facts(facts, as_json=as_json)
