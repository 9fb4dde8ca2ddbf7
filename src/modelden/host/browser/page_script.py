"""The run of a job in the page, for `modelden run` and `modelden check`. Its text is sent there and runs on Pyodide."""

from __future__ import annotations

import json
import time
from typing import Any

import modelden


async def run(text: str) -> str:
    """Create an engine, run it on each input, close it; JSON in, JSON out.

    Args:
        text: ``configure``, ``engine`` (arguments of `modelden.create_engine`), ``inputs``, ``options`` and ``update``,
            which syncs the settings first.
    """
    job = json.loads(text)
    modelden.configure(**job["configure"])
    events: list[modelden.ProgressEvent] = []
    start = time.perf_counter()
    try:
        if job["update"]:
            # A kept profile syncs once a day by itself. A command has to show the current settings.
            await modelden.poll_settings()
        async with await modelden.create_engine(**job["engine"], on_progress=events.append) as engine:
            loaded = time.perf_counter()
            outputs, times = [], []
            for arguments in job["inputs"]:
                call_start = time.perf_counter()
                result = await engine.run(*arguments, **job["options"])
                times.append(_milliseconds_since(call_start))
                outputs.append(_plain(result))
            description = {
                "engine_id": engine.engine_id,
                "task": engine.task_name,
                "model": engine.model_id,
                "revision": engine.model_revision,
            }
    except modelden.ModelDenError as error:
        return json.dumps({"error": {"name": type(error).__name__, "message": str(error)}})
    return json.dumps(
        {
            "error": None,
            "engine": description,
            "outputs": outputs,
            "load_ms": round((loaded - start) * 1000, 1),
            "run_ms": times,
            "downloaded": sorted(
                {event.id for event in events if event.type == "downloading" and event.status_text == "done"}
            ),
            "from_cache": sorted(
                {event.id for event in events if event.type == "loading_from_cache" and event.status_text == "done"}
            ),
        }
    )


def _plain(value: Any) -> Any:
    if isinstance(value, modelden.Tensor):
        return {"shape": list(value.shape), "dtype": value.dtype, "data": value.tolist()}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _milliseconds_since(start: float) -> float:
    return round((time.perf_counter() - start) * 1000, 1)
