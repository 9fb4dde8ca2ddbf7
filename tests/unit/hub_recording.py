"""Recordings of Firefox's hub, in a form that can be compared."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tests.onnx_bodies import onnx_body
from tests.replay import load_truth
from tests.replay_hub import body_of

type Json = dict[str, Any]

_ERRORS = (
    ("AbortError", "CancelledError"),
    ("Forbidden URL", "ForbiddenURL"),
    ("HTTP error! Status: 404", "FileNotFoundOnHub"),
    ("HTTP error! Status: 451", "AccessDenied"),
    ("HTTP error! Status: ", "HttpError"),
    ("Error in input stream", "DownloadInterrupted"),
    ("NetworkError when attempting", "NetworkError"),
    ("Exceeding cache size limit", "CacheSizeExceeded"),
    ("Both model and revision must be defined", "InputError"),
    ("Invalid query configuration", "InputError"),
    ("are required.", "InputError"),
    ("Data provided to an operation", "InputError"),
)
"""Our classes by what Firefox's errors say; others are mistakes of it."""

_UNCHANGED = "as after the previous dump"

_EVENT_NAMES = {"statusText": "status_text", "totalLoaded": "total_loaded", "currentLoaded": "current_loaded"}


def with_real_formats(truth: Json) -> Json:
    """The recording with JSON and ONNX models of the same sizes in the files of these names: Firefox takes anything."""
    replaced: dict[str, str] = {}
    for path, resource in _resources(truth):
        body = body_of(resource["body"]) if "body" in resource else b""
        if path.endswith(".json") and body and not _is_json(body):
            other = _json_like(body)
            replaced[hashlib.sha256(body).hexdigest()] = hashlib.sha256(other).hexdigest()
            resource["body"] = {"text": other.decode()}
        if path.endswith(".onnx") and len(body) > 10:
            other = onnx_body(len(body))
            replaced[hashlib.sha256(body).hexdigest()] = hashlib.sha256(other).hexdigest()
            resource["body"] = {"onnx": len(body)}
    text = json.dumps(truth)
    for old, new in replaced.items():
        text = text.replace(old, new)
    patched: Json = json.loads(text)
    return patched


def _json_like(body: bytes) -> bytes:
    """JSON of the same size: an object with spaces of its own; a number for one letter, so that it compresses alike."""
    if len(set(body)) == 1:
        return str(1 + body[0] % 9).encode() * len(body)
    spaces = b" \t\n\r"
    rest = bytes([spaces[body[0] % 4]]) * (len(body) - 3) + bytes([spaces[body[0] // 4 % 4]])
    return b"{" + rest[: len(body) - 2] + b"}"


def firefox_row(row: Json) -> Json:
    """A row without the hub's root, which Firefox does not have."""
    return {name: value for name, value in row.items() if name != "root"}


def recording(name: str) -> Json:
    """A recording of the hub, ready to be replayed."""
    truth = with_real_formats(load_truth(name))
    _carry_dumps(truth["steps"])
    return truth


def _carry_dumps(steps: list[Json]) -> None:
    """Give each step the dump that its recording says is the same as the previous one."""
    last: Json = {}
    for step in steps:
        if step.get("storage") == _UNCHANGED:
            step["storage"] = last
        last = step.get("storage") or last


def _resources(truth: Json) -> list[tuple[str, Json]]:
    states = [truth["server_initial"], *(step.get("server_patch", {}) for step in truth["steps"])]
    found = [state.get("hub", {}).get("resources", {}) for state in states]
    return [(path, each) for resources in found for path, each in resources.items() if isinstance(each, dict)]


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def requests(step: Json) -> list[str]:
    """The requests to the hub; those that were made side by side are in the order of the alphabet."""
    asked = step["http"] if "http" in step else step["http_unordered"]
    return [f"{each['method']} {each['path']}" for each in asked if each["server"] == "hub"]


def outcome(step: Json) -> Any:
    """The outcome of a step: an error's class, or the part of the result that can be the same."""
    result = step["outcome"]
    if "threw" in result:
        text = f"{result['threw']['name']} {result['threw']['message']}"
        return next((ours for theirs, ours in _ERRORS if theirs in text), f"a mistake of Firefox: {text}")
    return _value(result["returned"])


def _value(value: Any) -> Any:
    match value:
        case [data, dict() as headers] if "fileSize" in headers:
            return _read(data, list(headers))
        case {"$Response": {"headers": _, **rest}}:
            return {name: rest[name] for name in ("size", "sha256") if name in rest}
        case {"files": files, "metadata": metadata}:
            listed = [{"path": f["path"], **{n: f["headers"][n] for n in ("fileSize", "ETag")}} for f in files]
            return {"files": listed, "totalSize": metadata["totalSize"]}
        case {"$js": "undefined"} | {"rootUrl": _} | {"status": "success"}:
            return None
        case [{"outcome": _}, *_]:
            return [{"outcome": outcome(each), "events": events(each["events"])} for each in value]
    return value


def _read(data: Any, headers: list[str]) -> Json:
    found: Json = {} if isinstance(data, str) else next(iter(data.values()))
    kept: Json = {name: found[name] for name in ("size", "sha256") if name in found}
    return {**kept, "headers": [name for name in headers if name not in ("lastUpdated", "lastUsed")]}


def events(recorded: list[Json]) -> list[Json]:
    """Firefox's events by our names; several chunks of a file are one."""
    return [{_EVENT_NAMES.get(name, name): value for name, value in event.items()} for event in recorded]


def folded(events: list[Json], recorded: list[Json]) -> list[Json]:
    """Our events, the chunks of a file as one where the recording has them so."""
    chunks = [event for event in events if event["total_loaded"] is not None]
    if not chunks or not any("chunk_group" in event for event in recorded):
        return events
    return [events[0], _group(chunks, next(each for each in recorded if "chunk_group" in each)), events[-1]]


def _group(chunks: list[Json], recorded: Json) -> Json:
    loaded = [each["total_loaded"] for each in chunks]
    totals = [each["total"] for each in chunks]
    last = chunks[-1]
    found = {
        "chunk_group": True,
        "id": last["id"],
        "type": last["type"],
        "metadata": last["metadata"],
        "first_statusText": chunks[0]["status_text"],
        "rest_statusText": recorded["rest_statusText"] and sorted({each["status_text"] for each in chunks[1:]}),
        "ok": sorted({each["ok"] for each in chunks}),
        "units": last["units"],
        "totalLoaded_strictly_increases": loaded == sorted(set(loaded)),
        "first_totalLoaded_is_currentLoaded": loaded[0] == chunks[0]["current_loaded"],
        "sum_currentLoaded": sum(each["current_loaded"] for each in chunks),
        "total_never_decreases": None in totals or totals == sorted(totals),
        "total_constant": len(set(totals)) == 1,
        "last": {theirs: last[_EVENT_NAMES.get(theirs, theirs)] for theirs in recorded["last"]},
    }
    # What varies from run to run is marked.
    varying = {name: value for name, value in recorded.items() if name.startswith("~")}
    return {name: value for name, value in found.items() if name in recorded} | varying


def rows(step: Json) -> dict[str, list[Json]]:
    """The rows that Firefox stored, without those of models without a host name, which are a mistake of it."""
    stored = step.get("storage")
    if not isinstance(stored, dict):
        return {}
    database = stored["indexedDB"]
    if database and database["version"] != _VERSION:
        return {}
    stores = database["stores"] if database else {}
    found = {
        store: [record["value"] for record in stores[store]["records"]] if stores else []
        for store in ("headers", "tasks", "engines")
    }
    return {
        store: [without_times(row) for row in each if row["model"].count("/") == _SLASHES]
        for store, each in found.items()
    }


_VERSION = 7
"""Of Firefox's database; recordings of migrations begin with another one."""

_SLASHES = 2
"""In ``hostname/organization/name``."""


def without_times(row: Json) -> Json:
    """A row without what depends on the time, or on an engine that is null."""
    headers = row.get("headers")
    if "engineIds" in row:
        row = row | {"engineIds": [each for each in row["engineIds"] if each is not None]}
    return row | {"headers": {**headers, "lastUpdated": 0, "lastUsed": 0}} if headers else row
