"""The command `modelden doctor`."""

from __future__ import annotations

from typing import Annotated

import typer

from modelden.host.commands.activity import activity
from modelden.host.commands.options import JsonOption
from modelden.host.commands.output import print_facts
from modelden.host.commands.run import PyodideOption


def doctor(
    url: Annotated[str | None, typer.Argument(help="A page; otherwise an empty one on this machine.")] = None,
    server: Annotated[
        str | None, typer.Option(help="Root URL of a settings server (…/v1); otherwise Mozilla's.")
    ] = None,
    root_hash: Annotated[str | None, typer.Option(help="Whom to trust, with --server.")] = None,
    hub: Annotated[str | None, typer.Option(help="Root URL of the hub, if it is not beside the settings.")] = None,
    browsers: Annotated[str, typer.Option(help="Browsers, with commas between.")] = "chromium,firefox",
    pyodide: PyodideOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Report what a page can do in real browsers, and why not: storage, workers, threads, GPU, policy, servers.

    Python comes from the page if it has it in globalThis.pyodide, otherwise from this machine. Exit code 1 if models
    cannot run in one of the browsers.

    Examples:
      modelden doctor https://models.example/ --server https://models.example/v1 --root-hash ROOT_HASH

      modelden doctor --browsers firefox --json
    """
    from modelden.host.browser.browsers import check_browser
    from modelden.host.browser.page_doctor import diagnose
    from modelden.host.browser.page_site import find_pyodide
    from modelden.host.browser.run_options import server_arguments

    configure = server_arguments(server, root_hash, hub) if server else {}
    folder = find_pyodide(pyodide)
    names = [check_browser(name) for name in browsers.split(",")]
    reports = {}
    for name in names:
        with activity(f"visiting {url or 'an empty page'} in {name}"):
            reports[name] = diagnose(url, name, folder, configure)
    lines = {
        name: [" ".join(filter(None, (f"{each['subject']}: {each['text']}", each["advice"]))) for each in findings]
        for name, findings in reports.items()
    }
    print_facts(reports if as_json else lines, as_json=as_json)
    failed = any(each["verdict"] == "failed" for findings in reports.values() for each in findings)
    raise typer.Exit(1 if failed else 0)
