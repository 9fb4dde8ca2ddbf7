from __future__ import annotations

import pytest

import modelden
from modelden import Configuration, default_context
from modelden.errors import NotInBrowser
from tests.simulators.loop import settle
from tests.simulators.profile import Profile

OPTIONS = "ml-inference-options"


@pytest.fixture(autouse=True)
def own_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test leaves a configuration behind."""
    monkeypatch.setattr(default_context, "page", default_context.Page())


def test_the_default_configuration_is_in_force_until_another_is() -> None:
    assert default_context.current_config() == Configuration()

    config = modelden.configure(settings_bucket="main-preview")

    assert default_context.current_config() is config


async def test_a_page_has_one_context_and_configure_ends_its_polls(profile: Profile) -> None:
    default_context.page.context = context = profile.visit()
    assert await default_context.current_context() is context
    await modelden.RemoteSettings(OPTIONS).get()
    profile.requests()

    modelden.configure("stage")
    profile.clock.advance(hours=48)
    profile.page.show()
    await settle()

    assert profile.requests() == []
    with pytest.raises(NotInBrowser):
        await default_context.current_context()


async def test_calls_outside_of_a_browser_leave_nothing_behind() -> None:
    with pytest.raises(NotInBrowser):
        await modelden.create_engine(task_name="feature-extraction")

    assert default_context.suspender() is None
    assert default_context.page.context is None
    assert default_context.page.last_worker is None
