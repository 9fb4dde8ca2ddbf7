"""``RunOptions`` of onnxruntime's Python API, and the configuration entries of all options. Pure."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from modelden.core.arguments import check_text, show
from modelden.engine.onnx_errors import InvalidState, InvalidType, status_error
from modelden.engine.onnx_fields import Field, warn_unsupported
from modelden.errors import EngineError

_LONGEST_KEY = 1024
"""Characters of a configuration key, as in onnxruntime's ``config_options.cc``."""


class ConfigEntries:
    """Configuration entries of options, by key."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self.entries: dict[str, str] = {}

    def add(self, key: Any, value: Any) -> None:
        """Set an entry.

        Raises:
            InputError: If key and value are no texts, or the key is empty or too long.
        """
        if not isinstance(key, str) or not isinstance(value, str):
            raise InvalidType(f"A configuration entry has two texts, got {show(key)} and {show(value)}.")
        if not 0 < len(check_text("key", key)) <= _LONGEST_KEY:
            raise InvalidState(f"Config key is empty or longer than maximum length {_LONGEST_KEY}")
        self.entries[key] = check_text("value", value)

    def get(self, key: Any) -> str:
        """Return the entry of a key.

        Raises:
            InputError: If there is none.
        """
        if not isinstance(key, str):
            raise InvalidType(f"key: expected a text, got {show(key)}.")
        if key not in self.entries:
            raise InvalidState(f"{self._owner} does not have configuration with key: {key}")
        return self.entries[key]

    def to_extra(self) -> dict[str, Any]:
        """Return ``{"session.x.y": "1"}`` as the nested ``extra`` of onnxruntime-web."""
        extra: dict[str, Any] = {}
        for key, value in self.entries.items():
            *path, last = key.split(".")
            target = extra
            for part in path:
                inner = target.setdefault(part, {})
                target = inner if isinstance(inner, dict) else target
            target[last] = value
        return extra


class RunOptions:
    """Options of one run, or of several."""

    __slots__ = ("_config", "_runs", "_values")

    log_severity_level = Field(-1)
    """Severity of the messages of a run, 0 to 4; -1 for the session's."""
    log_verbosity_level = Field(0)
    logid = Field("")
    only_execute_path_to_fetches = Field(False, "onnxruntime-web runs the whole graph")  # noqa: FBT003  the default
    _terminate = Field(False)  # noqa: FBT003  the default

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._config = ConfigEntries("RunOptions")
        self._runs: set[asyncio.Task[Any]] = set()

    @property
    def terminate(self) -> bool:
        """True: runs with these options end, those that are under way too, and no new one begins."""
        return self._terminate

    @terminate.setter
    def terminate(self, value: bool) -> None:
        self._terminate = value
        if self._terminate:
            for run in list(self._runs):
                run.cancel()

    def add_run_config_entry(self, key: str, value: str) -> None:
        """Set a configuration entry of the run.

        Raises:
            InputError: If key and value are no texts, or the key is empty or too long.
        """
        self._config.add(key, value)

    def get_run_config_entry(self, key: str) -> str:
        """Return a configuration entry.

        Raises:
            InputError: If there is none.
        """
        return self._config.get(key)

    def add_active_adapter(self, adapter: Any) -> None:  # noqa: ARG002  onnxruntime's
        """Warn: onnxruntime-web has no LoRA adapters."""
        warn_unsupported("RunOptions.add_active_adapter", "onnxruntime-web has no LoRA adapters")


RunOptions.__module__ = "modelden.onnxruntime"


async def run_terminable[T](options: RunOptions, run: Coroutine[Any, Any, T]) -> T:
    """Wait for a run, which ends early when `RunOptions.terminate` is set.

    Args:
        options: The options of the run.
        run: The run.

    Raises:
        Fail: If it was terminated.
    """
    if options.terminate:
        run.close()
        raise _terminated()
    task = asyncio.current_task()
    if task is None:
        raise AssertionError("a coroutine runs in a task")
    runs = options._runs  # noqa: SLF001  of a class of this module, without a public name as in onnxruntime
    runs.add(task)
    try:
        return await run
    except asyncio.CancelledError:
        is_terminated = bool(options._terminate)  # noqa: SLF001  as above; a property is narrowed by the first check
        if not is_terminated:
            raise
        task.uncancel()
        raise _terminated() from None
    finally:
        runs.discard(task)


def _terminated() -> EngineError:
    return status_error(1, "Exiting due to terminate flag being set to true.")


def check_run_options(options: Any) -> RunOptions:
    """Return the options of a run; the default ones for None.

    Raises:
        InputError: If they are no `RunOptions`.
    """
    if options is None:
        return RunOptions()
    if not isinstance(options, RunOptions):
        raise InvalidType(f"run_options: expected modelden.onnxruntime.RunOptions, got {show(options)}.")
    return options
