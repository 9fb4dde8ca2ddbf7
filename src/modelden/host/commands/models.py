"""The commands `modelden models list`, `models verify` and `models prune`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from modelden.host.commands.activity import activity
from modelden.host.commands.options import DryRunOption, JsonOption
from modelden.host.commands.output import Size, print_facts, print_table
from modelden.host.commands.run import PyodideOption

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelden.host.browser.model_pruning import PruningPlan

models = typer.Typer(help="The models that a browser's profile has stored.", no_args_is_help=True)

ProfileArgument = Annotated[
    Path, typer.Argument(help="Folder of the profile; no browser may have it open.", metavar="PROFILE")
]

OriginOption = Annotated[
    str | None,
    typer.Option(
        help="A page of the site that stored the models; otherwise that of `modelden run --profile`.", metavar="URL"
    ),
]

_MEGABYTE = 1_000_000


class Store(Protocol):
    """The models of an origin; calls a function of `store_script` in the page."""

    def __call__(self, name: str, **arguments: Any) -> Any:
        """Return its result."""


@models.command("list")
def list_models(
    profile: ProfileArgument, origin: OriginOption = None, pyodide: PyodideOption = None, *, as_json: JsonOption = False
) -> None:
    """List the stored models of a site: size, files, and the last use of each.

    Examples:
      modelden models list chromium-profile

      modelden models list ~/.mozilla/firefox/work --origin https://models.example --json
    """
    with _open_store(profile, origin, pyodide) as call:
        stored = call("list")
    if as_json:
        print_facts({"models": stored, "bytes": sum(model["size"] for model in stored)}, as_json=True)
        return
    rows = [[*_columns(model), "pinned" if model["pinned"] else ""] for model in stored]
    print_table(["model", "revision", "size", "files", "last used", "tasks", ""], rows, empty="No model is stored.")


@models.command()
def verify(
    profile: ProfileArgument, origin: OriginOption = None, pyodide: PyodideOption = None, *, as_json: JsonOption = False
) -> None:
    """Hash all stored files of models and runtimes again. Exit code 1 if one is damaged.

    Damaged files are deleted: the site downloads them again when it needs them.

    Examples:
      modelden models verify chromium-profile
    """
    with _open_store(profile, origin, pyodide) as call, activity(f"verifying the models of {profile}"):
        results = call("verify")
    faults = [result for result in results if not result["ok"]]
    if as_json:
        print_facts({"good": not faults, "files": results}, as_json=True)
    else:
        lines = [
            " ".join(filter(None, (fault["model"] or "runtime", fault["revision"], fault["path"])))
            + (": damaged, and deleted" if fault["actual"] else ": cannot be read")
            for fault in faults
        ]
        print_facts({"good": not faults, "files": len(results), "faults": lines}, as_json=False)
    raise typer.Exit(1 if faults else 0)


@models.command()
def prune(
    profile: ProfileArgument,
    origin: OriginOption = None,
    unused_for: Annotated[
        int | None, typer.Option(min=0, help="Delete models that were not used for this number of days.")
    ] = None,
    max_size: Annotated[
        int | None, typer.Option(min=0, help="Delete the least recently used ones beyond this number of megabytes.")
    ] = None,
    pyodide: PyodideOption = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without a question.")] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Delete interrupted downloads and, with the options, models that are unused or too many. Pinned models stay.

    On a terminal it asks before it deletes. Elsewhere it needs --yes.

    Examples:
      modelden models prune chromium-profile --unused-for 90 --dry-run

      modelden models prune chromium-profile --max-size 500 --yes
    """
    from modelden.host.browser.model_pruning import plan_pruning

    limit = None if max_size is None else max_size * _MEGABYTE
    with _open_store(profile, origin, pyodide) as call:
        plan = plan_pruning(call("list"), time.time_ns() // 1_000_000, unused_for=unused_for, max_size=limit)
        if not as_json:
            _print_plan(plan)
        is_wanted = bool(plan.size or plan.models) and not dry_run and (yes or _confirm(plan))
        if is_wanted:
            with activity(f"deleting models of {profile}"):
                call("delete", models=plan.keys)
    if as_json:
        chosen = [{**model, "reason": reason} for model, reason in plan.models]
        print_facts({"models": chosen, "bytes": plan.size, "deleted": is_wanted}, as_json=True)
    else:
        print_facts({"deleted": is_wanted, "freed": Size(plan.size if is_wanted else 0)}, as_json=False)


@contextmanager
def _open_store(profile: Path, url: str | None, pyodide: Path | None) -> Iterator[Store]:
    from modelden.host.browser.page_site import find_pyodide
    from modelden.host.browser.profile_page import open_profile_page, profile_browser, profile_origin

    browser = profile_browser(profile)
    origin, folder = profile_origin(profile, url), find_pyodide(pyodide)
    script = files("modelden.host.browser").joinpath("store_script.py").read_text(encoding="utf-8")
    with ExitStack() as closing:
        with activity(f"opening {profile} in {browser}"):
            page = closing.enter_context(open_profile_page(profile, origin, folder))

        def call(name: str, **arguments: Any) -> Any:
            return page.evaluate(f"{script}\nawait call(argument)\n", json.dumps([name, arguments]))

        yield call


def _columns(model: Mapping[str, Any]) -> list[str]:
    from modelden.core.units import format_size

    used = time.strftime("%Y-%m-%d", time.localtime(model["last_used"] / 1000))
    partial = f", {model['partial_files']} interrupted" if model["partial_files"] else ""
    tasks = ", ".join(model["task_names"])
    return [model["name"], model["revision"], format_size(model["size"]), f"{model['files']}{partial}", used, tasks]


def _print_plan(plan: PruningPlan) -> None:
    from modelden.core.units import format_size

    rows = [[*_columns(model)[:5], reason] for model, reason in plan.models]
    if plan.partial_size:
        rows.append(["interrupted downloads", "", format_size(plan.partial_size), "", "", "of models that stay"])
    print_table(["model", "revision", "size", "files", "last used", "reason"], rows, empty="Nothing is to be deleted.")


def _confirm(plan: PruningPlan) -> bool:
    """Ask on a terminal.

    Raises:
        HostError: Nobody can be asked.
    """
    from modelden.core.units import format_size
    from modelden.host.errors import HostError

    if not sys.stdin.isatty():
        raise HostError("Nothing was deleted, because nobody can be asked here: --yes deletes, --dry-run only lists.")
    return typer.confirm(f"Delete {len(plan.models)} models, {format_size(plan.size)}?", err=True)
