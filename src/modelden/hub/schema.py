"""The database ``modelFiles``: Firefox's stores, and the bytes beside them.

Firefox's version 7 (ESR 153, ``ModelHub.sys.mjs``) has ``headers``, ``engines`` and ``tasks``, and the bytes in the
origin private file system; up to version 4 it kept them as Blobs in a store ``files``. Ours has both.

The version is Firefox's times 100, plus our own revision of it.
"""

from __future__ import annotations

from modelden.ports import Schema, Store

_FILE = ("model", "revision", "file")
_REVISION = ("model", "revision")

MODEL_FILES = Schema(
    name="modelFiles",
    version=701,
    stores={
        "headers": Store(_FILE, {"modelRevisionIndex": _REVISION}),
        "engines": Store(_FILE, {"modelRevisionIndex": _REVISION}),
        "tasks": Store(
            ("taskName", *_FILE),
            {
                "modelRevisionIndex": _REVISION,
                "modelRevisionFileIndex": _FILE,
                "taskModelRevisionIndex": ("taskName", *_REVISION),
            },
        ),
        "files": Store("id"),
    },
)
