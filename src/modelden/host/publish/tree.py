"""The layout of a published tree on disk.

TREE/modelden.json                                    format of the tree, its public URL
TREE/hub/<organization>/<model>/<revision>/<path>     model files
TREE/hub/modelden.json, TREE/hub/api                  their lists: see `modelden.host.publish.hub_list`
TREE/settings/<bucket>/<collection>.json              {"timestamp": ..., "records": [...], "deleted": [...]}
TREE/attachments/<location>                           attachments of records
TREE/v1, TREE/chains                                  signed files: see `modelden.host.publish.static_layout`
TREE/keys/                                            for development: with keys here, `modelden serve` signs

People edit and diff ``settings``. Publishing generates ``v1`` from it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from modelden.host.errors import TreeError
from modelden.host.keys.key_folder import open_keys
from modelden.host.keys.signer import Signer
from modelden.host.publish.clock import milliseconds
from modelden.host.publish.collections import Collections, CollectionSigner
from modelden.host.publish.static_layout import PublishedCollection, changeset_path
from modelden.host.publish.strict_json import parse_strict

FORMAT = 1
"""Version of the layout that this module describes, stored in `modelden.json`."""

MARKER = "modelden.json"


@dataclass(frozen=True, slots=True)
class TreeFacts:
    """The content of `modelden.json`.

    Attributes:
        format: Version of the layout.
        publicUrl: URL of the served tree; None for relative URLs.
    """

    format: int = FORMAT
    publicUrl: str | None = None  # noqa: N815  the name in the file

    @classmethod
    def read(cls, folder: Path) -> TreeFacts:
        """Read the file of a tree. A tree without the file has not been published yet.

        Raises:
            TreeError: The file is damaged, or of another version.
        """
        path = folder / MARKER
        try:
            content = json.loads(path.read_bytes())
            facts = cls(content["format"], content["publicUrl"])
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TreeError(f"{path} cannot be understood ({error!r}): restore it.") from error
        if facts.format != FORMAT:
            raise TreeError(
                f"{folder} was written by another version of modelden: its format is {facts.format!r}, this version "
                f"understands {FORMAT}. Use the version that wrote it, or publish into a new folder."
            )
        return facts

    def to_bytes(self) -> bytes:
        """Serialize the content of the file."""
        return json.dumps(asdict(self)).encode() + b"\n"


class Tree:
    """The folders of a tree, to be served.

    Raises:
        TreeError: The folder is missing or is not a tree.
    """

    def __init__(self, folder: Path, *, keys: Path | None = None) -> None:
        """Open a tree and create its missing folders.

        Args:
            folder: The tree.
            keys: Folder of its keys, if they are not in the tree.
        """
        self.folder = folder
        self.hub = folder / "hub"
        self.settings = folder / "settings"
        self.attachments = folder / "attachments"
        self.chains = folder / "chains"
        self.keys = keys or folder / "keys"
        if not self.settings.is_dir():
            reason = "it has no folder settings" if folder.is_dir() else "there is no such folder"
            raise TreeError(
                f"{folder} is not a modelden tree: {reason}. A tree has the folders hub, settings "
                "and attachments; `modelden publish` makes one."
            )
        self.facts = TreeFacts.read(folder)
        try:
            for part in (self.hub, self.attachments):
                part.mkdir(exist_ok=True)
        except OSError as error:
            raise TreeError(f"{error.filename} is missing and cannot be made: {error.strerror}.") from error

    def collections(self) -> Collections:
        """Load all collections: signed now if the keys are available, otherwise as they were published.

        Creates keys for a tree that has not been published.

        Raises:
            TreeError: A collection's file is damaged.
            KeysError: The keys cannot be used.
        """
        if self.keys.exists() or not (self.folder / "v1").exists():
            return self.sources(Signer(open_keys(self.keys)))
        collections = Collections(None)
        for bucket, name in self.names():
            published = PublishedCollection.read(self.folder / changeset_path(bucket, name))
            if published is not None:
                signer = published.signer(self.chains)
                deleted = self._read(bucket, name).get("deleted", ())
                deleted = [record for record in deleted if record["last_modified"] <= published.timestamp]
                collections.add(bucket, name, published.records, published.timestamp, deleted=deleted, signer=signer)
                collections.signer = signer
        return collections

    def sources(self, signer: CollectionSigner, now: Callable[[], int] = milliseconds) -> Collections:
        """Load all collections of ``settings`` and sign them.

        Raises:
            TreeError: A collection's file is damaged.
        """
        collections = Collections(signer, now=now)
        for bucket, name in self.names():
            content = self._read(bucket, name)
            try:
                collections.add(
                    bucket, name, content["records"], content["timestamp"], deleted=content.get("deleted", ())
                )
            except ValueError as error:
                raise TreeError(f"{self.source(bucket, name)} cannot be signed: {error}.") from error
        return collections

    def names(self) -> list[tuple[str, str]]:
        """List bucket and name of each collection."""
        return [(path.parent.name, path.stem) for path in sorted(self.settings.glob("*/*.json"))]

    def source(self, bucket: str, name: str) -> Path:
        """Path of the file with a collection's records."""
        return self.settings / bucket / f"{name}.json"

    def _read(self, bucket: str, name: str) -> dict[str, Any]:
        path = self.source(bucket, name)
        try:
            content: dict[str, Any] = parse_strict(path.read_bytes())
        except (ValueError, OSError) as error:
            raise TreeError(f"{path} cannot be read as JSON: {error}.") from error
        if not _is_collection(content):
            raise TreeError(
                f'{path} is not a collection: expected {{"timestamp": milliseconds, "records": [...]}} '
                "where each record is an object with a text `id` of its own."
            )
        return content


Tree.__module__ = "modelden.host.testing"


def _is_collection(content: Any) -> bool:
    return (
        isinstance(content, dict)
        and isinstance(content.get("timestamp"), int)
        and _are_records(content.get("records"))
        and _are_records(content.get("deleted", []))
    )


def _are_records(value: Any) -> bool:
    if not isinstance(value, list):
        return False
    identifiers = {record["id"] for record in value if isinstance(record, dict) and isinstance(record.get("id"), str)}
    return len(identifiers) == len(value)
