from __future__ import annotations

import json
from pathlib import Path

from tests.unit.host.publishing import MODEL, facts_of, run


def test_the_command_ends_with_1_when_there_is_a_fault(complete_tree: Path) -> None:
    assert facts_of("verify", complete_tree)["good"] is True
    (complete_tree / f"hub/{MODEL}/v1/config.json").unlink()

    bad = run("verify", complete_tree, "--json")
    words = run("verify", complete_tree)

    assert (bad.returncode, words.returncode) == (1, 1)
    assert json.loads(bad.stdout)["faults"][0]["what"] == "expected status 200, found 404"
    assert "config.json" in words.stdout
