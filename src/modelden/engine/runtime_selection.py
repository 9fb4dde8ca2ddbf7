"""Which WASM runtime runs the model, on which device, and does it belong to the JavaScript in this wheel? Pure.

Within a major the choice is Firefox's (``MLEngineParent.sys.mjs``, ``getWasmArrayBuffer``): exact file name, highest
version. The check is ours: onnxruntime-web given the WASM file of another build does not fail, it hangs.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from modelden.engine.versions import compare, version_key
from modelden.errors import NoRuntime, RuntimeMismatch
from modelden.settings.records import Attachment

if TYPE_CHECKING:
    from modelden.settings.changeset import Record

logger = logging.getLogger(__name__)

COLLECTION = "ml-onnx-runtime"
"""The collection of Remote Settings with the WASM files as attachments."""

WASM, WEBGPU = "wasm", "webgpu"
"""transformers.js' and onnxruntime-web's names of devices."""


class Bundle(NamedTuple):
    """A WASM file and the JavaScript that drives it; a major has one file, or one for each device.

    Attributes:
        major: The runtime's major version.
        bundle: File name of the worker's source.
        name: File name of the WASM file.
        glue: File name of the JavaScript that was made with it.
        sha256: The WASM file's SHA-256 in lower-case hexadecimal.
        onnxruntime: Version of onnxruntime-web.
        transformers: Version of transformers.js.
        devices: What it is there for, by transformers.js' names: ``wasm``, ``webgpu``. All can run on ``wasm``.
    """

    major: int
    bundle: str
    name: str
    glue: str
    sha256: str
    onnxruntime: str
    transformers: str
    devices: tuple[str, ...] = (WASM,)


class RuntimeChoice(NamedTuple):
    """A runtime to use.

    Attributes:
        record: Its record in Remote Settings.
        no_gpu: Why it does not run on the GPU; None if it does, or if nobody asked.
    """

    record: Record
    no_gpu: str | None


def read_bundles(text: str) -> tuple[Bundle, ...]:
    """Return what the build put into the wheel (``_js/assets/runtimes.json``)."""
    return tuple(
        Bundle(
            major=int(major),
            bundle=entry["bundle"],
            name=file["name"],
            glue=file["glue"],
            sha256=file["sha256"],
            onnxruntime=entry["onnxruntime"],
            transformers=entry["transformers"],
            devices=tuple(file["devices"]),
        )
        for major, entry in json.loads(text).items()
        for file in entry["files"]
    )


def requested_device(option: str | None) -> str:
    """Return what an engine's option ``device`` asks for, by transformers.js' names.

    ``auto`` is ``gpu``: where that cannot be had both go on with wasm, and say so.
    """
    return WEBGPU if option in ("gpu", "auto") else WASM


def choose(
    records: Iterable[Record],
    bundles: Sequence[Bundle],
    *,
    major: int | None = None,
    device: str = WASM,
    lack: str | None = None,
) -> RuntimeChoice:
    """Return the runtime to use.

    Of the majors that are offered and known, the highest counts: first among those that are there for the device, and
    among those whose file is the known one. A file that is not stays a choice only where there is no other, to be
    refused by `check_build`. So a file with WebGPU is fetched only where it is wanted and of use, or where none without
    is offered.

    Args:
        records: The collection `COLLECTION`.
        bundles: The JavaScript in this wheel.
        major: The only one that counts, if any.
        device: ``wasm`` or ``webgpu``.
        lack: Why the browser has no WebGPU, if it has none.

    Raises:
        NoRuntime: If no record has a bundle's file name and major version.
    """
    known = [bundle for bundle in bundles if major in (None, bundle.major)]
    listed = list(records)
    offered = [(bundle, record) for bundle in known if (record := _highest(listed, bundle)) is not None]
    if not offered:
        here = _named(known) or f"version {major}, whose JavaScript is not in this modelden either"
        raise NoRuntime(f"Unable to get the ML engine from Remote Settings: {COLLECTION} has no {here}.")

    wanted = WASM if lack else device

    def rank(bundle: Bundle) -> tuple[bool, int]:
        return wanted in bundle.devices, bundle.major

    best, record = max(offered, key=lambda offer: (_is_built_for(offer[1], offer[0]), *rank(offer[0])))
    for bundle, other in offered:
        if rank(bundle) > rank(best):
            logger.warning("The runtime %s %s is not of this modelden: left out.", other["name"], other["version"])
    fitting = _named(bundle for bundle in known if wanted in bundle.devices)
    if wanted == WASM and WASM not in best.devices and fitting:
        logger.warning("Only the large %s is offered: publish %s for all who need no GPU.", best.name, fitting)
    if device == WEBGPU and not lack and (lack := lack_of_gpu(best)) and fitting:
        lack += f", and Remote Settings offer no {fitting} of this modelden's build"
    return RuntimeChoice(record, lack if device == WEBGPU else None)


def lack_of_gpu(bundle: Bundle) -> str | None:
    """Return why a bundle cannot use the GPU, None if it can."""
    return None if WEBGPU in bundle.devices else f"the runtime that is used, {bundle.name}, has no WebGPU"


def find_bundle(record: Record, bundles: Sequence[Bundle]) -> Bundle:
    """Return the bundle that drives a record's file.

    Raises:
        NoRuntime: If there is none; an earlier modelden may have had it.
    """
    for bundle in bundles:
        if _is_for(record, bundle):
            return bundle
    raise NoRuntime(f"No JavaScript for the runtime {record.get('name')} {record.get('version')} is in this modelden.")


def gpu_lost_message(reason: str) -> str:
    """Return why the GPU is not used any more, from what the browser says of its loss."""
    return f"the GPU device was lost: {reason}"


def _named(bundles: Iterable[Bundle]) -> str:
    return " or ".join(f"{bundle.name} of version {bundle.major}" for bundle in bundles)


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


def check_build(record: Record, bundle: Bundle) -> None:
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
