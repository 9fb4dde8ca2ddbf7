"""Errors of servers, connections and missing files."""

from __future__ import annotations

from modelden.errors.base import ModelDenError


class UnavailableError(ModelDenError):
    """A server cannot be reached, or does not have what was requested. Nothing stored was lost."""


class NetworkError(UnavailableError):
    """A request had no response that a page may read.

    Attributes:
        url: The requested URL.
        reason: The reason.
    """

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"No usable answer from {url}: {reason}. Check the connection, that the server is up, "
            "and that it allows this page (Access-Control-Allow-Origin)."
        )
        self.url = url
        self.reason = reason


class Offline(NetworkError):
    """A request failed while the browser reports that it is offline. An offline browser does not always report it."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "the browser is offline")
        self.args = (f"{url} cannot be asked: the browser is offline. What is stored works; try again with a network.",)


class DownloadInterrupted(NetworkError):
    """A download was interrupted. Its bytes are stored, and the next attempt resumes it.

    Attributes:
        received: Received bytes.
        total: Size of the file in bytes, if known.
    """

    def __init__(self, url: str, reason: str, received: int, total: int | None) -> None:
        super().__init__(url, f"{reason}, after {received} of {total or 'unknown'} bytes")
        self.received = received
        self.total = total


class RequestTimeout(UnavailableError):
    """A request had no response in time.

    Attributes:
        url: The requested URL.
        seconds: The time limit.
    """

    def __init__(self, url: str, seconds: float) -> None:
        super().__init__(f"No answer from {url} within {seconds:g} s. Try again later.")
        self.url = url
        self.seconds = seconds


class RedirectRefused(UnavailableError):
    """A redirect was not followed, because the browser would send private headers to its target.

    Attributes:
        url: The requested URL.
    """

    def __init__(self, url: str) -> None:
        super().__init__(
            f"{url} leads to another place, and it is not followed: browsers would take the private headers there. "
            "Give a token (the header Authorization, which they leave out), or the hub's final address."
        )
        self.url = url


class HttpError(UnavailableError):
    """A response has an error status.

    Attributes:
        url: The requested URL.
        status: The HTTP status code.
        retry_after: Seconds of the header ``Retry-After``, if the server sent it.
    """

    def __init__(
        self, url: str, status: int, hint: str = "Try again later.", *, retry_after: float | None = None
    ) -> None:
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
        dtypes: Data types of the weights that the model has instead; empty if unknown, or if it has none.
    """

    def __init__(
        self, url: str, status: int, *, model: str, revision: str, file: str, dtypes: tuple[str, ...] = ()
    ) -> None:
        advice = f"there it has the dtypes {', '.join(dtypes)}: name one of them" if dtypes else "check both names"
        super().__init__(url, status, f"The hub has no {file} for the model {model}, revision {revision}: {advice}.")
        self.model = model
        self.revision = revision
        self.file = file
        self.dtypes = dtypes


class ResponseTooLarge(UnavailableError):
    """A response exceeds the size limit, where reading stopped.

    Attributes:
        url: The requested URL.
        limit: The limit in bytes.
    """

    def __init__(self, url: str, limit: int) -> None:
        super().__init__(f"{url} sent more than the {limit} bytes that such an answer may have; it was not read on.")
        self.url = url
        self.limit = limit


class InvalidResponse(UnavailableError):
    """A response does not follow the protocol.

    Attributes:
        url: The requested URL.
    """

    def __init__(self, url: str, expected: str, actual: str) -> None:
        super().__init__(f"{url}: expected {expected}, got {actual}. Is this the right server?")
        self.url = url


class ServerBusy(UnavailableError):
    """The server asked for a pause.

    Attributes:
        url: The server.
        seconds: Remaining time of the pause.
    """

    def __init__(self, url: str, seconds: float) -> None:
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
        super().__init__(
            f"{url} has no collection {collection}. Check settings_server and settings_bucket in modelden.configure()."
        )
        self.collection = collection
        self.url = url


class NoRuntime(UnavailableError):
    """Remote Settings have no runtime that this version of modelden can use."""


class NotPrefetched(UnavailableError):
    """Some files that a later visit needs could not be downloaded in advance.

    Attributes:
        missing: Names of collections or of the runtime, or URLs of files.
    """

    def __init__(self, missing: tuple[str, ...], reason: str) -> None:
        super().__init__(f"Not everything could be fetched ahead. Missing: {', '.join(missing)}. {reason}")
        self.missing = missing
