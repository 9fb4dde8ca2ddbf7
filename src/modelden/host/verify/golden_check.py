"""May this tree ship? Each published model runs on its golden inputs in real browsers."""

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
from modelden.host.publish.release import MANIFESTS
from modelden.host.publish.tree import Tree
from modelden.host.verify.golden import NAME, Golden, differences

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

MOST_DIFFERENCES = 5
"""Differences of a case that are told; a vector has hundreds of numbers."""


@dataclass(slots=True)
class Checked:
    """A model in a browser.

    Attributes:
        browser: The browser.
        model: ``organization/name``.
        revision: Its version.
        cases: Number of cases that were run.
        faults: What went wrong, a sentence each.
        load_ms: How long the engine took to load.
        run_ms: How long each case took.
    """

    browser: str
    model: str
    revision: str
    cases: int = 0
    faults: list[str] = field(default_factory=list)
    load_ms: float | None = None
    run_ms: list[float] = field(default_factory=list)


def published_models(tree: Tree) -> list[tuple[str, str]]:
    """Model and revision of each manifest."""
    collection = tree.collections().get("main", MANIFESTS)
    records = collection.state.records.values() if collection else ()
    return sorted((each["modelId"], each["revision"]) for each in records)


def check_tree(
    tree: Path, browsers: Sequence[str], pyodide: Path, only: str | None = None
) -> tuple[list[Checked], list[str]]:
    """Run every published model that has golden inputs; the results, and the models that have none.

    Args:
        tree: The tree.
        browsers: Where to run them.
        pyodide: The Pyodide distribution.
        only: Just this model, ``organization/name`` or ``organization/name@revision``.

    Raises:
        HostError: Something of this machine, or the tree, cannot be used.
    """
    models = [each for each in published_models(Tree(tree)) if only in (None, each[0], "@".join(each))]
    goldens = {(model, revision): tree / "hub" / model / revision / NAME for model, revision in models}
    without = [f"{model} {revision}" for (model, revision), path in goldens.items() if not path.exists()]
    cases = {key: Golden.read(path) for key, path in goldens.items() if path.exists()}
    results: list[Checked] = []
    if cases:
        with ExitStack() as closing:
            url = closing.enter_context(page_server(pyodide))
            driver = closing.enter_context(playwright())
            source = closing.enter_context(ModelSource(tree))
            for browser in browsers:
                results += _in_browser(driver, source, browser, url, cases)
    return results, without


def _in_browser(
    driver: Playwright, source: ModelSource, browser: str, url: str, cases: dict[tuple[str, str], Golden]
) -> Iterator[Checked]:
    with (
        TemporaryDirectory(prefix="modelden-profile-") as profile,
        open_page(driver, browser, Path(profile), url) as den,
    ):
        for (model, revision), golden in cases.items():
            yield _check(den, source, Checked(browser, model, revision), golden)


def _check(den: PyodidePage, source: ModelSource, checked: Checked, golden: Golden) -> Checked:
    engine: dict[str, Any] = {
        "task_name": golden.task,
        "model_id": checked.model,
        "model_revision": checked.revision,
    }
    if golden.dtype:
        engine["dtype"] = golden.dtype
    # cases with equal options share an engine, which takes seconds to load
    for options, group in itertools.groupby(golden.cases, key=lambda case: case["options"]):
        expected = list(group)
        outcome = den.run(
            source.configure, Job(engine=engine, inputs=[each["input"] for each in expected], options=options)
        )
        if outcome["error"]:
            checked.faults.append(f"{outcome['error']['name']}: {outcome['error']['message']}")
            continue
        checked.load_ms = checked.load_ms or outcome["load_ms"]
        checked.run_ms += outcome["run_ms"]
        for case, found in zip(expected, outcome["outputs"], strict=True):
            checked.faults += _told(case, found, golden.tolerance, checked.cases)
            checked.cases += 1
    return checked


def _told(case: dict[str, Any], found: Any, tolerance: float, number: int) -> list[str]:
    all_of_them = list(differences(case["output"], found, tolerance, f"case {number}"))
    told = all_of_them[:MOST_DIFFERENCES]
    if len(all_of_them) > len(told):
        told.append(f"case {number}: and {len(all_of_them) - len(told)} more")
    return told
