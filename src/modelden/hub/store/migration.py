"""Migrations of the rows of `schema.MODEL_FILES`. Pure.

Version 702 knew the host name of a hub only. A row belongs to the hub whose root it names: a file names the root of its
download, a partial download its URL. Rows that name none belong to the only hub of that host that other rows name. Of
several hubs, or of none, nobody can tell: the root is `records.UNKNOWN_ROOT`, and `download.claim` decides when a hub
asks for the file. Pins stay pins of all hubs with the host name.

Version 702 stored the entity tags of mirrors and archives as the hub's. A tag that may be one of those is dropped,
unless it is the SHA-256 of the bytes: it could make an old file of a branch a new one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from modelden.core import urls
from modelden.hub.catalog.names import LAYOUTS, NO_ETAG, HubAddress, ModelFile, canonical_root
from modelden.hub.store.records import UNKNOWN_ROOT, FileKey
from modelden.ports import Row, RowsByStore

_Name = tuple[str, ...]
"""Model, revision and path of a file."""


def add_roots(rows: RowsByStore) -> RowsByStore:
    """Return the rows of version 702 with the root of their hub, which is a part of their keys from 703 on."""
    roots = _Roots(rows["files"], rows["partials"])
    moved = {store: [{**row, "root": roots.of_file(row)} for row in rows[store]] for store in _FILE_STORES}
    moved["headers"] = [roots.without_foreign_tag(row) for row in moved["headers"]]
    moved["files"] = [_with_id(row, roots.of_file(row)) for row in rows["files"]]
    moved["partials"] = [_with_id(row, _root_of_download(row) or roots.of_file(row)) for row in rows["partials"]]
    moved["missing"] = [_moved_missing(row, roots) for row in rows["missing"]]
    moved["pins"] = [{**row, "root": UNKNOWN_ROOT} for row in rows["pins"]]
    return moved


_FILE_STORES = ("headers", "engines", "tasks")


class _Roots:
    """The roots that rows of version 702 name."""

    def __init__(self, files: Iterable[Row], partials: Iterable[Row]) -> None:
        self._of_files: dict[_Name, str] = {}
        self._foreign: dict[_Name, str] = {}
        """SHA-256 of the files of mirrors and archives."""
        self._of_revisions: dict[_Name, set[str]] = defaultdict(set)
        self._of_hosts: dict[str, set[str]] = defaultdict(set)
        for row in files:
            root = _root_on_host(row["hub"], row["model"])
            if root is None:
                self._foreign[_name(row)] = row["sha256"]
            else:
                self._of_files[_name(row)] = root
                self._of_revisions[_name(row)[:2]].add(root)
                self._of_hosts[_host(row["model"])].add(root)
        for row in partials:
            if root := _root_of_download(row):
                self._of_hosts[_host(row["model"])].add(root)

    def of_file(self, row: Row) -> str:
        """Return the root of the hub that a file belongs to."""
        return self._of_files.get(_name(row)) or _only(self._of_hosts[_host(row["model"])])

    def without_foreign_tag(self, row: Row) -> Row:
        """Return a row of headers without an entity tag that is not the hub's."""
        sha256 = self._foreign.get(_name(row))
        if sha256 is None or row["headers"]["ETag"] == f'"{sha256}"':
            return row
        return {**row, "headers": {**row["headers"], "ETag": NO_ETAG}}

    def of_revision(self, model: str, revision: str) -> str:
        """Return the root of the hub that a revision of a model belongs to."""
        return _only(self._of_revisions[model, revision]) or _only(self._of_hosts[_host(model)])


def _moved_missing(row: Row, roots: _Roots) -> Row:
    if "model" not in row:  # a missing collection of Remote Settings
        return row
    model, revision, root = row["model"], row["revision"], roots.of_revision(row["model"], row["revision"])
    path = row["id"].removeprefix(f"{model}/{revision}/")
    return {**row, "id": FileKey(model, revision, path, root).id, "root": root}


def _with_id(row: Row, root: str) -> Row:
    key = FileKey(row["model"], row["revision"], row["file"], root)
    return {**row, "id": key.id, "root": root}


def _root_of_download(row: Row) -> str | None:
    """Return the root of the hub that a partial download comes from, if it is on the model's host."""
    model = row["model"].partition("/")[2]
    for layout in LAYOUTS:
        suffix = HubAddress("", layout).url(ModelFile(model, row["revision"], row["file"]))
        if row["url"].endswith(suffix):
            return _root_on_host(row["url"].removesuffix(suffix), row["model"])
    return None


def _root_on_host(url: str | None, model: str) -> str | None:
    """Return a root URL if it is on the model's host; else it is the root of a mirror."""
    try:
        return canonical_root(url) if url and urls.split(url).hostname == _host(model) else None
    except ValueError:
        return None


def _only(roots: set[str]) -> str:
    return next(iter(roots)) if len(roots) == 1 else UNKNOWN_ROOT


def _name(row: Row) -> _Name:
    return row["model"], row["revision"], row["file"]


def _host(model: str) -> str:
    return model.partition("/")[0]
