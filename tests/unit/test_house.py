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

EXCEPTION = re.compile(r"#\s*(?:noqa: [A-Z]+\d+(?:, [A-Z]+\d+)*|type: ignore\[[a-z, -]+\])\s*")

PUBLIC_WITH_UNDERSCORE = {"_replace", "_pybind_state"}
"""Names of `namedtuple` and of onnxruntime."""

OF_SEVERAL_MODULES = {
    "recordings of Firefox, which are of all that takes part": (
        *("engine/test_versions", "settings/test_replay", "test_engine_recordings", "test_hub_parity"),
        *("test_recordings", "test_replay"),
    ),
    "attacks and faults, whoever stops them": (
        *("host/publish/test_killed_publish", "hub/test_hub_attacks", "settings/test_attacks"),
        *(
            "settings/test_slow_server",
            "test_attacks",
            "fuzz/test_calls",
            "fuzz/test_command",
            "fuzz/test_members",
            "test_chaos",
            "test_idle_timeout",
        ),
    ),
    "behaviour that several modules have together": (
        *("engine/test_cancelled_runs", "engine/test_lost_gpu", "engine/test_no_gpu", "hub/store/test_many_files"),
        *("hub/store/test_roots", "onnxruntime/test_published", "test_private_hub"),
    ),
    "hubs that are like Hugging Face's, or trees on static hosts": (
        *("hub/catalog/test_names_of_hugging_face", "hub/test_hugging_face_hub", "hub/test_tree_lists"),
        "loading/test_hugging_face_engines",
    ),
    "the package, its documents and its tests": (
        *("onnxruntime/test_names", "test_console", "test_documents", "test_examples", "test_exports", "test_house"),
        *("test_imports", "test_spread", "test_tiny_models"),
    ),
}
"""Modules of tests that are of no single module of the package or of `tools`, by what they test."""

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

    assert found == set()


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


@pytest.mark.parametrize("folder", PYTHON_FOLDERS)
def test_an_exception_to_a_rule_of_the_linters_has_its_reason(folder: str) -> None:
    without = {
        f"{path.relative_to(REPOSITORY)}:{token.start[0]}: {token.string}"
        for path in (REPOSITORY / folder).rglob("*.py")
        for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline)
        if token.type == tokenize.COMMENT and EXCEPTION.search(token.string) and not EXCEPTION.sub("", token.string)
        if path.name != "runners.py"  # all of its are of classes that are mixed into those of pytest-pyodide
    }

    assert without == set()


@pytest.mark.parametrize("folder", ["unit", "contracts"])
def test_tests_read_nothing_private_of_their_subject(folder: str) -> None:
    """Methods of notebooks begin with an underscore, and end with one."""
    read = {
        f"{path.relative_to(REPOSITORY)}:{node.lineno}: {ast.unparse(node)}"
        for path in (REPOSITORY / "tests" / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.endswith("_")
        if ast.unparse(node.value) not in {"self", "cls", "os"} and node.attr not in PUBLIC_WITH_UNDERSCORE
    }

    assert read == set()


def test_a_module_of_tests_has_the_name_of_its_subject() -> None:
    folder = REPOSITORY / "tests/unit"
    subjects = {path.relative_to(ROOT).with_suffix("").as_posix().removesuffix("/__init__") for path in SOURCES}
    subjects |= {path.stem for path in (REPOSITORY / "tools").glob("*.py")}
    tests = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("test_*.py")}
    others = {each for each in tests if each.replace("test_", "") not in subjects}

    assert others == {each for group in OF_SEVERAL_MODULES.values() for each in group}
