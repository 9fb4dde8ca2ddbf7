"""The typed readers of collections that steer Firefox's AI features."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

import modelden
from modelden import default_context
from modelden.errors import InputError, InvalidRecord, UnknownCollection
from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application
from tests.simulators.engines import ScriptedEngines
from tests.simulators.fetcher import AsgiFetcher
from tests.simulators.profile import Profile
from tests.unit.conftest import BUNDLE, ORIGIN, TIMESTAMP, configured, write

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = "ml-inference-request-options"
WORDS = "ml-inference-words-block-list"

Visit = Callable[..., Profile]


@pytest.fixture
def visit(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visit]:
    """Visit a page whose server has a collection with these records."""

    def visited(collection: str = "unrelated", *records: dict[str, Any]) -> Profile:
        stamped = [{"last_modified": TIMESTAMP, "id": f"{index}", **record} for index, record in enumerate(records)]
        text = json.dumps({"timestamp": TIMESTAMP, "records": stamped})
        write(tree / f"settings/main/{collection}.json", text.encode())
        application = Application(Tree(tree))
        profile = Profile(configured(application, ORIGIN), AsgiFetcher(application), BUNDLE, ScriptedEngines([]))
        monkeypatch.setattr(default_context.page, "context", profile.visit())
        profiles.append(profile)
        return profile

    profiles: list[Profile] = []
    yield visited
    for profile in profiles:
        profile.close_pages()


def options_record(version: str, options: Any, feature: str = "link-preview") -> dict[str, Any]:
    return {"featureId": feature, "version": version, "options": options}


async def test_the_newest_options_of_a_feature_are_returned(visit: Visit) -> None:
    visit(
        OPTIONS,
        options_record("1.0", '{"nPredict": 50}'),
        options_record("1.2", '{"nPredict": 100}'),
        options_record("2.0", "{}"),
        options_record("1.9", "{}", "other"),
    )

    found = await modelden.request_options("link-preview")

    assert found == modelden.RequestOptions("link-preview", "1.2", {"nPredict": 100})
    assert await modelden.request_options("nothing") is None
    assert await modelden.request_options("link-preview", major_version=3) is None


async def test_a_server_without_options_has_none(visit: Visit) -> None:
    visit()

    assert await modelden.request_options("link-preview") is None


@pytest.mark.parametrize("options", ["{", "[]", 7])
async def test_options_that_are_no_object_in_json_are_refused(visit: Visit, options: Any) -> None:
    visit(OPTIONS, options_record("1.0", options))

    with pytest.raises(InvalidRecord, match="should have an object in JSON as options"):
        await modelden.request_options("link-preview")


async def test_a_block_list_matches_the_words_of_its_language(visit: Visit) -> None:
    encoded = [base64.b64encode(b"spam").decode()]
    old = {"name": "default", "language": "en", "version": "1.0", "blockList": []}
    visit(WORDS, old, {**old, "version": "1.1", "blockList": encoded}, {**old, "language": "fr"})

    words = await modelden.words_block_list("default")

    assert (words.name, words.language, words.version) == ("default", "en", "1.1")
    assert words.matches("this is spam")
    assert not words.matches("isspam")
    with pytest.raises(InvalidRecord, match="has no list 'default' in the language 'de' of the major version 1"):
        await modelden.words_block_list("default", language="de")


async def test_a_server_without_block_lists_is_an_error(visit: Visit) -> None:
    visit()

    with pytest.raises(UnknownCollection):
        await modelden.words_block_list("default")


async def test_wrong_arguments_send_no_request(visit: Visit) -> None:
    profile, feature, version = visit(), 7, 1.5
    calls: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
        (modelden.request_options, (feature,), {}),
        (modelden.request_options, ("a",), {"major_version": 0}),
        (modelden.words_block_list, ("a",), {"language": "not a tag"}),
        (modelden.words_block_list, ("a",), {"major_version": version}),
    ]
    for call, args, options in calls:
        with pytest.raises(InputError, match="expected"):
            await call(*args, **options)

    assert profile.requests() == []
