"""Base of the errors, errors of wrong calls, and errors of unsuitable pages."""

from __future__ import annotations


class ModelDenError(Exception):
    """Base of all errors of this package."""

    __module__ = "modelden.errors"

    def __init__(self, *args: object) -> None:
        """Create an error. Messages have words of servers, whose control characters become escapes."""
        super().__init__(*map(_printable, args))

    def __init_subclass__(cls) -> None:
        """Give an error of these modules the path that a caller imports it by, which tracebacks show."""
        super().__init_subclass__()
        if cls.__module__.startswith("modelden.errors."):
            cls.__module__ = "modelden.errors"

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows in place of all frames: the caller's line and the message."""
        from modelden.display.error_summary import summarize_error  # notebooks only

        return summarize_error(self)


def _printable(value: object) -> object:
    if not isinstance(value, str) or value.isprintable():
        return value
    from modelden.core.printable import printable  # most messages have one line of plain text

    return printable(value, lines=True)


class InputError(ModelDenError, ValueError):
    """An argument or a configuration value is invalid."""


class InvalidOption(InputError):
    """An option of an engine has a value that Firefox's rules refuse (Firefox: ``PipelineOptionsValidationError``).

    Attributes:
        field: The option, in Firefox's spelling: ``modelRevision``.
        value: The refused value.
    """

    def __init__(self, field: str, value: object, text: str, tip: str = "") -> None:
        """Compose Firefox's message, in which the value is ``text``."""
        super().__init__(" ".join(filter(None, (f'Invalid value "{text}" for field "{field}".', tip))))
        self.field = field
        self.value = value


class ContextExceeded(InputError):
    """A chat does not fit into the model's context.

    Attributes:
        prompt_tokens: Number of tokens of the chat.
        max_new_tokens: Number of tokens that its answer may have.
        context_length: Number of tokens that the model takes, chat and answer together.
    """

    def __init__(self, prompt_tokens: int, max_new_tokens: int, context_length: int) -> None:
        super().__init__(
            f"The chat has {prompt_tokens} tokens and its answer may have {max_new_tokens}, but the model takes "
            f"{context_length} together. Shorten the text, set a smaller max_new_tokens, begin a new chat, or let "
            "overflow='drop_oldest' drop the oldest turns."
        )
        self.prompt_tokens = prompt_tokens
        self.max_new_tokens = max_new_tokens
        self.context_length = context_length


class UnknownTask(InputError):
    """A task has a name that no engine knows."""


class DownloadDeclined(ModelDenError):
    """The ``confirm`` of a call did not agree to a download. No file was requested, and nothing stored was lost.

    Attributes:
        summary: The download that was declined (`modelden.DownloadSummary`).
    """

    def __init__(self, summary: object) -> None:
        super().__init__(f"The download was declined by confirm: {summary}. Call again to ask again.")
        self.summary = summary


class CryptoUnavailable(ModelDenError):
    """The page has no WebCrypto to verify signatures with: it must be served over https or from localhost."""


class NotInBrowser(ModelDenError):
    """Engines run in a browser, with Pyodide, and this Python does not."""
