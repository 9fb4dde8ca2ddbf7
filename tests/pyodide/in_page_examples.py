"""Runs examples of the documents, one after the other, with the names of those before."""

from __future__ import annotations

import ast
from inspect import CO_COROUTINE
from typing import Any

import modelden


async def run(config: dict[str, Any], sources: list[list[str]]) -> int:
    """Run sources, each with its name, and return their number."""
    modelden.configure(**config)
    names: dict[str, Any] = {}
    for name, source in sources:
        code = compile(source, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(code, names)  # noqa: S307  our own documents
        if code.co_flags & CO_COROUTINE:
            await result
    return len(sources)
