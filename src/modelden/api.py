"""The functions that a page's Python calls.

What they need is imported when they are called: ``import modelden`` takes a page a fraction of what all of it would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from modelden.default_context import (
    begin_engine,
    begin_restoring,
    current_config,
    current_den,
    end_beginning,
    events,
    import_for_request,
    keep_bytecode,
    replace_config,
)

if TYPE_CHECKING:
    from pathlib import PurePath

    from modelden.config import Configuration
    from modelden.core.events import EventListener, EventType
    from modelden.core.progress import ProgressCallback
    from modelden.engine.engine import Engine
    from modelden.engine.options import OptionNames, PipelineOptions
    from modelden.engine.update_status import UpdateStatus
    from modelden.onnxruntime import InferenceSession, SessionOptions


def configure(preset: str = "production", **values: Any) -> Configuration:
    """Say where settings and models come from, and whom to trust; what is not named has its default.

    Engines that exist go on as they are; what was stored for another server or root is not used.

    Args:
        preset: Mozilla's environment that the defaults are of: ``production`` or ``stage``.
        **values: Fields of `modelden.config.Configuration`.

    Returns:
        The configuration now in force.

    Raises:
        InputError: For an unknown name or a value that cannot be used.
    """
    begin_restoring()
    from modelden.config import PRESETS, Configuration
    from modelden.errors import InputError

    unknown = sorted(set(values) - set(Configuration.__dataclass_fields__))
    if unknown:
        raise InputError(
            f"configure() has no {', '.join(unknown)}; it takes {', '.join(Configuration.__dataclass_fields__)}."
        )
    if preset not in PRESETS:
        raise InputError(f"There is no preset {preset!r}; expected one of {', '.join(PRESETS)}.")
    config = Configuration(**{**PRESETS[preset], **values})
    replace_config(config)
    return config


async def create_engine(
    options: Mapping[str, Any] | PipelineOptions | None = None,
    /,
    *,
    on_progress: ProgressCallback | None = None,
    **named: Unpack[OptionNames],
) -> Engine:
    """Load the model for a task, downloading what this browser does not have yet.

    One engine exists per ``engine_id``: the same options give the engine that is there, other options end it.

    Args:
        options: Options by name; a mapping for Firefox's ``createEngine`` can be given as it is. Keywords go over it.
        on_progress: Called with a `ProgressEvent` for each step and piece.
        **named: Options; `modelden.PipelineOptions` says what each means. Most used are ``task_name`` (transformers.js'
            names: ``feature-extraction``, ``text-classification``, ...) or ``feature_id``, one of which must be given,
            ``model_id``, ``model_revision``, ``dtype``, ``engine_id`` and ``timeout_ms``. What is not named is for
            Remote Settings to decide, or the task's default.

    Returns:
        The engine, ready to run.

    Raises:
        InputError: For arguments that cannot be used.
        UntrustedError: If settings or files are not what they should be.
        UnavailableError: If something cannot be reached.
        StorageError: If the browser cannot store it.
        EngineError: If the model cannot be loaded.
        NotInBrowser: Outside Pyodide.
    """
    try:
        await begin_engine()
        await import_for_request()
        request = _request(options, named)
        den = await current_den()
    except BaseException:
        end_beginning()
        raise
    engine = await den.create_engine(request, on_progress)
    keep_bytecode()
    return engine


async def load_session(
    model: str | PurePath | bytes | Any,
    file: str = "onnx/model.onnx",
    revision: str = "main",
    *,
    sess_options: SessionOptions | None = None,
    providers: Sequence[str | tuple[str, Any]] | None = None,
    on_progress: ProgressCallback | None = None,
) -> InferenceSession:
    """Open a raw ONNX model, to be run with tensors by name.

    Args:
        model: ``organization/name`` on the hub; or a `pathlib.Path`, bytes, or a ``Blob`` of the page.
        file: Path in the model's repository. Files of weights that the model names beside itself come with it.
        revision: Branch or version.
        sess_options: onnxruntime's options.
        providers: ``CPUExecutionProvider``, ``WebGpuExecutionProvider``; the first that there is counts.
        on_progress: Called with a `ProgressEvent` for each step and piece of a download.

    Returns:
        The session, by onnxruntime's Python names.

    Raises:
        InputError: For names that no model can have, or what is no model.
        ModelDenError: As `create_engine`.
        NotInBrowser: Outside Pyodide.
    """
    from modelden.hub.catalog.names import ModelFile
    from modelden.loading.onnx_file_provider import OnnxSource
    from modelden.onnxruntime import InferenceSession

    external = sess_options.external if sess_options else {}
    source = OnnxSource(ModelFile(model, revision, file) if isinstance(model, str) else model, external)
    return await InferenceSession.load(source, sess_options, providers, on_progress)


async def prefetch(
    options: Mapping[str, Any] | PipelineOptions | None = None,
    /,
    *,
    on_progress: ProgressCallback | None = None,
    **named: Unpack[OptionNames],
) -> None:
    """Fetch settings, runtime and model for a task, so that the next visit needs no network.

    Nothing is loaded: it takes no memory for the model. What was there before stays until an engine has the new one.
    What transformers.js asks for only when SpeechT5 runs, its vocoder, comes too.

    Args:
        options: As for `create_engine`.
        on_progress: As for `create_engine`.
        **named: As for `create_engine`.

    Raises:
        NotPrefetched: If something is missing, with its names; the cause says why.
        ModelDenError: As `create_engine`.
    """
    await import_for_request()
    request = _request(options, named)
    await (await current_den()).prefetch(request, on_progress)


async def check_updates() -> list[UpdateStatus]:
    """Ask whether there is something newer than what the engines of this and earlier visits use. Nothing is loaded.

    Returns:
        One answer for each engine that was ever loaded here: ``up-to-date``, ``update-available`` (then
        `create_engine` or `Engine.update` brings it), ``offline``, or ``unavailable``, with the reason, where Remote
        Settings have nothing usable for it any more.

    Raises:
        SignatureError: If Remote Settings are not signed as configured; what was stored stays.
        StorageError: If the browser's storage fails.
    """
    return await (await current_den()).check_updates()


def on(event: EventType, listener: EventListener) -> Callable[[], None]:
    """Call ``listener`` with what happens in this page; nothing is sent anywhere.

    Args:
        event: ``download``, ``engine``, ``run``, ``error`` or ``update``; `modelden.Event` says what each tells.
        listener: Called with each `Event`, synchronously. What it raises is logged and goes no further.

    Returns:
        A function that ends it.

    Raises:
        InputError: For another event.
    """
    return events().on(event, listener)


def _request(options: Mapping[str, Any] | PipelineOptions | None, named: Mapping[str, Any]) -> PipelineOptions:
    from modelden.engine.model_selection import check_request
    from modelden.engine.options import PipelineOptions, check_names

    check_names(named)
    own_features = current_config().own_features
    # Together, not one after the other: a feature names the engine only where nobody else does.
    request = {} if options is None else options
    if isinstance(request, PipelineOptions):
        asked = request.updated(named, own_features=own_features)
    else:
        if isinstance(request, Mapping):
            request = {**request, **{name: value for name, value in named.items() if value is not None}}
        asked = PipelineOptions.of(request, own_features=own_features)
    check_request(asked)
    return asked
