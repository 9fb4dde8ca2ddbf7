from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from modelden.host.keys.certificates import SigningChain, issue, leaf_plan
from modelden.host.publish.publisher import Publisher
from modelden.host.publish.record_check import ALLOW_LIST, MANIFESTS, OPTIONS, RUNTIMES
from modelden.host.publish.runtimes import publish_runtime, runtime_files
from modelden.host.publish.static_layout import MONITOR
from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application, RunningServer
from modelden.host.verify.target import verify_server, verify_tree
from tests.unit.host.publishing import MODEL, WEIGHTS, publish_tiny

ORT_6 = Path("node_modules/transformers-6/node_modules/onnxruntime-web/dist").resolve()


def changeset(tree: Path, name: str) -> Path:
    return tree / "v1/buckets/main/collections" / name / "changeset"


def edit(path: Path, change: Callable[[Any], None]) -> None:
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content))


def test_a_published_tree_has_no_fault(complete_tree: Path, chain: SigningChain) -> None:
    report = verify_tree(complete_tree, root_hash=chain.root_hash)

    assert report.faults == []
    assert report.notes == []
    assert set(report.collections) == {f"main/{name}" for name in (ALLOW_LIST, MANIFESTS, OPTIONS, RUNTIMES)}
    assert report.files == 5


async def test_a_served_tree_has_no_fault(complete_tree: Path, chain: SigningChain) -> None:
    with RunningServer(Application(Tree(complete_tree))) as server:
        report = await verify_server(f"{server.url}/v1/", root_hash=chain.root_hash)

    assert report.faults == []
    assert report.files == 5


@pytest.mark.parametrize(
    ("damage", "where", "what"),
    [
        (lambda at: (at / f"hub/{MODEL}/v1/config.json").unlink(), "config.json", "found 404"),
        (lambda at: (at / f"hub/{MODEL}/v1/{WEIGHTS}").write_bytes(b"short"), WEIGHTS, "bytes, found 5"),
        (
            lambda at: (at / f"hub/{MODEL}/v1/tokenizer.json").write_bytes(
                (at / f"hub/{MODEL}/v1/tokenizer.json").read_bytes()[::-1]
            ),
            "tokenizer.json",
            "expected SHA-256",
        ),
        (
            lambda at: edit(changeset(at, OPTIONS), lambda body: body["changes"][0].update(modelId="evil/model")),
            f"main/{OPTIONS}",
            "the signature does not fit the records",
        ),
        (
            lambda at: edit(changeset(at, RUNTIMES), lambda body: body.update(metadata={})),
            f"main/{RUNTIMES}",
            "expected a signature of mode p384ecdsa, found none",
        ),
        (lambda at: shutil.rmtree(at / "chains"), f"main/{OPTIONS}", "404"),
        (lambda at: changeset(at, ALLOW_LIST).unlink(), f"main/{ALLOW_LIST}", "has no collection"),
        (lambda at: changeset(at, MANIFESTS).write_text("<html>"), f"main/{MANIFESTS}", "expected a changeset"),
        (lambda at: shutil.rmtree(at / "attachments"), ".wasm", "found 404"),
        (lambda at: (at / "v1/index.html").unlink(), "/v1", "404"),
        (
            lambda at: edit(at / MONITOR, lambda body: body.update(changes=[])),
            "/v1",
            "expected collections of the bucket main, found none",
        ),
    ],
)  # fmt: skip
def test_each_fault_is_reported(
    complete_tree: Path, chain: SigningChain, damage: Callable[[Path], None], where: str, what: str
) -> None:
    damage(complete_tree)

    report = verify_tree(complete_tree, root_hash=chain.root_hash)

    assert any(where in each.where and what in each.what for each in report.faults), report.faults


def test_all_faults_are_reported_at_once(complete_tree: Path, chain: SigningChain) -> None:
    for file in (complete_tree / "hub" / MODEL / "v1").glob("*.json"):
        file.write_bytes(b"x")

    assert len(verify_tree(complete_tree, root_hash=chain.root_hash).faults) == 3


def test_another_root_is_not_trusted(complete_tree: Path) -> None:
    report = verify_tree(complete_tree, root_hash="AB:" * 31 + "AB")

    assert len(report.faults) >= 4
    assert all("expected the root certificate AB:AB" in each.what for each in report.faults[:4])


def test_a_signature_that_ends_soon_is_a_note(tmp_path: Path, chain: SigningChain) -> None:
    plan = replace(leaf_plan(datetime.now(UTC)), not_after=datetime.now(UTC) + timedelta(days=10))
    short = SigningChain(issue(plan, chain.intermediate), chain.intermediate, chain.root)
    publish_tiny(tmp_path / "tree", short, tmp_path / "model")

    notes = verify_tree(tmp_path / "tree").notes

    assert [each.what for each in notes] == ["the signature ends in 10 days: rotate the keys and sign"] * 4


def test_a_runtime_without_one_of_its_files_is_a_note(complete_tree: Path, chain: SigningChain) -> None:
    with runtime_files(6, ORT_6) as pairs, Publisher.open(complete_tree, chain) as publisher:
        publish_runtime(publisher, pairs[:1])
        publisher.commit()

    report = verify_tree(complete_tree, root_hash=chain.root_hash, files=False)

    assert report.faults == []
    assert [each.what for each in report.notes] == [f"runtime 6 is offered without {pairs[1][0].name}"]


def test_files_need_not_be_fetched(complete_tree: Path) -> None:
    (complete_tree / "hub" / MODEL / "v1" / WEIGHTS).unlink()

    report = verify_tree(complete_tree, files=False)

    assert (report.faults, report.files) == ([], 0)


async def test_a_server_that_is_not_there_is_a_fault() -> None:
    report = await verify_server("http://localhost:9/v1", root_hash="AB:" * 31 + "AB")

    assert "No usable answer from http://localhost:9/v1/" in report.faults[0].what


def test_no_byte_beyond_the_announced_size_is_read(complete_tree: Path) -> None:
    (complete_tree / f"hub/{MODEL}/v1/config.json").write_bytes(b" " * 5_000_000)

    (fault,) = verify_tree(complete_tree).faults

    assert "found more; it was not read on" in fault.what


def test_a_collection_that_the_list_leaves_out_is_a_fault(complete_tree: Path) -> None:
    def leave_out(body: Any) -> None:
        body["changes"] = [each for each in body["changes"] if each["collection"] != MANIFESTS]

    edit(complete_tree / MONITOR, leave_out)

    faults = verify_tree(complete_tree).faults

    assert {fault.what for fault in faults} == {
        f"it says that there is a collection {MANIFESTS}, and the server's list leaves it out"
    }
