from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from modelden.config import Configuration
from modelden.errors import IntegrityError, InvalidRecord, SignatureError, UnavailableError
from modelden.host.errors import HostError
from modelden.host.keys.certificates import SigningChain
from modelden.host.keys.key_folder import save_keys
from modelden.host.publish.mirror import mirror_revision
from modelden.host.publish.tree import Tree
from modelden.host.serve.faults import Fault
from modelden.host.serve.server import Application, RunningServer
from tests.unit.host.publishing import MODEL, WEIGHTS, facts_of, publish_tiny
from tests.unit.host.tree_check import assert_whole


class Original:
    """A server whose model is mirrored."""

    def __init__(self, application: Application, server: RunningServer) -> None:
        self.application = application
        self.config = Configuration(
            settings_server=f"{server.url}/v1", root_hash=application.root_hash, hub_root_url=f"{server.url}/hub"
        )

    def bytes_of_weights(self) -> int:
        return sum(each.bytes for each in self.application.log.entries() if WEIGHTS in each.path)


@pytest.fixture
def original(tmp_path: Path, chain: SigningChain) -> Iterator[Original]:
    publish_tiny(tmp_path / "original", chain, tmp_path / "model")
    application = Application(Tree(tmp_path / "original"))
    with RunningServer(application) as server:
        yield Original(application, server)


def test_a_revision_is_fetched_whole(original: Original, tmp_path: Path) -> None:
    folder = mirror_revision(original.config, MODEL, "v1", tmp_path / "fetched")

    for path in (tmp_path / "model").rglob("*"):
        if path.is_file():
            assert (folder / path.relative_to(tmp_path / "model")).read_bytes() == path.read_bytes()
    assert not list(folder.rglob("*.part"))


def test_what_is_there_is_not_fetched_again(original: Original, tmp_path: Path) -> None:
    mirror_revision(original.config, MODEL, "v1", tmp_path / "fetched")
    original.application.log.clear()
    mirror_revision(original.config, MODEL, "v1", tmp_path / "fetched")

    assert not [each for each in original.application.log.entries() if each.path.startswith("/hub/")]


def test_a_cut_download_goes_on_where_it_was(original: Original, tmp_path: Path) -> None:
    size = (tmp_path / "model" / WEIGHTS).stat().st_size
    original.application.faults.set(Fault(path=f"*{WEIGHTS}", cut_after=size // 2, times=1))
    with pytest.raises(UnavailableError):
        mirror_revision(original.config, MODEL, "v1", tmp_path / "fetched")
    assert (tmp_path / "fetched" / f"{WEIGHTS}.part").stat().st_size == size // 2

    mirror_revision(original.config, MODEL, "v1", tmp_path / "fetched")

    assert (tmp_path / "fetched" / WEIGHTS).read_bytes() == (tmp_path / "model" / WEIGHTS).read_bytes()
    assert original.bytes_of_weights() == size


def test_a_wrong_beginning_is_fetched_once_more(original: Original, tmp_path: Path) -> None:
    part = tmp_path / "fetched" / f"{WEIGHTS}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"wrong")

    mirror_revision(original.config, MODEL, "v1", tmp_path / "fetched")

    assert (tmp_path / "fetched" / WEIGHTS).read_bytes() == (tmp_path / "model" / WEIGHTS).read_bytes()


def test_other_bytes_than_the_manifests_are_refused(original: Original, tmp_path: Path) -> None:
    size = (tmp_path / "model" / WEIGHTS).stat().st_size
    for body, message in (("x" * size, "SHA-256"), ("x" * (size + 1), f"more than {size} bytes")):
        original.application.faults.set(Fault(path=f"*{WEIGHTS}", body=body))
        with pytest.raises(IntegrityError, match=message):
            mirror_revision(original.config, MODEL, "v1", tmp_path / "fetched")
    assert not (tmp_path / "fetched" / WEIGHTS).exists()


@pytest.mark.parametrize("path", ["/outside.json", "a/", "aux.json"])
def test_a_manifest_names_files_of_the_folder_only(original: Original, tmp_path: Path, path: str) -> None:
    path = f"{tmp_path}{path}" if path.startswith("/") else path
    files = [{"path": path, "size": 2, "sha256": hashlib.sha256(b"{}").hexdigest()}]
    record = {"id": "m", "last_modified": 1, "modelId": MODEL, "revision": "v1", "files": files}
    changeset = json.dumps({"timestamp": 1, "changes": [record], "metadata": {}})
    original.application.faults.set(
        Fault(path="*ml-model-manifests/changeset", status=200, body=changeset),
        Fault(path="/hub/*", status=200, body="{}"),
    )
    with pytest.raises(InvalidRecord, match="names a file that no folder can have"):
        mirror_revision(replace(original.config, verify_signatures=False), MODEL, "v1", tmp_path / "fetched")
    assert not (tmp_path / "outside.json").exists()


def test_nothing_is_fetched_that_nobody_trusted_has_signed(original: Original, tmp_path: Path) -> None:
    other = Configuration(
        settings_server=original.config.settings_server,
        hub_root_url=original.config.hub_root_url,
        root_hash="AB:" * 31 + "AB",
    )
    with pytest.raises(SignatureError):
        mirror_revision(other, MODEL, "v1", tmp_path / "fetched")
    with pytest.raises(HostError, match="has no manifest of acme/tiny v9; it has acme/tiny v1"):
        mirror_revision(original.config, MODEL, "v9", tmp_path / "fetched")
    assert not (tmp_path / "fetched").exists()


def test_the_command_publishes_into_a_tree_of_ones_own(original: Original, tmp_path: Path, chain: SigningChain) -> None:
    save_keys(tmp_path / "keys", chain)
    facts = facts_of(
        *("mirror", f"{MODEL}@v1", "--from", original.config.settings_server, "--root-hash", original.config.root_hash),
        *("--task", "feature-extraction", "--to", "tree", "--keys", "keys", "--cache", "cache"),
        cwd=tmp_path,
    )

    assert facts["revision"] == "v1"
    assert assert_whole(tmp_path / "tree", chain.root_hash) == {"feature-extraction": "v1"}
