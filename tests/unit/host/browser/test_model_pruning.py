from __future__ import annotations

from typing import Any

import pytest

from modelden.host.browser.model_pruning import plan_pruning

DAY = 86_400_000
NOW = 100 * DAY


def model(name: str, size: int = 100, *, used: int = 0, **fields: Any) -> dict[str, Any]:
    """A model that was used this number of days ago."""
    return {
        "name": name,
        "revision": "v1",
        "root_url": "https://models.example/hub/",
        "size": size,
        "files": 2,
        "partial_files": 0,
        "partial_size": 0,
        "last_used": NOW - used * DAY,
        "pinned": False,
        **fields,
    }


def reasons(*models: dict[str, Any], **options: int) -> dict[str, str]:
    return {each["name"]: reason for each, reason in plan_pruning(models, NOW, **options).models}


def test_without_options_only_interrupted_downloads_go() -> None:
    partial = {"partial_files": 1, "partial_size": 40}
    models = model("a", used=99), model("b", 140, **partial), model("c", 40, files=0, pinned=True, **partial)

    plan = plan_pruning(models, NOW)

    assert [each["name"] for each, _ in plan.models] == ["c"]
    assert (plan.partial_size, plan.size) == (40, 80)
    assert plan.keys == [("c", "v1", "https://models.example/hub/")]


def test_models_that_are_unused_for_days() -> None:
    models = model("a", used=9), model("b", used=10), model("c", used=30, pinned=True)

    assert reasons(*models, unused_for=10) == {"b": "unused for 10 days"}


@pytest.mark.parametrize(("limit", "names"), [(400, []), (399, ["b"]), (200, ["b", "c"]), (0, ["b", "c", "a"])])
def test_the_least_recently_used_go_beyond_a_size(limit: int, names: list[str]) -> None:
    models = model("a", used=1), model("b", used=3), model("c", used=2), model("d", used=9, pinned=True)

    assert list(reasons(*models, max_size=limit)) == names


def test_unused_models_count_before_the_size() -> None:
    models = model("a", used=1), model("b", used=50), model("c", used=2)

    assert reasons(*models, unused_for=30, max_size=200) == {"b": "unused for 50 days"}


def test_a_model_takes_its_interrupted_download_along() -> None:
    plan = plan_pruning([model("a", 140, used=50, partial_files=1, partial_size=40)], NOW, unused_for=30)

    assert (plan.partial_size, plan.size) == (0, 140)


def test_a_model_of_an_unknown_hub_has_a_key() -> None:
    assert plan_pruning([model("a", used=50, root_url=None)], NOW, unused_for=1).keys == [("a", "v1", "")]
