"""The language of the house (docs/architecture.md): identifiers and docstrings, read from the sources."""

from __future__ import annotations

import ast
import io
import keyword
import re
import tokenize
from pathlib import Path

import pytest

import modelden

ROOT = Path(modelden.__file__).parent
REPOSITORY = Path(__file__).parents[2]
SOURCES = sorted(path for path in ROOT.rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in SOURCES]

PRIVATE_LANGUAGE = re.compile(r"(?i)_*(?:told|begun|wish|unheard|kept_of|come|gone|heard|keeper|teller|den)_*")
"""Words that once stood for a digest, a partial download, a request, a listener, an arrival, a deletion, ..."""

QUESTIONS = re.compile(r"(?:What|Which|Who|Whose|Whether|Is|Are|May|How|Where|When)\b")


@pytest.mark.parametrize("source", NAMES)
def test_identifiers_are_terms_of_the_field(source: str) -> None:
    tokens = tokenize.generate_tokens(io.StringIO((ROOT / source).read_text("utf-8")).readline)
    names = {token.string for token in tokens if token.type == tokenize.NAME and not keyword.iskeyword(token.string)}

    assert not {name for name in names if PRIVATE_LANGUAGE.fullmatch(name)}


@pytest.mark.parametrize("source", NAMES)
def test_every_module_has_a_docstring(source: str) -> None:
    assert ast.get_docstring(ast.parse((ROOT / source).read_text("utf-8")))


@pytest.mark.parametrize("folder", ["bench", "src", "tests", "tools"])
def test_a_docstring_begins_with_the_thing_that_it_describes(folder: str) -> None:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    questions = {
        f"{path.relative_to(REPOSITORY)}: {docstring.partition('\n')[0]}"
        for path in (REPOSITORY / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, documented) and QUESTIONS.match(docstring := ast.get_docstring(node) or "")
    }

    assert questions == set()
