from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from tests.unit.host.publishing import PUBLISH, facts_of, run


def test_keys_are_made_shown_and_rotated(tmp_path: Path) -> None:
    new = facts_of("keys", "new", "keys", cwd=tmp_path)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    for path in (tmp_path / "keys").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    shown = facts_of("keys", "show", "keys", cwd=tmp_path)
    rotated = facts_of("keys", "rotate", "keys", cwd=tmp_path)
    rotated_intermediate = facts_of("keys", "rotate", "keys", "--intermediate", cwd=tmp_path)

    assert shown["root_hash"] == new["root_hash"] == rotated["root_hash"] == rotated_intermediate["root_hash"]
    assert len({each["chain"] for each in (new, rotated, rotated_intermediate)}) == 3
    assert "PRIVATE" not in json.dumps([new, shown, rotated])
    result = run("keys", "new", "keys", cwd=tmp_path)
    assert result.returncode == 2
    assert "keys are never overwritten" in result.stderr


def test_keys_with_a_passphrase_are_encrypted(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("correct horse\nsecond line")
    facts = facts_of("keys", "new", "locked", "--passphrase-file", "secret", cwd=tmp_path)
    assert facts["encrypted"] is True
    for path in (tmp_path / "locked").iterdir():
        assert b"BEGIN ENCRYPTED PRIVATE KEY" in path.read_bytes()

    publish = [each if each != "keys" else "locked" for each in PUBLISH]
    missing, wrong = run(*publish, cwd=workspace), {**os.environ, "MODELDEN_KEYS_PASSPHRASE": "wrong"}
    assert missing.returncode == 2
    assert "is encrypted: give its passphrase" in missing.stderr
    refused = run(*publish, cwd=workspace, env=wrong)
    assert refused.returncode == 2
    assert "Is the passphrase right?" in refused.stderr
    assert run(*publish, cwd=workspace, env={**os.environ, "MODELDEN_KEYS_PASSPHRASE": "correct horse"}).returncode == 0
