"""Which WASM runtime runs the model, and does it belong to the JavaScript in this wheel? Pure.

The choice is Firefox's (``MLEngineParent.sys.mjs``, ``getWasmArrayBuffer``): exact file name, highest version within
the major. The check is ours: onnxruntime-web given the WASM file of another build does not fail, it hangs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from modelden.engine.versions import compare, version_key
from modelden.errors import NoRuntime, RuntimeMismatch
from modelden.settings.changeset import Record
from modelden.settings.records import Attachment

COLLECTION = "ml-onnx-runtime"
"""The collection of Remote Settings with the WASM files as attachments."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """The JavaScript of one runtime major, as the build put it into the wheel (``_js/assets/runtimes.json``).

    Attributes:
        major: The runtime's major version.
        bundle: File name of the worker's source.
        name: File name of the WASM file that belongs to it.
        sha256: That file's SHA-256 in lower-case hexadecimal.
        onnxruntime: Version of onnxruntime-web.
        transformers: Version of transformers.js.
    """

    major: int
    bundle: str
    name: str
    sha256: str
    onnxruntime: str
    transformers: str

    @classmethod
    def of(cls, major: str, entry: dict[str, Any]) -> Bundle:
        """Read an entry of ``runtimes.json``."""
        return cls(
            major=int(major),
            bundle=entry["bundle"],
            name=entry["name"],
            sha256=entry["sha256"],
            onnxruntime=entry["onnxruntime"],
            transformers=entry["transformers"],
        )


def choose(records: Iterable[Record], bundle: Bundle) -> Record:
    """Return the record of the runtime to use.

    Args:
        records: The collection `COLLECTION`.
        bundle: The JavaScript that will drive it.

    Raises:
        NoRuntime: If no record has the bundle's file name and major version.
    """
    low, high = f"{bundle.major}.0a", f"{bundle.major + 1}.0a"
    found = [
        record
        for record in records
        if record.get("name") == bundle.name
        and isinstance(version := record.get("version"), str)
        and compare(low, version) <= 0 < compare(high, version)
    ]
    if not found:
        raise NoRuntime(
            "Unable to get the ML engine from Remote Settings: "
            f"{COLLECTION} has no {bundle.name} of version {bundle.major}."
        )
    return max(found, key=lambda record: version_key(record["version"]))


def check_fits(record: Record, bundle: Bundle) -> None:
    """Return if the record's WASM file is the one that the bundle was built with.

    Raises:
        InvalidRecord: If the record has no usable attachment.
        RuntimeMismatch: If it is another file.
    """
    digest = Attachment.of(record).hash
    if digest != bundle.sha256:
        raise RuntimeMismatch(
            f"The runtime {record['name']} {record['version']} of Remote Settings (SHA-256 {digest}) is not the one of "
            f"onnxruntime-web {bundle.onnxruntime} (SHA-256 {bundle.sha256}) whose JavaScript is in this modelden. "
            "It would hang, so it was not started: update modelden, or publish the runtime that belongs to it."
        )
