"""The language of the house (docs/architecture.md): identifiers and docstrings of all sources."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

import modelden

ROOT = Path(modelden.__file__).parent
REPOSITORY = Path(__file__).parents[2]
SOURCES = sorted(path for path in ROOT.rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in SOURCES]

PRIVATE_LANGUAGE = {"told", "begun", "wish", "unheard", "come", "gone", "heard", "keeper", "teller"}
"""Words that once stood for a digest, a partial download, a request, a listener, an arrival, a deletion, ..."""

WHOLE_NAMES = {"den", "kept_of"}
"""The same as whole identifiers. Options of the pytest plugin begin with ``den_``."""

LONGEST_NAME = 3
"""Words of an identifier. A longer one is a sentence, the name of a test."""

PAGE_ERROR = re.compile(r": Told$|(?:browser_page|test_wrong_runtime)\.py:\d+: told$")
"""An error as `tests/pyodide/browser_page.py` reads it from a page."""

PYTHON_FOLDERS = ("bench", "distributions", "src", "tests", "tools", "web")

SCRIPT_FOLDERS = ("bench", "tests", "tools", "web")

SCRIPTS = {".js", ".mjs", ".ts"}

PROSE = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`""", re.DOTALL)
"""Comments and texts of a script."""

QUESTIONS = re.compile(r"(?:What|Which|Who|Whose|Whether|Is|Are|May|How|Where|When)\b")


def is_private(name: str) -> bool:
    """Tell whether an identifier is one of the words above or has one as a part."""
    words = [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]
    return name.strip("_").lower() in WHOLE_NAMES or (
        len(words) <= LONGEST_NAME and not PRIVATE_LANGUAGE.isdisjoint(words)
    )


@pytest.mark.parametrize("folder", PYTHON_FOLDERS)
def test_identifiers_are_terms_of_the_field(folder: str) -> None:
    found = {
        f"{path.relative_to(REPOSITORY)}:{token.start[0]}: {token.string}"
        for path in (REPOSITORY / folder).rglob("*.py")
        for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline)
        if token.type == tokenize.NAME and is_private(token.string)
    }

    assert {each for each in found if not PAGE_ERROR.search(each)} == set()


@pytest.mark.parametrize("folder", SCRIPT_FOLDERS)
def test_identifiers_of_scripts_are_terms_of_the_field(folder: str) -> None:
    paths = [path for path in (REPOSITORY / folder).rglob("*") if path.suffix in SCRIPTS]
    found = {
        f"{path.relative_to(REPOSITORY)}: {name}"
        for path in paths
        for name in re.findall(r"[A-Za-z_]\w*", PROSE.sub(" ", path.read_text("utf-8")))
        if is_private(name)
    }

    assert paths
    assert found == set()


def test_a_word_is_found_as_a_part_of_an_identifier() -> None:
    assert all(map(is_private, ("told", "_told", "Told", "tell_begun", "begunEngine", "BEGUN_ID")))
    assert not any(map(is_private, ("toldest", "garden", "welcome", "becoming", "test_a_worker_is_gone")))


@pytest.mark.parametrize("source", NAMES)
def test_every_module_has_a_docstring(source: str) -> None:
    assert ast.get_docstring(ast.parse((ROOT / source).read_text("utf-8")))


@pytest.mark.parametrize("folder", PYTHON_FOLDERS)
def test_a_docstring_begins_with_the_thing_that_it_describes(folder: str) -> None:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    questions = {
        f"{path.relative_to(REPOSITORY)}: {docstring.partition('\n')[0]}"
        for path in (REPOSITORY / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, documented) and QUESTIONS.match(docstring := ast.get_docstring(node) or "")
    }

    assert questions == set()
