"""The download of one file from a hub.

In the order in which `hub.files` calls them:

- `request`: the request for a file, passed to all steps.
- `auth`: adds the headers of a private hub to its requests.
- `freshness`: asks the hub whether a stored file of a branch is current.
- `manifest_check`: checks stored files against a signed manifest.
- `branch_update`: replaces the changed files of a branch together.
- `preflight`: checks the space for a whole model.
- `downloader`: links equal stored bytes, or transfers the file from the hub or a mirror.
- `claim`: decides to which hub a file of an earlier version belongs.
- `transfer`: sends the requests for a file, and verifies it.
- `resume`: decides which bytes are requested, and interprets the responses.
- `chunk_writer`: hashes and stores the bytes.
- `retry`: decides whether and when a failed request is repeated.
- `validation`: downloads stored files again of which the hub has other bytes, after a load that failed.
"""

from __future__ import annotations

DOWNLOADERS = (
    "hashlib",
    "modelden.hub.store.partials",
    "modelden.hub.store.deletion",
    "modelden.hub.store.quota",
    "modelden.hub.store.writer",
    "modelden.hub.store.compaction",
    "modelden.hub.download.freshness",
    "modelden.hub.download.preflight",
    "modelden.hub.catalog.file_index",
    "modelden.hub.download.chunk_writer",
    "modelden.hub.download.transfer",
    "modelden.hub.download.downloader",
)
"""Modules of a download, imported with the first one: most visits find all files stored."""
