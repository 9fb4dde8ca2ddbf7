"""Raw ONNX models by onnxruntime's Python names, run by onnxruntime-web in a worker.

    from modelden import onnxruntime

    session = onnxruntime.InferenceSession(model_bytes)              # where the browser can suspend Python
    session = await onnxruntime.InferenceSession.create(model_bytes) # everywhere
    [y] = session.run(None, {"x": x})
    [y] = await session.run_async(None, {"x": x})

NumPy arrays go in and come out where NumPy is installed, `modelden.Tensor` otherwise; both go in always. Names and
messages are onnxruntime's; what a browser cannot do is refused or, as there, warned of. On CPython use onnxruntime.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import PurePath
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from modelden.engine.onnx import ModelMetadata, NodeArg, OnnxModelInfo, check_feed, check_outputs
from modelden.engine.onnx_options import ExecutionMode, GraphOptimizationLevel, RunOptions, SessionOptions
from modelden.engine.tensor import Tensor
from modelden.errors import NotInBrowser, SyncUnavailable

if TYPE_CHECKING:
    from modelden.core.progress import ProgressCallback
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

_PROVIDERS = {"CPUExecutionProvider": "wasm", "WebGpuExecutionProvider": "webgpu"}
"""onnxruntime's names of what runs a model, and onnxruntime-web's."""


class InferenceSession:
    """A raw ONNX model, open in a worker. As a context, async or not, it closes itself."""

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
            providers: ``CPUExecutionProvider``, ``WebGpuExecutionProvider``; the first that there is counts.
            provider_options: Not used in a browser.

        Raises:
            EngineError: If the model cannot be opened.
            SyncUnavailable: If Python cannot be suspended here: then use `create`.
            NotInBrowser: Outside Pyodide.
        """
        source = _source(path_or_bytes, sess_options)
        self._adopt(_wait(lambda: _open(source, sess_options, providers), "await InferenceSession.create(...)"))

    @classmethod
    async def create(
        cls,
        path_or_bytes: str | bytes | PurePath | Any,
        sess_options: SessionOptions | None = None,
        providers: Sequence[str | tuple[str, Any]] | None = None,
    ) -> Self:
        """Open a model. The arguments are those of the constructor.

        Raises:
            ModelDenError: The class says what went wrong.
        """
        return cls._of(await _open(_source(path_or_bytes, sess_options), sess_options, providers))

    @classmethod
    async def load(
        cls,
        source: OnnxSource,
        sess_options: SessionOptions | None = None,
        providers: Sequence[str | tuple[str, Any]] | None = None,
        on_progress: ProgressCallback | None = None,
    ) -> Self:
        """Open a model from anywhere; see `modelden.load_session`."""
        return cls._of(await _open(source, sess_options, providers, on_progress))

    @classmethod
    def _of(cls, opened: OnnxSession) -> Self:
        session = cls.__new__(cls)
        session._adopt(opened)  # noqa: SLF001  one of its own
        return session

    def _adopt(self, opened: OnnxSession) -> None:
        self._opened = opened

    @property
    def _info(self) -> OnnxModelInfo:
        return self._opened.info

    def get_inputs(self) -> list[NodeArg]:
        """Return what the model takes."""
        return list(self._info.inputs)

    def get_outputs(self) -> list[NodeArg]:
        """Return what the model gives."""
        return list(self._info.outputs)

    def get_modelmeta(self) -> ModelMetadata:
        """Return what the model says of itself."""
        return self._info.metadata

    def get_providers(self) -> list[str]:
        """Return what runs the model, and what runs the rest of it."""
        used = [name for name, device in _PROVIDERS.items() if device == self._info.device]
        return list(dict.fromkeys([*used, "CPUExecutionProvider"]))

    def info(self) -> OnnxModelInfo:
        """Return all that is known of the session: runtime, threads and device too."""
        return self._info

    def run(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, Any],
        run_options: RunOptions | None = None,  # noqa: ARG002  onnxruntime's
    ) -> list[Any]:
        """Run the model once, and wait.

        Args:
            output_names: Outputs that are wanted, None for all.
            input_feed: Arrays or tensors by name.
            run_options: Not used in a browser.

        Returns:
            The outputs in the order of their names.

        Raises:
            InputError: For inputs that the model does not take.
            EngineError: If the model fails. A run whose GPU is lost is done again on wasm, and so are all later ones.
            SyncUnavailable: If Python cannot be suspended here: then use `run_async`.
        """
        results: list[Any] = _wait(lambda: self._run(output_names, input_feed), "await session.run_async(...)")
        return results

    def run_async(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, Any],
        callback: Callable[[Any, Any, str], None] | None = None,
        user_data: Any = None,
        run_options: RunOptions | None = None,  # noqa: ARG002  onnxruntime's
    ) -> Awaitable[list[Any]]:
        """Run the model once; as `run`, without waiting.

        Args:
            output_names: Outputs that are wanted, None for all.
            input_feed: Arrays or tensors by name.
            callback: As onnxruntime's: called at the end with the outputs, ``user_data`` and the text of an error.
            user_data: For the callback.
            run_options: Not used in a browser.

        Returns:
            What can be awaited for the outputs.
        """
        running = asyncio.ensure_future(self._run(output_names, input_feed))
        if callback is not None:
            running.add_done_callback(lambda done: _tell(done, callback, user_data))
        return running

    def close(self) -> None:
        """End the worker and free the model's memory. Closing twice does nothing."""
        self._opened.close()

    def __del__(self) -> None:
        """Close a session that nobody has any more, as onnxruntime does."""
        opened: OnnxSession | None = getattr(self, "_opened", None)
        if opened is not None and opened.is_open:
            self.close()

    async def _run(self, names: Sequence[str] | None, feed: Mapping[str, Any]) -> list[Any]:
        self._opened.worker()
        wanted = check_outputs(self._info.outputs, names)
        check_feed(self._info.inputs, feed)
        results = await self._opened.infer(wanted, feed)
        return [_given(results[name]) for name in wanted]

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
    """Return what can run models."""
    return ["WebGpuExecutionProvider", "CPUExecutionProvider"]


def get_device() -> str:
    """Return what runs a model by default."""
    return "CPU"


def _source(model: Any, options: SessionOptions | None) -> OnnxSource:
    from modelden.loading.onnx_file_provider import OnnxSource

    path = PurePath(model) if isinstance(model, str) else model
    return OnnxSource(path, options.external if options else {})


async def _open(
    source: OnnxSource,
    options: SessionOptions | None,
    providers: Sequence[str | tuple[str, Any]] | None,
    on_progress: ProgressCallback | None = None,
) -> OnnxSession:
    from modelden.default_context import current_context

    message = (options or SessionOptions()).to_message(_device(providers))
    context = await current_context()
    opened = await context.onnx_sessions().open(source, message, on_progress)
    context.tidy()
    return opened


def _device(providers: Sequence[str | tuple[str, Any]] | None) -> str:
    names = [name if isinstance(name, str) else name[0] for name in providers or ()]
    known = [name for name in names if name in _PROVIDERS]
    for name in names:
        if name not in _PROVIDERS:
            warnings.warn(
                f"Specified provider '{name}' is not in available provider names."
                f"Available providers: '{', '.join(get_available_providers())}'",
                stacklevel=4,
            )
    return _PROVIDERS[known[0]] if known else "wasm"


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


def _given(tensor: Tensor) -> Any:
    if find_spec("numpy") is None:
        return tensor
    import numpy as np

    return np.asarray(tensor)


def _tell(done: asyncio.Future[list[Any]], callback: Callable[[Any, Any, str], None], user_data: Any) -> None:
    error = None if done.cancelled() else done.exception()
    callback(None if error or done.cancelled() else done.result(), user_data, str(error or ""))
