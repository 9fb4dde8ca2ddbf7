"""The arrows between modules (docs/architecture.md): read from the sources, nothing is imported."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import modelden
from modelden.default_context import CONTEXT_MODULES, REQUEST_MODULES
from modelden.hub.download import DOWNLOADERS
from modelden.hub.store.schema import MODEL_FILES

ROOT = Path(modelden.__file__).parent

PIECES = REQUEST_MODULES + CONTEXT_MODULES + DOWNLOADERS

BROWSER = {"js", "pyodide", "pyodide_js"}

PURE = {
    "modelden.config",
    "modelden.core.age",
    "modelden.display.array_text",
    "modelden.display.encodings",
    "modelden.display.error_summary",
    "modelden.display.html",
    "modelden.display.progress_line",
    "modelden.engine.availability",
    "modelden.engine.block_list",
    "modelden.engine.inputs",
    "modelden.engine.last_engine",
    "modelden.engine.media",
    "modelden.engine.model_selection",
    "modelden.engine.onnx",
    "modelden.engine.numpy_array",
    "modelden.engine.onnx_enums",
    "modelden.engine.onnx_errors",
    "modelden.engine.onnx_feed",
    "modelden.engine.onnx_fields",
    "modelden.engine.onnx_options",
    "modelden.engine.onnx_providers",
    "modelden.engine.onnx_results",
    "modelden.engine.onnx_run_options",
    "modelden.engine.lifecycle",
    "modelden.engine.metrics",
    "modelden.engine.option_validation",
    "modelden.engine.options",
    "modelden.engine.plan",
    "modelden.engine.results",
    "modelden.engine.runtime_selection",
    "modelden.engine.static_embeddings",
    "modelden.engine.tasks",
    "modelden.engine.similarity",
    "modelden.engine.tensor",
    "modelden.engine.tensor_arithmetic",
    "modelden.engine.tensor_selection",
    "modelden.engine.vector_packing",
    "modelden.engine.versioned_records",
    "modelden.engine.pillow",
    "modelden.engine.run_arguments",
    "modelden.engine.values",
    "modelden.hub.catalog.allow_list",
    "modelden.hub.catalog.names",
    "modelden.hub.catalog.file_roles",
    "modelden.hub.catalog.model_card",
    "modelden.hub.store.migration",
    "modelden.hub.store.records",
    "modelden.hub.store.schema",
    "modelden.core.overall_progress",
    "modelden.core.printable",
    "modelden.core.progress_text",
    "modelden.core.event_loop",
    "modelden.core.units",
    "modelden.core.events",
    "modelden.core.multi_progress_aggregator",
    "modelden.core.argument_checks",
    "modelden.core.arguments",
    "modelden.core.urls",
    "modelden.core.web_arguments",
    "modelden.settings.json_reader",
    "modelden.settings.json_text",
    "modelden.settings.chain",
    "modelden.settings.changeset",
    "modelden.settings.listeners",
    "modelden.settings.records",
    "modelden.settings.rollback",
    "modelden.settings.schema",
}
"""Told what happened, they answer what to do next: no request, no database, no clock."""

DECLARATIONS = ("modelden.errors", "modelden.ports")
"""Packages of nothing but classes, pure as well."""

SIDES = {"settings", "hub", "engine"}
"""The three kinds of policy do not know one another: `modelden.loading` and `modelden.context` join them."""

HUB_WINGS = {
    "catalog": set(),
    "policy": {"catalog"},
    "archive": {"catalog"},
    "store": {"catalog", "policy"},
    "download": {"catalog", "policy", "store"},
    "remote_models": {"catalog", "store", "download"},
    "importer": {"catalog", "policy", "store", "download"},
    "files": {"catalog", "policy", "store", "download", "remote_models", "importer"},
}
"""Folders and modules of `modelden.hub`, from the ground up, with those that each may import."""

HOST_FOLDERS = ("keys", "publish", "serve", "browser", "verify", "commands")
"""Folders of `modelden.host`; each may import from those before it. `errors` is below, `cli` and `testing` above."""


def modules() -> dict[str, Path]:
    found = {}
    for path in ROOT.rglob("*.py"):
        parts = ["modelden", *path.relative_to(ROOT).with_suffix("").parts]
        found[".".join(part for part in parts if part != "__init__")] = path
    return found


def imports(path: Path, *, at_run_time: bool = False) -> set[str]:
    """Modules that a file imports, late imports too; for types only where not ``at_run_time``."""
    tree = ast.parse(path.read_text("utf-8"))
    if at_run_time:
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                node.body = [ast.Pass()]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module is not None
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in names}
    return found


MODULES = modules()

PURE |= {name for name in MODULES if name.startswith(DECLARATIONS)}

FOR_WHO_HAS_THEM = {
    "modelden.engine.numpy_array": {"numpy"},
    "modelden.engine.tensor": {"numpy"},
    "modelden.engine.media": {"numpy"},
}
"""Where a tensor or an image is asked to become an array or a picture of somebody else's kind."""


FACES = {"modelden", "modelden.errors"}


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("name", MODULES)
def test_only_one_door_leads_to_the_browser(name: str) -> None:
    found = {each.partition(".")[0] for each in imports(MODULES[name])}

    assert within(name, "modelden._js") or not found & BROWSER


@pytest.mark.parametrize("name", MODULES)
def test_the_page_needs_nothing_but_the_standard_library(name: str) -> None:
    if within(name, "modelden.host") or name == "modelden.__main__":
        return
    found = {each.partition(".")[0] for each in imports(MODULES[name], at_run_time=True)}

    allowed = {"modelden"} | (BROWSER if within(name, "modelden._js") else set())
    assert found - allowed - sys.stdlib_module_names <= FOR_WHO_HAS_THEM.get(name, set())


@pytest.mark.parametrize("name", MODULES)
def test_host_and_browser_do_not_know_each_other(name: str) -> None:
    found = imports(MODULES[name])
    if within(name, "modelden.host"):
        assert not any(within(each, "modelden._js") for each in found)
    elif name != "modelden.__main__":
        assert not any(within(each, "modelden.host") for each in found)


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("modelden.host.")])
def test_the_folders_of_the_host_import_downwards(name: str) -> None:
    def rank(module: str) -> int:
        folder = module.removeprefix("modelden.host.").partition(".")[0]
        loose = {"errors": -1, "cli": len(HOST_FOLDERS), "testing": len(HOST_FOLDERS)}
        return loose[folder] if folder in loose else HOST_FOLDERS.index(folder)

    imported = {each for each in imports(MODULES[name]) if each.startswith("modelden.host.")}

    assert not {each for each in imported if rank(each) > rank(name)}


@pytest.mark.parametrize("name", MODULES)
def test_the_core_reaches_the_browser_by_ports_alone(name: str) -> None:
    """One module connects; it does so late."""
    if within(name, "modelden._js") or name == "modelden.default_context":
        return

    assert not any(within(each, "modelden._js") for each in imports(MODULES[name]))


@pytest.mark.parametrize("name", sorted(PURE))
def test_pure_modules_import_pure_modules(name: str) -> None:
    ours = {each for each in imports(MODULES[name], at_run_time=True) if within(each, "modelden")}

    assert ours <= PURE


@pytest.mark.parametrize("name", MODULES)
def test_settings_hub_and_engine_do_not_know_one_anothers_policy(name: str) -> None:
    side = name.split(".")[1] if "." in name else ""
    if side not in SIDES:
        return
    others = {each for each in imports(MODULES[name], at_run_time=True) if each.split(".")[1:2] != [side]}
    assert not {each for each in others if each.split(".")[1:2] and each.split(".")[1] in SIDES and each not in PURE}


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("modelden.hub.")])
def test_the_wings_of_the_hub_import_downwards(name: str) -> None:
    """Imports for types count as well."""
    wing = name.split(".")[2]
    imported = {module.split(".")[2] for module in imports(MODULES[name]) if module.startswith("modelden.hub.")}

    assert imported <= HUB_WINGS[wing] | {wing}


def test_only_the_store_of_the_hub_knows_its_rows() -> None:
    stores = "|".join(MODEL_FILES.stores)
    rows = re.compile(rf"(?:Put|Delete|Unchanged)\(|get(?:_all|_many)?\(\s*\[?\(?[\"'](?:{stores})[\"']")
    hub = {name: path for name, path in MODULES.items() if within(name, "modelden.hub")}
    knowing = {name for name, path in hub.items() if rows.search(path.read_text("utf-8"))}

    assert knowing
    assert {name for name in knowing if not within(name, "modelden.hub.store")} == set()


def test_no_modules_import_one_another_in_a_circle() -> None:
    """Imports for types and late ones count as well, those of the two faces, which hand on names, do not."""
    graph = {name: imports(path) & set(MODULES) - {name} for name, path in MODULES.items() if name not in FACES}
    try:
        order = tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))
    assert set(order) >= set(graph)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_fits_into_a_head(name: str) -> None:
    assert len(MODULES[name].read_text("utf-8").splitlines()) <= 300


def test_there_are_modules_and_rules_name_existing_ones() -> None:
    assert len(MODULES) > 40
    assert set(MODULES) >= PURE | {"modelden._js", "modelden.default_context", "modelden.host.cli"}


def test_a_page_imports_in_small_pieces() -> None:
    """Modules that are imported in one go keep the page's main thread busy."""
    text = f"""
import json, sys
from importlib import import_module
import modelden
counts = {{}}
for name in {[name for name in PIECES if not within(name, "modelden._js")]!r}:
    before = set(sys.modules)
    import_module(name)
    counts[name] = sum(each.startswith("modelden") for each in set(sys.modules) - before)
print(json.dumps(counts))
"""
    completed = subprocess.run([sys.executable, "-c", text], check=True, capture_output=True, text=True)  # noqa: S603  ours
    counts = json.loads(completed.stdout)
    assert max(counts.values()) <= 10, counts
    assert imports(MODULES["modelden._js"]) == set()  # else its first module would bring them all
    assert set(PIECES) <= set(MODULES) | set(sys.stdlib_module_names)


TESTS = Path(__file__).parents[1]

SCENARIOS = {"host/publish/test_killed_publish.py"}
"""Tests of the host that span modules."""

CLOCKS = ("monotonic", "perf_counter", "process_time", "getrusage")

WITH_A_CLOCK = {
    "faults/hub.py",  # sends at a rate
    "pyodide/browser_page.py",  # gives up a page that hangs
    "pyodide/test_boot.py",  # compares the clock of a restored Python with that of its page
    "unit/host/publish/test_killed_publish.py",  # kills within the time that a publication takes
    "unit/core/test_event_loop.py",  # plays one
    "unit/test_imports.py",
}
"""None of them expects a time."""


def test_a_test_module_of_the_host_is_named_for_its_module() -> None:
    names = {path.relative_to(TESTS / "unit").as_posix() for path in (TESTS / "unit/host").rglob("test_*.py")}

    assert {name for name in names if not (ROOT / name.replace("test_", "")).is_file()} == SCENARIOS


def test_no_test_reads_a_clock_of_this_machine() -> None:
    paths = {path.relative_to(TESTS).as_posix(): path.read_text("utf-8") for path in TESTS.rglob("*.py")}

    assert {name for name, text in paths.items() if any(clock in text for clock in CLOCKS)} <= WITH_A_CLOCK
