"""`availability`: the state of a model in this browser, before an engine is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

from modelden.core.arguments import check_flag
from modelden.default_context import current_context, import_for_request
from modelden.engine.availability import Availability, DownloadSummary
from modelden.engine_request import engine_request

if TYPE_CHECKING:
    from modelden.engine.options import OtherOptions, PipelineOptions
    from modelden.hub.catalog.file_roles import DataType

__all__ = ["Availability", "DownloadSummary", "availability"]


async def availability(
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
    network: bool = False,
    **other_options: Unpack[OtherOptions],
) -> Availability:
    """Return whether an engine could be created at once, after a download, or not at all. Nothing is downloaded.

    Args:
        options: As for `create_engine`.
        task_name: As for `create_engine`.
        feature_id: As for `create_engine`.
        model_id: As for `create_engine`.
        model_revision: As for `create_engine`.
        dtype: As for `create_engine`.
        device: As for `create_engine`.
        engine_id: As for `create_engine`.
        network: Ask Remote Settings and the hub's list of files for what is not stored. Without it no request is sent,
            and sizes that are not stored are None.
        **other_options: As for `create_engine`.

    Raises:
        InputError: For invalid arguments.
        StorageError: If the browser's storage fails.
        NotInBrowser: Outside Pyodide.
    """
    check_flag("network", network)
    await import_for_request()
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
    return await (await context.availability(network=network)).check(request)


availability.__module__ = "modelden"
