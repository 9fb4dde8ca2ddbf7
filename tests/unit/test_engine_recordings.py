"""Every step of the recordings of Firefox's engines in which records change: requests, results, options and rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modelden.engine import model_selection
from modelden.engine.engine import Engine
from modelden.engine.options import PipelineOptions
from modelden.errors import ModelDenError
from tests.replay import load_truth
from tests.unit.engine_differences import DIFFERENCES, Ours, line
from tests.unit.test_recordings import Replayed, asked, files_asked, model_rows, recorded_rows, replayed, without_times

type Json = dict[str, Any]

RECORDINGS = ("records", "two_features_one_model")


class Driver:
    """Does the steps of a recording."""

    def __init__(self, page: Replayed) -> None:
        self._page = page
        self._engines: dict[str, Engine] = {}

    async def do(self, step: Json) -> Any:
        try:
            return await getattr(self, step["op"])(step)
        except ModelDenError as error:
            return type(error).__name__

    async def rsVerify(self, _: Json) -> None:  # noqa: N802  as recorded
        """Ours are always verified."""

    async def getInferenceOptions(self, step: Json) -> Json:  # noqa: N802  the recording's name
        settings = await self._page.context().settings()
        args = step["args"]
        given = {"task_name": args["taskName"], "feature_id": args["featureId"], "model_id": args["modelId"]}
        request = PipelineOptions.of(given, own_features=True)
        records = await settings.client.get(model_selection.COLLECTION)
        return _fields(model_selection.find_record(records, request) or {})

    async def createEngine(self, step: Json) -> Json:  # noqa: N802  the recording's name
        engine = await self._page.create_engine(step)
        self._engines[step["args"].get("name", engine.engine_id)] = engine
        return {"engineId": engine.engine_id}

    async def engineStatus(self, _: Json) -> list[Json]:  # noqa: N802  the recording's name
        return [
            {name: self._page.as_recorded(engine.options.to_dict()[name]) for name in OPTIONS}
            for engine in self._engines.values()
        ]

    async def engineRun(self, _: Json) -> None:  # noqa: N802  the recording's name
        """Vectors are compared in real browsers."""

    async def rsPoll(self, _: Json) -> None:  # noqa: N802  the recording's name
        await (await self._page.context().settings()).poll()

    async def destroyEngines(self, _: Json) -> None:  # noqa: N802  the recording's name
        for engine in self._engines.values():
            await engine.close()
        self._engines.clear()
        self._page.destroy_engines()


OPTIONS = ("engineId", "featureId", "taskName", "modelId", "modelRevision", "dtype", "numThreads", "backend", "device")
"""Options that are compared by their values. The others are defaults, compared by ``table_pipeline_options``."""


def _fields(record: Json) -> Json:
    names = ("modelId", "modelRevision", "dtype", "numThreads", "tokenizerId", "tokenizerRevision")
    return {name: record[name] for name in names if record.get(name) not in (None, "", {"$js": "undefined"})}


def recorded(step: Json) -> Any:
    """The outcome of a recorded step, as far as it can be the same here."""
    if "threw" in step["outcome"]:
        return "InvalidRecord" if step["outcome"]["threw"]["message"].startswith("Invalid value") else step["outcome"]
    value = step["outcome"]["returned"]
    match step["op"]:
        case "getInferenceOptions":
            return _fields(value)
        case "createEngine":
            return {"engineId": value["engineId"]}
        case "engineStatus":
            all_options = [status["options"] for _, status in value["$Map"]]
            return [{name: options[name] for name in OPTIONS} for options in all_options if options is not None]
    return None


@pytest.mark.parametrize("name", RECORDINGS)
async def test_recording(name: str) -> None:
    async with replayed(name) as (page, steps):
        page.profile.expressions.verdicts = {"1 == 2": False, "env.version|versionCompare('100.0') > 0": True}
        driver = Driver(page)
        for index, step in enumerate(steps):
            page.server.apply(step)
            page.profile.engines.files = files_of(step) or page.profile.engines.files
            outcome = await driver.do(step)
            log = page.server.log()
            ours = DIFFERENCES.get((name, index), Ours(""))
            where = f"{name}, step {index}, {step['op']}"
            now, theirs = asked(step, log)
            assert now == (theirs if ours.settings is None else ours.settings), where
            if "http_hub_unordered" in step:
                now, theirs = files_asked(step, log)
                assert now == (theirs if ours.files is None else ours.files), where
            assert outcome == (recorded(step) if ours.outcome is None else ours.outcome), where
            if isinstance(step.get("storage"), dict):
                rows, expected = await model_rows(page.profile), without_times(recorded_rows(step, "indexedDB"))
                if ours.rows is None:
                    assert rows == expected, where
                else:
                    assert rows != expected, where
                    assert " ".join(sorted({row["revision"] for row in rows["headers"]})) == ours.rows, where


def files_of(step: Json) -> list[str]:
    """The files that a recorded engine asked for, in any order."""
    paths = [each["path"].partition("?")[0] for each in step.get("http_hub_unordered", []) if each["method"] == "GET"]
    return ["/".join(path.split("/")[4:]) for path in paths]


def test_each_difference_is_one() -> None:
    for (name, index), ours in DIFFERENCES.items():
        assert index < len(load_truth(name)["steps"])
        assert any(each is not None for each in (ours.settings, ours.files, ours.outcome, ours.rows))


def test_the_documentation_has_this_table() -> None:
    text = (Path(__file__).parents[2] / "docs/firefox-parity.md").read_text(encoding="utf-8")
    for name in RECORDINGS:
        assert line(name, len(load_truth(name)["steps"])) in text
