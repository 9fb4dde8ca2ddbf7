"""The bytecode of this package's modules, stored between visits in the browser's Cache API.

In Pyodide a wheel has no bytecode, and Python writes none: without this cache each visit would compile all modules that
an engine needs, which is most of the time of importing them. All code is one entry of the Cache API, because that takes
two calls; the modules that open IndexedDB are among those to be imported. The entry belongs to one build of the wheel,
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
_SITE_PACKAGES = str(_PACKAGE.parent)
_DAMAGED = (EOFError, TypeError, ValueError)
"""The exceptions of `marshal.loads`."""

cached: dict[str, tuple[bool, bytes]] = {}
"""By module: True for a package, and its code in the format of `marshal`."""

compiled: dict[str, tuple[bool, CodeType]] = {}
"""The modules that this visit compiled."""


class CachedLoader(SourceFileLoader):
    """Takes a module's code from the cache, or compiles it and remembers it for `save`."""

    def get_code(self, fullname: str) -> CodeType | None:
        """Return a module's code."""
        if fullname in cached:
            code: CodeType = marshal.loads(cached[fullname][1])  # noqa: S302  see `_load`
        else:
            code = self.source_to_code(self.get_data(self.path), self.path)
            compiled[fullname] = self.is_package(fullname), code
        return code


class _Finder:
    """Finds this package's modules; those in the cache without a look at the file system."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, _target: object = None) -> ModuleSpec | None:
        """Return a module's specification."""
        if not name.startswith("modelden."):
            return None
        if name not in cached:
            spec = PathFinder.find_spec(name, path)
            if spec is not None and spec.origin and isinstance(spec.loader, SourceFileLoader):
                spec.loader = CachedLoader(name, spec.origin)
            return spec
        is_package, _ = cached[name]
        path_of_module = f"{_SITE_PACKAGES}/{name.replace('.', '/')}"
        file = f"{path_of_module}/__init__.py" if is_package else f"{path_of_module}.py"
        spec = ModuleSpec(name, CachedLoader(name, file), origin=file, is_package=is_package)
        spec.has_location = True
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(path_of_module)
        return spec


def load() -> asyncio.Future[None]:
    """Load the bytecode that earlier visits stored, if there is any. Called once in a page.

    The browser is asked at once: it looks the entry up while Python compiles the modules of the first calls.

    Returns:
        A future that is done when imports use the cache. It does not fail.
    """
    try:
        js_response = js.caches.match(_entry(), to_js({"cacheName": _CACHE}, dict_converter=js.Object.fromEntries))
    except (AttributeError, FileNotFoundError, JsException) as error:
        # An insecure context has no Cache API, a sandboxed frame no right to it.
        logger.debug("There is no bytecode of an earlier visit: %s", error)
        js_response = None
    return asyncio.ensure_future(_load(js_response))


async def _load(js_response: Any) -> None:
    try:
        if js_response is not None and (response := await js_response) is not None:
            packed = (await response.arrayBuffer()).to_bytes()
            cached.update(marshal.loads(packed))  # noqa: S302  who can write this origin's caches can run code in it anyway
    except (JsException, *_DAMAGED) as error:
        logger.debug("The bytecode of an earlier visit cannot be used: %s", error)
    sys.meta_path.insert(0, _Finder)


async def save() -> None:
    """Store the bytecode that this visit compiled together with that of the cache, if it compiled any.

    A browser that does not store it is logged.
    """
    if not compiled:
        return
    for name, (is_package, code) in list(compiled.items()):
        cached[name] = is_package, marshal.dumps(code)
        await asyncio.sleep(0)  # the page has its turn
    from modelden._js.ffi import OutOfSpace, call_storing

    try:
        cache = await call_storing(js.caches, "open", _CACHE)
        for other in await cache.keys():  # of other builds
            await cache.delete(other)
        await call_storing(cache, "put", _entry(), js.Response.new(to_js(marshal.dumps(cached))))
    except (AttributeError, JsException, OutOfSpace, FileNotFoundError) as error:
        logger.debug("The bytecode of this visit is not stored: %s", error)


def _entry() -> str:
    """Return the key of this build's entry: a hash of the list of its files with their hashes."""
    record = _PACKAGE.with_name(f"modelden-{__version__}.dist-info") / "RECORD"
    return f"{_SITE}{source_hash(record.read_bytes()).hex()}"
