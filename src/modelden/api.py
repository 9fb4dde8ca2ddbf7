"""The functions of `modelden` that configure a page, create engines and open raw models.

Each function imports its modules when it is called, so that ``import modelden`` costs a page little. `create_engine`
imports them after the bytecode of an earlier visit has been restored: Python compiles all that is imported before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from modelden.default_context import (
    current_context,
    end_last_worker,
    events,
    import_for_request,
    replace_config,
    restore_bytecode,
    start_last_worker,
    store_bytecode,
)

if TYPE_CHECKING:
    from pathlib import PurePath

    from modelden.config import Configuration
    from modelden.configuration_values import ConfigurationValues
    from modelden.core.events import EventListener, EventType, ProgressCallback
    from modelden.engine.availability import DownloadSummary
    from modelden.engine.engine import Engine
    from modelden.engine.options import OtherOptions, PipelineOptions
    from modelden.engine.update_status import UpdateStatus
    from modelden.hub.catalog.file_roles import DataType
    from modelden.onnxruntime import InferenceSession, SessionOptions


def configure(preset: str = "production", **values: Unpack[ConfigurationValues]) -> Configuration:
    """Set the sources of settings and models, and whom to trust. Values that are not named have their defaults.

    Existing engines keep their configuration. Data that were stored for another server or root are not used.

    Args:
        preset: Mozilla's environment that provides the defaults: ``production`` or ``stage``.
        **values: Fields of `modelden.Configuration`.

    Returns:
        The configuration in force from now on.

    Raises:
        InputError: For an unknown name or an invalid value.
    """
    restore_bytecode()
    from modelden.config import PRESETS, Configuration
    from modelden.core.arguments import show
    from modelden.errors import InputError

    if not isinstance(preset, str):
        raise InputError(f"There is no preset {show(preset)}; expected one of {', '.join(PRESETS)}.")
    unknown = sorted(set(values) - set(Configuration.__dataclass_fields__))
    if unknown:
        raise InputError(
            f"configure() has no {', '.join(unknown)}; it takes {', '.join(Configuration.__dataclass_fields__)}."
        )
    if preset not in PRESETS:
        raise InputError(f"There is no preset {show(preset)}; expected one of {', '.join(PRESETS)}.")
    fields: dict[str, Any] = {**PRESETS[preset], **values}
    config = Configuration(**fields)
    replace_config(config)
    return config


async def create_engine(  # noqa: PLR0913  editors show the most used options
    options: Mapping[str, Any] | PipelineOptions | None = None,
    /,
    *,
    task_name: str | None = None,
    feature_id: str | None = None,
    model_id: str | None = None,
    model_revision: str | None = None,
    dtype: DataType | None = None,
    device: str | Mapping[str, str] | None = None,
    engine_id: str | None = None,
    confirm: Callable[[DownloadSummary], bool | Awaitable[bool]] | None = None,
    on_progress: ProgressCallback | None = None,
    progress: Any = None,
    **other_options: Unpack[OtherOptions],
) -> Engine:
    """Load the model for a task, downloading the files that this browser does not have yet.

    One engine exists per ``engine_id``: the same options return the existing engine, other options replace it. For
    options that are None, Remote Settings decide, then the task's default. Either ``task_name`` or ``feature_id`` must
    be given.

    Args:
        options: Options by name, in Firefox's spelling or Python's: a mapping for Firefox's ``createEngine``, or
            `modelden.PipelineOptions`. Keyword arguments take precedence.
        task_name: The task by transformers.js' name: ``feature-extraction``, ``text-classification``, ...
        feature_id: The feature of Remote Settings, which refines the task and names the engine.
        model_id: The model, ``organization/name``.
        model_revision: Branch or version of the model.
        dtype: Data type of the weights: ``fp32``, ``fp16``, ``q8``, ``int8``, ``uint8``, ``q4``, ``bnb4``, ``q4f16``,
            ``q2``, ``q1``, or ``auto`` for that of the model's configuration; or a mapping with one for each part.
        device: ``wasm``, ``gpu``, ``auto`` for the GPU where there is one, or ``webnn``; or a mapping of parts.
        engine_id: The name of the engine.
        confirm: Called before the first byte of a download, with its `DownloadSummary`: bytes, licence, origin. The
            download begins if it returns True, or an awaitable of True. Nothing is asked if nothing is missing. Before,
            the hub is asked for its list of files and the model card alone.
        on_progress: Callback for the `ProgressEvent` of each step and chunk.
        progress: True shows a bar in the notebook, page or terminal, an element of the page shows it there, and False
            none. None shows it in an IPython kernel, after a second and without ``on_progress``.
        **other_options: The other options of `modelden.PipelineOptions`.

    Returns:
        The engine, ready to run.

    Raises:
        InputError: For invalid arguments.
        DownloadDeclined: If ``confirm`` returned something else than True.
        UntrustedError: If settings or files are not authentic.
        UnavailableError: If a server cannot be reached.
        StorageError: If the browser cannot store the files.
        EngineError: If the model cannot be loaded.
        NotInBrowser: Outside Pyodide.
    """
    try:
        restore_bytecode()
        await start_last_worker()
        await import_for_request()
        from modelden.core.arguments import check_callback
        from modelden.core.shown_progress import shown_progress
        from modelden.engine_request import engine_request

        check_callback("confirm", confirm)
        check_callback("on_progress", on_progress)
        display = shown_progress(progress, on_progress)
        request = engine_request(
            options,
            task_name=task_name,
            feature_id=feature_id,
            model_id=model_id,
            model_revision=model_revision,
            dtype=dtype,
            device=device,
            engine_id=engine_id,
            **other_options,
        )
        context = await current_context()
        if confirm is not None:
            await (await context.availability()).confirm(request, confirm)
    except BaseException:
        end_last_worker()
        raise
    with display as on_event:
        engine = await context.create_engine(request, on_event)
    store_bytecode()
    return engine


async def load_session(
    model: str | PurePath | bytes | Any,
    file: str = "onnx/model.onnx",
    revision: str = "main",
    *,
    sess_options: SessionOptions | None = None,
    providers: Sequence[str | tuple[str, Any]] | None = None,
    on_progress: ProgressCallback | None = None,
    progress: Any = None,
) -> InferenceSession:
    """Open a raw ONNX model, which is run with tensors by name.

    Args:
        model: ``organization/name`` on the hub; or a `pathlib.Path`, bytes, or a ``Blob`` of the page.
        file: Path in the model's repository. Its files of external weights are downloaded too.
        revision: Branch or version.
        sess_options: onnxruntime's options.
        providers: ``CPUExecutionProvider``, ``WebGpuExecutionProvider``; the first available one is used.
        on_progress: Callback for the `ProgressEvent` of each step and chunk of a download.
        progress: As for `create_engine`.

    Returns:
        The session, with onnxruntime's Python names.

    Raises:
        InputError: For names that no model can have, or if ``model`` has another type.
        ModelDenError: As `create_engine`.
        NotInBrowser: Outside Pyodide.
    """
    from modelden.core.arguments import check_callback
    from modelden.core.shown_progress import shown_progress
    from modelden.engine.onnx_options import check_session_options
    from modelden.hub.catalog.names import ModelFile
    from modelden.loading.onnx_file_provider import OnnxSource
    from modelden.onnxruntime import InferenceSession

    check_callback("on_progress", on_progress)
    external = check_session_options(sess_options).external
    source = OnnxSource(ModelFile(model, revision, file) if isinstance(model, str) else model, external)
    with shown_progress(progress, on_progress) as on_event:
        return await InferenceSession.load(source, sess_options, providers, on_event)


async def prefetch(
    options: Mapping[str, Any] | PipelineOptions | None = None,
    /,
    *,
    task_name: str | None = None,
    feature_id: str | None = None,
    model_id: str | None = None,
    model_revision: str | None = None,
    dtype: DataType | None = None,
    device: str | Mapping[str, str] | None = None,
    engine_id: str | None = None,
    on_progress: ProgressCallback | None = None,
    progress: Any = None,
    **other_options: Unpack[OtherOptions],
) -> None:
    """Download settings, runtime and model for a task, so that the next visit needs no network.

    No model is loaded, so it takes no memory. Older files stay until an engine has loaded the new ones. The vocoder of
    SpeechT5, which transformers.js requests at the first run only, is downloaded too.

    Args:
        options: As for `create_engine`.
        task_name: As for `create_engine`.
        feature_id: As for `create_engine`.
        model_id: As for `create_engine`.
        model_revision: As for `create_engine`.
        dtype: As for `create_engine`.
        device: As for `create_engine`.
        engine_id: As for `create_engine`.
        on_progress: As for `create_engine`.
        progress: As for `create_engine`.
        **other_options: As for `create_engine`.

    Raises:
        NotPrefetched: If a file is missing, with the names of all missing ones; the cause has the reason.
        ModelDenError: As `create_engine`.
    """
    await import_for_request()
    from modelden.core.arguments import check_callback
    from modelden.core.shown_progress import shown_progress
    from modelden.engine_request import engine_request

    check_callback("on_progress", on_progress)
    display = shown_progress(progress, on_progress)
    request = engine_request(
        options,
        task_name=task_name,
        feature_id=feature_id,
        model_id=model_id,
        model_revision=model_revision,
        dtype=dtype,
        device=device,
        engine_id=engine_id,
        **other_options,
    )
    context = await current_context()
    with display as on_event:
        await context.prefetch(request, on_event)


async def check_updates() -> list[UpdateStatus]:
    """Check for updates of the engines that this and earlier visits used. Nothing is loaded.

    Returns:
        The status of each engine that was ever loaded here: ``up-to-date``; ``update-available``, which `create_engine`
        or `Engine.update` installs; ``offline``; or ``unavailable``, with the reason, where Remote Settings no longer
        have a usable model or runtime for it.

    Raises:
        SignatureError: If Remote Settings are not signed as configured. The stored settings stay.
        StorageError: If the browser's storage fails.
    """
    return await (await current_context()).check_updates()


def on(event: EventType, listener: EventListener) -> Callable[[], None]:
    """Subscribe to events of this page. Nothing is sent anywhere.

    Args:
        event: ``download``, ``engine``, ``run``, ``error`` or ``update``; see `modelden.Event`.
        listener: Called with each `Event`, synchronously. An exception that it raises is logged and dropped.

    Returns:
        A function that unsubscribes the listener.

    Raises:
        InputError: For another event.
    """
    from modelden.core.arguments import check_function, check_text

    check_text("event", event)
    check_function("listener", listener)
    return events().on(event, listener)


for _function in (configure, create_engine, load_session, prefetch, check_updates, on):
    _function.__module__ = "modelden"
