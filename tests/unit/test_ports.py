"""The ports' docstrings say of each call whether it suspends and what it raises."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from modelden import errors, ports

SUSPENDS = re.compile(r"(?<!\w)(?:Suspends|Entering suspends|Each step suspends)\b")
DOES_NOT = re.compile(r"Does not suspend\b")
RAISES = re.compile(r"^ *Raises:\n((?: +.+\n?)+)", re.MULTILINE)
OTHERS = {"ValueError"}
"""Errors that are not modelden's and that a port may raise."""


class Method(NamedTuple):
    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef

    @property
    def docstring(self) -> str:
        return ast.get_docstring(self.node) or ""

    @property
    def errors(self) -> list[str]:
        section = RAISES.search(self.docstring)
        return re.findall(r"^ +(\w+): ", section[1], re.MULTILINE) if section else []


def methods() -> list[Method]:
    found = []
    for path in sorted(Path(str(ports.__file__)).parent.glob("*.py")):
        for protocol in ast.parse(path.read_text("utf-8")).body:
            if isinstance(protocol, ast.ClassDef) and "Protocol" in [ast.unparse(base) for base in protocol.bases]:
                found += [
                    Method(f"{protocol.name}.{node.name}", node)
                    for node in protocol.body
                    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                ]
    return found


METHODS = methods()


def test_the_ports_have_methods() -> None:
    assert {"Database.commit", "Locks.hold", "Page.persist", "Blob.size"} <= {method.name for method in METHODS}


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_a_docstring_says_whether_the_call_suspends(method: Method) -> None:
    assert bool(SUSPENDS.search(method.docstring)) != bool(DOES_NOT.search(method.docstring)), method.docstring


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_a_coroutine_suspends(method: Method) -> None:
    if isinstance(method.node, ast.AsyncFunctionDef):
        assert "Suspends" in method.docstring


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_a_docstring_says_which_errors_are_raised(method: Method) -> None:
    assert bool(method.errors) != ("Raises nothing" in method.docstring), method.docstring


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_the_errors_are_errors_of_modelden(method: Method) -> None:
    assert [name for name in method.errors if name not in errors.__all__ and name not in OTHERS] == []
