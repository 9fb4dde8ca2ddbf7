"""The seams of the core: every Protocol through which policy reaches the outside, and nothing else.

`modelden._js` implements them in a browser; ``tests/simulators`` and `modelden.host` implement them on CPython.
Model bytes stay on the far side: `Chunk` and `Blob` are handles, Python looks at one chunk at a time, to hash it.

- `database`: IndexedDB
- `blobs`: bytes outside Python's memory
- `network`: HTTP
- `trust`: certificates, signatures, filter expressions
- `page`: the page, its tabs, locks, timers and clock
- `engines`: workers that run models

Each method's docstring says two things, which ``tests/unit/test_ports.py`` checks:

- Whether other tasks may run before it returns: "Suspends." (or "Entering suspends.", "Each step suspends." of contexts
  and iterators), or "Does not suspend.". A caller's state may have changed after a call that suspends.
- Which errors it may raise: a section ``Raises:``, or "Raises nothing.". An adapter turns each exception of the browser
  into one of these errors. A call that suspends may also raise ``asyncio.CancelledError``.
"""

from __future__ import annotations

from typing import NamedTuple

from modelden.ports.blobs import Blob, BlobBuilder, Blobs, Chunk
from modelden.ports.database import (
    Database,
    Databases,
    Delete,
    Key,
    Migration,
    Put,
    Row,
    RowsByStore,
    Schema,
    Store,
    Unchanged,
)
from modelden.ports.engines import (
    EngineHost,
    EngineWorker,
    FileProvider,
    InferCallback,
    SessionHost,
    SessionWorker,
    WorkerSpec,
)
from modelden.ports.network import Fetcher, Response
from modelden.ports.page import Clock, Locks, Page, Presence, Suspender, Tabs, Timers
from modelden.ports.trust import Crypto, Expressions
from modelden.ports.vectors import VectorHost, VectorWorker

__all__ = [
    "Blob",
    "BlobBuilder",
    "Blobs",
    "Chunk",
    "Clock",
    "Crypto",
    "Database",
    "Databases",
    "Delete",
    "EngineHost",
    "EngineWorker",
    "Expressions",
    "Fetcher",
    "FileProvider",
    "InferCallback",
    "Key",
    "Locks",
    "Migration",
    "Page",
    "Ports",
    "Presence",
    "Put",
    "Response",
    "Row",
    "RowsByStore",
    "Schema",
    "SessionHost",
    "SessionWorker",
    "Store",
    "Suspender",
    "Tabs",
    "Timers",
    "Unchanged",
    "VectorHost",
    "VectorWorker",
    "WorkerSpec",
]


class Ports(NamedTuple):
    """All seams together, as `modelden._js.connect` hands them to the core."""

    fetcher: Fetcher
    databases: Databases
    blobs: Blobs
    crypto: Crypto
    engines: EngineHost
    sessions: SessionHost
    expressions: Expressions
    tabs: Tabs
    page: Page
    locks: Locks
    presence: Presence
    suspender: Suspender
    timers: Timers
    clock: Clock
    vectors: VectorHost
