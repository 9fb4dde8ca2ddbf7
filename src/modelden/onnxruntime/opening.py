"""The opening of a session: its model, its options and its execution providers, from which it is opened again."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from modelden.engine.onnx_errors import InvalidState, native_error
from modelden.engine.onnx_options import SessionOptions, check_session_options
from modelden.engine.onnx_providers import PROVIDERS, Providers, normalize_providers, select_device
from modelden.errors import EngineError
from modelden.onnxruntime.profile import Profile

if TYPE_CHECKING:
    from modelden.core.events import ProgressCallback
    from modelden.loading.onnx_file_provider import OnnxSource
    from modelden.loading.onnx_session import OnnxSession


@dataclass(frozen=True)
class Opening:
    """The arguments of a session.

    Attributes:
        source: The model.
        options: The options of the session.
        providers: Options of the execution providers, by their names, in their order.
        profile: The times of the session's steps.
        on_progress: Called with each step of a download.
    """

    source: OnnxSource
    options: SessionOptions
    providers: Mapping[str, dict[str, str]]
    profile: Profile
    on_progress: ProgressCallback | None = field(default=None)

    @classmethod
    def of_model(
        cls, model: Any, options: Any, providers: Any, provider_options: Sequence[Mapping[str, Any]] | None = None
    ) -> Opening:
        """Return the opening of a model that is bytes, a path, or a ``Blob`` of the page.

        Raises:
            InputError: For other options or providers.
        """
        from modelden.loading.onnx_file_provider import OnnxSource

        source = OnnxSource(
            PurePath(model) if isinstance(model, str) else model, check_session_options(options).external
        )
        return cls.of_source(source, options, providers, provider_options)

    @classmethod
    def of_source(
        cls,
        source: OnnxSource,
        options: Any,
        providers: Any,
        provider_options: Sequence[Mapping[str, Any]] | None = None,
        on_progress: ProgressCallback | None = None,
    ) -> Opening:
        """Return the opening of a model from any source.

        Raises:
            InputError: For other options or providers.
        """
        checked = check_session_options(options)
        chosen = normalize_providers(providers, provider_options) or checked.providers
        profile = Profile(checked.profile_file_prefix if checked.enable_profiling else None)
        return cls(source, checked, chosen, profile, on_progress)

    def with_providers(
        self, providers: Providers | None, provider_options: Sequence[Mapping[str, Any]] | None
    ) -> Opening:
        """Return it with other execution providers.

        Raises:
            InputError: For a provider that does not exist.
        """
        chosen = normalize_providers(providers, provider_options)
        for provider in providers or ():
            name = provider if isinstance(provider, str) else provider[0]
            if name not in PROVIDERS:
                raise InvalidState(f"Unknown Provider Type: {name}")
        return replace(self, providers=chosen)

    def providers_of(self, device: str) -> list[str]:
        """Return the execution providers of a session that runs on a device, the one of missing operators last."""
        used = [name for name, each in PROVIDERS.items() if each == device]
        return list(dict.fromkeys([*used, "CPUExecutionProvider"]))

    async def open(self) -> OnnxSession:
        """Open the model.

        Raises:
            ModelDenError: If it cannot be opened.
        """
        from modelden.default_context import current_context

        message = self.options.to_message(select_device(self.providers))
        context = await current_context()
        with self.profile.span("model_loading_and_initialization"):
            session = await self.native(context.onnx_sessions().open(self.source, message, self.on_progress))
        context.tidy()
        return session

    @staticmethod
    async def native[T](work: Awaitable[T]) -> T:
        """Wait for a worker, whose errors become those of onnxruntime.

        Raises:
            EngineError: As onnxruntime raises it.
        """
        try:
            return await work
        except EngineError as error:
            native = native_error(error)
            if native is error:
                raise
            raise native from error
