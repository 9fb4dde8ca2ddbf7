"""The database ``remote-settings``, as Firefox has it (``services/settings/IDBHelpers.sys.mjs``, version 3)."""

from __future__ import annotations

from modelden.ports import Schema, Store

REMOTE_SETTINGS = Schema(
    name="remote-settings",
    version=3,
    stores={
        "records": Store(("_cid", "id"), {"cid": "_cid", "last_modified": ("_cid", "last_modified")}),
        "timestamps": Store("cid"),
        "collections": Store("cid"),
        "attachments": Store(("cid", "attachmentId")),
    },
)
