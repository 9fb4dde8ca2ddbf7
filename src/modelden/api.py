"""The functions that a page's Python calls.

What they need is imported when they are called: ``import modelden`` takes a page a fraction of what all of it would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelden.current import current_den, replace_config
from modelden.errors import InputError

if TYPE_CHECKING:
    from modelden.config import Configuration
    from modelden.engine.engine import Engine
    from modelden.hub.listing import StoredFile, StoredModel
    from modelden.progress import ProgressCallback


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
    from modelden.config import PRESETS, Configuration

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
    *,
    task_name: str | None = None,
    feature_id: str | None = None,
    model_id: str | None = None,
    model_revision: str | None = None,
    dtype: str | None = None,
    engine_id: str | None = None,
    on_progress: ProgressCallback | None = None,
) -> Engine:
    """Load the model for a task, downloading what this browser does not have yet.

    Args:
        task_name: The task, in transformers.js' names: ``feature-extraction``, ``text-classification``, ...
        feature_id: The feature, which refines the task in Remote Settings. One of the two must be given.
        model_id: The model, ``organization/name``; otherwise Remote Settings decides, or the task's default.
        model_revision: Its branch or version.
        dtype: Data type of the weights: ``q8``, ``fp32``, ...
        engine_id: A name for the engine; files are counted by it.
        on_progress: Called with a `ProgressEvent` for each step and piece.

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
    from modelden.engine.options import Request

    request = Request(
        task_name=task_name,
        feature_id=feature_id,
        model_id=model_id,
        model_revision=model_revision,
        dtype=dtype,
        engine_id=engine_id,
    )
    return await (await current_den()).create_engine(request, on_progress)


class ModelHub:
    """The models kept in this browser, as Firefox's ``ModelHub`` gives them."""

    async def list_models(self) -> list[StoredModel]:
        """Return every model and revision of which files are kept.

        Raises:
            StorageUnavailable: If the browser gives this page no IndexedDB.
        """
        return await (await (await current_den()).hub()).list_models()

    async def list_files(self, *, model: str, revision: str) -> list[StoredFile]:
        """Return the files kept of one revision.

        Args:
            model: ``hostname/organization/name``, as `list_models` gives it.
            revision: Branch or version.

        Raises:
            InputError: For names that no model can have.
            StorageUnavailable: If the browser gives this page no IndexedDB.
        """
        return await (await (await current_den()).hub()).list_files(model=model, revision=revision)

    async def delete_models(self, *, model: str, revision: str) -> None:
        """Remove all files kept of one revision; nothing happens when there are none.

        Args:
            model: ``hostname/organization/name``, as `list_models` gives it.
            revision: Branch or version.

        Raises:
            InputError: For names that no model can have.
            StorageUnavailable: If the browser gives this page no IndexedDB.
        """
        await (await (await current_den()).hub()).delete_models(model=model, revision=revision)
