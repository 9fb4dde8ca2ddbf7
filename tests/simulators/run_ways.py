"""The two ways of a run: sent at once, as most are, and in a task."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from modelden.loading.onnx_session import OnnxSession
from modelden.onnxruntime.opening import Opening
from modelden.onnxruntime.run_call import RunCall

type RunWay = Callable[[OnnxSession, str], asyncio.Future[Any]]
"""Starts a run for one output; the result is a list with it."""


def run_in_task(session: OnnxSession, output: str = "y") -> asyncio.Future[Any]:
    """Run a model of nothing in a task."""
    return asyncio.ensure_future(_call(session, output).run())


def run_at_once(session: OnnxSession, output: str = "y") -> asyncio.Future[Any]:
    """Run a model of nothing as `InferenceSession.run_async` does."""
    call = _call(session, output)
    return call.start() or asyncio.ensure_future(call.run())


RUN_WAYS: list[RunWay] = [run_at_once, run_in_task]


def _call(session: OnnxSession, output: str) -> RunCall:
    return RunCall(session, Opening.of_model(b"", None, None), [output], [{}], None, None)
