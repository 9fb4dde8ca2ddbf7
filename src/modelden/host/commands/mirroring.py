"""`mirror`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from modelden.host.commands.common import JsonOption, KeysOption, PassphraseOption, TreeOption, opened, tell


def mirror(
    model: Annotated[str, typer.Argument(help="organization/name@revision", metavar="MODEL")],
    source: Annotated[str, typer.Option("--from", help="Root URL of the settings server (…/v1).", metavar="URL")],
    task: Annotated[str, typer.Option(help="The task it is for, feature-extraction for example.")],
    to: TreeOption,
    keys: KeysOption,
    root_hash: Annotated[str | None, typer.Option(help="Whom to trust there.")] = None,
    hub: Annotated[str | None, typer.Option(help="Root URL of the hub, if it is not beside the settings.")] = None,
    feature: Annotated[str | None, typer.Option(help="The feature it is for, if not the whole task.")] = None,
    dtype: Annotated[str | None, typer.Option(help="Data type that clients are to use.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Where what was fetched is kept, to go on after a break.")] = None,
    passphrase_file: PassphraseOption = None,
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of another model.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch a model from a hub, check every byte, and publish it into a tree of one's own.

    The signed manifest says what the files are. A run that was broken goes on where it was. (From Hugging Face:
    `hf download MODEL`, and `modelden publish` takes its cache.)

    Examples:
      modelden mirror acme/minilm@v1.0.0 --from https://models.example/v1 --root-hash AB:CD:... --task
      feature-extraction --to tree --keys keys
    """
    from modelden.config import Configuration
    from modelden.host.errors import HostError
    from modelden.host.mirror import mirror_revision
    from modelden.host.release import Release, publish
    from modelden.host.repository import read_repository
    from modelden.host.run_options import server_arguments

    name, _, revision = model.partition("@")
    if not revision:
        raise HostError(f"Which revision of {name}? Say {name}@v1.0.0, for example.")
    release = Release(model=name, revision=revision, task=task, feature=feature, dtype=dtype, replace=replace)
    config = Configuration(**server_arguments(source, root_hash, hub))
    place = cache or Path.home() / ".cache/modelden/mirror"
    folder = mirror_revision(config, name, revision, place / name / revision)
    repository = read_repository(folder, name, revision)
    with opened(to, keys, passphrase_file) as publisher:
        published = publish(publisher, repository, release)
        publisher.commit()
        facts = {**asdict(published), "root_hash": publisher.root_hash}
    tell(facts, as_json=as_json)
