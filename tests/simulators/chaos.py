"""Chaos mode: ports that suspend and refuse wherever a browser may.

Each call of a port gives the event loop a turn first. A plan of faults says what happens to the n-th call: it is
refused with an error that the port documents, or delayed so that other tasks overtake it, or the task of the scenario
is cancelled, before the call has its effect or just after, or the browser kills the page before it.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from inspect import getdoc, iscoroutinefunction
from typing import Any, NamedTuple, Self, get_type_hints

from modelden import errors, ports
from modelden.ports import Ports, Put
from tests.simulators.blobs import MemoryBlob, MemoryBlobBuilder
from tests.simulators.database import MemoryDatabase
from tests.simulators.engines import ScriptedSession, ScriptedWorker
from tests.simulators.recorded_fetcher import RecordedResponse

REFUSED = "refused"
DELAYED = "delayed"
CANCELLED = "cancelled"
CANCELLED_LATE = "cancelled-late"
KILLED = "killed"
KINDS = (DELAYED, CANCELLED, CANCELLED_LATE, KILLED)
"""What may happen to every call; those that may raise an error may be `REFUSED` too."""

DELAY = 40
"""Turns of the loop for which a delayed call waits."""


def _crash(target: Any) -> Exception:
    if isinstance(target, ScriptedWorker):
        target.crash()
    error = errors.EngineCrashed("The engine's worker failed.")
    if isinstance(target, ScriptedSession):
        target.end(error)
    return error


_URL = "http://localhost/"

_ERRORS: dict[str, Callable[[Any], Exception]] = {
    "CryptoUnavailable": lambda _: errors.CryptoUnavailable("The page has no WebCrypto."),
    "DataRemoved": lambda _: errors.DataRemoved("The bytes were removed."),
    "EngineCrashed": _crash,
    "EngineError": lambda _: errors.EngineError("The model refused it."),
    "EngineTimeout": lambda _: errors.EngineTimeout("The engine gave no sign of life."),
    "InputError": lambda _: errors.InputError("It cannot be taken."),
    "NetworkError": lambda _: errors.NetworkError(_URL, "the request failed"),
    "QuotaExceeded": lambda _: errors.QuotaExceeded("data"),
    "RequestTimeout": lambda _: errors.RequestTimeout(_URL, 1),
    "ResponseTooLarge": lambda _: errors.ResponseTooLarge(_URL, 1),
    "StorageUnavailable": lambda _: errors.StorageUnavailable("The database failed."),
    "UnavailableError": lambda _: errors.NetworkError(_URL, "the request failed"),
    "ValueError": lambda _: ValueError("no certificates"),
    "WorkerRefused": lambda _: errors.WorkerRefused("The browser did not start a worker."),
}
"""Makes each error, for the object that was called."""

_CONDITIONAL = frozenset({"EngineClosed", "RedirectRefused"})
"""Documented errors that follow from what the caller did, and not from the browser."""

_PROTOCOLS: dict[str, type] = {
    **get_type_hints(Ports),
    "blob": ports.Blob,
    "builder": ports.BlobBuilder,
    "database": ports.Database,
    "response": ports.Response,
    "session": ports.SessionWorker,
    "worker": ports.EngineWorker,
}
"""The protocol of each port, and of each port that calls of other ports return."""


def _documented(method: Any) -> list[str]:
    """Return the errors that a method's docstring lists."""
    _, _, raises = (getdoc(method) or "").partition("Raises:\n")
    names = re.findall(r"^    ([A-Z][A-Za-z, ]+):", raises, re.MULTILINE)
    return [name for line in names for name in line.split(", ") if name not in _CONDITIONAL]


_METHODS: dict[str, Any] = {
    f"{port}.{name}": method
    for port, protocol in _PROTOCOLS.items()
    for name, method in vars(protocol).items()
    if not name.startswith("_") and callable(method)
}
"""The methods of all ports, by port and name."""


def _returning(name: str) -> frozenset[str]:
    return frozenset(label for label, method in _METHODS.items() if method.__annotations__["return"].startswith(name))


_ENTERED = _returning("AbstractAsyncContextManager")
_ITERATED = _returning("AsyncIterator")
_AWAITED = frozenset(label for label, method in _METHODS.items() if iscoroutinefunction(method))

REFUSALS = {label: documented for label, method in _METHODS.items() if (documented := _documented(method))}
"""The errors that each call may raise, by port and method."""

SYNCHRONOUS = frozenset(REFUSALS) - _AWAITED - _ENTERED - _ITERATED
"""Calls that do not suspend, and may be refused."""

_CALLING_BACK = frozenset({"worker.create", "session.open"})
"""Calls with a function for files, whose calls are calls of the port as well."""

_FILE = ".file"
"""The end of the label of such a call."""

_PORTS: dict[type, str] = {
    MemoryBlob: "blob",
    MemoryBlobBuilder: "builder",
    MemoryDatabase: "database",
    RecordedResponse: "response",
    ScriptedSession: "session",
    ScriptedWorker: "worker",
}
"""The ports that calls of other ports return."""


class Fault(NamedTuple):
    """A fault of one call.

    Attributes:
        call: Number of the call in the scenario.
        kind: `REFUSED` or one of `KINDS`.
        variant: Index of the error in `REFUSALS`.
    """

    call: int
    kind: str
    variant: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the form of `__str__`."""
        call, kind, variant = text.split(":")
        return cls(int(call), kind, int(variant))

    def __str__(self) -> str:
        return f"{self.call}:{self.kind}:{self.variant}"


def faults_of(call: int, label: str) -> list[Fault]:
    """Return each fault that a call may have."""
    refused = [Fault(call, REFUSED, variant) for variant in range(len(REFUSALS.get(label, ())))]
    return refused if label in SYNCHRONOUS else [*refused, *(Fault(call, kind) for kind in KINDS)]


class Chaos:
    """Counts the calls of a page's ports while it is armed, and applies the faults of its plan.

    Attributes:
        calls: Port and method of each call.
        happened: The faults that were applied, with their calls.
        held: Number of holders of each lock.
        target: The task that is cancelled.
        on_kill: Called when the page is killed. What it does afterwards counts for nothing.
    """

    def __init__(self) -> None:
        self.on_kill: Callable[[], None] = lambda: None
        self.calls: list[str] = []
        self.happened: list[str] = []
        self.held: Counter[str] = Counter()
        self.target: asyncio.Task[Any] | None = None
        self._plan: dict[int, Fault] = {}
        self._armed = False

    def arm(self, plan: Iterable[Fault] = ()) -> None:
        """Count calls from now on."""
        self._plan = {fault.call: fault for fault in plan}
        self._armed = True

    def disarm(self) -> None:
        """Count no more."""
        self._armed = False

    def ports(self, ports: Ports) -> Ports:
        """Return the same ports, with faults."""
        return Ports(*(_Port(target, name, self) for name, target in ports._asdict().items()))

    def wrap(self, value: Any) -> Any:
        """Return a value with faults for the ports in it."""
        if isinstance(value, dict):
            return {name: self.wrap(member) for name, member in value.items()}
        if isinstance(value, list):
            return [self.wrap(member) for member in value]
        port = _PORTS.get(type(value))
        return value if port is None else _Port(value, port, self)

    def call(self, target: Any, label: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a method of a port."""
        if label in SYNCHRONOUS:
            _refuse(target, label, self._next_fault(label))
        if label in _CALLING_BACK:
            args = tuple(partial(self.call, target, label + _FILE, arg) if callable(arg) else arg for arg in args)
        if label == "database.commit":
            args = ([_bare(change) for change in args[0]], *args[1:])
        if label in _AWAITED or label.endswith(_FILE):
            return self._await(target, label, partial(function, *args, **kwargs))
        result = function(*args, **kwargs)
        if label in _ITERATED:
            return self._iterate(target, label, result)
        if label in _ENTERED:
            return self._enter(target, label, result, str(args[0]))
        return self.wrap(result)

    def _next_fault(self, label: str) -> Fault | None:
        if not self._armed:
            return None
        fault = self._plan.get(len(self.calls))
        self.calls.append(label)
        if fault is not None:
            self.happened.append(f"{fault} {label}")
        return fault

    async def _before(self, target: Any, label: str) -> Fault | None:
        fault = self._next_fault(label)
        await asyncio.sleep(0)
        _refuse(target, label, fault)
        if fault is not None and fault.kind == DELAYED:
            for _ in range(DELAY):
                await asyncio.sleep(0)
        if fault is not None and fault.kind == CANCELLED:
            await self._cancel()
        if fault is not None and fault.kind == KILLED:
            self.on_kill()
        return fault

    async def _after(self, fault: Fault | None) -> None:
        if fault is not None and fault.kind == CANCELLED_LATE:
            await self._cancel()

    async def _cancel(self) -> None:
        if self.target is not None and self._armed:
            self.target.cancel()
        await asyncio.sleep(0)

    async def _await(self, target: Any, label: str, function: Callable[[], Awaitable[Any]]) -> Any:
        fault = await self._before(target, label)
        value = await function()
        await self._after(fault)
        return self.wrap(value)

    async def _iterate(self, target: Any, label: str, items: AsyncIterator[Any]) -> AsyncIterator[Any]:
        while True:
            fault = await self._before(target, label)
            try:
                item = await anext(items)
            except StopAsyncIteration:
                return
            await self._after(fault)
            yield item

    @asynccontextmanager
    async def _enter(
        self, target: Any, label: str, context: AbstractAsyncContextManager[Any], name: str
    ) -> AsyncIterator[Any]:
        fault = await self._before(target, label)
        async with context as value:
            is_lock = label.startswith("locks.") and value is not False
            self.held[name] += is_lock
            try:
                await self._after(fault)
                yield self.wrap(value)
            finally:
                self.held[name] -= is_lock


class _Port:
    """Stands for a port. It passes for an instance of the port's class."""

    def __init__(self, target: Any, name: str, chaos: Chaos) -> None:
        self.target = target
        self._name = name
        self._chaos = chaos

    @property  # type: ignore[misc]  # a descriptor made by the loop
    def __class__(self) -> type:
        return type(self.target)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.target, name)
        return partial(self._chaos.call, self.target, f"{self._name}.{name}", value) if callable(value) else value


def _bare(change: Any) -> Any:
    """Return a change whose blobs have no faults: another page reads them."""
    if not isinstance(change, Put):
        return change
    return change._replace(blobs={path: getattr(blob, "target", blob) for path, blob in change.blobs.items()})


def _refuse(target: Any, label: str, fault: Fault | None) -> None:
    refusals = REFUSALS.get(label, ())
    if fault is not None and fault.kind == REFUSED and refusals:
        raise _ERRORS[refusals[fault.variant % len(refusals)]](target)
