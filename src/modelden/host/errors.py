"""What can go wrong on the publishing side. All are `ModelDenError`s.

ModelDenError
└── HostError
    ├── KeysError      the keys folder cannot be used
    ├── TreeError      the published tree cannot be used
    │   └── TreeBusy   somebody else is publishing into it
    ├── ServeError     the server cannot start
    ├── PublishError   what was to be published is not fit for it
    ├── BrowserError   no browser, or it could not do what was asked
    ├── RemoteError    a server that is published to does not answer, or refuses
    └── MachineError   disk full, missing rights, a program that is not there
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from modelden.errors import ModelDenError


class HostError(ModelDenError):
    """Base of the errors of `modelden.host`; the message says what to do.

    Attributes:
        exit_code: What the command line ends with (docs/cli.md).
    """

    exit_code = 2


class KeysError(HostError):
    """The keys folder is incomplete or damaged."""


class TreeError(HostError):
    """A published tree that is not laid out as it must be."""


class TreeBusy(TreeError):
    """Another process is publishing into the tree."""

    exit_code = 4


class ServeError(HostError):
    """The server cannot start."""


class PublishError(HostError):
    """Something that clients would refuse, or that would break those who have it. Nothing was published.

    Attributes:
        faults: Each reason, a sentence.
    """

    exit_code = 3

    def __init__(self, what: str, faults: Sequence[str]) -> None:
        """Keep the reasons and compose the message."""
        lines = "".join(f"\n  - {fault}" for fault in faults)
        super().__init__(f"{what} Nothing was published.{lines}")
        self.faults = tuple(faults)


class BrowserError(HostError):
    """A browser that is not there, or that could not do what was asked."""

    exit_code = 4


class RemoteError(HostError):
    """A server that does not answer, or refuses; what clients see there is what it was."""

    exit_code = 4


class MachineError(HostError):
    """The machine could not do it; what was there before is still there."""

    exit_code = 4


_WAYS_OUT = {
    errno.ENOSPC: "The disk is full: free some room and run the command again.",
    errno.EDQUOT: "The disk quota is used up: free some room and run the command again.",
    errno.EACCES: "The rights are missing: run it as the user that owns the folder.",
    errno.EPERM: "The rights are missing: run it as the user that owns the folder.",
    errno.EROFS: "The file system is read-only.",
}


@contextmanager
def machine_errors(what: str) -> Iterator[None]:
    """Turn the `OSError`s inside into a `MachineError` that tells the way out.

    Args:
        what: What could not be done, the beginning of a sentence: ``Cannot write tree``.
    """
    try:
        yield
    except OSError as error:
        way_out = _WAYS_OUT.get(error.errno or 0, "Run the command again when that is mended.")
        where = f" ({error.filename})" if error.filename else ""
        raise MachineError(f"{what}: {error.strerror or error}{where}. {way_out}") from error
