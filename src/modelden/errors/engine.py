"""Errors of the engine and its model."""

from __future__ import annotations

from modelden.errors.base import ModelDenError


class EngineError(ModelDenError):
    """The engine could not load the model or run it."""


class EngineTimeout(EngineError):
    """A run took longer than its ``timeout``, or the worker sent no message for too long while it loaded."""


class EngineCrashed(EngineError):
    """The engine's worker died."""


class DeviceLost(EngineCrashed):
    """The browser withdrew the GPU from a worker, which cannot work without it.

    Attributes:
        reason: The browser's reason.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The GPU device was lost: {reason.rstrip('.')}. An engine or a session goes on with wasm when it is next "
            "used."
        )
        self.reason = reason


class WorkerRefused(EngineError):
    """The browser did not start a worker or a script, because of a content security policy or of ``worker_url``."""


class EngineClosed(EngineError):
    """The engine was closed; create a new one."""


class NotEnoughMemory(EngineError):
    """A model needs more memory than there is (Firefox: ``NotEnoughMemoryError``).

    Attributes:
        required: Bytes that the model needs, estimated from its files.
        available: Available bytes.
    """

    def __init__(self, required: int, available: int) -> None:
        super().__init__(
            f"Not enough physical memory available. Required Memory: {required / 2**30:.2f} GiB, Available Memory: "
            f"{available / 2**30:.2f} GiB. Take a smaller model or dtype; if the browser has more, raise memory_limit "
            "in modelden.configure()."
        )
        self.required = required
        self.available = available


class LoadEndedPage(EngineError):
    """Loading this model ended the page more than once. Another call tries it again.

    Attributes:
        model: ``organization/name``.
        times: Number of such loads in a row.
    """

    def __init__(self, model: str, times: int) -> None:
        super().__init__(
            f"The page ended {times} times in a row while it loaded {model}: the browser may lack the memory for it. "
            "Take a smaller model or dtype, or ask again to try all the same."
        )
        self.model = model
        self.times = times


class SyncUnavailable(EngineError):
    """A synchronous call cannot wait, because Python cannot be suspended in this browser or in this call."""
