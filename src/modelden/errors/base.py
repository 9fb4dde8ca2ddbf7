"""The root of the tree, wrong calls, and pages that lack what modelden needs."""

from __future__ import annotations


class ModelDenError(Exception):
    """Base of all errors of this package."""

    __module__ = "modelden.errors"

    def __init_subclass__(cls) -> None:
        """Give an error of these modules the path that a caller imports it by, which tracebacks show."""
        super().__init_subclass__()
        if cls.__module__.startswith("modelden.errors."):
            cls.__module__ = "modelden.errors"


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


class CryptoUnavailable(ModelDenError):
    """The page has no WebCrypto to verify signatures with: it must be served over https or from localhost."""


class NotInBrowser(ModelDenError):
    """Engines run in a browser, with Pyodide; here is none."""
