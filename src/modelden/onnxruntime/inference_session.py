"""``InferenceSession``: a raw ONNX model in a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Self

from modelden.core.arguments import check_callback, show
from modelden.core.event_loop import start_eagerly
from modelden.engine.onnx_errors import InvalidState, InvalidType, status_message
from modelden.engine.onnx_feed import FeedSignature
from modelden.engine.onnx_options import SessionOptions
from modelden.engine.onnx_providers import Providers
from modelden.engine.onnx_results import to_result
from modelden.engine.onnx_run_options import RunOptions
from modelden.errors import InputError
from modelden.onnxruntime.feeds import check_feeds, check_values
from modelden.onnxruntime.io_binding import IOBinding
from modelden.onnxruntime.opening import Opening
from modelden.onnxruntime.ort_value import OrtValue
from modelden.onnxruntime.run_call import RunCall
from modelden.onnxruntime.session import Session
from modelden.onnxruntime.waiting import wait

if TYPE_CHECKING:
    from modelden.core.events import ProgressCallback
    from modelden.loading.onnx_file_provider import OnnxSource


class InferenceSession(Session):
    """A raw ONNX model, open in a worker. ``with`` and ``async with`` close it."""

    def __init__(
        self,
        path_or_bytes: str | bytes | PurePath | Any,
        sess_options: SessionOptions | None = None,
        providers: Providers | None = None,
        provider_options: Sequence[Mapping[str, Any]] | None = None,
        **kwargs: Any,  # noqa: ARG002  onnxruntime's `enable_fallback`, `disabled_optimizers`, ...
    ) -> None:
        """Open a model and wait for it.

        Args:
            path_or_bytes: Bytes, a path in Python's file system, or a ``Blob`` of the page.
            sess_options: Options.
            providers: ``CPUExecutionProvider``, ``WebGpuExecutionProvider``; the first available one is used.
            provider_options: Options of the providers, one dict for each.
            **kwargs: Accepted for code that is written for onnxruntime, which ignores what it does not know too.

        Raises:
            EngineError: If the model cannot be opened.
            SyncUnavailable: If Python cannot be suspended here. Use `create` then.
            NotInBrowser: Outside Pyodide.
        """
        self._opening = Opening.of_model(path_or_bytes, sess_options, providers, provider_options)
        self._session = wait(self._opening.open, "await InferenceSession.create(...)")

    @classmethod
    async def create(
        cls,
        path_or_bytes: str | bytes | PurePath | Any,
        sess_options: SessionOptions | None = None,
        providers: Providers | None = None,
        provider_options: Sequence[Mapping[str, Any]] | None = None,
    ) -> Self:
        """Open a model. The arguments are those of the constructor.

        Raises:
            ModelDenError: If the model cannot be opened.
        """
        return await cls._opened(Opening.of_model(path_or_bytes, sess_options, providers, provider_options))

    @classmethod
    async def load(
        cls,
        source: OnnxSource,
        sess_options: SessionOptions | None = None,
        providers: Providers | None = None,
        on_progress: ProgressCallback | None = None,
    ) -> Self:
        """Open a model from any source; see `modelden.load_session`, which makes the source."""
        return await cls._opened(Opening.of_source(source, sess_options, providers, on_progress=on_progress))

    @classmethod
    async def _opened(cls, opening: Opening) -> Self:
        instance = cls.__new__(cls)
        instance._opening = opening  # noqa: SLF001  an instance of this class
        instance._session = await opening.open()  # noqa: SLF001  the same
        return instance

    def run(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, Any],
        run_options: RunOptions | None = None,
        *,
        timeout: float | None = None,
    ) -> list[Any]:
        """Run the model once, and wait.

        Args:
            output_names: Names of the requested outputs, None for all.
            input_feed: Arrays, tensors, lists or `OrtValue` by name.
            run_options: Options of the run.
            timeout: Seconds that the model may take, earlier runs included; None for no limit.

        Returns:
            The outputs in the order of their names.

        Raises:
            InputError: For inputs that the model does not take.
            EngineTimeout: If it takes longer than ``timeout``. If it does not stop, the next run has a new worker.
            EngineError: If the model fails. A run whose GPU is lost is repeated on wasm, as are all later ones.
            SyncUnavailable: If Python cannot be suspended here. Use `run_async` then.
        """
        run = partial(self.run_async, output_names, input_feed, run_options=run_options, timeout=timeout)
        return wait(run, "await session.run_async(...)")

    def run_async(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, Any],
        callback: Callable[[Any, Any, str], None] | None = None,
        user_data: Any = None,
        run_options: RunOptions | None = None,
        *,
        timeout: float | None = None,
    ) -> Awaitable[list[Any]]:
        """Run the model once, without waiting; otherwise as `run`.

        Args:
            output_names: Names of the requested outputs, None for all.
            input_feed: Arrays, tensors, lists or `OrtValue` by name.
            callback: Called at the end with the outputs, ``user_data`` and the text of an error, as in onnxruntime.
            user_data: Value for the callback.
            run_options: Options of the run.
            timeout: As for `run`.

        Returns:
            An awaitable of the outputs. When it is cancelled, the run ends.
        """
        check_callback("callback", callback)
        call = self._check(output_names, [input_feed], run_options, timeout)

        async def arrays() -> list[Any]:
            [values] = await call.run()
            return [to_result(value) for value in values]

        running = call.start() or start_eagerly(arrays())
        if callback is not None:
            running.add_done_callback(lambda done: _call_back(done, callback, user_data))
        return running

    def run_many(
        self,
        output_names: Sequence[str] | None,
        feeds: Sequence[Mapping[str, Any]],
        run_options: RunOptions | None = None,
        *,
        timeout: float | None = None,
    ) -> list[list[Any]]:
        """Run the model once for each of the feeds, with one message to the worker, and wait. Not onnxruntime's.

        Args:
            output_names: Names of the requested outputs, None for all.
            feeds: Feeds, each as that of `run`.
            run_options: Options of the runs.
            timeout: Seconds that all of them may take; None for no limit.

        Returns:
            For each feed the outputs in the order of their names.

        Raises:
            InputError: For inputs that the model does not take; nothing is run then.
            EngineError: As for `run`, of the first feed that fails.
            SyncUnavailable: If Python cannot be suspended here. Use `run_many_async` then.
        """
        run = partial(self.run_many_async, output_names, feeds, run_options, timeout=timeout)
        return wait(run, "await session.run_many_async(...)")

    async def run_many_async(
        self,
        output_names: Sequence[str] | None,
        feeds: Sequence[Mapping[str, Any]],
        run_options: RunOptions | None = None,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  the page's time, without that of its sleep
    ) -> list[list[Any]]:
        """Run the model once for each of the feeds; otherwise as `run_many`."""
        call = self._check(output_names, check_feeds(feeds), run_options, timeout)
        return [[to_result(value) for value in values] for values in await call.run()]

    def run_with_ort_values(
        self,
        output_names: Sequence[str] | None,
        input_dict_ort_values: Mapping[str, OrtValue],
        run_options: RunOptions | None = None,
    ) -> list[OrtValue]:
        """Run the model once with values of onnxruntime, and wait.

        Args:
            output_names: Names of the requested outputs, None for all.
            input_dict_ort_values: Values by name.
            run_options: Options of the run.

        Returns:
            The outputs in the order of their names.

        Raises:
            InputError: For inputs that the model does not take, or that are no `OrtValue`.
            EngineError: As for `run`.
            SyncUnavailable: If Python cannot be suspended here. Use `run_with_ort_values_async` then.
        """
        run = partial(self.run_with_ort_values_async, output_names, input_dict_ort_values, run_options)
        return wait(run, "await session.run_with_ort_values_async(...)")

    async def run_with_ort_values_async(
        self,
        output_names: Sequence[str] | None,
        input_dict_ort_values: Mapping[str, OrtValue],
        run_options: RunOptions | None = None,
    ) -> list[OrtValue]:
        """Run the model once with values of onnxruntime; otherwise as `run_with_ort_values`."""
        [values] = await self._check(output_names, [check_values(input_dict_ort_values)], run_options).run()
        return [OrtValue(tensor) for tensor in values]

    def io_binding(self) -> IOBinding:
        """Return a new binding of values to the inputs and outputs of the session."""
        return IOBinding(self)

    def run_with_iobinding(self, iobinding: IOBinding, run_options: RunOptions | None = None) -> None:
        """Run the model once with bound values, and wait. `IOBinding.get_outputs` has the results.

        Args:
            iobinding: A binding of this session.
            run_options: Options of the run.

        Raises:
            InputError: If the binding is one of another session, or has no output.
            EngineError: As for `run`.
            SyncUnavailable: If Python cannot be suspended here. Use `run_with_iobinding_async` then.
        """
        run = partial(self.run_with_iobinding_async, iobinding, run_options)
        wait(run, "await session.run_with_iobinding_async(...)")

    async def run_with_iobinding_async(self, iobinding: IOBinding, run_options: RunOptions | None = None) -> None:
        """Run the model once with bound values; otherwise as `run_with_iobinding`."""
        await self._prepare_binding(iobinding, run_options)()

    def _prepare_binding(self, binding: Any, run_options: RunOptions | None) -> Callable[[], Awaitable[None]]:
        if not isinstance(binding, IOBinding):
            raise InvalidType(f"iobinding: expected an IOBinding, got {show(binding)}.")
        if binding.session is not self:
            raise InputError("IOBinding must be used with the session that created it.")
        if not binding.outputs:
            raise InvalidState("Error in execution: At least one output should be requested.")
        try:
            names = list(binding.outputs)
            call = self._check(names, [binding.inputs], run_options)
        except InputError as error:
            raise InvalidState(f"Error in execution: {status_message(error)}") from error

        async def bound() -> None:
            [values] = await call.run()
            binding.receive(dict(zip(names, values, strict=True)))

        return bound

    def _check(
        self,
        names: Sequence[str] | None,
        feeds: Sequence[Mapping[str, Any]],
        run_options: RunOptions | None,
        timeout: float | None = None,
    ) -> RunCall:
        inputs = self._info.inputs
        if self._signature is None or self._signature.inputs is not inputs:
            self._signature = FeedSignature(inputs)
        return RunCall.check(self._session, self._opening, self._signature, names, feeds, run_options, timeout)


InferenceSession.__module__ = "modelden.onnxruntime"


def _call_back(run: asyncio.Future[list[Any]], callback: Callable[[Any, Any, str], None], user_data: Any) -> None:
    error = None if run.cancelled() else run.exception()
    callback([] if error or run.cancelled() else run.result(), user_data, str(error or ""))
