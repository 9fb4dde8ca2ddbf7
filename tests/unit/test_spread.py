"""Groups of browser tests are spread so that a process drives one browser, all are run, and nobody waits for ever."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.pyodide.spread import BrowserScheduling, group


class Process:
    """One of xdist's processes, as its scheduler sees it; it runs what it is given when the test lets it."""

    def __init__(self, number: int) -> None:
        self.gateway = SimpleNamespace(id=f"gw{number}")
        self.shutting_down = False
        self.waiting: list[int] = []
        self.ran: list[str] = []

    def send_runtest_some(self, indices: list[int]) -> None:
        assert not self.shutting_down
        self.waiting += indices

    def shutdown(self) -> None:
        self.shutting_down = True


def node_ids(*modules: tuple[str, str], count: int = 3) -> list[str]:
    return [
        f"tests/{module}.py::test_{number}[{runtime}]@{group(runtime, module)}"
        for runtime, module in modules
        for number in range(count)
    ]


def scheduled(collection: list[str], processes: int) -> tuple[Any, list[Process]]:
    option = SimpleNamespace(loadscopereorder=False)
    config: Any = SimpleNamespace(getvalue=lambda _: [f"{processes}*popen"], option=option)
    scheduler: Any = BrowserScheduling(config)
    nodes = [Process(number) for number in range(processes)]
    for node in nodes:
        scheduler.add_node(node)
        scheduler.add_node_collection(node, collection)
    scheduler.schedule()
    return scheduler, nodes


def run_all(scheduler: Any, nodes: list[Process], collection: list[str]) -> None:
    """In turns, one test each."""
    while any(node.waiting for node in nodes):
        for node in nodes:
            if node.waiting:
                index = node.waiting.pop(0)
                node.ran.append(collection[index])
                scheduler.mark_test_complete(node, index)


def browsers_of(node: Process) -> set[str]:
    return {name.rpartition("@")[2].partition(" ")[0] for name in node.ran}


BOTH = [(runtime, module) for runtime in ("chrome", "firefox") for module in ("a", "b", "c")]


def test_a_process_has_one_browser_and_whole_modules() -> None:
    collection = node_ids(("", "plain"), *BOTH)
    scheduler, nodes = scheduled(collection, 4)

    run_all(scheduler, nodes, collection)

    assert sorted(name for node in nodes for name in node.ran) == sorted(collection)
    first, *others = nodes
    assert browsers_of(first) == {"-", "chrome"}
    assert first.ran[0].endswith("@-"), "a coroutine test needs a process without Playwright"
    assert [browsers_of(node) for node in others] == [{"firefox"}, {"chrome"}, {"firefox"}]
    for runtime, module in BOTH:
        ran_by = [node for node in nodes if any(name.endswith(f"@{group(runtime, module)}") for name in node.ran)]
        assert len(ran_by) == 1
    assert all(node.shutting_down for node in nodes)
    assert scheduler.tests_finished


@pytest.mark.parametrize("processes", [1, 2, 3, 4, 9])
@pytest.mark.parametrize(
    "modules",
    [
        BOTH,
        BOTH[:3],
        [*BOTH[:3], BOTH[5]],
        [BOTH[0]],
        [("", "plain")],
        [("", "plain"), BOTH[3]],
        [("", "plain"), *BOTH],
    ],
)
def test_every_selection_is_run(modules: list[tuple[str, str]], processes: int) -> None:
    collection = node_ids(*modules, count=1)
    scheduler, nodes = scheduled(collection, processes)

    run_all(scheduler, nodes, collection)

    assert sorted(name for node in nodes for name in node.ran) == sorted(collection)
    assert not scheduler.has_pending


def test_what_a_crashed_process_leaves_is_run_by_the_one_that_replaces_it() -> None:
    collection = node_ids(*BOTH)
    scheduler, nodes = scheduled(collection, 2)
    crashed = nodes.pop()
    assert crashed.waiting

    scheduler.remove_node(crashed)
    replacing = Process(2)
    scheduler.add_node(replacing)
    scheduler.add_node_collection(replacing, collection)
    scheduler.schedule()
    run_all(scheduler, [*nodes, replacing], collection)

    assert sorted(nodes[0].ran + replacing.ran) == sorted(collection)
