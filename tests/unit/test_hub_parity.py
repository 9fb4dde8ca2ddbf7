"""Every step of Firefox's ``hub_*`` recordings, on the same servers: same requests, results, events and rows.

Where ours is otherwise, `DIFFERENCES` says what it is and why; the same table is in ``docs/firefox-parity.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.replay import TRUTH, ReplayServer
from tests.unit import hub_recording as recorded
from tests.unit.hub_differences import DIFFERENCES, NOT_STORED, Ours, line
from tests.unit.hub_driver import Done, HubDriver

type Json = dict[str, Any]

TABLES = ("hub_check_input", "hub_constructor", "hub_parse_url")
"""They have no steps: `test_names` reads them."""

RECORDINGS = sorted(path.stem for path in TRUTH.glob("hub_*.json") if path.stem not in TABLES)


@dataclass(frozen=True)
class Facet:
    """One thing that a step does, here and in Firefox, and in short."""

    ours: Any
    theirs: Any
    short: Any

    def check(self, different: Any, where: str) -> None:
        if different is None:
            assert self.ours == self.theirs, where
        else:
            assert self.ours != self.theirs, where
            assert self.short in (different if isinstance(different, tuple) else (different,)), where


def facets(
    step: Json, done: Done, asked: list[str], rows: dict[str, list[Json]], not_stored: set[str]
) -> dict[str, Facet]:
    """The results of a step, by the fields of `Ours`."""
    theirs = {
        store: [row for row in each if row["file"] not in not_stored] for store, each in recorded.rows(step).items()
    }
    return {
        "requests": Facet(asked, recorded.requests(step), " ".join(each.split()[0] for each in asked)),
        "outcome": _outcome(done.outcome, recorded.outcome(step)),
        "progress": _progress(done, step),
        "rows": Facet(
            {store: [recorded.without_times(row) for row in rows[store]] for store in theirs},
            theirs,
            " ".join(f"{row['revision']}/{row['file']}" for row in rows["headers"]),
        ),
    }


def _outcome(ours: Any, theirs: Any) -> Facet:
    if isinstance(theirs, list) and theirs and "events" in theirs[0]:
        return Facet([each["outcome"] for each in ours], [each["outcome"] for each in theirs], None)
    short = f"{ours['size']} bytes" if isinstance(ours, dict) and "sha256" in ours else ours
    if isinstance(ours, dict) and isinstance(theirs, dict):  # not every method of Firefox gives the bytes
        ours = {name: value for name, value in ours.items() if name in theirs}
    return Facet(ours, theirs, short)


def _progress(done: Done, step: Json) -> Facet:
    if step["op"] == "parallel":
        theirs = [each["events"] for each in recorded.outcome(step)]
        mine = [each["events"] for each in done.outcome]
        folded = [recorded.folded(ours, each) for ours, each in zip(mine, theirs, strict=True)]
        return Facet(folded, theirs, [_summary(events) for events in mine])
    theirs = recorded.events(step.get("events") or [])
    return Facet(recorded.folded(done.events, theirs), theirs, _summary(done.events))


def _summary(events: list[Json]) -> str:
    """The kinds of events, each once, and whether it went well."""
    if not events:
        return ""
    kinds = dict.fromkeys(event["status_text"] for event in events)
    return f"{events[0]['type']}: {' '.join(kinds)}{'' if events[-1]['ok'] else ' (failed)'}"


@pytest.mark.parametrize("name", RECORDINGS)
async def test_recording(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = recorded.recording(name)
    with ReplayServer(truth) as server:
        driver = HubDriver(server, truth, monkeypatch)
        for number, step in enumerate(truth["steps"]):
            server.apply(step)
            done = await driver.do(step["op"], step["args"])
            asked = [f"{each['method']} {each['path']}" for each in server.log() if each["method"] != "OPTIONS"]
            rows = {store: driver.rows(store) for store in ("headers", "tasks", "engines")}
            ours = DIFFERENCES.get((name, number), Ours(""))
            not_stored = {file for earlier, file in NOT_STORED.get(name, {}).items() if earlier < number}
            found = facets(step, done, sorted(asked) if "http_unordered" in step else asked, rows, not_stored)
            for field, facet in found.items():
                facet.check(getattr(ours, field), f"step {number}, {field}: {step['args']}")
        await driver.close()


def test_each_difference_is_one() -> None:
    for (name, number), ours in DIFFERENCES.items():
        assert number < len(recorded.recording(name)["steps"])
        assert any(each is not None for each in (ours.requests, ours.outcome, ours.progress, ours.rows))


def test_the_documentation_has_this_table() -> None:
    text = (Path(__file__).parents[2] / "docs/firefox-parity.md").read_text(encoding="utf-8")
    for name in RECORDINGS:
        assert line(name, len(recorded.recording(name)["steps"])) in text
