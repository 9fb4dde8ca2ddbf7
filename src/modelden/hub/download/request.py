"""The request for a file of a hub, as it goes through the steps of a download."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from modelden.errors import FileNotFoundOnHub, HttpError
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import ModelFile
from modelden.hub.download.branch_update import BranchUpdate
from modelden.hub.store.records import FileKey
from modelden.hub.store.usage import Consumer

if TYPE_CHECKING:
    from modelden.hub.catalog.file_index import Lists


class FileRequest(NamedTuple):
    """A request for a file.

    Attributes:
        file: Model, revision and path.
        key: Key in the store.
        url: URL on the hub.
        consumer: Task and engine that use it.
        allow_list: Checked for each URL.
        branch: Update of the branch that it belongs to; None for files of pinned revisions.
        before_download: Called before the first byte of a download. Its error ends the request.
        check_size: Called with the size before the first byte, when known. Its error ends the request.
        no_cache: Download it whatever is stored (RFC 9111, section 5.2.1.4).
        lists: The hub's lists that the load uses, so that its files are of one commit; None for a file alone.
    """

    file: ModelFile
    key: FileKey
    url: str
    consumer: Consumer
    allow_list: AllowList
    branch: BranchUpdate | None = None
    before_download: Callable[[], Awaitable[None]] | None = None
    check_size: Callable[[int], None] | None = None
    no_cache: bool = False
    lists: Lists | None = None

    def not_found(self, url: str, status: int) -> FileNotFoundOnHub:
        """Return the error of a hub, or a mirror, that does not have the file."""
        file = self.file
        return FileNotFoundOnHub(url, status, model=file.model, revision=file.revision, file=file.file)

    def refusal(self, url: str, status: int, headers: Mapping[str, str]) -> HttpError:
        """Return the error for a response that is no file, of the hub or of a mirror."""
        from modelden.hub.catalog.refusal import refusal  # most responses are files

        return refusal(url, status, headers, **self.file.names())
