"""The database ``modelFiles``: Firefox's stores, and the bytes beside them.

Firefox's version 7 (ESR 153, ``ModelHub.sys.mjs``) has ``headers``, ``engines`` and ``tasks``, and the bytes in the
origin private file system; up to version 4 it kept them as Blobs in a store ``files``, under the same key as ours.

| store | key | what |
|---|---|---|
| ``headers``, ``engines``, ``tasks`` | Firefox's, ``root`` | Firefox's |
| ``files`` | ``id``: `records.FileKey.id` | SHA-256, how far it is vouched for, which content, of how many chunks |
| ``chunks`` | ``content``, ``index`` | some bytes of a content as a Blob, six digits of index |
| ``partials`` | ``id`` of the file | a download that has begun: its content, its validator, how far it is |
| ``missing`` | ``id`` of the file | a file that the hub does not have and the model does not need |
| ``pins`` | ``model``, ``revision``, ``root`` | what is never evicted |

``root`` is the root URL of the hub that a row belongs to (`names.canonical_root`). Firefox's ``model`` has the hub's
host name only, and the hubs of two ports, paths or schemes would be one.

A content is the bytes of one or more files that are equal. It has no row of its own: the chunks belong to it while a
row of ``files`` or ``partials`` names it.

The version is Firefox's times 100, plus our own revision of it. Databases before 702 are emptied, as Firefox does with
those before its 6: none of them has bytes in this layout. Since 702 rows are moved (`migration`), and no file is lost.
"""

from __future__ import annotations

from modelden.ports import Migration, RowsByStore, Schema, Store

_FIREFOX_FILE = ("model", "revision", "file")
_FILE = (*_FIREFOX_FILE, "root")
_REVISION = ("model", "revision")


def _add_roots(rows: RowsByStore) -> RowsByStore:
    from modelden.hub.store.migration import add_roots  # once for each database

    return add_roots(rows)


MODEL_FILES = Schema(
    name="modelFiles",
    version=703,
    compatible_since=702,
    migrations=[Migration(703, ("headers", "engines", "tasks", "files", "partials", "missing", "pins"), _add_roots)],
    stores={
        "headers": Store(_FILE, {"modelRevisionIndex": _REVISION}),
        "engines": Store(_FILE, {"modelRevisionIndex": _REVISION}),
        "tasks": Store(
            ("taskName", *_FILE),
            {
                "modelRevisionIndex": _REVISION,
                "modelRevisionFileIndex": _FIREFOX_FILE,
                "taskModelRevisionIndex": ("taskName", *_REVISION),
            },
        ),
        "files": Store(
            "id",
            {
                "sha256Index": "sha256",
                "contentIndex": "content",
                "modelFileIndex": ("model", "file"),
                "modelRevisionIndex": _REVISION,
            },
        ),
        "chunks": Store(("content", "index"), {"contentIndex": "content"}),
        "partials": Store("id"),
        "missing": Store("id", {"modelRevisionIndex": _REVISION}),
        "pins": Store((*_REVISION, "root"), {"modelRevisionIndex": _REVISION}),
    },
)

ROWS_LOCK = "rows"
"""Lock of whoever reads rows, changes and writes them back: no engine id and no content gets lost."""
