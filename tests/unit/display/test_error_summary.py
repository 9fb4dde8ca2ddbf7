from __future__ import annotations

import traceback

import pytest

from modelden import InputError, configure
from modelden.errors import FileNotFoundOnHub


def caught() -> InputError:
    """An error with frames of a caller and of this package."""
    with pytest.raises(InputError) as raised:
        configure(root_hsah="x")  # type: ignore[call-arg]  # the mistake
    return raised.value


def test_a_cell_shows_the_callers_line_and_the_message_and_no_frame_of_this_package() -> None:
    error = caught()

    lines = error._render_traceback_()

    assert lines[0].startswith("line ")
    assert 'configure(root_hsah="x")' in lines[0]
    assert f"InputError: {error}" in lines
    assert not any("api.py" in line for line in lines)
    assert lines[-1] == "All frames: import sys, traceback; traceback.print_exception(sys.last_exc)"


def test_the_frames_stay_for_who_asks_for_them() -> None:
    assert "api.py" in "".join(traceback.format_exception(caught()))


def test_a_missing_model_takes_some_lines() -> None:
    error = FileNotFoundOnHub("https://hub.example/a", 401, model="o/m", revision="v", file="a", code="RepoNotFound")

    text = "\n".join(error._render_traceback_())

    assert len(text) < 400
    assert text.startswith("FileNotFoundOnHub: The hub has no model o/m")


def test_notes_are_shown() -> None:
    error = InputError("No.")
    error.add_note("Asked by the form.")

    assert error._render_traceback_()[:2] == ["InputError: No.", "Asked by the form."]
