"""The documents: their links lead somewhere, the paths that they name exist, and each has its form."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src/modelden"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
DECISIONS = sorted(ROOT.glob("docs/decisions/[0-9]*.md"))

FOLDERS = {"src", "tests", "tools", "bench", "docs", "web"}
"""Folders of the repository that a document names by their paths."""

SECTIONS = ["Context", "Decision", "Consequences", "Figures"]
"""Headings of a decision, in this order."""

CHANGES = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
"""Keep a Changelog, "Types of changes"."""

LONGEST_ENTRY = 160
"""Characters of an entry in the changelog."""

_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_NAME_IN_FILE = re.compile(r"`(\w+)` in `([^`\s]+)`")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> str:
    """The text of a document without its blocks of code."""
    return _FENCED.sub("", path.read_text("utf-8"))


def anchor(heading: str) -> str:
    """The fragment by which GitHub and others link to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def paths(text: str) -> set[str]:
    """Paths of the repository, and modules of the package, that a text names in code spans."""
    words = {word for span in _CODE.findall(text) for word in span.split()}
    return {word.rstrip(",;") for word in words if _is_path(word)}


def _is_path(word: str) -> bool:
    first, slash, _ = word.partition("/")
    if not slash or word.endswith(".py"):
        return word.endswith(".py") and first != ""
    return first in FOLDERS or (first != "" and (PACKAGE / first).is_dir() and word.endswith("/"))


def exists(path: str) -> bool:
    return any(any(folder.glob(path.rstrip("/"))) for folder in (ROOT, PACKAGE))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for link in _LINK.findall(prose(document)):
        if "://" in link:
            continue
        path, _, fragment = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not fragment or fragment in map(anchor, _HEADING.findall(prose(target))), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_paths_that_a_document_names_exist(document: Path) -> None:
    assert [path for path in sorted(paths(prose(document))) if not exists(path)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_names_that_a_document_finds_in_a_file_are_there(document: Path) -> None:
    for word, path in _NAME_IN_FILE.findall(prose(document)):
        if _is_path(path):
            files = [file for folder in (ROOT, PACKAGE) if (file := folder / path).is_file()]
            assert any(re.search(rf"\b{word}\b", file.read_text("utf-8")) for file in files), f"{word} in {path}"


def test_the_map_leads_into_each_folder_of_the_package() -> None:
    named = paths(prose(ROOT / "docs/architecture.md"))
    folders = {path.parent.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("__init__.py")} - {"."}

    assert {folder for folder in folders if not any(path.startswith(f"{folder}/") for path in named)} == set()


def test_the_architecture_fits_into_150_lines() -> None:
    assert len((ROOT / "docs/architecture.md").read_text("utf-8").splitlines()) <= 150


def test_the_architecture_begins_with_the_rules() -> None:
    first, rules = prose(ROOT / "docs/architecture.md").split("\n## ")[:2]

    assert first.strip() == "# Architecture"
    assert re.findall(r"^(\d)\. ", rules, re.MULTILINE) == list("123456")


@pytest.mark.parametrize("decision", DECISIONS, ids=name)
def test_a_decision_has_its_sections(decision: Path) -> None:
    title, *_ = text = decision.read_text("utf-8").splitlines()

    assert title.startswith(f"# {decision.name[:4]}: ")
    assert [line.removeprefix("## ") for line in text if line.startswith("## ")] == SECTIONS


def test_each_decision_has_a_number_of_its_own() -> None:
    numbers = [decision.name[:4] for decision in DECISIONS]

    assert all(number.isdecimal() for number in numbers)
    assert len(set(numbers)) == len(numbers)


def test_the_index_has_each_decision_once() -> None:
    index = (ROOT / "docs/decisions/README.md").read_text("utf-8")
    titles = {path.name: path.read_text("utf-8").splitlines()[0].removeprefix("# ") for path in DECISIONS}
    entries = re.findall(r"^- \[(.+)\]\((.+)\)$", index, re.MULTILINE)

    assert sorted(entries) == sorted((title.replace(": ", " ", 1), file) for file, title in titles.items())


def test_the_changelog_has_the_form_of_keep_a_changelog() -> None:
    _, *releases = (ROOT / "CHANGELOG.md").read_text("utf-8").split("\n## ")

    assert releases[0].startswith("[Unreleased]\n")
    for release in releases:
        _, *groups = release.split("\n### ")
        headings = [group.partition("\n")[0] for group in groups]
        assert set(headings) <= CHANGES
        assert len(set(headings)) == len(headings)


def test_an_entry_of_the_changelog_is_one_line() -> None:
    _, *groups = (ROOT / "CHANGELOG.md").read_text("utf-8").split("\n### ")
    for group in groups:
        heading, *lines = [line for line in group.splitlines() if line and not line.startswith("## ")]
        assert lines, f"{heading} is empty"
        assert [line for line in lines if not line.startswith("- ") or len(line) > LONGEST_ENTRY] == []
