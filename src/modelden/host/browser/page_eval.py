"""Evaluation of a test's Python code in a page. `page_fixtures` sends the text of this module, to run on Pyodide."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterable
from types import CodeType
from typing import Any


async def evaluate(text: str, names: dict[str, Any]) -> str:
    """Run code with top-level await. Returns its last expression as JSON; null if the last line is a statement.

    Args:
        text: JSON of the code and of plain values, which are set as globals.
        names: Its globals.
    """
    source, values = json.loads(text)
    names.update(values)
    module = ast.parse(source)
    last = module.body.pop() if module.body and isinstance(module.body[-1], ast.Expr) else None
    await _run(_compiled(module, "exec"), names)
    value = await _run(_compiled(ast.Expression(last.value), "eval"), names) if isinstance(last, ast.Expr) else None
    return json.dumps(value, default=_plain)


def _compiled(tree: ast.Module | ast.Expression, mode: str) -> CodeType:
    code: CodeType = compile(tree, "<den_page>", mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return code


async def _run(code: CodeType, names: dict[str, Any]) -> Any:
    result = eval(code, names)  # noqa: S307  a test's own code
    return await result if code.co_flags & inspect.CO_COROUTINE else result


def _plain(value: Any) -> Any:
    """Convert values that JSON does not have: arrays and iterables to lists, others to text."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return list(value) if isinstance(value, Iterable) else str(value)
