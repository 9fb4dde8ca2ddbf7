"""Functions in the page for `test_availability`."""

from __future__ import annotations

import asyncio
from typing import Any

import modelden

type Json = Any


async def state(config: dict[str, Any], *, network: bool, **request: Any) -> Json:
    """Status and missing parts of a model on a new visit."""
    modelden.configure(**config)
    found = await modelden.availability(request, network=network)
    return {
        "status": found.status,
        "missing": [name.partition("?")[0].rpartition("/")[2] for name in found.missing],
        "fraction": found.fraction,
    }


async def decline(config: dict[str, Any], **request: Any) -> Json:
    """The error of a visitor who answers something else than True, and what was asked."""
    modelden.configure(**config)
    summaries: list[modelden.DownloadSummary] = []
    names = []
    answers: list[Any] = [False, None, 1]

    def confirm(summary: modelden.DownloadSummary) -> Any:
        summaries.append(summary)
        return answers.pop()

    while answers:
        try:
            await modelden.create_engine(request, confirm=confirm)
        except modelden.DownloadDeclined as error:
            names.append(type(error).__name__)
    (first, *_) = summaries
    return {"errors": names, "model": first.model_id, "origin": first.origin, "licence": first.licence}


async def agree(config: dict[str, Any], **request: Any) -> Json:
    """The number of questions to a visitor who agrees later, in two visits."""
    asked = []

    async def confirm(summary: modelden.DownloadSummary) -> bool:
        asked.append(str(summary))
        await asyncio.sleep(0)
        return True

    for _ in range(2):
        modelden.configure(**config)
        async with await modelden.create_engine(request, confirm=confirm) as engine:
            await engine.run("hello world")
    return len(asked)


async def run_offline(config: dict[str, Any], **request: Any) -> Json:
    """Shape of a run without a network, and the error of a model that is not stored."""
    modelden.configure(**config, offline=True)
    async with await modelden.create_engine(request) as engine:
        tensor = await engine.run("hello world", pooling="mean")
    try:
        await modelden.create_engine({**request, "model_id": "test/other"})
    except modelden.NotPrefetched as error:
        return {"shape": list(tensor.shape), "missing": len(error.missing)}
    return "an engine of nothing"
