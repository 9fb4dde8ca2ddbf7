"""What Python compiled on an earlier visit, so that this one only reads it.

In Pyodide a wheel has no bytecode, and Python writes none: each visit would compile all that an engine needs, which is
most of what importing it costs. So the code is kept in the browser's Cache API, all of it in one entry, because that
takes two calls: what opens IndexedDB is itself a part of what is to be imported. It belongs to one build of the wheel,
by the hashes of its files, and to one version of Python.
"""

from __future__ import annotations

import asyncio
import logging
import marshal
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import source_hash
from pathlib import Path
from types import CodeType
from typing import Any

import js
from pyodide.ffi import JsException, to_js

from modelden import __version__

logger = logging.getLogger(__name__)

_CACHE = "modelden"
_SITE = f"https://modelden.invalid/{sys.implementation.cache_tag}/"
"""Keys of the Cache API are URLs; nobody has these (RFC 2606)."""

_PACKAGE = Path(__file__).parents[1]
_ABOVE = str(_PACKAGE.parent)
_DAMAGED = (EOFError, TypeError, ValueError)
"""What `marshal.loads` raises."""

_kept: dict[str, tuple[bool, bytes]] = {}
"""By module: whether it is a package, and its code, as `marshal` writes it."""

_compiled: dict[str, tuple[bool, CodeType]] = {}
"""What this visit had to compile."""


class _Loader(SourceFileLoader):
    """Takes a module's code from what is kept; compiles what is not, and has it kept."""

    def get_code(self, fullname: str) -> CodeType | None:
        """Return a module's code."""
        if fullname in _kept:
            code: CodeType = marshal.loads(_kept[fullname][1])  # noqa: S302  see `_read`
        else:
            code = self.source_to_code(self.get_data(self.path), self.path)
            _compiled[fullname] = self.is_package(fullname), code
        return code


class _Finder:
    """Finds this package's modules: those that are kept without a look at the file system."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, _target: object = None) -> ModuleSpec | None:
        """Return where a module is."""
        if not name.startswith("modelden."):
            return None
        if name not in _kept:
            spec = PathFinder.find_spec(name, path)
            if spec is not None and spec.origin and isinstance(spec.loader, SourceFileLoader):
                spec.loader = _Loader(name, spec.origin)
            return spec
        is_package, _ = _kept[name]
        place = f"{_ABOVE}/{name.replace('.', '/')}"
        file = f"{place}/__init__.py" if is_package else f"{place}.py"
        spec = ModuleSpec(name, _Loader(name, file), origin=file, is_package=is_package)
        spec.has_location = True
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(place)
        return spec


def restore() -> asyncio.Future[None]:
    """Take what earlier visits compiled; what cannot be had is compiled. Called once in a page.

    The browser is asked at once: it looks while Python compiles what comes before the first turn of the page.

    Returns:
        Done when imports find what there is.
    """
    try:
        js_found = js.caches.match(_entry(), to_js({"cacheName": _CACHE}, dict_converter=js.Object.fromEntries))
    except (AttributeError, FileNotFoundError, JsException) as error:
        # An insecure context has no Cache API, a sandboxed frame no right to it.
        logger.debug("There is no bytecode of an earlier visit: %s", error)
        js_found = None
    return asyncio.ensure_future(_restore(js_found))


async def _restore(js_found: Any) -> None:
    try:
        if js_found is not None and (response := await js_found) is not None:
            packed = (await response.arrayBuffer()).to_bytes()
            _kept.update(marshal.loads(packed))  # noqa: S302  who can write this origin's caches can run code in it anyway
    except (JsException, *_DAMAGED) as error:
        logger.debug("The bytecode of an earlier visit cannot be used: %s", error)
    sys.meta_path.insert(0, _Finder)


async def keep() -> None:
    """Keep what this visit compiled together with what it did not need to; nothing happens if it compiled nothing."""
    if not _compiled:
        return
    for name, (is_package, code) in list(_compiled.items()):
        _kept[name] = is_package, marshal.dumps(code)
        await asyncio.sleep(0)  # the page has its turn
    from modelden._js.ffi import QuotaRefused, fulfilled

    try:
        cache = await fulfilled(js.caches, "open", _CACHE)
        for other in await cache.keys():  # of other builds
            await cache.delete(other)
        await fulfilled(cache, "put", _entry(), js.Response.new(to_js(marshal.dumps(_kept))))
    except (AttributeError, JsException, QuotaRefused, FileNotFoundError) as error:
        logger.debug("What was compiled is not kept: %s", error)


def _entry() -> str:
    """Return the key of what belongs to this build: to the list of its files with their hashes."""
    record = _PACKAGE.with_name(f"modelden-{__version__}.dist-info") / "RECORD"
    return f"{_SITE}{source_hash(record.read_bytes()).hex()}"
