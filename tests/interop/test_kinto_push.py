"""`modelden kinto push` to a real Remote Settings server, and what clients find there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from modelden.core.memory_database import MemoryDatabase
from modelden.errors import InputError
from modelden.host.errors import RemoteError, TreeError
from modelden.host.keys.certificates import SigningChain
from modelden.host.publish.clock import SystemClock
from modelden.host.publish.http_fetcher import HttpFetcher
from modelden.host.publish.kinto_editor import KintoEditor
from modelden.host.publish.kinto_push import PushResult
from modelden.host.publish.kinto_push import push as push_tree
from modelden.host.publish.publisher import Publisher
from modelden.host.publish.record_check import ALLOW_LIST, MANIFESTS, OPTIONS, RUNTIMES
from modelden.host.publish.release import unpublish
from modelden.host.publish.tree import Tree
from modelden.host.serve.server import RunningServer
from modelden.host.serve.static_app import static_app
from modelden.host.verify.target import verify_server
from modelden.settings.backoff import Backoff
from modelden.settings.changeset import IDENTITY
from modelden.settings.schema import REMOTE_SETTINGS
from modelden.settings.server import SettingsServer
from tests.interop.kinto_server import USERS, Kinto
from tests.pyodide.browser_page import Page
from tests.pyodide.settings_page import SettingsPage
from tests.replay import replay_chain
from tests.unit.host.publishing import MODEL, add_runtime, publish_tiny

COLLECTIONS = (MANIFESTS, RUNTIMES, ALLOW_LIST, OPTIONS)


@pytest.fixture(scope="module")
def chain() -> SigningChain:
    return replay_chain()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, chain: SigningChain) -> Path:
    folder = tmp_path_factory.mktemp("published")
    publish_tiny(folder / "tree", chain, folder / "model")
    add_runtime(folder / "tree", chain)
    return folder / "tree"


@pytest.fixture
def tree(published: Path, tmp_path: Path) -> Path:
    """A tree of the test's own."""
    return Path(shutil.copytree(published, tmp_path / "tree"))


@pytest.fixture(scope="module")
def empty_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kinto]:
    with Kinto(tmp_path_factory.mktemp("kinto")) as kinto:
        yield kinto


@pytest.fixture
def server(empty_server: Kinto) -> Kinto:
    """A server with the collections and their groups, empty."""
    empty_server.flush()
    for name in COLLECTIONS:
        empty_server.create(name)
    return empty_server


def account(name: str) -> str:
    return f"{name}:{USERS[name]}"


def push(tree: Path, kinto: Kinto, *, by: str = "editor", reviewer: str | None = "reviewer") -> dict[str, PushResult]:
    """Push; what became of each collection, in the order in which it did."""
    url = f"{kinto.url}/v1"
    with ExitStack() as closing:
        editor = closing.enter_context(KintoEditor(url, account(by)))
        approves = closing.enter_context(KintoEditor(url, account(reviewer))) if reviewer else None
        return {each.collection: each for each in push_tree(Tree(tree), editor, approves)}


def command(tree: Path, kinto: Kinto, *options: str) -> Any:
    """Run the command, which has to work; what it prints."""
    paths = os.pathsep.join(each for each in sys.path if each)
    accounts = {"MODELDEN_KINTO_AUTH": account("editor"), "MODELDEN_KINTO_REVIEWER": account("reviewer")}
    done = subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-m", "modelden", "kinto", "push", str(tree), "--server", f"{kinto.url}/v1", *options],
        env={**os.environ, "PYTHONPATH": paths, **accounts},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for password in USERS.values():
        assert password not in done.stdout + done.stderr
    return json.loads(done.stdout)


def changed(results: dict[str, PushResult]) -> dict[str, list[int]]:
    """The numbers of records created, updated and deleted and of files uploaded, where there were any."""
    lists = {name: (each.created, each.updated, each.deleted, each.uploaded) for name, each in results.items()}
    return {name: [len(each) for each in found] for name, found in lists.items() if any(found)}


def without_identity(records: Iterable[Any]) -> list[Any]:
    """Records without the one that names the collection, which is not pushed."""
    return [each for each in records if each["id"] != IDENTITY]


def content(records: Iterable[Any]) -> dict[str, Any]:
    """Records without the times and the places that a server gives them, and without a tree's own one."""
    kept = {}
    for each in without_identity(records):
        attachment = {key: value for key, value in each.get("attachment", {}).items() if key != "location"}
        fields = {key: value for key, value in each.items() if key not in ("last_modified", "attachment")}
        kept[each["id"]] = fields | ({"attachment": attachment} if attachment else {})
    return kept


async def of_server(url: str) -> dict[str, Any]:
    """The records of each collection, as a client of ours reads them."""
    async with HttpFetcher() as fetcher:
        asked = SettingsServer(url, fetcher, Backoff(url, MemoryDatabase(REMOTE_SETTINGS), SystemClock()))
        return {name: content((await asked.changeset("main", name, expected=0))[0].changes) for name in COLLECTIONS}


async def assert_served(kinto: Kinto, tree: Path, files: int) -> None:
    """Clients find on the server what they find in the tree, well signed, with all of its files."""
    with RunningServer(static_app(tree)) as static:
        report = await verify_server(
            kinto.config["settings_server"], root_hash=kinto.config["root_hash"], hub=f"{static.url}/hub"
        )
        expected = await of_server(f"{static.url}/v1")
    assert report.faults == []
    assert report.files == files
    assert await of_server(kinto.config["settings_server"]) == expected


async def test_a_tree_is_served_by_kinto_and_a_second_push_changes_nothing(server: Kinto, tree: Path) -> None:
    tried = command(tree, server, "--json", "--dry-run")
    assert server.workspace(RUNTIMES) == []
    first = command(tree, server, "--json")
    await assert_served(server, tree, files=5)
    before = {name: server.changeset(name)["timestamp"] for name in COLLECTIONS}
    second = push(tree, server)

    assert {each["collection"]: each["status"] for each in tried["collections"]}[OPTIONS] == "to-push"
    results = {each["collection"]: PushResult(**each) for each in first["collections"]}
    # the options come last: a client never reads of a model before its manifest and its runtime are there
    assert list(results)[-1] == OPTIONS
    assert changed(results) == {MANIFESTS: [1, 0, 0, 0], RUNTIMES: [1, 0, 0, 1], OPTIONS: [1, 0, 0, 0]}
    assert first["waiting_for_review"] == []
    assert changed(second) == {}
    assert before == {name: server.changeset(name)["timestamp"] for name in COLLECTIONS}


async def test_what_changed_is_pushed_and_what_is_gone_is_deleted(
    server: Kinto, tree: Path, chain: SigningChain, tmp_path: Path
) -> None:
    push(tree, server)
    publish_tiny(tree, chain, tmp_path / "model", "v2")
    (runtime,) = without_identity(json.loads((tree / "settings/main/ml-onnx-runtime.json").read_bytes())["records"])
    data = b"another runtime"
    (tree / "attachments/other.wasm").write_bytes(data)
    facts = {"location": "other.wasm", "size": len(data), "hash": hashlib.sha256(data).hexdigest()}
    with Publisher.open(tree, chain) as publisher:
        unpublish(publisher, MODEL, "v1")
        publisher.put(RUNTIMES, {**runtime, "attachment": {**runtime["attachment"], **facts}})
        publisher.commit()

    results = push(tree, server)

    assert changed(results) == {MANIFESTS: [1, 0, 1, 0], RUNTIMES: [0, 1, 0, 1], OPTIONS: [0, 1, 0, 0]}
    with RunningServer(static_app(tree)) as static:
        assert await of_server(f"{server.url}/v1") == await of_server(f"{static.url}/v1")


async def test_what_only_goes_goes_last(server: Kinto, tree: Path, chain: SigningChain) -> None:
    push(tree, server)
    with Publisher.open(tree, chain) as publisher:
        unpublish(publisher, MODEL, "v1", force=True)
        publisher.commit()

    results = push(tree, server)

    assert changed(results) == {OPTIONS: [0, 0, 1, 0], MANIFESTS: [0, 0, 1, 0]}
    assert list(results).index(OPTIONS) < list(results).index(MANIFESTS)
    await assert_served(server, tree, files=1)


async def test_without_a_reviewer_people_approve_and_another_push_goes_on(server: Kinto, tree: Path) -> None:
    (record,) = without_identity(json.loads((tree / "settings/main/ml-onnx-runtime.json").read_bytes())["records"])
    # a push that was killed after the record, before its file
    server.put(RUNTIMES, {key: each for key, each in record.items() if key not in ("attachment", "last_modified")})

    results = push(tree, server, reviewer=None)
    again = push(tree, server, reviewer=None)

    waiting = {MANIFESTS, RUNTIMES, OPTIONS}
    assert changed(results)[RUNTIMES] == [0, 1, 0, 1]
    assert {name for name, each in results.items() if each.status == "to-review"} == waiting
    assert server.changeset(OPTIONS)["changes"] == []
    assert len(server.changeset(OPTIONS, bucket="main-preview")["changes"]) == 1
    assert changed(again) == {}
    assert {name for name, each in again.items() if each.status == "to-review"} == waiting
    assert {each.status for each in push(tree, server).values()} == {"signed"}
    await assert_served(server, tree, files=5)


def test_collections_are_made_by_who_may(empty_server: Kinto, tree: Path) -> None:
    empty_server.flush()
    empty_server.create_bucket()

    with pytest.raises(RemoteError, match=r"403.*an administrator makes buckets") as refused:
        push(tree, empty_server)
    results = push(tree, empty_server, by="admin", reviewer=None)

    assert USERS["editor"] not in str(refused.value)
    assert {each.status for name, each in results.items() if name != ALLOW_LIST} == {"to-review"}
    assert empty_server.changeset(ALLOW_LIST)["changes"] == []


def test_accounts_that_may_not_are_told(server: Kinto, tree: Path) -> None:
    url = f"{server.url}/v1"
    with pytest.raises(RemoteError, match=r"403: Not in ml-.*-editors group"):
        push(tree, server, by="reviewer")
    with pytest.raises(RemoteError, match="Last editor cannot review"):
        push(tree, server, by="admin", reviewer="admin")
    with pytest.raises(RemoteError, match="does not know this account") as wrong, KintoEditor(url, "editor:guessed"):
        pass
    with pytest.raises(InputError, match="Expected an account as user:password") as nameless:
        KintoEditor(url, "guessed")
    with pytest.raises(InputError, match="without user and password") as inside:
        KintoEditor(url.replace("://", "://editor:guessed@"), "editor:guessed")

    assert "guessed" not in f"{wrong.value}{nameless.value}{inside.value}"
    assert server.changeset(OPTIONS)["changes"] == []


def test_a_damaged_attachment_stops_everything(server: Kinto, tree: Path) -> None:
    (runtime,) = (path for path in (tree / "attachments").rglob("*") if path.is_file())
    runtime.write_bytes(b"damaged")

    with pytest.raises(TreeError, match="is not what its record says"):
        push(tree, server)

    assert server.workspace(MANIFESTS) == []


def test_a_server_that_is_none_is_told() -> None:
    with (
        pytest.raises(RemoteError, match=r"http://127.0.0.1:1/v1/: .*refused"),
        KintoEditor("http://127.0.0.1:1/v1", account("editor")),
    ):
        pass


def test_a_server_without_a_signer_is_told(tree: Path) -> None:
    with (
        RunningServer(static_app(tree)) as static,
        pytest.raises(RemoteError, match="has no kinto-signer"),
        KintoEditor(f"{static.url}/v1", account("editor")),
    ):
        pass


def test_a_page_reads_what_was_pushed(server: Kinto, tree: Path, page: Page) -> None:
    push(tree, server)

    settings = SettingsPage(page, server.config)

    (options,) = settings.works("get", name=OPTIONS)
    assert options["modelId"] == MODEL
