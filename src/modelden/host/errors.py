"""What can go wrong on the publishing side. All are `ModelDenError`s.

ModelDenError
└── HostError
    ├── KeysError    the keys folder cannot be used
    ├── TreeError    the published tree cannot be used
    └── ServeError   the server cannot start
"""

from __future__ import annotations

from modelden.errors import ModelDenError


class HostError(ModelDenError):
    """Base of the errors of `modelden.host`; the message says what to do."""


class KeysError(HostError):
    """The keys folder is incomplete or damaged."""


class TreeError(HostError):
    """A published tree that is not laid out as it must be."""


class ServeError(HostError):
    """The server cannot start."""
