from __future__ import annotations

from pathlib import Path

from tests.unit.host.publishing import run


def test_keys_inside_of_the_tree_are_refused(workspace: Path) -> None:
    (workspace / "keys").rename(workspace / "model/keys")
    result = run("sign", "--to", "model", "--keys", "model/keys", cwd=workspace)

    assert result.returncode == 2
    assert "whoever uploads the tree publishes them" in result.stderr
