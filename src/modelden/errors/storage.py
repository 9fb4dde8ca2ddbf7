"""Errors of the browser's storage."""

from __future__ import annotations

from modelden.errors.base import ModelDenError


class StorageError(ModelDenError):
    """An operation of the browser's storage failed. Nothing of it remains."""


class QuotaExceeded(StorageError):
    """The browser has no space for the data.

    Attributes:
        what: The data.
        needed: Its size in bytes, or None if unknown.
        available: Free bytes, or None if unknown.
        usage: Bytes that this site uses, or None if unknown.
        quota: Bytes that this site may use, or None if unknown.
    """

    usage: int | None = None
    quota: int | None = None

    def __init__(self, what: str, needed: int | None = None, available: int | None = None) -> None:
        size = "" if needed is None else f" ({needed} bytes)"
        space = "" if available is None else f", only for {available} bytes"
        super().__init__(
            f"The browser has no room to store {what}{size}{space}. Free some: delete models with "
            "modelden.ModelHub().delete_models(), or disk space; a private window has little."
        )
        self.what = what
        self.needed = needed
        self.available = available

    def note(self, needed: int | None, usage: int | None, quota: int | None) -> None:
        """Add facts that were not known before, and the browser's storage estimate to the message."""
        self.needed = self.needed or needed
        if usage is None or quota is None or self.quota is not None:
            return
        self.usage, self.quota = usage, quota
        self.args = (f"{self} This site uses {usage} of {quota} bytes.",)


class CacheSizeExceeded(QuotaExceeded):
    """The stored models would exceed ``max_size``.

    Attributes:
        max_size: The limit in GiB.
    """

    def __init__(self, what: str, max_size: float, needed: int, available: int) -> None:
        super().__init__(what, needed, available)
        message = f"Exceeding cache size limit of {max_size:g}GiB: {what} needs {needed} bytes, {available} are left. "
        self.args = (message + "Delete models with modelden.ModelHub().delete_models(), or set a larger limit.",)
        self.max_size = max_size


class StorageUnavailable(StorageError):
    """The browser gives this page no IndexedDB, or its IndexedDB fails."""


class DataRemoved(StorageUnavailable):
    """Stored data were removed while they were in use, as by clearing the site's data. They are fetched again."""
