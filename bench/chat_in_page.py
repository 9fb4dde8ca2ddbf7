"""The job of `bench/chat.py` in the page."""

from __future__ import annotations

import statistics
from typing import Any

import modelden


async def measure_turns(config: dict[str, Any], model: str, times: int) -> dict[str, float]:
    """Medians in milliseconds and tokens, and the ratio."""
    modelden.configure(**config)
    model_id, model_revision = model.split()
    request = {"model_id": model_id, "model_revision": model_revision, "dtype": "fp32", "num_threads": 1}
    seconds, fresh, tokens, cached = [], [], [], []
    async with await modelden.create_engine(task_name="text-generation", **request) as engine:
        for time in range(times):
            chat = await engine.chat(f"{time} {'words of a long system message, ' * 42}", max_new_tokens=16)
            await chat.send("hello")
            answer = await chat.send("and then?")
            seconds.append(_first_token(engine))
            await engine.run(chat.messages[:-1], max_new_tokens=16, on_token=lambda _: None)
            fresh.append(_first_token(engine))
            tokens.append(answer.prompt_tokens)
            cached.append(answer.cached_tokens)
    medians = statistics.median(seconds), statistics.median(fresh)
    return {
        "second turn": medians[0],
        "fresh run": medians[1],
        "ratio": medians[0] / medians[1],
        "prompt tokens": statistics.median(tokens),
        "cached tokens": statistics.median(cached),
    }


def _first_token(engine: modelden.Engine) -> float:
    metrics = engine.last_metrics
    if metrics is None or metrics.time_to_first_token is None:
        raise AssertionError(metrics)
    return metrics.time_to_first_token
