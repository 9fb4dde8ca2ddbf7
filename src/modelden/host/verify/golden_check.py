"""A check of each published model: it runs on its golden inputs in real browsers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from modelden.host.browser.browsers import playwright
from modelden.host.browser.model_run import ModelSource
from modelden.host.browser.pyodide_page import Job, PyodidePage, open_page, page_server
from modelden.host.publish.record_check import MANIFESTS
from modelden.host.publish.tree import Tree
from modelden.host.verify.golden import FILE_NAME, Golden, differences
from modelden.settings.changeset import IDENTITY

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

MAX_DIFFERENCES = 5
"""Number of reported differences of a case. A vector has hundreds of numbers."""


@dataclass(slots=True)
class CheckResult:
    """The result of a model in a browser.

    Attributes:
        browser: The browser.
        model: ``organization/name``.
        revision: Its version.
        cases: Number of executed cases.
        faults: The faults, one sentence each.
        load_ms: Load time of the engine, in milliseconds.
        run_ms: Time of each case, in milliseconds.
    """

    browser: str
    model: str
    revision: str
    cases: int = 0
    faults: list[str] = field(default_factory=list)
    load_ms: float | None = None
    run_ms: list[float] = field(default_factory=list)


def published_models(tree: Tree) -> list[tuple[str, str]]:
    """List model and revision of each manifest."""
    collection = tree.collections().get("main", MANIFESTS)
    records = collection.state.records.values() if collection else ()
    return sorted((record["modelId"], record["revision"]) for record in records if record["id"] != IDENTITY)


def check_tree(
    tree: Path, browsers: Sequence[str], pyodide: Path, only: str | None = None
) -> tuple[list[CheckResult], list[str]]:
    """Run every published model with golden inputs. Returns the results, and the models without golden inputs.

    Args:
        tree: The tree.
        browsers: Names of browsers.
        pyodide: The Pyodide distribution.
        only: Check only this model, ``organization/name`` or ``organization/name@revision``.

    Raises:
        HostError: A browser, Pyodide or the tree cannot be used.
    """
    models = [model for model in published_models(Tree(tree)) if only in (None, model[0], "@".join(model))]
    paths = {(model, revision): tree / "hub" / model / revision / FILE_NAME for model, revision in models}
    models_without_golden = [f"{model} {revision}" for (model, revision), path in paths.items() if not path.exists()]
    goldens = {key: Golden.read(path) for key, path in paths.items() if path.exists()}
    results: list[CheckResult] = []
    if goldens:
        with ExitStack() as closing:
            url = closing.enter_context(page_server(pyodide))
            driver = closing.enter_context(playwright())
            source = closing.enter_context(ModelSource(tree))
            for browser in browsers:
                results += _in_browser(driver, source, browser, url, goldens)
    return results, models_without_golden


def _in_browser(
    driver: Playwright, source: ModelSource, browser: str, url: str, goldens: dict[tuple[str, str], Golden]
) -> Iterator[CheckResult]:
    with (
        TemporaryDirectory(prefix="modelden-profile-") as profile,
        open_page(driver, browser, Path(profile), url) as page,
    ):
        for (model, revision), golden in goldens.items():
            yield _check(page, source, CheckResult(browser, model, revision), golden)


def _check(page: PyodidePage, source: ModelSource, result: CheckResult, golden: Golden) -> CheckResult:
    engine: dict[str, Any] = {
        "task_name": golden.task,
        "model_id": result.model,
        "model_revision": result.revision,
    }
    if golden.dtype:
        engine["dtype"] = golden.dtype
    # Cases with equal options share an engine, which takes seconds to load.
    for options, group in itertools.groupby(golden.cases, key=lambda case: case["options"]):
        expected = list(group)
        outcome = page.run(
            source.configure, Job(engine=engine, inputs=[case["input"] for case in expected], options=options)
        )
        if outcome["error"]:
            result.faults.append(f"{outcome['error']['name']}: {outcome['error']['message']}")
            continue
        result.load_ms = result.load_ms or outcome["load_ms"]
        result.run_ms += outcome["run_ms"]
        for case, actual in zip(expected, outcome["outputs"], strict=True):
            result.faults += _difference_lines(case, actual, golden.tolerance, result.cases)
            result.cases += 1
    return result


def _difference_lines(case: dict[str, Any], actual: Any, tolerance: float, number: int) -> list[str]:
    all_lines = list(differences(case["output"], actual, tolerance, f"case {number}"))
    lines = all_lines[:MAX_DIFFERENCES]
    if len(all_lines) > len(lines):
        lines.append(f"case {number}: and {len(all_lines) - len(lines)} more")
    return lines
