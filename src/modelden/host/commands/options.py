"""Options that several commands share, and the keys and the tree that they name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from modelden.host.keys.certificates import SigningChain
    from modelden.host.publish.publisher import Publisher

TreeOption = Annotated[Path, typer.Option("--to", help="The tree; made if it is not there.", metavar="TREE")]

KeysOption = Annotated[
    Path,
    typer.Option(
        help="Folder with the signing keys (`modelden keys new`). Keep it outside of the tree.",
        envvar="MODELDEN_KEYS",
        metavar="KEYS",
    ),
]

PassphraseOption = Annotated[
    Path | None,
    typer.Option(
        help="File whose first line is the passphrase of the keys; or set MODELDEN_KEYS_PASSPHRASE.",
        metavar="FILE",
    ),
]

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")]

ExcludeOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Leave these files out, by their paths: 'onnx/*_fp16.onnx' or '*.png'. May be repeated.", metavar="PATTERN"
    ),
]

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Check everything, change nothing.")]


def passphrase(file: Path | None) -> str | None:
    """Read the passphrase of the keys; None without one.

    Raises:
        HostError: The file cannot be read, or is empty.
    """
    if file is None:
        return os.environ.get("MODELDEN_KEYS_PASSPHRASE") or None
    from modelden.host.errors import HostError

    try:
        first_line = file.read_text(encoding="utf-8").partition("\n")[0]
    except (OSError, UnicodeDecodeError) as error:
        raise HostError(f"The passphrase cannot be read from {file}: {error}.") from error
    if not first_line:
        raise HostError(f"{file} has no passphrase in its first line.")
    return first_line


def chain_for(tree: Path, keys: Path, passphrase_file: Path | None) -> SigningChain:
    """Load the keys for a tree.

    Raises:
        KeysError: The keys are in the tree, where a static host would publish them; or they cannot be used.
    """
    from modelden.host.errors import KeysError
    from modelden.host.keys.key_folder import load_keys

    if keys.resolve().is_relative_to(tree.resolve()):
        raise KeysError(
            f"The keys in {keys} are inside of the tree {tree}: whoever uploads the tree publishes them. "
            "Move them beside it."
        )
    return load_keys(keys, passphrase(passphrase_file))


@contextmanager
def open_publisher(
    tree: Path, keys: Path, passphrase_file: Path | None, public_url: str | None = None, *, dry_run: bool = False
) -> Iterator[Publisher]:
    """Open a tree for edits. A dry run on a missing tree uses a temporary one.

    Raises:
        HostError: Keys or tree cannot be used.
    """
    from modelden.host.publish.publisher import Publisher

    chain = chain_for(tree, keys, passphrase_file)
    with ExitStack() as closing:
        if dry_run and not tree.exists():
            tree = Path(closing.enter_context(TemporaryDirectory(prefix="modelden-")))
        yield closing.enter_context(Publisher.open(tree, chain, public_url=public_url))
