"""What is needed cannot be had now, or not from there."""

from __future__ import annotations

from modelden.errors.base import ModelDenError


class UnavailableError(ModelDenError):
    """Something could not be reached or is not there. Nothing stored was lost."""


class NetworkError(UnavailableError):
    """A request without an answer that a page may read.

    Attributes:
        url: The URL asked for.
        reason: Why there was none.
    """

    def __init__(self, url: str, reason: str) -> None:
        """Keep the URL and compose the message."""
        super().__init__(
            f"No usable answer from {url}: {reason}. Check the connection, that the server is up, "
            "and that it allows this page (Access-Control-Allow-Origin)."
        )
        self.url = url
        self.reason = reason


class Offline(NetworkError):
    """A request that failed while the browser says that there is no network. Without that word it may still be so."""

    def __init__(self, url: str) -> None:
        """Keep the URL and compose the message."""
        super().__init__(url, "the browser is offline")
        self.args = (f"{url} cannot be asked: the browser is offline. What is stored works; try again with a network.",)


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


class RedirectRefused(UnavailableError):
    """A redirect that is not followed, because private headers would go along.

    Attributes:
        url: The URL asked for.
    """

    def __init__(self, url: str) -> None:
        """Keep the URL and compose the message."""
        super().__init__(
            f"{url} leads to another place, and it is not followed: browsers would take the private headers there. "
            "Give a token (the header Authorization, which they leave out), or the hub's final address."
        )
        self.url = url


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
        dtypes: Data types of weights that the model has in its place; empty where nobody tells, or it has none.
    """

    def __init__(
        self, url: str, status: int, *, model: str, revision: str, file: str, dtypes: tuple[str, ...] = ()
    ) -> None:
        """Keep the facts and compose the message."""
        way = f"there it has the dtypes {', '.join(dtypes)}: name one of them" if dtypes else "check both names"
        super().__init__(url, status, f"The hub has no {file} for the model {model}, revision {revision}: {way}.")
        self.model = model
        self.revision = revision
        self.file = file
        self.dtypes = dtypes


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
