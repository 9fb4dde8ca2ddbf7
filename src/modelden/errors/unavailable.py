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
    """A request failed while the browser reports that it is offline, or was not sent with ``configure(offline=True)``.

    An offline browser does not always report it.
    """

    def __init__(self, url: str, *, configured: bool = False) -> None:
        reason = "modelden.configure(offline=True) allows no request" if configured else "the browser is offline"
        super().__init__(url, reason)
        way = "set offline=False to fetch the rest" if configured else "try again with a network"
        self.args = (f"{url} cannot be asked: {reason}. What is stored works; {way}.",)


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


_LATER = "Try again later."
_HINTS = {
    401: "The server asks for credentials: check the address, and the token.",
    403: "The server refuses this request: check the address, and the rights of the token.",
    404: "There is nothing at this address: check it.",
    407: "A proxy on the way asks for credentials.",
    408: _LATER,
    410: "It was removed from this address.",
    425: _LATER,
    429: "It had too many requests. Try again later.",
    451: "It is blocked for legal reasons, and trying again does not help.",
}


def _hint(status: int) -> str:
    """Return the advice for a status: later only where another time may bring another answer."""
    if status >= 500:
        return _LATER
    return _HINTS.get(status, "The same request has the same answer: check the address.")


class HttpError(UnavailableError):
    """A response has an error status.

    Attributes:
        url: The requested URL.
        status: The HTTP status code.
        retry_after: Seconds of the header ``Retry-After``, if the server sent it.
    """

    def __init__(self, url: str, status: int, hint: str | None = None, *, retry_after: float | None = None) -> None:
        """Compose the message; without a hint it has the advice for the status."""
        super().__init__(f"{url} answered {status}, expected 200. {_hint(status) if hint is None else hint}")
        self.url = url
        self.status = status
        self.retry_after = retry_after


class AccessDenied(HttpError):
    """The hub does not give a model to this page: it is gated, private or blocked. Trying again does not help.

    Attributes:
        model: ``organization/name``.
        code: The hub's reason (Hugging Face: ``X-Error-Code``), such as ``GatedRepo``; None if the page cannot read it.
    """

    def __init__(self, url: str, status: int, hint: str, *, model: str, code: str | None = None) -> None:
        super().__init__(url, status, hint)
        self.model = model
        self.code = code


_MISSING_MODEL = ("RepoNotFound", "RevisionNotFound")
"""Hugging Face's reasons that concern more than one file."""


class FileNotFoundOnHub(HttpError):
    """The hub does not have a file.

    Attributes:
        model: ``organization/name``.
        revision: Branch or version.
        file: Path in the repository.
        dtypes: Data types of the weights that the model has instead; empty if unknown, or if it has none.
        code: The hub's reason (Hugging Face: ``X-Error-Code``), such as ``RepoNotFound``; None if it is unknown.
        missing: The files that were requested, if the hub has none of them: then it lacks the model or the revision.
    """

    def __init__(
        self,
        url: str,
        status: int,
        *,
        model: str,
        revision: str,
        file: str,
        dtypes: tuple[str, ...] = (),
        code: str | None = None,
        missing: tuple[str, ...] = (),
    ) -> None:
        super().__init__(url, status, _missing_hint(model, revision, file, dtypes))
        self.model = model
        self.revision = revision
        self.file = file
        self.dtypes = dtypes
        self.code = code
        self.missing = missing
        if self.is_model:
            self.args = (_missing_model(url, status, model, revision, code, missing),)

    @property
    def is_model(self) -> bool:
        """True if the hub lacks the whole model, or this revision of it."""
        return bool(self.missing) or self.code in _MISSING_MODEL


def _missing_hint(model: str, revision: str, file: str, dtypes: tuple[str, ...]) -> str:
    advice = f"there it has the dtypes {', '.join(dtypes)}: name one of them" if dtypes else "check both names"
    return f"The hub has no {file} for the model {model}, revision {revision}: {advice}."


def _missing_model(url: str, status: int, model: str, revision: str, code: str | None, missing: tuple[str, ...]) -> str:
    """Compose the message of a missing model. The URL of one of its files would lead away from that."""
    answer = f"{'/'.join(url.split('/', 3)[:3])} answered {status}."
    if code == "RepoNotFound":
        return (
            f"The hub has no model {model}, or it is a private one ({code}): check the name. A private one needs a "
            f"token, as ModelHub(token=...) or as hub_headers in modelden.configure(). {answer}"
        )
    if code == "RevisionNotFound":
        return (
            f"The model {model} has no revision {revision} ({code}): check the name of the branch, tag or commit. "
            f"{answer}"
        )
    return (
        f"The hub has no model {model}, revision {revision}: check both names. It has none of the requested files, "
        f"{', '.join(missing)}. {answer}"
    )


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


class ManifestsUnavailable(UnavailableError):
    """Signed manifests of models are required, or are published, and cannot be read. Nothing was downloaded."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The signed manifests of models (the collection ml-model-manifests) cannot be read: {reason} Nothing was "
            "downloaded. `modelden publish` writes them. Without them a hub decides by itself what its files are: "
            "modelden.configure(manifests='if-published') allows that where none are published, manifests=False always."
        )


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
