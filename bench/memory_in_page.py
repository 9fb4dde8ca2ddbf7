"""The job of `bench/memory.py` in the page."""

from __future__ import annotations

from typing import Any

import modelden


async def load(config: dict[str, Any], **request: Any) -> None:
    """Load a model and run it once."""
    modelden.configure(**config)
    async with await modelden.create_engine(task_name="feature-extraction", **request) as engine:
        await engine.run("hello world", pooling="mean")
