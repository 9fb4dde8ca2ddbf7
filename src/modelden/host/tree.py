"""A published tree on disk.

TREE/hub/<organization>/<model>/<revision>/<path>     model files
TREE/settings/<bucket>/<collection>.json              {"timestamp": ..., "records": [...]}
TREE/attachments/<location>                           attachments of records
TREE/keys/                                            made by the first `modelden serve`
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from modelden.host.collections_model import Collections
from modelden.host.errors import TreeError
from modelden.host.keys import open_keys
from modelden.host.signing import Signer

if TYPE_CHECKING:
    from pathlib import Path


class Tree:
    """The folders of a tree.

    Raises:
        TreeError: The folder is not there or is not a tree.
    """

    def __init__(self, folder: Path) -> None:
        self.hub = folder / "hub"
        self.settings = folder / "settings"
        self.attachments = folder / "attachments"
        self.keys = folder / "keys"
        if not self.settings.is_dir():
            found = "it has no folder settings" if folder.is_dir() else "there is no such folder"
            raise TreeError(
                f"{folder} is not a modelden tree: {found}. A tree has the folders hub, settings "
                "and attachments; `./build.sh build` makes one in build/tree."
            )
        try:
            for part in (self.hub, self.attachments):
                part.mkdir(exist_ok=True)
        except OSError as error:
            raise TreeError(f"{error.filename} is missing and cannot be made: {error.strerror}.") from error

    def collections(self) -> Collections:
        """All collections of ``settings``, signed with the keys of the tree.

        Raises:
            TreeError: A collection's file cannot be understood.
            KeysError: The keys cannot be used.
        """
        collections = Collections(Signer(open_keys(self.keys)))
        for path in sorted(self.settings.glob("*/*.json")):
            content = _read(path)
            try:
                collections.add(path.parent.name, path.stem, content["records"], content["timestamp"])
            except ValueError as error:
                raise TreeError(f"{path} cannot be signed: {error}.") from error
        return collections


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except (ValueError, OSError) as error:
        raise TreeError(f"{path} cannot be read as JSON: {error}.") from error
    if not _is_collection(content):
        raise TreeError(
            f'{path} is not a collection: expected {{"timestamp": milliseconds, "records": [...]}} '
            "where each record is an object with a text `id`."
        )
    return content


def _is_collection(content: Any) -> bool:
    return (
        isinstance(content, dict)
        and isinstance(content.get("timestamp"), int)
        and isinstance(content.get("records"), list)
        and all(isinstance(record, dict) and isinstance(record.get("id"), str) for record in content["records"])
    )
