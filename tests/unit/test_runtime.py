from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelden.engine.runtime import Bundle, bundle_of, check_fits, choose
from modelden.errors import InvalidRecord, NoRuntime, RuntimeMismatch
from tests.replay import load_truth

NAME = "ort-wasm-simd-threaded.jsep.wasm"
TRUTH = load_truth("rs_wasm_max_version")
RECORDS: list[dict[str, Any]] = TRUTH["server_initial"]["rs"]["collections"]["ml-onnx-runtime"]["records"]
BUNDLE = Bundle.of(
    "5",
    {
        "bundle": "engine-5.js",
        "name": NAME,
        "sha256": "ab" * 32,
        "size": 3,
        "onnxruntime": "1.22.0-dev",
        "transformers": "3.8.1",
        "devices": ["wasm", "webgpu"],
    },
)
NEXT = Bundle(6, "engine-6.js", "small.wasm", "cd" * 32, "1.31.0-dev", "4.3.1")
BOTH = (BUNDLE, NEXT)


def record(version: object, name: str = NAME, **more: Any) -> dict[str, Any]:
    attachment = {"location": "a/b.wasm", "size": 3, "hash": "ab" * 32}
    return {"id": f"{name} {version}", "name": name, "version": version, "attachment": attachment, **more}


def next_record(**attachment: Any) -> dict[str, Any]:
    known = {"location": "a/c.wasm", "size": 3, "hash": "cd" * 32}
    return record("6.0", name="small.wasm") | {"attachment": {**known, **attachment}}


def test_the_bundle_is_read_from_the_builds_table() -> None:
    assert Bundle(5, "engine-5.js", NAME, "ab" * 32, "1.22.0-dev", "3.8.1", ("wasm", "webgpu")) == BUNDLE


def test_the_choice_is_firefoxs() -> None:
    (step,) = [step for step in TRUTH["steps"] if step.get("note") == "cold"]
    recorded = step["outcome"]["returned"]["$ArrayBuffer"]["sha256"]

    assert choose(RECORDS, [BUNDLE])["attachment"]["hash"] == recorded
    assert choose(RECORDS[::-1], [BUNDLE])["attachment"]["hash"] == recorded


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
    assert choose([record(version) for version in versions], [BUNDLE])["version"] == chosen


FIVE, SIX = record("5.0"), next_record()
OTHER_SIX = next_record(hash="ef" * 32)


@pytest.mark.parametrize(
    ("records", "options", "chosen"),
    [
        ([FIVE, SIX], {}, SIX),
        ([SIX, FIVE], {}, SIX),
        ([FIVE], {}, FIVE),
        ([SIX], {}, SIX),
        ([FIVE, SIX], {"major": 5}, FIVE),
        ([FIVE, SIX], {"major": 6}, SIX),
        ([FIVE, SIX], {"device": "webgpu"}, FIVE),
        ([SIX], {"device": "webgpu"}, SIX),
        ([FIVE, OTHER_SIX], {}, FIVE),
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
        "WebGPU, which 6 has not",
        "WebGPU, and nothing else",
        "6 of another build",
        "nothing but 6 of another build, to be refused",
        "one that the wheel does not know",
    ],
)
def test_the_highest_major_that_is_offered_and_known(
    records: list[dict[str, Any]], options: dict[str, Any], chosen: dict[str, Any]
) -> None:
    assert choose(records, BOTH, **options) is chosen


@pytest.mark.parametrize(("major", "words"), [(6, "small.wasm of version 6"), (7, "version 7, whose JavaScript")])
def test_a_major_that_was_asked_for_and_is_not_there_is_named(major: int, words: str) -> None:
    with pytest.raises(NoRuntime, match=words):
        choose([FIVE], BOTH, major=major)


def test_a_record_is_driven_by_the_bundle_of_its_name_and_major() -> None:
    assert bundle_of(FIVE, BOTH) is BUNDLE
    assert bundle_of(SIX, BOTH) is NEXT
    with pytest.raises(NoRuntime, match=r"small\.wasm 7\.0"):
        bundle_of(record("7.0", name="small.wasm"), BOTH)


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
    check_fits(record("5.0"), BUNDLE)


def test_another_build_of_the_same_version_is_refused_before_it_runs() -> None:
    with pytest.raises(RuntimeMismatch, match=rf"SHA-256 {'ab' * 32}.*onnxruntime-web 1\.22\.0-dev.*update modelden"):
        check_fits(record("5.0"), replace(BUNDLE, sha256="cd" * 32))


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
        check_fits(record("5.0") | {"attachment": attachment}, BUNDLE)
