"""A progress event as one short line. Pure."""

from __future__ import annotations

from modelden.core.units import format_size

NAME_LENGTH = 60
"""Longest name in a line, in characters; a longer one is cut at its beginning."""


def describe_step(
    operation: str,
    name: str,
    status: str,
    progress: float | None,
    *,
    ok: bool,
    loaded: int | None,
    total: int | None,
) -> str:
    """Return operation, object and state of an event: ``downloading model.onnx: 2.1 of 23.0 MB (9 %)``.

    Args:
        operation: `modelden.ProgressEvent.type`.
        name: File, URL, collection or engine.
        status: `modelden.ProgressEvent.status_text`.
        progress: Per cent, if known.
        ok: False after a failure.
        loaded: Bytes so far, if the operation has bytes.
        total: Bytes in total, if known.
    """
    if status == "done":
        state = "done" if ok else "failed"
    elif loaded is None:
        state = "started" if status == "initiate" else status.replace("_", " ")
    else:
        state = byte_count(loaded, total) + ("" if progress is None else f" ({progress:.0f} %)")
    return f"{operation.replace('_', ' ')} {short_name(name)}: {state}"


def short_name(name: str) -> str:
    """Return the end of a file's path or of a URL, on one line."""
    if "://" in name:
        name = name.partition("?")[0].rpartition("/")[2]
    line = " ".join(name.split())
    return line if len(line) <= NAME_LENGTH else f"…{line[1 - NAME_LENGTH :]}"


def byte_count(loaded: int, total: int | None) -> str:
    """Return bytes so far, of the bytes in total if they are known."""
    size = format_size(loaded)
    if not total:
        return size
    number, unit = size.split()
    whole = format_size(total)
    return f"{number if whole.endswith(f' {unit}') else size} of {whole}"
