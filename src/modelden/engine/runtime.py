"""Which WASM runtime runs the model, and does it belong to the JavaScript in this wheel? Pure.

Within a major the choice is Firefox's (``MLEngineParent.sys.mjs``, ``getWasmArrayBuffer``): exact file name, highest
version. The check is ours: onnxruntime-web given the WASM file of another build does not fail, it hangs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from modelden.engine.versions import compare, version_key
from modelden.errors import NoRuntime, RuntimeMismatch
from modelden.settings.changeset import Record
from modelden.settings.records import Attachment

logger = logging.getLogger(__name__)

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
        devices: What it can run on, by transformers.js' names: ``wasm``, ``webgpu``.
    """

    major: int
    bundle: str
    name: str
    sha256: str
    onnxruntime: str
    transformers: str
    devices: tuple[str, ...] = ("wasm",)

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
            devices=tuple(entry["devices"]),
        )


def choose(
    records: Iterable[Record], bundles: Sequence[Bundle], *, major: int | None = None, device: str = "wasm"
) -> Record:
    """Return the record of the runtime to use.

    Of the majors that are offered and known, the highest counts: first among those that can run on the device, and
    among those whose file is the known one. A file that is not stays a choice only where there is no other, to be
    refused by `check_fits`.

    Args:
        records: The collection `COLLECTION`.
        bundles: The JavaScript in this wheel.
        major: The only one that counts, if any.
        device: ``wasm`` or ``webgpu``.

    Raises:
        NoRuntime: If no record has a bundle's file name and major version.
    """
    known = [bundle for bundle in bundles if major in (None, bundle.major)]
    listed = list(records)
    offered = [(bundle, record) for bundle in known if (record := _highest(listed, bundle)) is not None]
    if not offered:
        wanted = " or ".join(f"{bundle.name} of version {bundle.major}" for bundle in known)
        here = wanted or f"version {major}, whose JavaScript is not in this modelden either"
        raise NoRuntime(f"Unable to get the ML engine from Remote Settings: {COLLECTION} has no {here}.")

    def rank(offer: tuple[Bundle, Record]) -> tuple[bool, bool, int]:
        bundle, record = offer
        return _is_built_for(record, bundle), device in bundle.devices, bundle.major

    best, record = max(offered, key=rank)
    for bundle, other in offered:
        if bundle.major > best.major and not _is_built_for(other, bundle):
            logger.warning("The runtime %s %s is not of this modelden: left out.", other["name"], other["version"])
    return record


def bundle_of(record: Record, bundles: Sequence[Bundle]) -> Bundle:
    """Return the bundle that drives a record's file.

    Raises:
        NoRuntime: If there is none; an earlier modelden may have had it.
    """
    for bundle in bundles:
        if _is_for(record, bundle):
            return bundle
    raise NoRuntime(f"No JavaScript for the runtime {record.get('name')} {record.get('version')} is in this modelden.")


def _highest(records: Iterable[Record], bundle: Bundle) -> Record | None:
    found = [record for record in records if _is_for(record, bundle)]
    return max(found, key=lambda record: version_key(record["version"]), default=None)


def _is_for(record: Record, bundle: Bundle) -> bool:
    version = record.get("version")
    if record.get("name") != bundle.name or not isinstance(version, str):
        return False
    return compare(f"{bundle.major}.0a", version) <= 0 < compare(f"{bundle.major + 1}.0a", version)


def _is_built_for(record: Record, bundle: Bundle) -> bool:
    attachment = record.get("attachment")
    return isinstance(attachment, dict) and attachment.get("hash") == bundle.sha256


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
