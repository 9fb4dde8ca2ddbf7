from __future__ import annotations

import json
from pathlib import Path

from tests.unit.host.publishing import MODEL, facts_of, run


def test_the_command_ends_with_1_when_there_is_a_fault(complete_tree: Path) -> None:
    assert facts_of("verify", complete_tree)["good"] is True
    (complete_tree / f"hub/{MODEL}/v1/config.json").unlink()

    as_json = run("verify", complete_tree, "--json")
    text = run("verify", complete_tree)

    assert (as_json.returncode, text.returncode) == (1, 1)
    assert json.loads(as_json.stdout)["faults"][0]["what"] == "expected status 200, found 404"
    assert f"{complete_tree}/hub/{MODEL}/v1/config.json" in text.stdout
    assert "http://" not in text.stdout
