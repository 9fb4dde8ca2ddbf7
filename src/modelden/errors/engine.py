"""The loaded model."""

from __future__ import annotations

from modelden.errors.base import ModelDenError


class EngineError(ModelDenError):
    """The engine could not load the model or run it."""


class EngineTimeout(EngineError):
    """The engine's worker gave no sign of life while it loaded."""


class EngineCrashed(EngineError):
    """The engine's worker died."""


class DeviceLost(EngineCrashed):
    """The browser took the GPU away from a worker, which cannot go on without.

    Attributes:
        reason: What the browser says.
    """

    def __init__(self, reason: str) -> None:
        """Keep the reason and compose the message."""
        super().__init__(
            f"The GPU device was lost: {reason.rstrip('.')}. An engine or a session goes on with wasm when it is next "
            "used."
        )
        self.reason = reason


class WorkerRefused(EngineError):
    """The browser did not start a worker: a content security policy, or ``worker_url``, does not let it."""


class EngineClosed(EngineError):
    """The engine was closed; create a new one."""


class NotEnoughMemory(EngineError):
    """A model that needs more memory than this browser gives (Firefox: ``NotEnoughMemoryError``).

    Attributes:
        required: Bytes that it needs, estimated from its files.
        available: Bytes that there are.
    """

    def __init__(self, required: int, available: int) -> None:
        """Keep the figures and compose the message."""
        super().__init__(
            f"Not enough physical memory available. Required Memory: {required / 2**30:.2f} GiB, Available Memory: "
            f"{available / 2**30:.2f} GiB. Take a smaller model or dtype; if the browser has more, raise memory_limit "
            "in modelden.configure()."
        )
        self.required = required
        self.available = available


class LoadEndedPage(EngineError):
    """Loading this model ended the page, more than once. Asking again tries it again.

    Attributes:
        model: ``organization/name``.
        times: How often in a row.
    """

    def __init__(self, model: str, times: int) -> None:
        """Keep the facts and compose the message."""
        super().__init__(
            f"The page ended {times} times in a row while it loaded {model}: the browser may lack the memory for it. "
            "Take a smaller model or dtype, or ask again to try all the same."
        )
        self.model = model
        self.times = times


class SyncUnavailable(EngineError):
    """A call that waits, where Python cannot be suspended."""
