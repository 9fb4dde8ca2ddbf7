from __future__ import annotations

import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from modelden.host.errors import KeysError
from modelden.host.keys.key_folder import open_keys, save_keys

if TYPE_CHECKING:
    from pathlib import Path

    from modelden.host.keys.certificates import SigningChain


NOW = datetime.now(UTC)


def test_keys_are_made_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "tree/keys"
    chain = open_keys(folder)
    files = sorted(folder.iterdir())

    assert [file.name for file in files] == ["intermediate.pem", "leaf.pem", "root.pem"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert open_keys(folder).pem == chain.pem
    assert [each.name for each in folder.parent.iterdir()] == ["keys"]


def test_a_leaf_near_its_end_is_renewed_below_the_same_root(tmp_path: Path, chain: SigningChain) -> None:
    save_keys(tmp_path / "keys", chain)
    later = NOW + timedelta(days=85)
    renewed = open_keys(tmp_path / "keys", later)

    assert renewed.root_hash == chain.root_hash
    assert renewed.leaf.certificate.not_valid_after_utc > later + timedelta(days=80)
    assert open_keys(tmp_path / "keys", later).pem == renewed.pem


def test_a_missing_key_is_named(tmp_path: Path, chain: SigningChain) -> None:
    save_keys(tmp_path / "keys", chain)
    (tmp_path / "keys/leaf.pem").unlink()

    with pytest.raises(KeysError, match=r"leaf\.pem is missing"):
        open_keys(tmp_path / "keys")


def test_a_damaged_key_is_named(tmp_path: Path, chain: SigningChain) -> None:
    save_keys(tmp_path / "keys", chain)
    (tmp_path / "keys/root.pem").write_text("nothing")

    with pytest.raises(KeysError, match=r"root\.pem does not hold"):
        open_keys(tmp_path / "keys")


def test_a_key_of_another_certificate_is_refused(tmp_path: Path, chain: SigningChain) -> None:
    mixed = replace(chain.leaf, key=ec.generate_private_key(ec.SECP384R1()))
    save_keys(tmp_path / "keys", replace(chain, leaf=mixed))

    with pytest.raises(KeysError, match="not the one of its certificate"):
        open_keys(tmp_path / "keys")
