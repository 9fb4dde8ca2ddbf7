"""The lists of a tree's hub, as static files: the promise of hashes by hosts that send no headers of ours.

TREE/hub/modelden.json                                      the hub has lists: ``{"format": 1, "lists": true}``
TREE/hub/api/models/<organization>/<model>/tree/<revision>  the files of a revision, as Hugging Face's hub lists them

nginx, GitHub Pages and S3 have entity tags of their own, which are no hashes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from modelden.host.publish.transaction import Transaction

_FACTS = {"format": 1, "lists": True}


def write_list(files: Transaction, model: str, revision: str, entries: Iterable[Mapping[str, Any]]) -> None:
    """Add the list of a revision, whose files have path, size and sha256.

    Raises:
        OSError: It cannot be written.
    """
    listed = [
        {
            "type": "file",
            "path": entry["path"],
            "size": entry["size"],
            "lfs": {"oid": entry["sha256"], "size": entry["size"]},
        }
        for entry in entries
    ]
    files.write(_path(model, revision), json.dumps(listed, indent=1).encode())
    files.write("hub/modelden.json", json.dumps(_FACTS).encode() + b"\n")


def remove_list(files: Transaction, model: str, revision: str) -> None:
    """Remove the list of a revision."""
    files.remove(_path(model, revision))


def _path(model: str, revision: str) -> str:
    return f"hub/api/models/{model}/tree/{revision}"
