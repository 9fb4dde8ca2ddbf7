"""Raises transformers.js 4 and the onnxruntime-web that it pins, which make runtime 6, and says what changed.

    python tools/raise_transformers.py            # to the newest 4.x
    python tools/raise_transformers.py 4.3.2

It changes ``package.json``, ``package-lock.json`` and ``tools/bundle.mjs``, installs, and builds the workers: the build
fails where a place in their code that it rewrites is not as it was. The report compares versions, WASM files, sizes,
tasks and exported names. A WASM file that changed has to be published (``modelden runtime publish``).
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "node_modules/transformers-6"
ASSETS = ROOT / "src/modelden/_js/assets"
NAME, MAJOR = "@huggingface/transformers", 4

_FOLLOWED = ("src/pipelines/*.js", "src/generation/*.js", "src/models/modeling_utils.js", "src/cache_utils.js")

_ALIAS = re.compile(rf'("transformers-6": "npm:{NAME}@\^)[^"]+(")')
_VERSIONS = re.compile(r'(?<=packages: \{ transformers: "transformers-6").*?versions: (?P<pair>\{[^}]*\})', re.DOTALL)
_TASK = re.compile(r"^    '?([\w-]+)'?: \{$", re.MULTILINE)
_EXPORTS = re.compile(r"^export \{\n(.*?)\n\};", re.MULTILINE | re.DOTALL)


class Facts(NamedTuple):
    """The facts of an installed transformers.js.

    Attributes:
        values: What has one value, by name: versions, sizes, hashes.
        tasks: Names of pipelines.
        exports: Names that it exports.
        sources: SHA-256 of the sources that modelden follows, by path: ``engine/run_arguments.py`` has the options of
            each pipeline, and chats rely on ``generate``.
    """

    values: Mapping[str, str]
    tasks: frozenset[str]
    exports: frozenset[str]
    sources: Mapping[str, str] = MappingProxyType({})


def read_facts(package: Path, assets: Path) -> Facts:
    """Read the facts of a package, and of the workers that were built with it."""
    web = package / "node_modules/onnxruntime-web"
    values = {
        "transformers.js": _version(package),
        "onnxruntime-web": _version(web),
        **{f"pinned {name}": pin for name, pin in sorted(_json(package)["dependencies"].items()) if "onnx" not in name},
    }
    for file in sorted(web.glob("dist/ort-wasm-simd-threaded*.wasm")):
        data = file.read_bytes()
        values[file.name] = f"{len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}"
    for bundle in sorted(assets.glob("engine-6.js")):
        values[bundle.name] = f"{bundle.stat().st_size} bytes"
    index = (package / "src/pipelines/index.js").read_text("utf-8")
    tasks = index.partition("SUPPORTED_TASKS = ")[2].partition("\n});")[0]
    exports = _EXPORTS.search((package / "dist/transformers.web.js").read_text("utf-8"))
    names = exports[1].split(",\n") if exports else []
    sources = {
        path.relative_to(package).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for pattern in _FOLLOWED
        for path in package.glob(pattern)
    }
    exported = frozenset(name.rpartition(" ")[2] for name in names)
    return Facts(values, frozenset(_TASK.findall(tasks)), exported, sources)


def changes(before: Facts, after: Facts) -> Iterator[str]:
    """Return the lines of the report; none if nothing changed."""
    for name in sorted({*before.values, *after.values}):
        old, new = before.values.get(name, "none"), after.values.get(name, "none")
        if old != new:
            yield f"{name}: {old} -> {new}"
    for kind, old_names, new_names in (
        ("task", before.tasks, after.tasks),
        ("export", before.exports, after.exports),
    ):
        yield from (f"new {kind}: {name}" for name in sorted(new_names - old_names))
        yield from (f"{kind} removed: {name}" for name in sorted(old_names - new_names))
    for path in sorted({*before.sources, *after.sources}):
        if before.sources.get(path) != after.sources.get(path):
            yield f"changed source: {path}"


def with_alias(package_json: str, version: str) -> str:
    """Return ``package.json`` with a version of transformers.js 4."""
    return _replaced(_ALIAS, package_json, rf"\g<1>{version}\g<2>", "package.json")


def with_versions(bundler: str, transformers: str, onnxruntime: str) -> str:
    """Return ``tools/bundle.mjs`` with the versions that runtime 6 is built of."""
    found = _VERSIONS.search(bundler)
    if found is None:
        raise SystemExit("tools/bundle.mjs does not name the versions of runtime 6 where this command expects them.")
    begin, end = found.span("pair")
    return f'{bundler[:begin]}{{ transformers: "{transformers}", onnxruntime: "{onnxruntime}" }}{bundler[end:]}'


def main(arguments: list[str]) -> None:
    """Raise to a version, or to the newest."""
    before = read_facts(PACKAGE, ASSETS)
    version = arguments[0] if arguments else newest()
    if version.partition(".")[0] != str(MAJOR):
        raise SystemExit(f"expected a version {MAJOR}.x of {NAME}, got {version}")
    onnxruntime = json.loads(_npm("view", f"{NAME}@{version}", "dependencies", "--json"))["onnxruntime-web"]
    for path, text in (
        (ROOT / "package.json", with_alias((ROOT / "package.json").read_text("utf-8"), version)),
        (
            ROOT / "tools/bundle.mjs",
            with_versions((ROOT / "tools/bundle.mjs").read_text("utf-8"), version, onnxruntime),
        ),
    ):
        path.write_text(text, "utf-8")
    for command in (["tools/lock.sh", "npm"], ["npm", "ci", "--no-audit", "--no-fund"], ["node", "tools/bundle.mjs"]):
        subprocess.run(command, cwd=ROOT, check=True)
    lines = list(changes(before, read_facts(PACKAGE, ASSETS)))
    print("\n".join(lines) or f"nothing changed: {NAME} {version}")


def newest() -> str:
    """Return the newest version of the major, as npm orders them."""
    found = json.loads(_npm("view", f"{NAME}@^{MAJOR}", "version", "--json"))
    return str(found[-1] if isinstance(found, list) else found)


def _npm(*arguments: str) -> str:
    command = ["npm", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def _replaced(pattern: re.Pattern[str], text: str, replacement: str, name: str) -> str:
    changed, count = pattern.subn(replacement, text)
    if count != 1:
        raise SystemExit(f"{name} does not name transformers.js 4 where this command expects it.")
    return changed


def _json(package: Path) -> dict[str, dict[str, str]]:
    content: dict[str, dict[str, str]] = json.loads((package / "package.json").read_text("utf-8"))
    return content


def _version(package: Path) -> str:
    return str(_json(package)["version"])


if __name__ == "__main__":
    main(sys.argv[1:])
