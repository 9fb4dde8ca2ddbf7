from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.replay import TRUTH, ReplayServer, load_truth, merge_patch
from tests.replay_hub import body_of

if TYPE_CHECKING:
    from tests.replay import Json

#: Not every file beside them is a recording of a server.
NAMES = sorted(path.stem for path in TRUTH.glob("*.json") if "server_initial" in load_truth(path.stem))


def requests_of(step: Json) -> list[Json]:
    """The recorded requests without the start-up bundle, which a page need not ask for."""
    return [each for each in step.get("http", []) if not each["path"].endswith("startup.json.mozlz4")]


def test_there_are_recordings() -> None:
    assert len(NAMES) > 20


@pytest.mark.parametrize("name", NAMES)
def test_bodies_are_the_recorded_ones(name: str) -> None:
    for path, recorded in load_truth(name)["file_bodies"].items():
        body = body_of({"file": path})
        assert (len(body), hashlib.sha256(body).hexdigest()) == (recorded["size"], recorded["sha256"])


@pytest.mark.parametrize("name", NAMES)
def test_every_state_of_a_recording_can_be_entered(name: str) -> None:
    truth = load_truth(name)
    with ReplayServer(truth) as server:
        for step in truth["steps"]:
            server.apply(step)
            assert server.log() == []


@pytest.mark.parametrize("name", ["rs_sync_update", "rs_wasm_max_version", "hub_cold_main", "hub_warm_pinned"])
def test_recorded_requests_get_the_recorded_answers(name: str) -> None:
    truth = load_truth(name)
    with ReplayServer(truth) as server, httpx.Client() as client:
        roots = {"rs": server.settings_url.removesuffix("/v1"), "hub": server.hub_url}
        for step in truth["steps"]:
            server.apply(step)
            recorded = [each for each in requests_of(step) if each["status"] != 304]
            for each in recorded:
                client.request(each["method"], roots[each["server"]] + each["path"])
            said = [(each["server"], each["method"], each["path"], each["status"]) for each in server.log()]
            assert said == [(each["server"], each["method"], each["path"], each["status"]) for each in recorded]
            for answer, before in zip(server.log(), recorded, strict=True):
                # signatures make settings longer than they were; files are the same
                if before["server"] == "hub" or before["path"].startswith("/attachments/"):
                    assert answer["bytes"] == before["bytes"]


def test_a_server_that_is_down_refuses_and_comes_back_at_its_port() -> None:
    truth = load_truth("rs_server_down")
    down, failing, *_ = (step for step in truth["steps"] if "server_patch" in step)
    with ReplayServer(truth) as server:
        server.apply(down)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{server.settings_url}/")
        server.apply(failing)
        changes = f"{server.settings_url}/buckets/monitor/collections/changes/changeset?_expected=0"
        assert httpx.get(changes).status_code == 503
        assert httpx.get(f"{server.settings_url}/").status_code == 200


def test_collections_are_signed_unless_asked_otherwise() -> None:
    truth = load_truth("rs_signature_required")
    path = "/buckets/main/collections/ml-inference-options/changeset?_expected=0"
    for signed in (True, False):
        with ReplayServer(truth, signed=signed) as server:
            metadata = httpx.get(server.settings_url + path).json()["metadata"]
            assert ("signatures" in metadata) == signed


def test_merge_patch_follows_the_rfc() -> None:
    target = {"a": "b", "c": {"d": "e", "f": "g"}, "list": [1, {"x": 1}]}
    patch = {"a": "z", "c": {"f": None}, "list": [2], "new": {"deep": {"gone": None, "kept": 1}}}

    assert merge_patch(target, patch) == {"a": "z", "c": {"d": "e"}, "list": [2], "new": {"deep": {"kept": 1}}}
