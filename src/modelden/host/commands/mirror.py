"""The command `modelden mirror`."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from modelden.host.commands.activity import activity
from modelden.host.commands.options import (
    ExcludeOption,
    JsonOption,
    KeysOption,
    PassphraseOption,
    TreeOption,
    open_publisher,
)
from modelden.host.commands.output import print_facts


def mirror(
    model: Annotated[str, typer.Argument(help="organization/name@revision", metavar="MODEL")],
    source: Annotated[
        str, typer.Option("--from", help="Root URL of the settings server (…/v1), or huggingface.", metavar="URL")
    ],
    task: Annotated[str, typer.Option(help="The task it is for, feature-extraction for example.")],
    to: TreeOption,
    keys: KeysOption,
    root_hash: Annotated[str | None, typer.Option(help="Whom to trust there.")] = None,
    hub: Annotated[str | None, typer.Option(help="Root URL of the hub, if it is not beside the settings.")] = None,
    publish_as: Annotated[
        str | None,
        typer.Option("--as", help="Publish it under this version, if not under its own.", metavar="REVISION"),
    ] = None,
    feature: Annotated[str | None, typer.Option(help="The feature it is for, if not the whole task.")] = None,
    dtype: Annotated[str | None, typer.Option(help="Data type that clients are to use.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Where what was fetched is kept, to go on after a break.")] = None,
    passphrase_file: PassphraseOption = None,
    exclude: ExcludeOption = None,
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of another model.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch a model from a hub, check every byte, and publish it into a tree of one's own.

    The signed manifest says what the files are; Hugging Face says it of its own (HF_ENDPOINT names another host that
    speaks its API). A branch moves and a version never changes, so --as names a version for a branch. A run that was
    broken goes on where it was.

    Examples:
      modelden mirror acme/minilm@v1.0.0 --from https://models.example/v1 --root-hash AB:CD:... --task
      feature-extraction --to tree --keys keys

      modelden mirror Xenova/all-MiniLM-L6-v2 --from huggingface --as v1.0.0 --task feature-extraction --to
      tree --keys keys
    """
    from modelden.host.errors import HostError
    from modelden.host.publish.hugging_face import SOURCE, fetch_snapshot
    from modelden.host.publish.release import Release, publish
    from modelden.host.publish.repository import read_repository

    name, _, source_revision = model.partition("@")
    revision = publish_as or source_revision
    if revision in ("", "main"):
        raise HostError(f"Which version of {name} will this be? Say {name}@v1.0.0, or --as v1.0.0 for a branch.")
    # Names are checked before the download.
    release = Release(model=name, revision=revision, task=task, feature=feature, dtype=dtype, replace=replace)
    facts: dict[str, Any] = {}
    if source == SOURCE:
        # huggingface_hub has bars of its own.
        snapshot = fetch_snapshot(name, source_revision or None, cache)
        folder, facts["commit"] = snapshot.folder, snapshot.commit
    else:
        with activity(f"downloading {model} from {source}"):
            folder = _from_server(name, source_revision, source, root_hash, hub, cache)
    repository = read_repository(folder, name, revision, exclude or ())
    with activity(f"publishing {name} {revision}"), open_publisher(to, keys, passphrase_file) as publisher:
        published = publish(publisher, repository, release)
        publisher.commit()
        facts |= {**asdict(published), "root_hash": publisher.root_hash}
    print_facts(facts, as_json=as_json, next_command=f"modelden serve {shlex.quote(str(to))}")


def _from_server(
    name: str, revision: str, server: str, root_hash: str | None, hub: str | None, cache: Path | None
) -> Path:
    from modelden.config import Configuration
    from modelden.host.browser.run_options import server_arguments
    from modelden.host.errors import HostError
    from modelden.host.publish.mirror import mirror_revision

    if not revision:
        raise HostError(f"Which revision of {name}? Say {name}@v1.0.0, for example.")
    config = Configuration(**server_arguments(server, root_hash, hub))
    folder = cache or Path.home() / ".cache/modelden/mirror"
    return mirror_revision(config, name, revision, folder / name / revision)
