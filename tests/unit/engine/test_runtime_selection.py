from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from modelden.engine.runtime_selection import (
    Bundle,
    bundle_no_gpu_reason,
    check_build,
    choose,
    find_bundle,
    read_bundles,
    requested_device,
)
from modelden.errors import InvalidRecord, NoRuntime, RuntimeMismatch
from tests.replay import load_truth

NAME = "ort-wasm-simd-threaded.jsep.wasm"
TRUTH = load_truth("rs_wasm_max_version")
RECORDS: list[dict[str, Any]] = TRUTH["server_initial"]["rs"]["collections"]["ml-onnx-runtime"]["records"]
BUNDLE = Bundle(5, "engine-5.js", NAME, "jsep.mjs", "ab" * 32, "1.22.0-dev", "3.8.1", ("wasm", "webgpu"))
NEXT = Bundle(6, "engine-6.js", "small.wasm", "small.mjs", "cd" * 32, "1.31.0-dev", "4.3.1")
GPU = NEXT._replace(name="gpu.wasm", glue="gpu.mjs", sha256="98" * 32, devices=("webgpu",))
ALL = (BUNDLE, NEXT, GPU)


def record(version: object, name: str = NAME, **more: Any) -> dict[str, Any]:
    attachment = {"location": "a/b.wasm", "size": 3, "hash": "ab" * 32}
    return {"id": f"{name} {version}", "name": name, "version": version, "attachment": attachment, **more}


def record_of(bundle: Bundle, **attachment: Any) -> dict[str, Any]:
    known = {"location": "a/c.wasm", "size": 3, "hash": bundle.sha256}
    return record(f"{bundle.major}.0", name=bundle.name) | {"attachment": {**known, **attachment}}


def test_bundles_are_read_from_the_builds_table() -> None:
    def file(bundle: Bundle) -> dict[str, Any]:
        facts = {"name": bundle.name, "glue": bundle.glue, "sha256": bundle.sha256, "devices": list(bundle.devices)}
        return {**facts, "size": 3}

    def major(first: Bundle, *more: Bundle) -> dict[str, Any]:
        versions = {"onnxruntime": first.onnxruntime, "transformers": first.transformers}
        return {"bundle": first.bundle, **versions, "files": [file(each) for each in (first, *more)]}

    assert read_bundles(json.dumps({"5": major(BUNDLE), "6": major(NEXT, GPU)})) == ALL


def test_the_choice_is_firefoxs() -> None:
    (step,) = [step for step in TRUTH["steps"] if step.get("note") == "cold"]
    recorded = step["outcome"]["returned"]["$ArrayBuffer"]["sha256"]

    assert choose(RECORDS, [BUNDLE]).record["attachment"]["hash"] == recorded
    assert choose(RECORDS[::-1], [BUNDLE]).record["attachment"]["hash"] == recorded


@pytest.mark.parametrize(
    ("versions", "chosen"),
    [
        (["4.9", "5.0", "6.0"], "5.0"),
        (["5.0", "5.10", "5.9"], "5.10"),
        (["5.1", "5.2beta"], "5.2beta"),
        (["5.0a", "4.99"], "5.0a"),
        (["5.99", "6.0a"], "5.99"),
        (["5"], "5"),
    ],
)
def test_the_highest_version_of_the_major_is_chosen(versions: list[str], chosen: str) -> None:
    assert choose([record(version) for version in versions], [BUNDLE]).record["version"] == chosen


FIVE, SIX, SIX_GPU = record("5.0"), record_of(NEXT), record_of(GPU)
OTHER_SIX, OTHER_GPU = record_of(NEXT, hash="ef" * 32), record_of(GPU, hash="ef" * 32)
WITH_GPU: dict[str, Any] = {"device": "webgpu"}
SMALL_HAS_NONE = "the runtime that is used, small.wasm, has no WebGPU, and Remote Settings offer no"
NO_ADAPTER = {**WITH_GPU, "no_gpu_reason": "no adapter"}


@pytest.mark.parametrize(
    ("records", "options", "chosen"),
    [
        ([FIVE, SIX], {}, SIX),
        ([SIX, FIVE], {}, SIX),
        ([FIVE], {}, FIVE),
        ([SIX], {}, SIX),
        ([FIVE, SIX], {"major": 5}, FIVE),
        ([FIVE, SIX], {"major": 6}, SIX),
        ([FIVE, SIX, SIX_GPU], {}, SIX),
        ([FIVE, SIX_GPU], {}, FIVE),
        ([SIX_GPU], {}, SIX_GPU),
        ([FIVE, SIX, SIX_GPU], WITH_GPU, SIX_GPU),
        ([FIVE, SIX, SIX_GPU], NO_ADAPTER, SIX),
        ([FIVE, SIX, SIX_GPU], {**WITH_GPU, "major": 5}, FIVE),
        ([FIVE, SIX], WITH_GPU, FIVE),
        ([SIX], WITH_GPU, SIX),
        ([FIVE, SIX], {**WITH_GPU, "major": 6}, SIX),
        ([FIVE, SIX, OTHER_GPU], WITH_GPU, FIVE),
        ([OTHER_GPU], WITH_GPU, OTHER_GPU),
        ([FIVE, OTHER_SIX], {}, FIVE),
        ([FIVE, OTHER_SIX, SIX_GPU], {}, FIVE),
        ([OTHER_SIX], {}, OTHER_SIX),
        ([FIVE, record("7.0", name="small.wasm")], {}, FIVE),
    ],
    ids=[
        "the highest",
        "in any order",
        "only 5 is offered",
        "only 6 is offered",
        "5 is asked for",
        "6 is asked for",
        "the small one of two files",
        "5 before a file that is there for WebGPU",
        "the file for WebGPU, as there is no other",
        "WebGPU, and a file for it",
        "WebGPU, and no adapter",
        "WebGPU, and 5 is asked for",
        "WebGPU, and only 5 has it",
        "WebGPU, and none has it",
        "WebGPU, and 6 is asked for, which has it not",
        "WebGPU, and its file in 6 is of another build",
        "WebGPU, and nothing but a file of another build, to be refused",
        "6 of another build",
        "6 of another build, and its file for WebGPU",
        "nothing but 6 of another build, to be refused",
        "one that the wheel does not know",
    ],
)
def test_the_highest_major_that_is_offered_and_known(
    records: list[dict[str, Any]], options: dict[str, Any], chosen: dict[str, Any]
) -> None:
    assert choose(records, ALL, **options).record is chosen


@pytest.mark.parametrize(
    ("records", "options", "reason"),
    [
        ([FIVE, SIX, SIX_GPU], {}, None),
        ([FIVE, SIX, SIX_GPU], {"no_gpu_reason": "no adapter"}, None),
        ([FIVE, SIX, SIX_GPU], WITH_GPU, None),
        ([FIVE, SIX], WITH_GPU, None),
        ([FIVE, SIX, SIX_GPU], NO_ADAPTER, "no adapter"),
        ([SIX_GPU], NO_ADAPTER, "no adapter"),
        (
            [SIX],
            WITH_GPU,
            f"{SMALL_HAS_NONE} {NAME} of version 5 or gpu.wasm of version 6 of this modelden's build",
        ),
        (
            [FIVE, SIX],
            {**WITH_GPU, "major": 6},
            f"{SMALL_HAS_NONE} gpu.wasm of version 6 of this modelden's build",
        ),
    ],
)
def test_why_the_gpu_is_not_used(records: list[dict[str, Any]], options: dict[str, Any], reason: str | None) -> None:
    assert choose(records, ALL, **options).no_gpu_reason == reason


@pytest.mark.parametrize(
    ("records", "options", "words"),
    [
        ([FIVE, SIX, SIX_GPU], {}, []),
        ([FIVE, SIX, SIX_GPU], WITH_GPU, []),
        ([FIVE, SIX, SIX_GPU], NO_ADAPTER, []),
        ([FIVE, SIX_GPU], {}, []),
        ([SIX_GPU], WITH_GPU, []),
        ([FIVE, OTHER_SIX], {}, ["small.wasm 6.0 is not of this modelden: left out"]),
        ([FIVE, OTHER_GPU], WITH_GPU, ["gpu.wasm 6.0 is not of this modelden: left out"]),
        ([SIX_GPU], {"major": 6}, ["Only the large gpu.wasm is offered: publish small.wasm of version 6 for all"]),
    ],
)
def test_what_the_publisher_should_know_is_logged(
    records: list[dict[str, Any]], options: dict[str, Any], words: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        choose(records, ALL, **options)

    assert len(caplog.messages) == len(words)
    assert all(part in message for part, message in zip(words, caplog.messages, strict=True))


@pytest.mark.parametrize(
    ("option", "device"),
    [
        (None, "wasm"),
        ("wasm", "wasm"),
        ("cpu", "wasm"),
        ("gpu", "webgpu"),
        ("auto", "webgpu"),
        ("webnn-npu", "webnn"),
        ({"encoder_model": "wasm", "decoder_model_merged": "auto"}, "webgpu"),
        ({"encoder_model": "wasm", "decoder_model_merged": "webnn"}, "webnn"),
        ({"encoder_model": "cpu"}, "wasm"),
    ],
)
def test_what_an_option_asks_for(option: str | dict[str, str] | None, device: str) -> None:
    assert requested_device(option) == device


def test_a_file_without_webgpu_is_named() -> None:
    assert [bundle_no_gpu_reason(bundle) for bundle in ALL] == [
        None,
        "the runtime that is used, small.wasm, has no WebGPU",
        None,
    ]


@pytest.mark.parametrize(("major", "words"), [(6, "small.wasm of version 6"), (7, "version 7, whose JavaScript")])
def test_a_major_that_was_asked_for_and_is_not_there_is_named(major: int, words: str) -> None:
    with pytest.raises(NoRuntime, match=words):
        choose([FIVE], ALL, major=major)


def test_a_record_is_driven_by_the_bundle_of_its_name_and_major() -> None:
    assert [find_bundle(each, ALL) for each in (FIVE, SIX, SIX_GPU)] == [BUNDLE, NEXT, GPU]
    with pytest.raises(NoRuntime, match=r"small\.wasm 7\.0"):
        find_bundle(record("7.0", name="small.wasm"), ALL)


@pytest.mark.parametrize(
    "records",
    [
        [],
        [record("4.9"), record("6.0"), record("6.0a")],
        [record("5.0", name="wllama.wasm")],
        [record("5.0", name=NAME.upper())],
        [record(None), record(5), record(["5.0"])],
        [{"id": "nameless", "version": "5.0"}],
    ],
    ids=["none", "other majors", "other name", "name in other letters", "versions that are no text", "no name"],
)
def test_no_record_of_the_major_and_name_is_an_error_in_words(records: list[dict[str, Any]]) -> None:
    with pytest.raises(NoRuntime, match=rf"Unable to get the ML engine from Remote Settings: .*{NAME} of version 5"):
        choose(records, [BUNDLE])


def test_the_file_that_the_bundle_was_built_with_fits() -> None:
    check_build(record("5.0"), BUNDLE)


def test_another_build_of_the_same_version_is_refused_before_it_runs() -> None:
    with pytest.raises(RuntimeMismatch, match=rf"SHA-256 {'ab' * 32}.*onnxruntime-web 1\.22\.0-dev.*update modelden"):
        check_build(record("5.0"), BUNDLE._replace(sha256="cd" * 32))


@pytest.mark.parametrize(
    "attachment",
    [
        None,
        {},
        {"location": "a", "size": "3", "hash": "ab" * 32},
        {"location": "a", "size": 3, "hash": "abc"},
        {"location": None, "size": 3, "hash": "ab" * 32},
    ],
    ids=repr,
)
def test_a_record_without_a_usable_attachment_is_refused(attachment: object) -> None:
    with pytest.raises(InvalidRecord, match="should have an attachment with location, size and SHA-256"):
        check_build(record("5.0") | {"attachment": attachment}, BUNDLE)
