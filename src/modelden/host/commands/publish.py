"""The commands `modelden publish`, `unpublish`, `allow`, `deny`, `sign` and `runtime publish`."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from modelden.host.commands.activity import activity
from modelden.host.commands.options import (
    DryRunOption,
    ExcludeOption,
    JsonOption,
    KeysOption,
    PassphraseOption,
    TreeOption,
    open_publisher,
)
from modelden.host.commands.output import print_facts

PublicUrlOption = Annotated[
    str | None,
    typer.Option(
        help="Where the tree will be served: URLs inside become absolute, as Firefox wants them, and its hub is put on "
        "the allow list. Kept in the tree.",
        metavar="URL",
    ),
]

ModelArgument = Annotated[str, typer.Argument(help="organization/name")]
RevisionOption = Annotated[str, typer.Option(help="Its version, v1.2.0 for example.")]
PrefixArgument = Annotated[str, typer.Argument(help="What URLs of models begin with.", metavar="URL_PREFIX")]


def publish(
    directory: Annotated[Path, typer.Argument(help="Model repository, or models--* of a Hugging Face cache.")],
    model: Annotated[str, typer.Option(help="The name to publish it under, organization/name.")],
    revision: RevisionOption,
    to: TreeOption,
    keys: KeysOption,
    task: Annotated[
        str,
        typer.Option(
            help="The task it is for, feature-extraction for example; onnx is a raw model, for modelden.load_session."
        ),
    ] = "onnx",
    feature: Annotated[str | None, typer.Option(help="The feature it is for, if not the whole task.")] = None,
    dtype: Annotated[str | None, typer.Option(help="Data type that clients are to use: q8, fp32, ...")] = None,
    passphrase_file: PassphraseOption = None,
    public_url: PublicUrlOption = None,
    exclude: ExcludeOption = None,
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of another model for this feature or task.")
    ] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Publish a model: check it as a client would, copy what users need, sign what tells them of it.

    Examples:
      modelden publish minilm --model acme/minilm --revision v1.0.0 --task feature-extraction --to tree --keys keys

      modelden publish ~/.cache/huggingface/hub/models--Xenova--all-MiniLM-L6-v2 --model Xenova/all-MiniLM-L6-v2
      --revision v1 --task feature-extraction --feature search --dtype q8 --to tree --keys keys --dry-run --json

      modelden publish detector --model acme/detector --revision v1 --task onnx --to tree --keys keys
    """
    from modelden.host.publish.release import Release
    from modelden.host.publish.release import publish as publish_model
    from modelden.host.publish.repository import read_repository

    release = Release(model=model, revision=revision, task=task, feature=feature, dtype=dtype, replace=replace)
    repository = read_repository(directory, model, revision, exclude or (), is_raw=release.is_raw)
    with (
        activity(f"publishing {model} {revision}"),
        open_publisher(to, keys, passphrase_file, public_url, dry_run=dry_run) as publisher,
    ):
        published = publish_model(publisher, repository, release, dry_run=dry_run)
        if not dry_run:
            publisher.commit()
        facts = {**asdict(published), "root_hash": publisher.root_hash, "dry_run": dry_run}
    print_facts(facts, as_json=as_json, next_command=None if dry_run else f"modelden serve {shlex.quote(str(to))}")


def unpublish(
    model: ModelArgument,
    revision: RevisionOption,
    to: TreeOption,
    keys: KeysOption,
    passphrase_file: PassphraseOption = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Even if clients are told to use it.")] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take a revision out of the tree: its options, its manifest, its files.

    Examples:
      modelden unpublish acme/minilm --revision v1.0.0 --to tree --keys keys
    """
    from modelden.host.publish.release import unpublish as unpublish_model

    with (
        activity(f"unpublishing {model} {revision}"),
        open_publisher(to, keys, passphrase_file, dry_run=dry_run) as publisher,
    ):
        options = unpublish_model(publisher, model, revision, force=force)
        if not dry_run:
            publisher.commit()
    print_facts({"unpublished": f"{model} {revision}", "options_removed": options, "dry_run": dry_run}, as_json=as_json)


def _list_command(kind: str, doc: str) -> Callable[..., None]:
    """Create the command for ``ALLOW`` or ``DENY`` entries of the allow/deny list."""

    def command(
        prefix: PrefixArgument,
        to: TreeOption,
        keys: KeysOption,
        description: Annotated[str, typer.Option(help="Why, for people.")] = "",
        passphrase_file: PassphraseOption = None,
        *,
        remove: Annotated[bool, typer.Option("--remove", help="Take it off the list.")] = False,
        as_json: JsonOption = False,
    ) -> None:
        from modelden.host.publish.allow_list import change_list

        with activity(f"changing the list of {to}"), open_publisher(to, keys, passphrase_file) as publisher:
            entries = change_list(publisher, kind, prefix, description, remove=remove)
            publisher.commit()
        print_facts({"allow_deny_list": entries}, as_json=as_json)

    command.__name__, command.__doc__ = kind.lower(), doc
    return command


allow = _list_command(
    "ALLOW",
    """Let clients download models from URLs with this prefix; localhost is always allowed.

    Examples:
      modelden allow https://models.example/hub/ --to tree --keys keys
    """,
)

deny = _list_command(
    "DENY",
    """Forbid clients to download models from URLs with this prefix, whatever is allowed.

    Examples:
      modelden deny https://models.example/hub/acme/broken/ --description "wrong labels" --to tree --keys keys
    """,
)


def sign(
    to: TreeOption,
    keys: KeysOption,
    passphrase_file: PassphraseOption = None,
    public_url: PublicUrlOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Sign what changed: records edited by hand in TREE/settings, or everything after `keys rotate`.

    Examples:
      modelden keys rotate keys && modelden sign --to tree --keys keys
    """
    with activity(f"signing {to}"), open_publisher(to, keys, passphrase_file, public_url) as publisher:
        publisher.commit()
        facts = {"tree": str(to), "signed_until": publisher.signed_until, "root_hash": publisher.root_hash}
    print_facts(facts, as_json=as_json)


runtime = typer.Typer(help="The WASM runtime that runs the models.", no_args_is_help=True)


@runtime.callback()
def _runtime_commands() -> None:
    """Keep `publish` a subcommand: Typer merges a single command into its group."""


@runtime.command("publish")
def runtime_publish(
    major: Annotated[int, typer.Option(help="Major version of the runtime, 5 for example.")],
    to: TreeOption,
    keys: KeysOption,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="One file, or a folder that has all; otherwise npm is asked.", metavar="PATH"),
    ] = None,
    passphrase_file: PassphraseOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Publish the runtime that belongs to the JavaScript in this modelden: the files of the pinned npm package.

    Runtime 6 has two, a small one and one with WebGPU, which pages fetch that run a model on the GPU.

    Examples:
      modelden runtime publish --major 6 --to tree --keys keys

      modelden runtime publish --major 5 --from node_modules/onnxruntime-web/dist --to tree --keys keys
    """
    from modelden.host.publish.runtimes import publish_runtime, runtime_files

    with (
        activity(f"publishing runtime {major}"),
        runtime_files(major, source) as pairs,
        open_publisher(to, keys, passphrase_file) as publisher,
    ):
        changed = publish_runtime(publisher, pairs)
        publisher.commit()
    published = {bundle.name: bundle.sha256 for bundle, _ in pairs}
    facts = {"runtime": published, "onnxruntime": pairs[0][0].onnxruntime, "changed": bool(changed)}
    print_facts(facts, as_json=as_json, next_command=f"modelden serve {shlex.quote(str(to))}")
