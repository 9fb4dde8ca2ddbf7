"""A raw model that `modelden publish` published is found by `modelden.load_session`, with manifests required."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import modelden
from modelden import IntegrityError
from modelden.host.publish.publisher import Publisher
from modelden.host.publish.release import Release, publish
from modelden.host.publish.repository import read_repository
from tests.replay import replay_chain
from tests.simulators.native_sessions import native_page
from tests.tiny_models.raw import WEIGHTS, raw_models
from tests.unit.conftest import write, write_tree


async def test_a_published_raw_model_is_found_and_checked_with_its_weights(tmp_path: Path) -> None:
    source = tmp_path / "detector"
    write(source / "detector.onnx", raw_models()["external"])
    write(source / WEIGHTS, raw_models()[WEIGHTS])
    tree = write_tree(tmp_path / "tree")
    repository = read_repository(source, "acme/detector", "v1", is_raw=True)
    with Publisher.open(tree, replay_chain()) as publisher:
        publish(publisher, repository, Release(model="acme/detector", revision="v1"))
        publisher.commit()

    with native_page(tmp_path, manifests=True) as profile:
        session = await modelden.load_session("acme/detector", file="detector.onnx", revision="v1")
        [y] = await session.run_async(None, {"x": np.array([1, 2], np.float32)})
        hub = [each.partition("?")[0] for each in profile.requests() if "/hub/acme" in each]
        session.close()
    write(tree / "hub/acme/detector/v1" / WEIGHTS, bytes(8))
    with native_page(tmp_path, manifests=True), pytest.raises(IntegrityError, match=WEIGHTS):
        await modelden.load_session("acme/detector", file="detector.onnx", revision="v1")

    assert y.tolist() == [11.0, 22.0]
    assert hub == ["GET /hub/acme/detector/v1/detector.onnx", f"GET /hub/acme/detector/v1/{WEIGHTS}"]
