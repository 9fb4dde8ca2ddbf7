"""`modelden models` on the profiles of real browsers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hosting.test_run import BROWSERS, TASK, facts
from tests.unit.host.publishing import MODEL


@pytest.mark.parametrize("browser", BROWSERS)
def test_the_models_of_a_profile(published: Path, tmp_path: Path, browser: str) -> None:
    profile = tmp_path / "profile"
    facts("run", *TASK, "--tree", published, "--browser", browser, "--input", "hello world", "--profile", profile)

    pruned = facts("models", "prune", profile, "--max-size", "0", "--yes")
    assert [model["name"] for model in pruned["models"]] == [f"localhost/{MODEL}"]
    assert facts("models", "list", profile) == {"models": [], "bytes": 0}
