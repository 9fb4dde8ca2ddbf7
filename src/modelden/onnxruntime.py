"""Raw ONNX models with onnxruntime's Python names, run by onnxruntime-web in a worker.

    from modelden import onnxruntime

    session = onnxruntime.InferenceSession(model_bytes)              # where the browser can suspend Python
    session = await onnxruntime.InferenceSession.create(model_bytes) # everywhere
    [y] = session.run(None, {"x": x})
    [y] = await session.run_async(None, {"x": x})

Inputs are NumPy arrays or `modelden.Tensor`. Outputs are NumPy arrays if NumPy is installed, else `modelden.Tensor`.
Names and messages are onnxruntime's. What a browser cannot do raises an error or, as in onnxruntime, a warning. On
CPython use onnxruntime itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import PurePath
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from modelden.core.arguments import check_callback
from modelden.engine.onnx import ModelMetadata, NodeArg, OnnxModelInfo, check_feed, check_outputs
from modelden.engine.onnx_options import (
    PROVIDERS,
    ExecutionMode,
    GraphOptimizationLevel,
    RunOptions,
    SessionOptions,
    external_data,
    select_device,
)
from modelden.engine.slot import check_timeout
from modelden.engine.tensor import to_array
from modelden.errors import NotInBrowser, SyncUnavailable

if TYPE_CHECKING:
    from modelden.core.events import ProgressCallback
    from modelden.loading.onnx_file_provider import OnnxSource
    from modelden.loading.onnx_session import OnnxSession

__all__ = [
    "ExecutionMode",
    "GraphOptimizationLevel",
    "InferenceSession",
    "ModelMetadata",
    "NodeArg",
    "RunOptions",
    "SessionOptions",
    "get_available_providers",
    "get_device",
]


class InferenceSession:
    """A raw ONNX model, open in a worker. ``with`` and ``async with`` close it."""

    def __init__(
        self,
        path_or_bytes: str | bytes | PurePath | Any,
        sess_options: SessionOptions | None = None,
        providers: Sequence[str | tuple[str, Any]] | None = None,
        provider_options: Sequence[Mapping[str, Any]] | None = None,  # noqa: ARG002  onnxruntime's
    ) -> None:
        """Open a model and wait for it.

        Args:
            path_or_bytes: Bytes, a path in Python's file system, or a ``Blob`` of the page.
            sess_options: Options.
            providers: ``CPUExecutionProvider``, ``WebGpuExecutionProvider``; the first available one is used.
            provider_options: Not used in a browser.

        Raises:
            EngineError: If the model cannot be opened.
            SyncUnavailable: If Python cannot be suspended here. Use `create` then.
            NotInBrowser: Outside Pyodide.
        """
        source = _source(path_or_bytes, sess_options)
        instead = "await InferenceSession.create(...)"
        self._session: OnnxSession = _wait(lambda: _open(source, sess_options, providers), instead)

    @classmethod
    async def create(
        cls,
        path_or_bytes: str | bytes | PurePath | Any,
        sess_options: SessionOptions | None = None,
        providers: Sequence[str | tuple[str, Any]] | None = None,
    ) -> Self:
        """Open a model. The arguments are those of the constructor.

        Raises:
            ModelDenError: If the model cannot be opened.
        """
        return cls._from_session(await _open(_source(path_or_bytes, sess_options), sess_options, providers))

    @classmethod
    async def load(
        cls,
        source: OnnxSource,
        sess_options: SessionOptions | None = None,
        providers: Sequence[str | tuple[str, Any]] | None = None,
        on_progress: ProgressCallback | None = None,
    ) -> Self:
        """Open a model from any source; see `modelden.load_session`, which makes the source."""
        return cls._from_session(await _open(source, sess_options, providers, on_progress))

    @classmethod
    def _from_session(cls, session: OnnxSession) -> Self:
        instance = cls.__new__(cls)
        instance._session = session  # noqa: SLF001  an instance of this class
        return instance

    @property
    def _info(self) -> OnnxModelInfo:
        return self._session.info

    def get_inputs(self) -> list[NodeArg]:
        """Return the model's inputs."""
        return list(self._info.inputs)

    def get_outputs(self) -> list[NodeArg]:
        """Return the model's outputs."""
        return list(self._info.outputs)

    def get_modelmeta(self) -> ModelMetadata:
        """Return the model's metadata."""
        return self._info.metadata

    def get_providers(self) -> list[str]:
        """Return the execution provider of the model, and the one of operators that it lacks."""
        used = [name for name, device in PROVIDERS.items() if device == self._info.device]
        return list(dict.fromkeys([*used, "CPUExecutionProvider"]))

    def info(self) -> OnnxModelInfo:
        """Return the facts of the session, with runtime, threads and device."""
        return self._info

    def run(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, Any],
        run_options: RunOptions | None = None,  # noqa: ARG002  onnxruntime's
        *,
        timeout: float | None = None,
    ) -> list[Any]:
        """Run the model once, and wait.

        Args:
            output_names: Names of the requested outputs, None for all.
            input_feed: Arrays or tensors by name.
            run_options: Not used in a browser.
            timeout: Seconds that the model may take, earlier runs included; None for no limit.

        Returns:
            The outputs in the order of their names.

        Raises:
            InputError: For inputs that the model does not take.
            EngineTimeout: If it takes longer than ``timeout``. If it does not stop, the next run has a new worker.
            EngineError: If the model fails. A run whose GPU is lost is repeated on wasm, as are all later ones.
            SyncUnavailable: If Python cannot be suspended here. Use `run_async` then.
        """
        results: list[Any] = _wait(lambda: self._run(output_names, input_feed, timeout), "await session.run_async(...)")
        return results

    def run_async(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, Any],
        callback: Callable[[Any, Any, str], None] | None = None,
        user_data: Any = None,
        run_options: RunOptions | None = None,  # noqa: ARG002  onnxruntime's
        *,
        timeout: float | None = None,
    ) -> Awaitable[list[Any]]:
        """Run the model once, without waiting; otherwise as `run`.

        Args:
            output_names: Names of the requested outputs, None for all.
            input_feed: Arrays or tensors by name.
            callback: Called at the end with the outputs, ``user_data`` and the text of an error, as in onnxruntime.
            user_data: Value for the callback.
            run_options: Not used in a browser.
            timeout: As for `run`.

        Returns:
            An awaitable of the outputs. When it is cancelled, the run ends.
        """
        check_callback("callback", callback)
        running = asyncio.ensure_future(self._run(output_names, input_feed, timeout))
        if callback is not None:
            running.add_done_callback(lambda run: _call_back(run, callback, user_data))
        return running

    def close(self) -> None:
        """End the worker and free the model's memory. A second call does nothing."""
        self._session.close()

    def __del__(self) -> None:
        """Close a session without references, as onnxruntime does."""
        session: OnnxSession | None = getattr(self, "_session", None)
        if session is not None and session.is_open:
            self.close()

    async def _run(
        self,
        names: Sequence[str] | None,
        feed: Mapping[str, Any],
        timeout: float | None,  # noqa: ASYNC109  the page's time, without that of its sleep
    ) -> list[Any]:
        self._session.worker()
        outputs = check_outputs(self._info.outputs, names)
        check_feed(self._info.inputs, feed)
        results = await self._session.infer(outputs, feed, check_timeout(timeout))
        return [to_array(results[name]) for name in outputs]

    def __enter__(self) -> Self:
        """Return the session."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the session."""
        self.close()

    async def __aenter__(self) -> Self:
        """Return the session."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the session."""
        self.close()


def get_available_providers() -> list[str]:
    """Return the available execution providers."""
    return list(PROVIDERS)


def get_device() -> str:
    """Return the default device of models."""
    return "CPU"


def _source(model: Any, options: SessionOptions | None) -> OnnxSource:
    from modelden.loading.onnx_file_provider import OnnxSource

    path = PurePath(model) if isinstance(model, str) else model
    return OnnxSource(path, external_data(options))


async def _open(
    source: OnnxSource,
    options: SessionOptions | None,
    providers: Sequence[str | tuple[str, Any]] | None,
    on_progress: ProgressCallback | None = None,
) -> OnnxSession:
    from modelden.default_context import current_context

    external_data(options)  # checks the type
    message = (options or SessionOptions()).to_message(select_device(providers))
    context = await current_context()
    session = await context.onnx_sessions().open(source, message, on_progress)
    context.tidy()
    return session


def _wait(start: Callable[[], Awaitable[Any]], instead: str) -> Any:
    from modelden.default_context import suspender

    host = suspender()
    if host is None:
        raise NotInBrowser("modelden.onnxruntime runs models in a browser; on this Python use onnxruntime itself.")
    if not host.can_suspend():
        raise SyncUnavailable(f"Python cannot be suspended here, so it cannot wait for the model: use {instead}.")

    async def outcome() -> tuple[Any, Exception | None]:
        # As a value: an error that passes through JavaScript stays there, and with its frames the session.
        try:
            return await start(), None
        except Exception as error:  # noqa: BLE001  raised below
            return None, error

    result, error = host.wait_for(outcome())
    if error is not None:
        raise error
    return result


def _call_back(run: asyncio.Future[list[Any]], callback: Callable[[Any, Any, str], None], user_data: Any) -> None:
    error = None if run.cancelled() else run.exception()
    callback(None if error or run.cancelled() else run.result(), user_data, str(error or ""))
