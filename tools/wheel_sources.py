"""Hatchling's hook for the wheel of a page: modules without comments, and without docstrings of private names.

A page downloads and compiles each byte of them. `help()` shows docstrings of public names, so those stay: of what the
public modules export, with its methods and bases. Lines keep their numbers, so tracebacks fit the sources.
An editable install and a source distribution have the modules as they are.
"""

from __future__ import annotations

import ast
import inspect
import io
import sys
import tempfile
import tokenize
from collections.abc import Container, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, TypeGuard

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PUBLIC_MODULES = ("modelden", "modelden.errors", "modelden.onnxruntime")

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class WheelSources(BuildHookInterface[Any]):
    """Puts the modules into the wheel as `without_comments` writes them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the modules to a folder for the build.

        Args:
            version: ``editable`` for an editable install.
            build_data: Hatchling's facts about the build.
        """
        if self.target_name != "wheel" or version == "editable":
            return
        source = Path(self.root, "src")
        self._folder = tempfile.TemporaryDirectory()
        names = public_names(source)
        for file in sorted(source.joinpath("modelden").rglob("*.py")):
            path = file.relative_to(source)
            if path.parts[1] in {"host", "__main__.py"}:
                continue
            written = Path(self._folder.name, path)
            written.parent.mkdir(parents=True, exist_ok=True)
            written.write_text(without_comments(file.read_text("utf-8"), _kept(path, names)), "utf-8")
            build_data["force_include"][str(written)] = path.as_posix()


def _kept(path: Path, names: set[str]) -> set[str]:
    """Return the names of a module whose docstrings stay. The module itself has the empty name."""
    module = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
    return names | {""} if module in PUBLIC_MODULES else names


def public_names(source: Path) -> set[str]:
    """List the qualified names of what the public modules export, of its methods and bases.

    Args:
        source: The folder that has the package.
    """
    sys.path.insert(0, str(source))
    try:
        modules = [import_module(name) for name in PUBLIC_MODULES]
    finally:
        sys.path.remove(str(source))
    values = [getattr(module, name) for module in modules for name in module.__all__]
    classes = [base for value in values if inspect.isclass(value) for base in value.__mro__]
    exported = {value.__qualname__ for value in values if inspect.isfunction(value)}
    return exported | {base.__qualname__ for base in classes} | {name for base in classes for name in _members(base)}


def _members(base: type) -> Iterator[str]:
    for name in vars(base):
        if not name.startswith("_"):
            yield f"{base.__qualname__}.{name}"


def without_comments(source: str, documented: Container[str]) -> str:
    """Blank the comments of a module and its docstrings, except those of some names.

    Args:
        source: The text of the module.
        documented: Qualified names whose docstrings stay; the module's is the empty one.

    Returns:
        A text with the same code on the same lines.

    Raises:
        ValueError: The code would be another.
    """
    lines = source.splitlines(keepends=True)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip() + "\n"
    tree = ast.parse(source)
    for text, is_whole_body in _strings(tree, "", documented):
        first, last = text.lineno - 1, (text.end_lineno or text.lineno) - 1
        indent = lines[first][: text.col_offset]
        lines[first : last + 1] = ["\n"] * (last + 1 - first)
        if is_whole_body:
            lines[first] = f"{indent}...\n"
    written = "".join(lines)
    if _code(ast.parse(written)) != _code(tree):
        raise ValueError(f"the code would be another:\n{written}")
    return written


def _strings(node: ast.AST, name: str, documented: Container[str]) -> Iterator[tuple[ast.Expr, bool]]:
    """Find statements that are strings, and if each is all that its body has."""
    for child in ast.iter_child_nodes(node):
        inner = f"{name}.{child.name}".lstrip(".") if isinstance(child, Documented) and hasattr(child, "name") else name
        yield from _strings(child, inner, documented)
    if isinstance(node, Documented):
        for position, statement in enumerate(node.body):
            if _is_text(statement) and not (position == 0 and name in documented):
                yield statement, len(node.body) == 1


def _is_text(statement: ast.stmt) -> TypeGuard[ast.Expr]:
    return _is_constant(statement) and isinstance(statement.value.value, str)


def _is_constant(statement: ast.stmt) -> TypeGuard[Any]:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _code(tree: ast.Module) -> str:
    """Write down a module without the statements that do nothing."""
    for node in ast.walk(tree):
        if isinstance(node, Documented):
            node.body = [statement for statement in node.body if not _is_constant(statement)]
    return ast.dump(tree)
