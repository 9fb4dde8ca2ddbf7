from __future__ import annotations

from parity_count import PAGE, Count, count_steps, summary
from tests.replay import TRUTH


def test_the_page_has_the_count_of_its_tables() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert summary(count_steps(text)) in text


def test_tables_name_recordings_that_are_there() -> None:
    assert count_steps(PAGE.read_text(encoding="utf-8")).recordings <= len(list(TRUTH.glob("*.json")))


def test_lines_of_recordings_are_summed_up() -> None:
    assert count_steps("| `a` | 5 | 3 | why |\n| `b` | 2 | 2 | - |\n| b | 9 | 9 |\n") == Count(2, 7, 5)
