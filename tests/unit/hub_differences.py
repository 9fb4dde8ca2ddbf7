"""Differences of `modelden.ModelHub` from Firefox's, on purpose; `table` is in ``docs/firefox-parity.md``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.unit.parity_lines import parity_line


@dataclass(frozen=True)
class Ours:
    """The fields of a step that differ here.

    Attributes:
        why: The reason.
        requests: The methods of the requests, all for the step's file.
        outcome: The error's class, what is listed, or how many bytes were read.
        told: Progress; of steps side by side a list, or several when their order is not settled.
        rows: The files that are kept, as ``revision/path``.
    """

    why: str
    requests: str | None = None
    outcome: Any = None
    progress: str | list[str] | tuple[list[str], ...] | None = None
    rows: str | None = None


_CANCELLED = "a task that is cancelled before it begins does nothing"
_WHOLE = "bytes and records belong together: a file that lost one of them is fetched again"
_NAMED = "a missing task is refused before any request"
_ONCE = "a request for a file in download waits for that download"
_TOTAL = "progress has no total that the hub did not send"
_GZIP = "the hub sent the compressed size: the total grows with the bytes that arrive"
_JSON = "an empty JSON file is refused"
_REFUSED = "the download of a refused file does not start, so there is no progress"
_REMOVED = "stored files of a denied model are deleted"
_PORT = "a port in the deny list counts for localhost, too"
_TRIES = "408, 425, 429, 5xx and cut connections are tried four times"
_FORMER = "a result of an earlier difference"
_LISTS = "Firefox fails on its own rows"
_EMPTIED = "a database of an earlier version is emptied: none has bytes in this layout"
_LATER = "our version 702 is later than Firefox's 8, which is emptied too"
_ROOM = "space is checked before the first byte"
_NO_FILE = "202 describes the request, and 204 has no body"
_PART = "206 without a request for a part is a file only if Content-Range says that it is whole"
_RESUMED = "a download that was cut continues where it broke off"

_DOWNLOADED = "downloading: initiate size_estimate done"
_CHUNKS = "downloading: initiate size_estimate in_progress done"
_CUT = "downloading: initiate size_estimate done (failed)"
_NOTHING_CAME = "downloading: initiate done (failed)"
_LINKED = "downloading: initiate done"
_CACHED = "loading_from_cache: initiate done"
_TASK_FILES = {
    "files": [{"path": "a.json", "fileSize": 4, "ETag": '"e1"'}, {"path": "b.json", "fileSize": 2, "ETag": '"e2"'}],
    "totalSize": 6,
}
_LENGTHS = [
    {"path": "big.onnx", "fileSize": 3000000, "ETag": '"e1"'},
    {"path": "bigchunked.onnx", "fileSize": 3000000, "ETag": '"e1"'},
    {"path": "biggzip.bin", "fileSize": 1200000, "ETag": '"e1"'},
    {"path": "chunked.json", "fileSize": 300, "ETag": '"e1"'},
    {"path": "gzip.json", "fileSize": 1000, "ETag": '"e1"'},
]
_BIG = "v1.0/big.onnx v1.0/bigchunked.onnx"

DIFFERENCES: dict[tuple[str, int], Ours] = {
    ("hub_abort", 1): Ours(_CANCELLED, progress=""),
    ("hub_abort", 3): Ours(_WHOLE, "GET", "3000000 bytes", _CHUNKS, "v1.0/big2.onnx"),
    ("hub_abort", 4): Ours(_FORMER, rows="v1.0/big2.onnx v1.0/small.json"),
    ("hub_abort", 5): Ours(_CANCELLED, "", progress="", rows="v1.0/big2.onnx v1.0/small.json"),
    ("hub_cold_no_task_or_engine", 2): Ours(_NAMED, "", progress="", rows="v1.0/config.json"),
    ("hub_cold_no_task_or_engine", 3): Ours(_NAMED, progress="", rows="v1.0/config.json"),
    ("hub_cold_no_task_or_engine", 4): Ours(_NAMED, "", progress="", rows="v1.0/config.json"),
    ("hub_concurrent", 1): Ours(_ONCE, "GET", progress=([_DOWNLOADED, _LINKED], [_LINKED, _DOWNLOADED])),
    ("hub_concurrent", 6): Ours(_ONCE, "GET HEAD HEAD", progress=([_DOWNLOADED, _LINKED], [_LINKED, _DOWNLOADED])),
    ("hub_content_length", 1): Ours(_TOTAL, progress=_DOWNLOADED),
    ("hub_content_length", 3): Ours(_JSON, None, "IntegrityError", _NOTHING_CAME, "v1.0/chunked.json v1.0/gzip.json"),
    ("hub_content_length", 4): Ours(_FORMER, rows="v1.0/big.onnx v1.0/chunked.json v1.0/gzip.json"),
    ("hub_content_length", 5): Ours(_TOTAL, progress=_CHUNKS, rows=f"{_BIG} v1.0/chunked.json v1.0/gzip.json"),
    ("hub_content_length", 6): Ours(
        _GZIP, progress=_CHUNKS, rows=f"{_BIG} v1.0/biggzip.bin v1.0/chunked.json v1.0/gzip.json"
    ),
    ("hub_content_length", 7): Ours(
        _JSON, "GET", "IntegrityError", _NOTHING_CAME, f"{_BIG} v1.0/biggzip.bin v1.0/chunked.json v1.0/gzip.json"
    ),
    ("hub_content_length", 8): Ours(
        _FORMER,
        outcome={"files": _LENGTHS, "totalSize": 7201300},
        rows=f"{_BIG} v1.0/biggzip.bin v1.0/chunked.json v1.0/gzip.json",
    ),
    ("hub_deny_cold", 2): Ours(_REFUSED, progress=""),
    ("hub_deny_warm", 5): Ours(_REMOVED, rows="main/config.json"),
    ("hub_deny_warm", 6): Ours(_REMOVED, rows="main/config.json"),
    ("hub_deny_warm", 7): Ours(_REMOVED, rows=""),
    ("hub_deny_warm", 8): Ours(_REMOVED, outcome=[], rows=""),
    ("hub_deny_warm", 9): Ours(_REMOVED, "GET", progress=_DOWNLOADED, rows="v1.0/config.json"),
    **{("hub_disallowed_host", step): Ours(_REFUSED, progress="") for step in (1, 4)},
    **{("hub_disallowed_host", step): Ours(f"{_REFUSED}; {_REMOVED}", progress="", rows="") for step in (10, 11)},
    ("hub_disallowed_host", 8): Ours(_PORT, "", "ForbiddenURL", "", ""),
    ("hub_get_etag", 6): Ours("without time for an answer there is no request", ""),
    ("hub_http_500", 1): Ours(_TRIES, "GET GET GET GET"),
    ("hub_http_500", 2): Ours(_TRIES, "HEAD GET GET GET GET"),
    ("hub_http_500", 5): Ours("204 is no file", None, "HttpError", _NOTHING_CAME, "v1.0/config.json"),
    ("hub_inconsistent_store", 6): Ours(_WHOLE, "GET", "5 bytes", _DOWNLOADED, "main/config.json v1.0/config.json"),
    ("hub_inconsistent_store", 7): Ours(_FORMER, rows="main/config.json v1.0/config.json"),
    ("hub_inconsistent_store", 8): Ours(
        _WHOLE, "HEAD GET", progress=_DOWNLOADED, rows="main/config.json v1.0/config.json"
    ),
    ("hub_inconsistent_store", 9): Ours(_WHOLE, outcome="5 bytes", rows="main/config.json v1.0/config.json"),
    ("hub_inconsistent_store", 10): Ours(_FORMER, rows="main/config.json v1.0/config.json"),
    ("hub_inconsistent_store", 11): Ours(
        _WHOLE, "GET", "4 bytes", _DOWNLOADED, "main/config.json v1.0/config.json v1.0/planted.json"
    ),
    ("hub_list_files", 6): Ours(_LISTS, outcome=_TASK_FILES),
    ("hub_list_files", 16): Ours(_LISTS, outcome={"files": [], "totalSize": 0}),
    ("hub_list_files", 17): Ours(_LISTS, outcome=_TASK_FILES),
    ("hub_list_files_empty_db", 3): Ours("`m` is no name with a host name", outcome="InputError"),
    ("hub_migration_6_to_7", 3): Ours(_EMPTIED, outcome=[], rows=""),
    ("hub_migration_6_to_7", 4): Ours(_EMPTIED, "GET", "5 bytes", _DOWNLOADED, "v1.0/config.json"),
    ("hub_migration_8_to_7", 2): Ours(_LATER, outcome=[]),
    ("hub_migration_8_to_7", 3): Ours(_LATER, "GET", "5 bytes", _DOWNLOADED),
    ("hub_quota_exceeded", 1): Ours(_ROOM, progress=_NOTHING_CAME),
    ("hub_quota_exceeded", 2): Ours(_ROOM, "GET", "CacheSizeExceeded", _NOTHING_CAME, ""),
    ("hub_quota_exceeded", 3): Ours(_ROOM, progress=_NOTHING_CAME, rows=""),
    ("hub_quota_exceeded", 4): Ours(_ROOM, progress=_NOTHING_CAME, rows=""),
    ("hub_quota_exceeded", 5): Ours(_FORMER, rows=""),
    ("hub_quota_exceeded", 6): Ours(_WHOLE, "GET", "5 bytes", _DOWNLOADED, "v1.0/config.json"),
    ("hub_quota_exceeded", 7): Ours(_ROOM, None, "5 bytes", _DOWNLOADED, "main/config.json v1.0/config.json"),
    ("hub_quota_exceeded", 9): Ours(_FORMER, "HEAD", progress=_CACHED, rows="main/config.json v1.0/config.json"),
    ("hub_quota_exceeded", 10): Ours(_WHOLE, outcome="5 bytes", rows="main/config.json v1.0/config.json"),
    **{
        ("hub_statuses", step): Ours(why, None, "HttpError", _NOTHING_CAME, f"v1.0/s201.json{stored}")
        for step, why, stored in (
            (2, _NO_FILE, ""),
            (4, _NO_FILE, " v1.0/s203.json"),
            (5, _PART, " v1.0/s203.json"),
            (11, _PART, " v1.0/s203.json"),
        )
    },
    ("hub_truncated_large_ranges", 1): Ours(_RESUMED, "HEAD GET GET GET", "3000000 bytes", _CHUNKS, "main/m.onnx"),
    ("hub_truncated_large_ranges", 2): Ours(_FORMER, "HEAD", progress=_CACHED),
    ("hub_truncated_main", 1): Ours(_TRIES, "HEAD GET GET GET GET", progress=_CUT),
    ("hub_truncated_main", 2): Ours("progress begins with the stored part of the cut file", progress=_DOWNLOADED),
    ("hub_truncated_pinned", 1): Ours(_TRIES, "GET GET GET GET", progress=_CUT),
    ("hub_truncated_pinned", 2): Ours(_WHOLE, "GET", "1000 bytes", _DOWNLOADED, "v1.0/config.json"),
    ("hub_truncated_pinned", 3): Ours(_WHOLE, outcome="1000 bytes", rows="v1.0/config.json"),
    ("hub_truncated_pinned", 5): Ours(_WHOLE, outcome="1000 bytes", rows="v1.0/config.json"),
    ("hub_truncated_pinned", 6): Ours(_FORMER, rows="v1.0/config.json"),
    ("hub_truncated_pinned", 7): Ours(
        _FORMER,
        outcome={"files": [{"path": "config.json", "fileSize": 1000, "ETag": '"e1"'}], "totalSize": 1000},
        rows="v1.0/config.json",
    ),
    ("hub_warm_pinned", 12): Ours(_NAMED, progress=""),
}


NOT_STORED: dict[str, dict[int, str]] = {
    "hub_statuses": {2: "s202.json", 4: "s204.json", 5: "s206.json", 11: "s206cr.json"},
}
"""Files that a step does not store here, by recording and step. The rows of later steps are compared without them."""


def line(name: str, steps: int) -> str:
    """A recording's line in the documentation."""
    return parity_line(name, steps, {step: ours.why for (each, step), ours in DIFFERENCES.items() if each == name})
