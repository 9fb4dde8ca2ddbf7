"""Runtime selection: the WASM file and the device for a model, and the JavaScript in this wheel that drives it. Pure.

Within a major version the selection is Firefox's (``MLEngineParent.sys.mjs``, ``getWasmArrayBuffer``): exact file name,
highest version. Versions are compared as Mozilla does (``nsIVersionComparator``, "Toolkit version format"). The check
of the build is ours: onnxruntime-web does not fail with the WASM file of another build, it hangs.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cmp_to_key, lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

from modelden.errors import NoRuntime, RuntimeMismatch
from modelden.settings.records import Attachment

if TYPE_CHECKING:
    from modelden.settings.changeset import Record

logger = logging.getLogger(__name__)

COLLECTION = "ml-onnx-runtime"
"""The collection of Remote Settings with the WASM files as attachments."""

WASM, WEBGPU, WEBNN = "wasm", "webgpu", "webnn"
"""The names of devices in transformers.js and onnxruntime-web; `WEBNN` has variants such as ``webnn-gpu``."""

_PART = re.compile(r"(?P<a>-?\d*)(?P<b>[^\d+-]*)(?P<c>-?\d*)(?P<d>.*)", re.DOTALL)


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
        devices: The devices that it was built for: ``wasm``, ``webgpu``. Every file can run on ``wasm``.
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
    """A runtime that was selected.

    Attributes:
        record: Its record in Remote Settings.
        no_gpu_reason: Why it does not run on the GPU; None if it does, or if the device is not ``webgpu``.
    """

    record: Record
    no_gpu_reason: str | None


def read_bundles(text: str) -> tuple[Bundle, ...]:
    """Read the list of bundles that the build put into the wheel (``_js/assets/runtimes.json``)."""
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


def requested_devices(option: str | Mapping[str, str] | None) -> str | dict[str, str]:
    """Return the device for an engine's option ``device``, or that of each part, by transformers.js' names.

    ``auto`` means ``gpu``: without a usable GPU both go on with wasm, and `Engine.info` has the reason.
    """
    if isinstance(option, Mapping):
        return {part: _device(each) for part, each in option.items()}
    return _device(option)


def requested_device(option: str | Mapping[str, str] | None) -> str:
    """Return the device that the runtime is for: ``webgpu`` if a part asks for it, else ``webnn``, else ``wasm``."""
    parts = option.values() if isinstance(option, Mapping) else (option,)
    devices = {_device(each).partition("-")[0] for each in parts}
    return next((device for device in (WEBGPU, WEBNN) if device in devices), WASM)


def _device(option: str | None) -> str:
    if option in ("gpu", "auto", WEBGPU):
        return WEBGPU
    return option if option and option.startswith(WEBNN) else WASM


def choose(
    records: Iterable[Record],
    bundles: Sequence[Bundle],
    *,
    major: int | None = None,
    device: str = WASM,
    no_gpu_reason: str | None = None,
) -> RuntimeChoice:
    """Return the runtime to use.

    The highest major version counts among those that have both a record and a bundle. Files that were built for the
    device come before others, and files of this wheel's build before those of another build. A file of another build is
    selected only where there is no other, for `check_build` to refuse. So the file with WebGPU is fetched only where it
    is requested and usable, or where there is no file without.

    Args:
        records: The collection `COLLECTION`.
        bundles: The JavaScript in this wheel.
        major: The only major version that counts, if any.
        device: ``wasm``, ``webgpu``, or ``webnn``, which onnxruntime-web builds into the same files as WebGPU.
        no_gpu_reason: Why the browser has no WebGPU; None if it has.

    Raises:
        NoRuntime: If no record has a bundle's file name and major version.
    """
    supported = [bundle for bundle in bundles if major in (None, bundle.major)]
    records = list(records)
    offers = [(bundle, record) for bundle in supported if (record := _newest(records, bundle)) is not None]
    if not offers:
        names = _names(supported) or f"version {major}, whose JavaScript is not in this modelden either"
        raise NoRuntime(f"Unable to get the ML engine from Remote Settings: {COLLECTION} has no {names}.")

    usable = WEBGPU if device == WEBNN else WASM if no_gpu_reason else device

    def rank(bundle: Bundle) -> tuple[bool, int]:
        return usable in bundle.devices, bundle.major

    best, record = max(offers, key=lambda offer: (_is_built_for(offer[1], offer[0]), *rank(offer[0])))
    for bundle, other in offers:
        if rank(bundle) > rank(best):
            logger.warning("The runtime %s %s is not of this modelden: left out.", other["name"], other["version"])
    fitting = _names(bundle for bundle in supported if usable in bundle.devices)
    if usable == WASM and WASM not in best.devices and fitting:
        logger.warning("Only the large %s is offered: publish %s for all who need no GPU.", best.name, fitting)
    if device != WEBGPU:
        return RuntimeChoice(record, None)
    if not no_gpu_reason and (no_gpu_reason := bundle_no_gpu_reason(best)) and fitting:
        no_gpu_reason += f", and Remote Settings offer no {fitting} of this modelden's build"
    return RuntimeChoice(record, no_gpu_reason)


def bundle_no_gpu_reason(bundle: Bundle) -> str | None:
    """Return why a bundle cannot use the GPU; None if it can."""
    return None if WEBGPU in bundle.devices else f"the runtime that is used, {bundle.name}, has no WebGPU"


def find_bundle(record: Record, bundles: Sequence[Bundle]) -> Bundle:
    """Return the bundle that drives a record's file, which has to be of the same build.

    Raises:
        NoRuntime: If there is none; an earlier modelden may have had it.
        InvalidRecord: If the record has no usable attachment.
        RuntimeMismatch: If it is the file of another build.
    """
    for bundle in bundles:
        if _matches(record, bundle):
            check_build(record, bundle)
            return bundle
    raise NoRuntime(f"No JavaScript for the runtime {record.get('name')} {record.get('version')} is in this modelden.")


def gpu_lost_message(reason: str) -> str:
    """Return why the GPU is not used any more, from the browser's reason for its loss."""
    return f"the GPU device was lost: {reason}"


def _names(bundles: Iterable[Bundle]) -> str:
    return " or ".join(f"{bundle.name} of version {bundle.major}" for bundle in bundles)


def _newest(records: Iterable[Record], bundle: Bundle) -> Record | None:
    matching = [record for record in records if _matches(record, bundle)]
    return max(matching, key=lambda record: version_key(record["version"]), default=None)


def _matches(record: Record, bundle: Bundle) -> bool:
    version = record.get("version")
    if record.get("name") != bundle.name or not isinstance(version, str):
        return False
    return compare_versions(f"{bundle.major}.0a", version) <= 0 < compare_versions(f"{bundle.major + 1}.0a", version)


def _is_built_for(record: Record, bundle: Bundle) -> bool:
    attachment = record.get("attachment")
    return isinstance(attachment, dict) and attachment.get("hash") == bundle.sha256


def check_build(record: Record, bundle: Bundle) -> None:
    """Return if the record's WASM file is the one that the bundle was built with.

    Raises:
        InvalidRecord: If the record has no usable attachment.
        RuntimeMismatch: If it is the file of another build.
    """
    digest = Attachment.of(record).hash
    if digest != bundle.sha256:
        raise RuntimeMismatch(
            f"The runtime {record['name']} {record['version']} of Remote Settings (SHA-256 {digest}) is not the one of "
            f"onnxruntime-web {bundle.onnxruntime} (SHA-256 {bundle.sha256}) whose JavaScript is in this modelden. "
            "It would hang, so it was not started: update modelden, or publish the runtime that belongs to it."
        )


@lru_cache(64)
def compare_versions(left: str, right: str) -> int:
    """Return a negative number if ``left`` is older, 0 if both are equal, a positive one if it is newer.

    Versions are parts between dots; each part is number, text, number, text. A part without text is newer than one with
    text, so that ``5.0a`` comes before ``5.0``. Missing numbers are 0, ``1.0+`` is ``1.1pre``, and ``*`` is newer than
    every number.
    """
    for one, other in zip_longest(left.split("."), right.split("."), fillvalue=""):
        order = _compare_parts(_parse(one), _parse(other))
        if order:
            return order
    return 0


version_key = cmp_to_key(compare_versions)
"""Key function that sorts versions from old to new."""


def _parse(part: str) -> tuple[float, str, float, str]:
    if part == "*":
        return float("inf"), "", 0, ""
    match = _PART.fullmatch(part)
    if match is None:  # every string matches
        raise AssertionError(part)
    number, text, second, rest = match.group("a", "b", "c", "d")
    first = _integer(number)
    if not text and rest.startswith("+"):
        return first + 1, "pre", 0, ""
    return first, text, _integer(second), rest


def _integer(text: str) -> float:
    return int(text) if text.strip("-") else 0


def _compare_parts(left: tuple[Any, ...], right: tuple[Any, ...]) -> int:
    for one, other in zip(left, right, strict=True):
        if one == other:
            continue
        if isinstance(one, str) and (not one or not other):
            return 1 if not one else -1
        return 1 if one > other else -1
    return 0
