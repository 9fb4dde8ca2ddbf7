"""Every error that modelden raises. The tree follows what a caller does next.

    ModelDenError
    ├── InputError                 the call is wrong: change it (also a ValueError)
    │   ├── InvalidOption          an option of an engine that Firefox's rules refuse
    │   └── UnknownTask
    ├── UntrustedError             do not use what came: tell whoever publishes it
    │   ├── SignatureError         a collection's signature or its certificates
    │   ├── InvalidRecord          a signed record that cannot be understood
    │   ├── IntegrityError         bytes that are not the announced ones
    │   ├── NoHash                 nobody vouches for a file, and somebody has to
    │   ├── ForbiddenURL           the allow/deny list says no
    │   └── RuntimeMismatch        a WASM runtime that the bundled JavaScript cannot drive
    ├── UnavailableError           try again later, or elsewhere
    │   ├── NetworkError           no answer that a page may read
    │   │   └── DownloadInterrupted a file that broke off; what came is kept
    │   ├── RequestTimeout         no answer in time
    │   ├── HttpError              an answer with an error status
    │   │   └── FileNotFoundOnHub  the hub has no such model, revision or file
    │   ├── ResponseTooLarge       more bytes than the limit
    │   ├── InvalidResponse        an answer that is not what the protocol says
    │   ├── ServerBusy             the server asked to be left alone for a while
    │   ├── UnknownCollection      Remote Settings has no such collection
    │   ├── NoRuntime              Remote Settings offers no runtime that this version can use
    │   └── NotPrefetched          something that a visit without a network would need is missing
    ├── StorageError               the browser's storage
    │   ├── QuotaExceeded          no room
    │   │   └── CacheSizeExceeded  more than the limit that was set
    │   └── StorageUnavailable     none at all (private window, sandboxed frame)
    ├── EngineError                the loaded model
    │   ├── EngineTimeout          the worker gives no sign of life
    │   ├── EngineCrashed          the worker died
    │   ├── EngineClosed           closed, by the caller
    │   ├── NotEnoughMemory        the model needs more than there is
    │   ├── LoadEndedPage          the last loads of this model ended their pages
    │   └── SyncUnavailable        this browser, or this call, cannot wait: use the async one
    ├── CryptoUnavailable          no WebCrypto: the page is not a secure context
    └── NotInBrowser               running outside Pyodide

Names follow the conditions, with Firefox's and onnxruntime's words where they have one.
"""

from __future__ import annotations


class ModelDenError(Exception):
    """Base of all errors of this package."""


class InputError(ModelDenError, ValueError):
    """An argument or a configuration value that cannot be used."""


class InvalidOption(InputError):
    """An engine's option with a value that Firefox's rules refuse (Firefox: ``PipelineOptionsValidationError``).

    Attributes:
        field: The option, in Firefox's spelling: ``modelRevision``.
        value: What it was to be.
    """

    def __init__(self, field: str, value: object, text: str, tip: str = "") -> None:
        """Compose Firefox's message: ``text`` is the value as it shows there."""
        super().__init__(" ".join(filter(None, (f'Invalid value "{text}" for field "{field}".', tip))))
        self.field = field
        self.value = value


class UnknownTask(InputError):
    """A task name that no engine knows."""


class UntrustedError(ModelDenError):
    """Something arrived that must not be used. Nothing of it was stored."""


class SignatureError(UntrustedError):
    """A collection that is not signed as configured.

    Attributes:
        collection: ``bucket/collection``.
        url: Where the signature or its certificate chain came from.
        reason: The check that failed.
    """

    def __init__(self, collection: str, url: str, reason: str) -> None:
        """Keep the facts and compose the message."""
        super().__init__(
            f"The Remote Settings collection {collection} cannot be trusted: {reason} (from {url}). "
            "Nothing of it was stored. "
            "If this is your own server, check signer_name and root_hash in modelden.configure()."
        )
        self.collection = collection
        self.url = url
        self.reason = reason


class InvalidRecord(UntrustedError):
    """A record of Remote Settings with missing, wrong or contradicting fields."""


class IntegrityError(UntrustedError):
    """Bytes that differ from what was announced.

    Attributes:
        url: Where they came from.
        expected: What was announced, with its unit.
        actual: What came.
    """

    def __init__(self, url: str, expected: str, actual: str) -> None:
        """Keep the facts and compose the message."""
        super().__init__(
            f"{url} is damaged or was replaced: expected {expected}, got {actual}. "
            "Nothing of it was stored; try again, and tell its publisher if it stays so."
        )
        self.url = url
        self.expected = expected
        self.actual = actual


class NoHash(UntrustedError):
    """A file whose bytes nobody vouches for, where hashes are required.

    Attributes:
        url: Where it would come from.
    """

    def __init__(self, url: str) -> None:
        """Keep the URL and compose the message."""
        super().__init__(
            f"Neither a signed manifest nor the hub tells the SHA-256 of {url}, and require_hashes is on. "
            "Nothing of it was stored. Publish a manifest (ml-model-manifests), or set require_hashes=False."
        )
        self.url = url


class ForbiddenURL(UntrustedError):
    """A model file's URL that the allow/deny list does not admit.

    Attributes:
        url: The refused URL.
        denied: The deny list names it; False: the allow list does not.
    """

    def __init__(self, url: str, reason: str, *, denied: bool = False) -> None:
        """Keep the facts and compose the message."""
        super().__init__(
            f"{url} may not be downloaded: {reason}. "
            "Whoever runs the settings server decides, in the collection ml-model-allow-deny-list."
        )
        self.url = url
        self.denied = denied


class RuntimeMismatch(UntrustedError):
    """The runtime of Remote Settings is not the one that the bundled JavaScript was built with."""


class UnavailableError(ModelDenError):
    """Something could not be reached or is not there. Nothing stored was lost."""


class NetworkError(UnavailableError):
    """A request without an answer that a page may read.

    Attributes:
        url: The URL asked for.
    """

    def __init__(self, url: str, reason: str) -> None:
        """Keep the URL and compose the message."""
        super().__init__(
            f"No usable answer from {url}: {reason}. Check the connection, that the server is up, "
            "and that it allows this page (Access-Control-Allow-Origin)."
        )
        self.url = url


class DownloadInterrupted(NetworkError):
    """A download that broke off. What came is kept: the next try goes on from there.

    Attributes:
        received: Bytes that came.
        total: Bytes that should have come, when known.
    """

    def __init__(self, url: str, reason: str, received: int, total: int | None) -> None:
        """Keep the facts and compose the message."""
        super().__init__(url, f"{reason}, after {received} of {total or 'unknown'} bytes")
        self.received = received
        self.total = total


class RequestTimeout(UnavailableError):
    """A request that was not answered in time.

    Attributes:
        url: The URL asked for.
        seconds: The limit.
    """

    def __init__(self, url: str, seconds: float) -> None:
        """Keep the facts and compose the message."""
        super().__init__(f"No answer from {url} within {seconds:g} s. Try again later.")
        self.url = url
        self.seconds = seconds


class HttpError(UnavailableError):
    """An answer with an error status.

    Attributes:
        url: The URL asked for.
        status: The HTTP status code.
        retry_after: Seconds after which the server wants to be asked again, when it told.
    """

    def __init__(
        self, url: str, status: int, hint: str = "Try again later.", *, retry_after: float | None = None
    ) -> None:
        """Keep the facts and compose the message."""
        super().__init__(f"{url} answered {status}, expected 200. {hint}")
        self.url = url
        self.status = status
        self.retry_after = retry_after


class FileNotFoundOnHub(HttpError):
    """The hub does not have a file.

    Attributes:
        model: ``organization/name``.
        revision: Branch or version.
        file: Path in the repository.
    """

    def __init__(self, url: str, status: int, *, model: str, revision: str, file: str) -> None:
        """Keep the facts and compose the message."""
        super().__init__(
            url,
            status,
            f"The hub has no {file} for the model {model}, revision {revision}: check both names.",
        )
        self.model = model
        self.revision = revision
        self.file = file


class ResponseTooLarge(UnavailableError):
    """An answer over the size limit; reading stopped there.

    Attributes:
        url: The URL asked for.
        limit: Most bytes allowed.
    """

    def __init__(self, url: str, limit: int) -> None:
        """Keep the facts and compose the message."""
        super().__init__(f"{url} sent more than the {limit} bytes that such an answer may have; it was not read on.")
        self.url = url
        self.limit = limit


class InvalidResponse(UnavailableError):
    """An answer that is not what the protocol says.

    Attributes:
        url: The URL asked for.
    """

    def __init__(self, url: str, expected: str, actual: str) -> None:
        """Keep the URL and compose the message."""
        super().__init__(f"{url}: expected {expected}, got {actual}. Is this the right server?")
        self.url = url


class ServerBusy(UnavailableError):
    """The server asked not to be asked for a while.

    Attributes:
        url: The server.
        seconds: How long that still lasts.
    """

    def __init__(self, url: str, seconds: float) -> None:
        """Keep the facts and compose the message."""
        super().__init__(f"{url} asked to be left alone for another {seconds:.0f} s (Backoff). It is not asked before.")
        self.url = url
        self.seconds = seconds


class UnknownCollection(UnavailableError):
    """Remote Settings has no collection of this name.

    Attributes:
        collection: ``bucket/collection``.
        url: The server.
    """

    def __init__(self, collection: str, url: str) -> None:
        """Keep the facts and compose the message."""
        super().__init__(
            f"{url} has no collection {collection}. Check settings_server and settings_bucket in modelden.configure()."
        )
        self.collection = collection
        self.url = url


class NoRuntime(UnavailableError):
    """Remote Settings has no runtime that this version of modelden can use."""


class NotPrefetched(UnavailableError):
    """Not everything that a later visit needs could be fetched ahead.

    Attributes:
        missing: What is not there: names of collections, of the runtime, or URLs of files.
    """

    def __init__(self, missing: tuple[str, ...], reason: str) -> None:
        """Keep the names and compose the message."""
        super().__init__(f"Not everything could be fetched ahead. Missing: {', '.join(missing)}. {reason}")
        self.missing = missing


class StorageError(ModelDenError):
    """The browser's storage could not do what was asked. Nothing half-made remains."""


class QuotaExceeded(StorageError):
    """The browser has no room for the data.

    Attributes:
        what: What was to be stored.
        needed: Its size in bytes, or None when unknown.
        available: Bytes that there is room for, or None when unknown.
    """

    def __init__(self, what: str, needed: int | None = None, available: int | None = None) -> None:
        """Keep the facts and compose the message."""
        size = "" if needed is None else f" ({needed} bytes)"
        room = "" if available is None else f", only for {available} bytes"
        super().__init__(
            f"The browser has no room to store {what}{size}{room}. Free some: delete models with "
            "modelden.ModelHub().delete_models(), or disk space; a private window has little."
        )
        self.what = what
        self.needed = needed
        self.available = available


class CacheSizeExceeded(QuotaExceeded):
    """More than ``max_size`` would be kept.

    Attributes:
        max_size: The limit in GiB.
    """

    def __init__(self, what: str, max_size: float, needed: int, available: int) -> None:
        """Keep the facts and compose the message, which begins as Firefox's."""
        super().__init__(what, needed, available)
        message = f"Exceeding cache size limit of {max_size:g}GiB: {what} needs {needed} bytes, {available} are left. "
        self.args = (message + "Delete models with modelden.ModelHub().delete_models(), or set a larger limit.",)
        self.max_size = max_size


class StorageUnavailable(StorageError):
    """The browser gives this page no IndexedDB."""


class EngineError(ModelDenError):
    """The engine could not load the model or run it."""


class EngineTimeout(EngineError):
    """The engine's worker gave no sign of life while it loaded."""


class EngineCrashed(EngineError):
    """The engine's worker died."""


class EngineClosed(EngineError):
    """The engine was closed; create a new one."""


class NotEnoughMemory(EngineError):
    """A model that needs more memory than this browser gives (Firefox: ``NotEnoughMemoryError``).

    Attributes:
        required: Bytes that it needs, estimated from its files.
        available: Bytes that there are.
    """

    def __init__(self, required: int, available: int) -> None:
        """Keep the figures and compose the message."""
        super().__init__(
            f"Not enough physical memory available. Required Memory: {required / 2**30:.2f} GiB, Available Memory: "
            f"{available / 2**30:.2f} GiB. Take a smaller model or dtype; if the browser has more, raise memory_limit "
            "in modelden.configure()."
        )
        self.required = required
        self.available = available


class LoadEndedPage(EngineError):
    """Loading this model ended the page, more than once. Asking again tries it again.

    Attributes:
        model: ``organization/name``.
        times: How often in a row.
    """

    def __init__(self, model: str, times: int) -> None:
        """Keep the facts and compose the message."""
        super().__init__(
            f"The page ended {times} times in a row while it loaded {model}: the browser may lack the memory for it. "
            "Take a smaller model or dtype, or call create_engine() again to try all the same."
        )
        self.model = model
        self.times = times


class SyncUnavailable(EngineError):
    """A call that waits, where Python cannot be suspended."""


class CryptoUnavailable(ModelDenError):
    """The page has no WebCrypto to verify signatures with: it must be served over https or from localhost."""


class NotInBrowser(ModelDenError):
    """Engines run in a browser, with Pyodide; here is none."""
