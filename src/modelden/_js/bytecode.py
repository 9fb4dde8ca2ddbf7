"""What Python compiled on an earlier visit, so that this one only reads it.

In Pyodide a wheel has no bytecode, and Python writes none: each visit would compile all that an engine needs, which is
most of what importing it costs. Python's own files are kept in the browser's Cache API, all in one entry, because that
takes two calls: what opens IndexedDB is itself a part of what is to be imported. They are hash-based and checked
(PEP 552): a source that is not the one they were made of is compiled, as ever.
"""

from __future__ import annotations

import asyncio
import logging
import marshal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import MAGIC_NUMBER, source_hash
from pathlib import Path

import js
from pyodide.ffi import JsException, to_js

from modelden._js.convert import QuotaRefused, fulfilled, js_object

logger = logging.getLogger(__name__)

_CACHE = "modelden"
_ENTRY = f"https://modelden.invalid/{sys.implementation.cache_tag}.pyc"
"""Keys of the Cache API are URLs; nobody has this one (RFC 2606)."""

_PACKAGE = Path(__file__).parents[1]
_DAMAGED = (EOFError, TypeError, ValueError)
"""What `marshal.loads` raises."""

_HEADER = 16
_CHECKED_HASH = (0b11).to_bytes(4, "little")
"""The flags in a file's header, between Python's magic number and the hash of the source."""

_restored: dict[str, bytes] = {}
"""Headers of what an earlier visit had compiled. Where a source has changed since, Python has put another."""


async def restore() -> None:
    """Put beside the sources what earlier visits compiled; what cannot be had is compiled."""
    try:
        for name, compiled in (await _kept()).items():
            file = _PACKAGE / name
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(compiled)
            _restored[name] = compiled[:_HEADER]
    except (AttributeError, JsException, OSError, *_DAMAGED) as error:
        # An insecure context has no Cache API, a sandboxed frame no right to it.
        logger.debug("There is no bytecode of an earlier visit: %s", error)


async def _kept() -> dict[str, bytes]:
    response = await js.caches.match(_ENTRY, js_object(cacheName=_CACHE))
    if response is None:
        return {}
    packed = (await response.arrayBuffer()).to_bytes()
    return dict(marshal.loads(packed))  # noqa: S302  who can write this origin's caches can run code in it anyway


@contextmanager
def written() -> Iterator[None]:
    """Have Python write what it compiles meanwhile, for `keep`."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, False
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


async def keep() -> None:
    """Keep what this visit compiled together with what it did not need to; nothing happens if it compiled nothing."""
    files = {str(cached.relative_to(_PACKAGE)): (source, cached) for source, cached in _written()}
    if all(_header(cached) == _restored.get(name) for name, (_, cached) in files.items()):
        return
    compiled = {}
    for name, (source, cached) in files.items():
        compiled[name] = MAGIC_NUMBER + _CHECKED_HASH + source_hash(source.read_bytes()) + cached.read_bytes()[_HEADER:]
        await asyncio.sleep(0)  # the page has its turn
    try:
        cache = await fulfilled(js.caches, "open", _CACHE)
        await fulfilled(cache, "put", _ENTRY, js.Response.new(to_js(marshal.dumps(compiled))))
    except (AttributeError, JsException, QuotaRefused) as error:
        logger.debug("What was compiled is not kept: %s", error)


def _written() -> Iterator[tuple[Path, Path]]:
    for name, module in list(sys.modules.items()):
        spec = module.__spec__ if name.partition(".")[0] == "modelden" else None
        if spec is not None and spec.origin and spec.cached and Path(spec.cached).exists():
            yield Path(spec.origin), Path(spec.cached)


def _header(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(_HEADER)
