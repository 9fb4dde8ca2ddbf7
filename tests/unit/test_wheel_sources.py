from __future__ import annotations

from pathlib import Path

import pytest

from wheel_sources import public_names, without_comments

SOURCE = '''"""Module."""

# A reason.
class Public:
    """Documented."""

    size: int
    """In bytes."""

    def run(self) -> str:  # noqa
        """Run."""
        return "# no comment"

    def _step(self) -> None:
        """Step
        over two lines.
        """


def private() -> None:
    """Private."""
    raise ValueError
'''


def test_names_with_documents_keep_them_and_all_lines_keep_their_numbers() -> None:
    written = without_comments(SOURCE, {"Public", "Public.run"})

    assert [line for line in written.splitlines() if line.strip()] == [
        "class Public:",
        '    """Documented."""',
        "    size: int",
        "    def run(self) -> str:",
        '        """Run."""',
        '        return "# no comment"',
        "    def _step(self) -> None:",
        "        ...",
        "def private() -> None:",
        "    raise ValueError",
    ]
    lines = SOURCE.splitlines()
    assert written.splitlines()[lines.index("def private() -> None:")] == "def private() -> None:"
    assert len(written.splitlines()) == len(lines)


def test_a_document_of_a_public_module_stays() -> None:
    assert without_comments('"""Module."""\n', {""}) == '"""Module."""\n'


def test_code_that_would_change_is_refused() -> None:
    with pytest.raises(ValueError, match="the code would be another"):
        without_comments("if True: 'text'; x = 1\ndef f(): 'a'; return 1\n", set())


def test_public_names_are_exports_with_their_methods_and_bases() -> None:
    names = public_names(Path(__file__).parents[2] / "src")

    assert {"create_engine", "Engine", "Engine.run", "ModelDenError", "InferenceSession.run", "Tensor.tolist"} <= names
    assert "Engine._close" not in names
