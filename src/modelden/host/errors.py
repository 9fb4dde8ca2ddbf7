"""Errors of the publishing side. All are `ModelDenError`s.

ModelDenError
└── HostError
    ├── KeysError      the keys folder cannot be used
    ├── TreeError      the published tree cannot be used
    │   └── TreeBusy   another process is publishing into it
    ├── ServeError     the server cannot start
    ├── PublishError   clients would refuse the files or records
    ├── BrowserError   a browser is missing or failed
    ├── RemoteError    a remote server does not answer, or refuses
    └── MachineError   disk full, missing rights, a missing program
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from modelden.errors import ModelDenError


class HostError(ModelDenError):
    """Base of the errors of `modelden.host`; the message says what to do.

    Attributes:
        exit_code: Exit code of the command line (docs/cli.md).
    """

    exit_code = 2


class KeysError(HostError):
    """The keys folder is incomplete or damaged."""


class TreeError(HostError):
    """A published tree does not have the expected layout."""


class TreeBusy(TreeError):
    """Another process is publishing into the tree."""

    exit_code = 4


class ServeError(HostError):
    """The server cannot start."""


class PublishError(HostError):
    """Clients would refuse the release, or it would break clients that have an earlier one. Nothing was published.

    Attributes:
        faults: The reasons, one sentence each.
    """

    exit_code = 3

    def __init__(self, summary: str, faults: Sequence[str]) -> None:
        lines = "".join(f"\n  - {fault}" for fault in faults)
        super().__init__(f"{summary} Nothing was published.{lines}")
        self.faults = tuple(faults)


class BrowserError(HostError):
    """A browser is missing, or it failed."""

    exit_code = 4


BrowserError.__module__ = "modelden.host.testing"


class RemoteError(HostError):
    """A server does not answer, or refuses. Clients of it see no change."""

    exit_code = 4


class MachineError(HostError):
    """The machine could not do it. The previous state is unchanged."""

    exit_code = 4


_REMEDIES = {
    errno.ENOSPC: "The disk is full: free some room and run the command again.",
    errno.EDQUOT: "The disk quota is used up: free some room and run the command again.",
    errno.EACCES: "The rights are missing: run it as the user that owns the folder.",
    errno.EPERM: "The rights are missing: run it as the user that owns the folder.",
    errno.EROFS: "The file system is read-only.",
}


@contextmanager
def machine_errors(summary: str) -> Iterator[None]:
    """Turn the `OSError`s inside into a `MachineError` with a remedy.

    Args:
        summary: Beginning of the message: ``Cannot write tree``.
    """
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "Run the command again when that is mended.")
        path = f" ({error.filename})" if error.filename else ""
        raise MachineError(f"{summary}: {error.strerror or error}{path}. {remedy}") from error
