"""All errors of modelden. The tree is ordered by what a caller does next.

    ModelDenError
    ├── InputError                 the call is wrong: change it (also a ValueError)
    │   ├── InvalidOption          an option of an engine that Firefox's rules refuse
    │   ├── ContextExceeded        a chat is too long for the model
    │   └── UnknownTask
    ├── UntrustedError             settings or a file must not be used: tell its publisher
    │   ├── SignatureError         a collection's signature or its certificates
    │   ├── InvalidRecord          a signed record that cannot be understood
    │   ├── IntegrityError         bytes that differ from their expected size or hash
    │   ├── NoHash                 a file without a known hash, where hashes are required
    │   ├── ForbiddenURL           the allow/deny list says no
    │   └── RuntimeMismatch        a WASM runtime that the bundled JavaScript cannot drive
    ├── UnavailableError           try again later, or elsewhere
    │   ├── NetworkError           no answer that a page may read
    │   │   ├── Offline            the browser says that there is no network
    │   │   └── DownloadInterrupted an interrupted download, whose bytes are stored
    │   ├── RedirectRefused        private headers would go to another place
    │   ├── RequestTimeout         no answer in time
    │   ├── HttpError              an answer with an error status
    │   │   ├── AccessDenied       the hub's model is gated, private or blocked
    │   │   └── FileNotFoundOnHub  the hub has no such model, revision or file
    │   ├── ResponseTooLarge       more bytes than the limit
    │   ├── InvalidResponse        a response that does not follow the protocol
    │   ├── ServerBusy             the server asked for a pause
    │   ├── UnknownCollection      Remote Settings has no such collection
    │   ├── ManifestsUnavailable   signed manifests are required, and cannot be read
    │   ├── NoRuntime              Remote Settings offers no runtime that this version can use
    │   └── NotPrefetched          something that a visit without a network would need is missing
    ├── StorageError               the browser's storage
    │   ├── QuotaExceeded          no space
    │   │   └── CacheSizeExceeded  more than the limit that was set
    │   └── StorageUnavailable     none at all (private window, sandboxed frame)
    │       └── DataRemoved        stored data were cleared while they were in use
    ├── EngineError                the loaded model
    │   ├── EngineTimeout          no message from the worker for too long
    │   ├── EngineCrashed          the worker died
    │   │   └── DeviceLost         the browser took its GPU away
    │   ├── WorkerRefused          the browser starts no worker: policy of the page, or worker_url
    │   ├── EngineClosed           closed, by the caller
    │   ├── NotEnoughMemory        the model needs more than there is
    │   ├── LoadEndedPage          the last loads of this model ended their pages
    │   └── SyncUnavailable        this browser, or this call, cannot wait: use the async one
    ├── DownloadDeclined           the visitor did not agree to a download
    ├── CryptoUnavailable          no WebCrypto: the page is not a secure context
    └── NotInBrowser               running outside Pyodide

Names follow the conditions, with Firefox's and onnxruntime's words where they have one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelden.errors.base import (
        ContextExceeded,
        CryptoUnavailable,
        DownloadDeclined,
        InputError,
        InvalidOption,
        ModelDenError,
        NotInBrowser,
        UnknownTask,
    )
    from modelden.errors.engine import (
        DeviceLost,
        EngineClosed,
        EngineCrashed,
        EngineError,
        EngineTimeout,
        LoadEndedPage,
        NotEnoughMemory,
        SyncUnavailable,
        WorkerRefused,
    )
    from modelden.errors.storage import CacheSizeExceeded, DataRemoved, QuotaExceeded, StorageError, StorageUnavailable
    from modelden.errors.unavailable import (
        AccessDenied,
        DownloadInterrupted,
        FileNotFoundOnHub,
        HttpError,
        InvalidResponse,
        ManifestsUnavailable,
        NetworkError,
        NoRuntime,
        NotPrefetched,
        Offline,
        RedirectRefused,
        RequestTimeout,
        ResponseTooLarge,
        ServerBusy,
        UnavailableError,
        UnknownCollection,
    )
    from modelden.errors.untrusted import (
        ForbiddenURL,
        IntegrityError,
        InvalidRecord,
        NoHash,
        RuntimeMismatch,
        SignatureError,
        UntrustedError,
    )

_HOMES = {
    "base": (
        "ContextExceeded CryptoUnavailable DownloadDeclined InputError InvalidOption ModelDenError NotInBrowser "
        "UnknownTask"
    ),
    "engine": (
        "DeviceLost EngineClosed EngineCrashed EngineError EngineTimeout LoadEndedPage NotEnoughMemory SyncUnavailable "
        "WorkerRefused"
    ),
    "storage": "CacheSizeExceeded DataRemoved QuotaExceeded StorageError StorageUnavailable",
    "unavailable": (
        "AccessDenied DownloadInterrupted FileNotFoundOnHub HttpError InvalidResponse ManifestsUnavailable "
        "NetworkError NoRuntime NotPrefetched Offline RedirectRefused RequestTimeout ResponseTooLarge ServerBusy "
        "UnavailableError UnknownCollection"
    ),
    "untrusted": "ForbiddenURL IntegrityError InvalidRecord NoHash RuntimeMismatch SignatureError UntrustedError",
}
"""Names by the module that defines them. A page imports few of them before it can read its stored bytecode."""

__all__ = [
    "AccessDenied",
    "CacheSizeExceeded",
    "ContextExceeded",
    "CryptoUnavailable",
    "DataRemoved",
    "DeviceLost",
    "DownloadDeclined",
    "DownloadInterrupted",
    "EngineClosed",
    "EngineCrashed",
    "EngineError",
    "EngineTimeout",
    "FileNotFoundOnHub",
    "ForbiddenURL",
    "HttpError",
    "InputError",
    "IntegrityError",
    "InvalidOption",
    "InvalidRecord",
    "InvalidResponse",
    "LoadEndedPage",
    "ManifestsUnavailable",
    "ModelDenError",
    "NetworkError",
    "NoHash",
    "NoRuntime",
    "NotEnoughMemory",
    "NotInBrowser",
    "NotPrefetched",
    "Offline",
    "QuotaExceeded",
    "RedirectRefused",
    "RequestTimeout",
    "ResponseTooLarge",
    "RuntimeMismatch",
    "ServerBusy",
    "SignatureError",
    "StorageError",
    "StorageUnavailable",
    "SyncUnavailable",
    "UnavailableError",
    "UnknownCollection",
    "UnknownTask",
    "UntrustedError",
    "WorkerRefused",
]


def __getattr__(name: str) -> Any:
    """Import an error at its first use (PEP 562)."""
    home = next((home for home, names in _HOMES.items() if name in names.split()), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
    return value


def __dir__() -> list[str]:
    """Return the errors, imported or not."""
    return list(__all__)
