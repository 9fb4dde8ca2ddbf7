"""The Python of ``<modelden-models>``: what the list of stored models cannot do by itself.

``web/models/actions.ts`` calls these functions. Arguments and results are JSON, because a page may run another version
of the element, and because no proxy is left to free then. The two sides may be in different threads.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from modelden.core.multi_progress_aggregator import MultiProgressAggregator
from modelden.default_context import current_context
from modelden.errors import ModelDenError
from modelden.hub.store.records import UNKNOWN_ROOT, model_key, revision_of
from modelden.stored_models import store_root

if TYPE_CHECKING:
    from modelden.core.events import ProgressEvent
    from modelden.engine.update_status import UpdateStatus

type Report = Callable[[str], object]
"""Takes the progress of a transfer, as JSON."""

_PREFETCH = ("task_name", "feature_id", "model_id", "model_revision", "dtype", "engine_id")


async def verify(name: str) -> str:
    """Hash the files of a model; see `ModelHub.verify`."""

    async def work() -> object:
        from modelden.model_hub import ModelHub

        results = await ModelHub().verify(**_names(name))
        return [{"path": result.path, "ok": result.ok} for result in results]

    return await _answer(work())


async def delete(name: str) -> str:
    """Delete a model; see `ModelHub.delete_models`."""
    from modelden.model_hub import ModelHub

    return await _answer(ModelHub().delete_models(**_names(name)))


async def pin(name: str, pinned: bool) -> str:  # noqa: FBT001  the second argument of JavaScript's function
    """Pin a model or unpin it; see `ModelHub.pin`."""
    from modelden.model_hub import ModelHub

    return await _answer(ModelHub().pin(**_names(name), keep=pinned))


async def updates() -> str:
    """Return the update status of each engine; see `modelden.check_updates`."""

    async def work() -> object:
        from modelden.api import check_updates

        return [_update(status) for status in await check_updates()]

    return await _answer(work())


async def resume(name: str, report: Report, stopped: Awaitable[object]) -> str:
    """Complete the interrupted downloads of a model.

    Args:
        name: The model.
        report: Receives the progress.
        stopped: Done when the visitor stops it.
    """
    return await _answer(_until(stopped, _resume(**_names(name), report=report)))


async def download(request: str, report: Report, stopped: Awaitable[object]) -> str:
    """Download a model; see `modelden.prefetch`, whose arguments ``request`` has.

    Args:
        request: The arguments.
        report: Receives the progress.
        stopped: Done when the visitor stops it.
    """
    from modelden.api import prefetch

    arguments = {name: value for name, value in json.loads(request).items() if name in _PREFETCH and value is not None}
    progress = MultiProgressAggregator(lambda event: _report_overall(report, event))
    return await _answer(_until(stopped, prefetch(**arguments, on_progress=progress)))


async def _resume(*, model: str, revision: str, root_url: str | None, report: Report) -> None:
    from modelden.huggingface import DOWNLOAD_TASK
    from modelden.model_hub import ModelHub

    hub = ModelHub(root_url)
    store = await (await current_context()).store()
    key = (model, revision, store_root(root_url) or UNKNOWN_ROOT)
    rows = [row for row in await store.partials.rows() if revision_of(row) == key]
    stored = [each for each in await store.list_models() if model_key(each) == key]
    tasks = [name for each in stored for name in each.task_names]
    sizes = [row["total"] for row in rows]
    total = None if None in sizes else sum(sizes)
    loaded = {row["file"]: row["received"] for row in rows}

    def on_progress(event: ProgressEvent) -> None:
        path = event.metadata.get("file")
        if event.total_loaded is not None and path in loaded:
            loaded[path] = max(loaded[path], event.total_loaded)
        _report(report, sum(loaded.values()), total, sum(loaded.values()) / total if total else None)

    for row in rows:
        await hub.get_model_file(
            task_name=tasks[0] if tasks else DOWNLOAD_TASK,
            model=model.partition("/")[2],
            revision=revision,
            file=row["file"],
            on_progress=on_progress,
        )
    (await current_context()).tidy()


def _report_overall(report: Report, event: ProgressEvent) -> None:
    fraction = None if event.metadata["is_estimate"] else event.metadata["fraction"]
    _report(report, event.total_loaded, event.total, fraction)


def _report(report: Report, loaded: int | None, total: int | None, fraction: float | None) -> None:
    report(json.dumps({"loaded": loaded, "total": total, "fraction": fraction}))


def _names(name: str) -> dict[str, Any]:
    fields = json.loads(name)
    return {"model": fields["model"], "revision": fields["revision"], "root_url": fields["rootUrl"]}


def _update(status: UpdateStatus) -> dict[str, Any]:
    """Return an update status as ``web/models/actions.ts`` has it, with the request that installs the update."""
    current, available = status.current, status.available or {}
    request = {"task_name": status.task_name, "engine_id": status.engine_id, "feature_id": status.feature_id}
    if status.feature_id is None:  # the request named its model, so that only a branch can have changed
        request |= {name: current[name] for name in ("model_id", "model_revision", "dtype")}
    return {
        "model": current["model_id"],
        "revision": current["model_revision"],
        "status": status.status,
        "available": available.get("model_revision"),
        "request": request,
    }


async def _until(stopped: Awaitable[object], work: Coroutine[Any, Any, None]) -> None:
    """Do the work until it is stopped; what is stored by then stays."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(_wait(stopped))
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
    finally:
        for task in (working, stopping):
            task.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)


async def _wait(event: Awaitable[object]) -> None:
    await event


async def _answer(work: Awaitable[object]) -> str:
    """Return the result as ``value``, or the message of an error as ``error``: the list shows it."""
    try:
        return json.dumps({"value": await work})
    except ModelDenError as error:
        return json.dumps({"error": str(error)})
