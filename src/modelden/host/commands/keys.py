"""The commands `modelden keys new`, `keys rotate` and `keys show`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelden.host.commands.activity import activity
from modelden.host.commands.options import JsonOption, PassphraseOption, passphrase
from modelden.host.commands.output import print_facts

if TYPE_CHECKING:
    from modelden.host.keys.certificates import SigningChain

keys = typer.Typer(help="The keys that sign what is published.", no_args_is_help=True)

FolderArgument = Annotated[Path, typer.Argument(help="Folder of the keys.", metavar="KEYS")]


@keys.command()
def new(folder: FolderArgument, passphrase_file: PassphraseOption = None, *, as_json: JsonOption = False) -> None:
    """Make root, intermediate and leaf. Clients are told the root's hash; keep the folder safe, and out of the tree.

    Files have mode 0600. With a passphrase the private keys in them are encrypted.

    Examples:
      modelden keys new keys

      modelden keys new keys --passphrase-file secret.txt --json
    """
    from modelden.host.errors import KeysError, machine_errors
    from modelden.host.keys.certificates import new_chain
    from modelden.host.keys.key_folder import save_keys

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise KeysError(f"{folder} is there already, and keys are never overwritten: name another folder.")
    secret = passphrase(passphrase_file)
    with activity("making keys"), machine_errors(f"Cannot write {folder}"):
        chain = new_chain()
        save_keys(folder, chain, secret)
    print_facts({"folder": str(folder), "encrypted": secret is not None, **_facts(chain)}, as_json=as_json)


@keys.command()
def rotate(
    folder: FolderArgument,
    passphrase_file: PassphraseOption = None,
    *,
    intermediate: Annotated[bool, typer.Option("--intermediate", help="Renew the intermediate, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Renew the leaf. Clients notice nothing; `modelden sign` then signs a tree with the new one.

    Examples:
      modelden keys rotate keys && modelden sign --to tree --keys keys
    """
    from modelden.host.keys.key_folder import rotate_keys

    secret = passphrase(passphrase_file)
    with activity(f"rotating the keys in {folder}"):
        chain = rotate_keys(folder, secret, intermediate=intermediate)
    print_facts({"folder": str(folder), **_facts(chain)}, as_json=as_json)


@keys.command()
def show(folder: FolderArgument, passphrase_file: PassphraseOption = None, *, as_json: JsonOption = False) -> None:
    """Tell the root's hash, for modelden.configure(root_hash=...), and when certificates end. No secrets.

    Examples:
      modelden keys show keys --json
    """
    from modelden.host.keys.key_folder import load_keys

    print_facts({"folder": str(folder), **_facts(load_keys(folder, passphrase(passphrase_file)))}, as_json=as_json)


def _facts(chain: SigningChain) -> dict[str, Any]:
    return {
        "root_hash": chain.root_hash,
        "chain": chain.name,
        "leaf_ends": f"{chain.leaf.certificate.not_valid_after_utc:%Y-%m-%d}",
        "intermediate_ends": f"{chain.intermediate.certificate.not_valid_after_utc:%Y-%m-%d}",
        "root_ends": f"{chain.root.certificate.not_valid_after_utc:%Y-%m-%d}",
    }
