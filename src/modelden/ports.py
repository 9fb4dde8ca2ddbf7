"""The seams of the core: every Protocol that policy needs from the outside, and nothing else.

`modelden._js` implements them in a browser; ``tests/simulators`` and `modelden.host` implement them on CPython.
Model bytes stay on the far side: `Chunk` and `Blob` are handles, Python looks at one chunk at a time, to hash it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from modelden.engine.streaming import Streaming
    from modelden.errors import EngineCrashed
    from modelden.settings.chain import Certificate

Key = str | tuple[str, ...]
"""A key of an object store: one string, or the values of a compound key path in order."""

Row = dict[str, Any]
"""A stored value: plain JSON data, in which a `Blob` may stand where `Put.blobs` put one."""


class Chunk(Protocol):
    """Some consecutive bytes of a response body, outside Python's memory."""

    @property
    def size(self) -> int:
        """Number of bytes."""

    def buffers(self) -> Iterable[bytes]:
        """Copy the bytes into Python, in pieces, to look at them once."""


class Blob(Protocol):
    """Immutable bytes outside Python's memory, as a browser's ``Blob``."""

    @property
    def size(self) -> int:
        """Number of bytes."""

    async def read(self) -> bytes:
        """Copy all bytes into Python. For small files and tests; models stay outside."""

    def chunks(self) -> AsyncIterator[Chunk]:
        """Read the bytes piece by piece, to look at them once."""

    async def is_json(self) -> bool:
        """Tell whether the bytes are a JSON text."""

    def part(self, start: int, end: int) -> Blob:
        """Return the bytes from ``start`` up to ``end``, which is left out; nothing is copied."""


class Blobs(Protocol):
    """Makes blobs without the bytes passing through Python."""

    def join(self, parts: Sequence[Chunk | Blob], content_type: str) -> Blob:
        """Return one blob with the bytes of ``parts`` in order."""

    def of(self, data: bytes) -> Blob:
        """Return a blob with a few bytes of Python's."""

    def adopt(self, value: object) -> Blob | None:
        """Return the blob that an object of the page is, such as a ``File``; None when it is none."""


class Response(Protocol):
    """The answer to a request, its body still unread."""

    @property
    def url(self) -> str:
        """The URL after redirects."""

    @property
    def status(self) -> int:
        """The HTTP status code."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The readable headers, names in lower case."""

    async def text(self, limit: int) -> str:
        """Read the body as UTF-8 text of at most ``limit`` bytes.

        Raises:
            ResponseTooLarge: At the first byte over the limit.
            NetworkError: If the body ends early.
        """

    def chunks(self) -> AsyncIterator[Chunk]:
        """Read the body piece by piece.

        Raises:
            NetworkError: If the body ends early, after everything that came was handed on.
        """


class Fetcher(Protocol):
    """HTTP, as a page may use it."""

    def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AbstractAsyncContextManager[Response]:
        """Send a request; leaving the context stops whatever is still under way.

        Args:
            url: Absolute http(s) URL.
            method: ``GET`` or ``HEAD``.
            timeout: Seconds until the headers must be there, or None for no limit.
            headers: Request headers; across origins, most of them make the browser ask for permission first.

        Raises:
            NetworkError: If there was no answer that a page may read (offline, refused, no CORS).
            RequestTimeout: If ``timeout`` passed first.
        """


@dataclass(frozen=True, slots=True)
class Put:
    """Store ``row`` under the key that the store's key path finds in it.

    Attributes:
        store: Name of the object store.
        row: Plain JSON data.
        blobs: Blobs to set inside the row, by their path of member names.
    """

    store: str
    row: Row
    blobs: Mapping[tuple[str, ...], Blob] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the row with this key, if it is there."""

    store: str
    key: Key


@dataclass(frozen=True, slots=True)
class Store:
    """An object store: its key path, and the key paths of its indexes by name."""

    key_path: Key
    indexes: Mapping[str, Key] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Schema:
    """A database: name, version and object stores by name.

    Attributes:
        name: Its name.
        version: Its version.
        stores: Its object stores by name.
        oldest: Databases of an earlier version are emptied instead of being taken over.
    """

    name: str
    version: int
    stores: Mapping[str, Store]
    oldest: int = 1


class Database(Protocol):
    """One IndexedDB database."""

    async def get(self, store: str, key: Key) -> Row | None:
        """Return the row with this key."""

    async def get_all(self, store: str, *, index: str | None = None, key: Key | None = None) -> list[Row]:
        """Return all rows in the order of their keys, or those that ``index`` lists under ``key``."""

    async def commit(self, changes: Sequence[Put | Delete]) -> None:
        """Apply all changes in one transaction: all of them, or none.

        Raises:
            QuotaExceeded: If the browser has no room.
            StorageUnavailable: If the database cannot be used.
        """


class Databases(Protocol):
    """Opens databases."""

    async def open(self, schema: Schema) -> Database:
        """Open the database, with its stores created where they are missing.

        Raises:
            StorageUnavailable: If the browser refuses storage to this page.
        """


class Crypto(Protocol):
    """X.509 parsing and signature mathematics; what they mean is `settings.chain`'s."""

    async def read_chain(self, pem: str) -> list[Certificate]:
        """Parse a PEM bundle, in its order.

        Raises:
            ValueError: If it is not a sequence of X.509 certificates.
        """

    async def verify_p384(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        """Tell whether ``signature`` (r and s, 48 bytes each) is ECDSA P-384 with SHA-384 over ``message``.

        Args:
            public_key: SubjectPublicKeyInfo, DER.
            message: The signed bytes.
            signature: 96 bytes.

        Raises:
            CryptoUnavailable: If the page has no WebCrypto (an insecure context).
        """


class Expressions(Protocol):
    """Evaluates JEXL, the language of filter expressions."""

    async def evaluate(self, expressions: Sequence[str], context: Mapping[str, Any]) -> list[bool | str]:
        """Return for each expression whether it is true, or why it cannot be evaluated.

        Args:
            expressions: JEXL.
            context: Plain JSON data that they may name.
        """


FileProvider = Callable[[str], Awaitable[Blob | None]]
"""Answers a worker's wish for a model file, named by its hub URL. None: the hub does not have it."""


class EngineWorker(Protocol):
    """A worker that holds one loaded model."""

    async def create(self, options: Mapping[str, Any], wasm: Blob, files: FileProvider) -> Mapping[str, Any]:
        """Load the model.

        Args:
            options: The ``create`` message's JSON (``web/worker/protocol.ts``).
            wasm: The runtime.
            files: Asked for each model file.

        Returns:
            What the worker tells of itself: versions, threads, device.

        Raises:
            EngineTimeout: If it neither answers nor asks for a file for too long.
            EngineError: If the model cannot be loaded.
            EngineCrashed: If the worker died.
        """

    async def run(
        self, args: Sequence[Any], options: Mapping[str, Any], streaming: Streaming | None = None
    ) -> tuple[Any, str | None]:
        """Run the model once.

        A caller that gives up, by cancellation, ends a generation.

        Returns:
            Plain Python data with `Tensor` and `Image` values, and the JSON of the run's metrics
            (`engine.metrics.RunMetrics`).

        Raises:
            EngineError: If the model refused the input.
            EngineCrashed: If the worker died.
        """

    def watch(self, on_crash: Callable[[EngineCrashed], None]) -> None:
        """Call ``on_crash`` when the worker dies without having been closed, at once if it is dead."""

    def close(self) -> None:
        """End the worker. Pending calls fail with `EngineClosed`."""


class EngineHost(Protocol):
    """Starts engine workers."""

    def start(self, bundle: str) -> EngineWorker:
        """Start a worker with the bundle of this name from the package's assets."""


class Tabs(Protocol):
    """The other pages and workers of the same origin."""

    def post(self, message: Mapping[str, Any]) -> None:
        """Tell them something, plain JSON data."""

    def listen(self, listener: Callable[[dict[str, Any]], None]) -> None:
        """Call ``listener`` with what they tell."""

    def close(self) -> None:
        """Hear and tell no more."""


class Page(Protocol):
    """The page or worker that Python runs in."""

    def environment(self) -> Mapping[str, Any]:
        """Return what filter expressions may know of it: ``locale``, ``os``, ``appinfo``, ``formFactor``."""

    async def storage(self) -> tuple[int | None, int | None, bool | None]:
        """Return bytes used by this origin, bytes it may use, and whether the browser promised to keep them.

        None where the browser does not tell.
        """

    async def persist(self) -> bool | None:
        """Ask the browser to keep what this origin stores; None where it cannot be asked."""

    def memory(self) -> int | None:
        """Return the bytes of memory that the device has, or None where the browser does not tell."""

    def on_visible(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` each time when the page becomes visible."""

    def close(self) -> None:
        """Call no listener any more."""


class Locks(Protocol):
    """Locks by name among all pages and workers of the origin; those of a page that disappears are free again."""

    def hold(self, name: str, *, shared: bool = False) -> AbstractAsyncContextManager[None]:
        """Wait for the lock and hold it; holders of a shared lock hold it side by side."""

    def attempt(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Hold the lock if it is free now; the value tells whether it was."""


class Presence(Protocol):
    """Which pages and workers of this origin live, by ids that each makes for itself."""

    @property
    def page(self) -> str:
        """This one's id."""

    async def alive(self) -> set[str] | None:
        """Return the ids of all that live, or None where nobody can tell."""


class Suspender(Protocol):
    """Waits in a call that is not async."""

    def can_suspend(self) -> bool:
        """Tell whether Python can be suspended here and now."""

    def wait_for(self, awaitable: Awaitable[Any]) -> Any:
        """Return the awaitable's result."""


class Timers(Protocol):
    """Calls later."""

    def call_later(self, milliseconds: int, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` once after so long; the returned function prevents it, and may be called at any time."""


class Clock(Protocol):
    """Time."""

    def now(self) -> int:
        """Milliseconds since the epoch."""

    async def sleep(self, seconds: float) -> None:
        """Let so much time pass."""


@dataclass(frozen=True, slots=True)
class Ports:
    """All seams together, as `modelden._js.connect` hands them to the core."""

    fetcher: Fetcher
    databases: Databases
    blobs: Blobs
    crypto: Crypto
    engines: EngineHost
    expressions: Expressions
    tabs: Tabs
    page: Page
    locks: Locks
    presence: Presence
    suspender: Suspender
    timers: Timers
    clock: Clock
