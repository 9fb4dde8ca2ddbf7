"""What `modelden run` and `modelden check` do in the page. Its text is pushed there: it runs on Pyodide, not here."""

from __future__ import annotations

import json
import time
from typing import Any

import modelden


async def run(text: str) -> str:
    """Create an engine, run it on each input, close it; JSON in, JSON out.

    Args:
        text: ``configure``, ``engine`` (arguments of `modelden.create_engine`), ``inputs``, ``options`` and ``update``,
            whether to ask first what changed.
    """
    job = json.loads(text)
    modelden.configure(**job["configure"])
    events: list[modelden.ProgressEvent] = []
    begin = time.perf_counter()
    try:
        if job["update"]:
            # a profile that was kept asks once a day by itself; whoever runs a command wants to know now
            await modelden.poll_settings()
        async with await modelden.create_engine(**job["engine"], on_progress=events.append) as engine:
            loaded = time.perf_counter()
            outputs, times = [], []
            for arguments in job["inputs"]:
                started = time.perf_counter()
                result = await engine.run(*arguments, **job["options"])
                times.append(_milliseconds(started))
                outputs.append(_plain(result))
            made = {
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
            "engine": made,
            "outputs": outputs,
            "load_ms": round((loaded - begin) * 1000, 1),
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
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _milliseconds(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
