"""The part of `InferenceSession` that runs nothing: the model's description, its providers, its profile, its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from modelden.engine.onnx import ModelMetadata, NodeArg, OnnxModelInfo
from modelden.engine.onnx_feed import FeedSignature
from modelden.engine.onnx_options import SessionOptions
from modelden.engine.onnx_providers import Providers
from modelden.onnxruntime.opening import Opening
from modelden.onnxruntime.ort_value import OrtValue
from modelden.onnxruntime.waiting import wait

if TYPE_CHECKING:
    from modelden.loading.onnx_session import OnnxSession


class Session:
    """An open model. ``with`` and ``async with`` close it."""

    _session: OnnxSession
    _opening: Opening
    _signature: FeedSignature | None = None

    @property
    def _info(self) -> OnnxModelInfo:
        return self._session.info

    def get_inputs(self) -> list[NodeArg]:
        """Return the model's inputs."""
        return list(self._info.inputs)

    def get_outputs(self) -> list[NodeArg]:
        """Return the model's outputs."""
        return list(self._info.outputs)

    def get_overridable_initializers(self) -> list[NodeArg]:
        """Return the model's weights that are inputs too. onnxruntime-web takes no other values for them."""
        return list(self._info.overridable)

    def get_modelmeta(self) -> ModelMetadata:
        """Return the model's metadata."""
        return self._info.metadata

    def get_session_options(self) -> SessionOptions:
        """Return the options of the session."""
        return self._opening.options

    def get_providers(self) -> list[str]:
        """Return the execution provider of the model, and the one of operators that it lacks."""
        return self._opening.providers_of(self._info.device)

    def get_provider_options(self) -> dict[str, dict[str, str]]:
        """Return the options of the execution providers, by their names."""
        return {name: self._opening.providers.get(name, {}) for name in self.get_providers()}

    def set_providers(
        self,
        providers: Providers | None = None,
        provider_options: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        """Open the model again with other execution providers, and wait.

        Args:
            providers: As for the constructor.
            provider_options: As for the constructor.

        Raises:
            InputError: For a provider that does not exist. The session goes on with the former ones.
            SyncUnavailable: If Python cannot be suspended here. Use `set_providers_async` then.
        """
        again = self._opening.with_providers(providers, provider_options)
        wait(lambda: self._reopen(again), "await session.set_providers_async(...)")

    async def set_providers_async(
        self,
        providers: Providers | None = None,
        provider_options: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        """Open the model again with other execution providers; otherwise as `set_providers`."""
        await self._reopen(self._opening.with_providers(providers, provider_options))

    async def _reopen(self, opening: Opening) -> None:
        self._session.worker()
        session = await opening.open()
        self._session.close()
        self._session, self._opening = session, opening

    def enable_fallback(self) -> None:
        """Return at once: a run whose GPU is lost is always repeated on wasm."""

    def disable_fallback(self) -> None:
        """Return at once: a run whose GPU is lost is always repeated on wasm."""

    def end_profiling(self) -> str:
        """Write the profile of the session as a Chrome trace, and return its path; empty without profiling."""
        return self._opening.profile.end()

    def get_profiling_start_time_ns(self) -> int:
        """Return the nanoseconds at which profiling began, comparable to `time.monotonic_ns`; 0 without profiling."""
        return self._opening.profile.start_ns

    def create_ortvalue_from_shape_and_type(
        self, shape: Sequence[int], element_type: Any, device_type: str, device_id: int = 0, vendor_id: int = -1
    ) -> OrtValue:
        """Return a value of zeros; the arguments are those of `OrtValue.ortvalue_from_shape_and_type`.

        Raises:
            InputError: As that.
        """
        return OrtValue.ortvalue_from_shape_and_type(shape, element_type, device_type, device_id, vendor_id)

    def info(self) -> OnnxModelInfo:
        """Return the facts of the session, with runtime, threads and device."""
        return self._info

    def close(self) -> None:
        """End the worker and free the model's memory. A second call does nothing."""
        self._session.close()

    def __del__(self) -> None:
        """Close a session without references, as onnxruntime does."""
        session: OnnxSession | None = getattr(self, "_session", None)
        if session is not None and session.is_open:
            self.close()

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


Session.__module__ = "modelden.onnxruntime"
