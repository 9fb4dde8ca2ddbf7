"""`modelden.doctor`, over the real server's application and a scripted page."""

from __future__ import annotations

import pytest

from modelden import Diagnosis, doctor
from modelden.host.serve.faults import Fault
from modelden.host.serve.server import Application
from tests.simulators.profile import Profile


@pytest.fixture
def here(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> Profile:
    """A page of the profile, to which the public functions belong."""
    monkeypatch.setattr("modelden.default_context.page.context", profile.visit())
    return profile


def verdicts(diagnosis: Diagnosis) -> dict[str, str]:
    """The verdict on each subject."""
    return {finding.subject: finding.verdict for finding in diagnosis.findings}


async def test_a_page_with_all_that_is_needed_is_ready(here: Profile) -> None:
    here.page.persisted = True
    here.suspender.able = True

    diagnosis = await doctor()

    assert set(verdicts(diagnosis).values()) == {"ok"}
    assert diagnosis.ok
    assert "settings" in str(diagnosis)
    assert len(str(diagnosis).splitlines()) == len(diagnosis.findings)


async def test_each_thing_that_is_missing_has_its_reason_and_a_way_out(here: Profile) -> None:
    here.page.refused = {"web_locks": "SecurityError: no", "workers": "the policy refuses blob:"}
    here.page.no_gpu = "this browser has no WebGPU here"
    here.page.no_threads = "the page is not isolated"

    diagnosis = await doctor()

    limits = {finding.subject: finding for finding in diagnosis.findings if finding.verdict != "ok"}
    assert set(limits) == {"locks among tabs", "workers", "GPU", "threads", "persistence", "run_sync"}
    assert all(finding.advice for finding in limits.values())
    assert "the policy refuses blob:" in str(diagnosis)
    assert not diagnosis.ok


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("path", ["/v1/*", "/hub/*"])
async def test_a_server_that_this_page_cannot_read_is_a_finding(application: Application, path: str) -> None:
    application.faults.set(Fault(path=path, drop_cors=True))

    diagnosis = await doctor()

    subject = "settings" if path == "/v1/*" else "hub"
    failed = {finding.subject: finding.text for finding in diagnosis.findings if finding.verdict == "failed"}
    assert "Access-Control-Allow-Origin" in failed[subject]


async def test_a_clock_that_is_wrong_is_seen_by_the_certificates(here: Profile) -> None:
    here.clock.advance(hours=24 * 365 * 200)

    diagnosis = await doctor()

    failed = {finding.subject: finding.text for finding in diagnosis.findings if finding.verdict == "failed"}
    assert "expired" in failed["settings"]


async def test_markup_of_a_server_is_no_markup_in_a_notebook(here: Profile) -> None:
    here.page.refused = {"workers": "<script>alert(1)</script>"}

    html = (await doctor())._repr_html_()

    assert "<script>" not in html
    assert "&lt;script&gt;" in html


async def test_settings_without_a_model_ask_no_hub(here: Profile, application: Application) -> None:
    application.collections["main", "ml-inference-options"].replace([])

    assert verdicts(await doctor())["hub"] == "limited"
    assert [request for request in here.requests() if "/hub/" in request] == []
