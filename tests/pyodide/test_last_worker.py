"""A second visit's engine takes the worker that was started before it was known what the engine needs."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

_LISTEN = """
    globalThis.postMessageOfWorkers = Worker.prototype.postMessage;
    globalThis.sent = [];
    const workers = [];
    Worker.prototype.postMessage = function (message, ...rest) {
        if (!workers.includes(this)) workers.push(this);
        sent.push(`${workers.indexOf(this)} ${message.type}`);
        return postMessageOfWorkers.call(this, message, ...rest);
    };
"""


@contextmanager
def messages(page: Page) -> Iterator[list[str]]:
    """Worker's number and type of each message that the page sends to workers meanwhile."""
    found: list[str] = []
    page.runner.run_js(_LISTEN)
    try:
        yield found
    finally:
        posted = page.runner.run_js("Worker.prototype.postMessage = postMessageOfWorkers; return JSON.stringify(sent);")
        found += json.loads(posted)


def test_a_warm_visits_engine_finds_its_runtime_started(page: Page, site: Site) -> None:
    with messages(page) as cold:
        first = page.visit(site.config, feature_id="tiny")
    with messages(page) as warm:
        second = page.visit(site.config, feature_id="tiny")

    assert not [each for each in cold if each.endswith(" runtime")]
    assert warm[0] == "0 runtime"
    loading = [each for each in warm if each.split()[1] in ("runtime", "wasm", "create")]
    assert sorted(loading) == ["0 create", "0 runtime", "0 wasm"]  # one worker; its module comes when it is compiled
    assert [each for each in cold if each.endswith(" file")]
    assert not [each for each in warm if each.endswith(" file")], "it asked for what the last engine was given"
    assert second["vectors"] == first["vectors"]
    page.is_clean()


@pytest.mark.parametrize(
    "wanted",
    [{"feature_id": "tiny", "num_threads": 2}, {"feature_id": "nothing"}, {"feature_id": "tiny", "dtype": "q99"}],
)
def test_what_was_started_in_vain_is_ended(page: Page, site: Site, wanted: dict[str, object]) -> None:
    page.visit(site.config, feature_id="tiny")
    with messages(page) as warm:
        outcome = page.call("visit", config=site.config, request=wanted, texts=None)

    assert (outcome["error"] is None) == ("num_threads" in wanted)
    assert warm[0] == "0 runtime"
    assert "0 create" not in warm
    page.is_clean()


_REPLACE = """
    const settled = (request) => new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
    const [name, store, members] = %s;
    const database = await settled(indexedDB.open(name));
    const rows = database.transaction(store, "readwrite").objectStore(store);
    for (const row of await settled(rows.getAll())) await settled(rows.put({ ...row, ...members }));
    database.close();
"""

FOREIGN = {
    "a plan of another build": ("modelden", "engines", {"plan": {"format": 2}}),
    "a runtime that this wheel does not know": (
        *("modelden", "engines"),
        {"plan": {"runtime": {"attachment": {"hash": "0" * 64, "size": 1}}, "options": {}}},
    ),
    "a runtime that is not stored": ("remote-settings", "attachments", {"attachment": {"record": {}}}),
    "no attachment": ("remote-settings", "attachments", {"attachment": "lost"}),
}


@pytest.mark.parametrize("change", FOREIGN.values(), ids=FOREIGN)
def test_rows_of_another_build_start_nothing(page: Page, site: Site, change: tuple[str, str, object]) -> None:
    page.visit(site.config, feature_id="tiny")
    page.runner.run_js(_REPLACE % json.dumps(change))
    with messages(page) as warm:
        page.visit(site.config, feature_id="tiny")

    assert "0 create" in warm
    assert not [each for each in warm if each.endswith(" runtime")]
    page.is_clean()


def test_nothing_is_started_for_another_source_or_major(page: Page, site: Site) -> None:
    page.visit(site.config, feature_id="tiny")
    with messages(page) as major:
        refused = page.failed_visit({**site.config, "runtime_major": 99}, feature_id="tiny")
    with messages(page) as source:
        absent = page.failed_visit({**site.config, "settings_bucket": "other"}, feature_id="tiny")

    assert (refused.name, absent.name) == ("NoRuntime", "UnknownCollection")
    assert not [each for each in major + source if each.endswith(" runtime")]
    page.is_clean()
