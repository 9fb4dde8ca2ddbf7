"""The commands `modelden run` and `modelden check`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from modelden.host.commands.activity import activity
from modelden.host.commands.options import JsonOption
from modelden.host.commands.output import Size, print_facts

PyodideOption = Annotated[
    Path | None,
    typer.Option(
        help="Folder of a Pyodide distribution; otherwise build/pyodide or node_modules/pyodide.",
        envvar="MODELDEN_PYODIDE",
        metavar="DIR",
    ),
]


def run(
    inputs: Annotated[
        list[str], typer.Option("--input", help="An input: text, or JSON of one run's arguments. May be repeated.")
    ],
    task: Annotated[str | None, typer.Option(help="The task, feature-extraction for example.")] = None,
    feature: Annotated[str | None, typer.Option(help="The feature.")] = None,
    model: Annotated[str | None, typer.Option(help="organization/name or organization/name@revision.")] = None,
    dtype: Annotated[str | None, typer.Option(help="Data type of the weights.")] = None,
    options: Annotated[str, typer.Option(help="Options of the run, as a JSON object.", metavar="JSON")] = "{}",
    tree: Annotated[Path | None, typer.Option(help="A tree with settings and models.")] = None,
    server: Annotated[str | None, typer.Option(help="Or the root URL of a settings server (…/v1).")] = None,
    root_hash: Annotated[str | None, typer.Option(help="Whom to trust, with --server.")] = None,
    hub: Annotated[str | None, typer.Option(help="Root URL of the hub, if it is not beside the settings.")] = None,
    browser: Annotated[str, typer.Option(help="chromium or firefox.")] = "chromium",
    pyodide: PyodideOption = None,
    profile: Annotated[
        Path | None, typer.Option(help="Browser profile to keep: the next run finds its models.")
    ] = None,
    write_golden: Annotated[
        Path | None, typer.Option(help="Write inputs and outputs as golden inputs, for `modelden check`.")
    ] = None,
    *,
    requests: Annotated[bool, typer.Option("--requests", help="List the requests that were made.")] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Run once more with a new browser and no network, and compare.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a task headlessly in a real browser, with the package as users get it.

    Prints the result, timings and memory, and with --requests each request. Exit code 1 if the engine refused, or if
    the second run of --offline failed.

    Examples:
      modelden run --task feature-extraction --tree tree --input "a cat" --options '{"pooling": "mean"}' --json

      modelden run --feature search --tree tree --input '[["a cat", "a dog"]]' --browser firefox --offline
    """
    from modelden.host.browser.browsers import check_browser
    from modelden.host.browser.model_run import ModelSource, run_job
    from modelden.host.browser.page_site import find_pyodide
    from modelden.host.browser.pyodide_page import Job
    from modelden.host.browser.run_options import engine_arguments, parse_input, parse_options, server_arguments
    from modelden.host.verify.golden import golden_text

    job = Job(
        engine=engine_arguments(task, feature, model, dtype),
        inputs=[parse_input(text) for text in inputs],
        options=parse_options(options),
    )
    source = ModelSource(tree, server_arguments(server, root_hash, hub) if server else None)
    name, distribution = check_browser(browser), find_pyodide(pyodide)
    with activity(f"running {model or feature or task} in {name}"):
        outcome = run_job(source, job, name, distribution, profile=profile, offline=offline)
    if write_golden and not outcome["error"]:
        text = golden_text(outcome["engine"]["task"], dtype, asdict(job), outcome["outputs"])
        write_golden.write_text(text, encoding="utf-8")
    print_facts(outcome if as_json else _summary(outcome, with_requests=requests), as_json=as_json)
    second = outcome.get("offline")
    raise typer.Exit(1 if outcome["error"] or (second and not second["same_outputs"]) else 0)


def check(
    tree: Annotated[Path, typer.Argument(help="The tree.")],
    browsers: Annotated[str, typer.Option(help="Browsers, with commas between.")] = "chromium,firefox",
    model: Annotated[str | None, typer.Option(help="Only this one: organization/name[@revision].")] = None,
    pyodide: PyodideOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Run each published model on its golden inputs in real browsers, and compare: may this tree ship?

    Golden inputs are in a file golden.json of the model's repository; `modelden run --write-golden` makes one. Exit
    code 1 if an output differs, or if no model has any.

    Examples:
      modelden check tree --browsers chromium,firefox --json
    """
    from modelden.host.browser.browsers import check_browser
    from modelden.host.browser.page_site import find_pyodide
    from modelden.host.verify.golden_check import check_tree

    names = [check_browser(name.strip()) for name in browsers.split(",")]
    distribution = find_pyodide(pyodide)
    with activity(f"checking {tree} in {' and '.join(names)}"):
        results, models_without_golden = check_tree(tree, names, distribution, model)
    good = bool(results) and not any(result.faults for result in results)
    facts: dict[str, Any] = {"good": good, "without_golden_inputs": models_without_golden}
    if as_json:
        facts["results"] = [asdict(result) for result in results]
    else:
        for result in results:
            facts[f"{result.model} {result.revision} {result.browser}"] = result.faults or [
                f"{result.cases} cases are right"
            ]
    print_facts(facts, as_json=as_json)
    raise typer.Exit(0 if good else 1)


def _summary(outcome: dict[str, Any], *, with_requests: bool) -> dict[str, Any]:
    """Summarize a run for people: the result, then the times, then what else was measured."""
    if outcome["error"]:
        return {"browser": outcome["browser"], **outcome["error"]}
    requests = [f"{request['method']} {request.get('path') or request.get('url')}" for request in outcome["requests"]]
    facts = {
        "outputs": [_shorten(json.dumps(output)) for output in outcome["outputs"]],
        "loaded in": f"{outcome['load_ms']:.0f} ms",
        "ran in": ", ".join(f"{duration:.0f} ms" for duration in outcome["run_ms"]),
        **outcome["engine"],
        "browser": outcome["browser"],
        "python heap": Size(outcome["python_heap"]),
        "memory": Size(outcome["memory"]) if outcome["memory"] else "unknown",
        "requests": requests if with_requests or not requests else f"{len(requests)} (--requests lists them)",
    }
    if "offline" in outcome:
        second = outcome["offline"]
        summary = f"the same outputs, {len(second['requests'])} requests" if second["same_outputs"] else "other outputs"
        facts["offline"] = second["error"]["message"] if second["error"] else summary
    return facts


def _shorten(text: str, limit: int = 200) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"
