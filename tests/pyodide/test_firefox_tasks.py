"""Firefox's own tasks: echoes that tell the engine's options, image to text, text to goal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.pyodide.task_cases import IMAGE, OTHER_IMAGE, call
from tests.pyodide.test_tasks import engine_request
from tests.replay import load_truth

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

INTERNAL_OPTIONS = {"pipelineFunction", "runtime", "modelHubRootUrl"}
"""The source of a function, bytes, and where the recording's hub was."""


def run(page: Page, site: Site, request: dict[str, Any], *calls: Any) -> Any:
    """The results of these calls."""
    return page.call("run_task", config=site.config, request=request, calls=list(calls), module="in_page_tasks")


def test_moz_echo_tells_what_the_recorded_one_told(task_page: Page, site: Site) -> None:
    step = next(step for step in load_truth("e2e_test_echo")["steps"] if step["op"] == "createEngine")
    (outcome,) = run(task_page, site, step["args"]["options"], call(step["args"]["run"]))

    recorded = step["outcome"]["returned"]["run"]["output"]
    assert outcome["output"] == {
        "modelHubRootUrl": f"{site.config['hub_root_url']}",
        **{name: value for name, value in recorded.items() if name not in INTERNAL_OPTIONS},
    }
    assert not any("/hub/" in request for request in site.requests())
    assert task_page.call("models") == []


def test_test_echo_gives_its_arguments_back(task_page: Page, site: Site) -> None:
    (outcome,) = run(task_page, site, {"task_name": "test-echo"}, call("hello", [1, None, {"a": 2.5}]))

    assert outcome["output"] == ["hello", [1, None, {"a": 2.5}]]
    assert (outcome["config"]["taskName"], outcome["config"]["modelId"]) == ("test-echo", "test-echo")
    assert outcome["multiThreadSupported"] is False  # the page is not cross-origin isolated


def test_moz_image_to_text_writes_what_image_to_text_does(task_page: Page, site: Site) -> None:
    plain = run(task_page, site, engine_request("image-to-text"), call(IMAGE), call(OTHER_IMAGE))
    outcome = run(task_page, site, engine_request("moz-image-to-text"), call(IMAGE), call(OTHER_IMAGE))

    assert [each["output"] for each in outcome] == [each[0]["generated_text"].strip() for each in plain]
    assert outcome[0]["output"] != outcome[1]["output"]


def test_moz_text_to_goal_gives_the_model_what_firefox_does(task_page: Page, site: Site) -> None:
    one, both = run(
        task_page,
        site,
        engine_request("moz-text-to-goal"),
        call(["hello world"]),
        call(["hello", "cat", "cat"], ["query", "page", "page"], ["", "shop.example", "elsewhere.example"]),
    )

    # Of each: sum and number of its tokens, the length they are padded to (16, the tokenizer's own), domain, type.
    assert one["output"] == {"embedding": [2 + 5 + 6 + 3, 4, 16, 0, 0], "task": "query", "domain": ""}
    assert [each["embedding"] for each in both["output"]] == [
        [2 + 5 + 3, 3, 16, 0, 0],
        [2 + 11 + 3, 3, 16, 7, 1],
        [2 + 11 + 3, 3, 16, 3, 1],
    ]
