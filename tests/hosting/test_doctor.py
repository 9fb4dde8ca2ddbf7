"""`modelden doctor` in the real browsers, on a page with a strict policy and on an empty one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application, RunningServer
from tests.hosting.test_run import modelden

if TYPE_CHECKING:
    from starlette.requests import Request

POLICY = "script-src 'self' 'unsafe-eval' http://127.0.0.1:* http://localhost:*; worker-src 'self'"


def strict_page(_request: Request) -> HTMLResponse:
    """A page without Python, and without workers from `blob:`."""
    return HTMLResponse("<!doctype html><title>A page</title>", headers={"Content-Security-Policy": POLICY})


def test_a_page_whose_policy_refuses_workers_is_exit_code_1(published: Path) -> None:
    application = Application(Tree(published))
    with RunningServer(application) as settings, RunningServer(Starlette(routes=[Route("/", strict_page)])) as page:
        server = ("--server", f"{settings.url}/v1", "--root-hash", application.root_hash)
        strict = modelden("doctor", f"{page.url}/", *server, "--json")
        empty = modelden("doctor", *server, "--json")

    reports = json.loads(strict.stdout)
    assert strict.returncode == 1
    assert set(reports) == {"chromium", "firefox"}
    for findings in reports.values():
        (workers,) = [finding for finding in findings if finding["subject"] == "workers"]
        assert workers["verdict"] == "failed"
        assert "worker_url" in workers["advice"]
    assert empty.returncode == 0, empty.stdout + empty.stderr
