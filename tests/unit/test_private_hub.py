"""Headers and mirrors of one hub: a token is for no other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelden.errors import InputError
from modelden.hub.catalog.names import HubAddress
from modelden.model_hub import ModelHub
from tests.simulators.profile import Profile
from tests.unit.conftest import ORIGIN

TEMPLATE = "{model}/{revision}"
CONFIGURED = HubAddress(f"{ORIGIN}/hub/", TEMPLATE)
OTHER = HubAddress("https://huggingface.co", TEMPLATE)


async def test_headers_and_mirrors_are_those_of_the_configured_hub_alone(profile: Profile) -> None:
    config = replace(profile.config, hub_headers={"Authorization": "Bearer secret"}, hubs=["https://mirror.example"])
    context = profile.visit(config)

    assert context.policy(CONFIGURED).headers == {"Authorization": "Bearer secret"}
    assert context.policy(CONFIGURED).mirrors == (HubAddress("https://mirror.example", TEMPLATE),)
    assert (context.policy(OTHER).headers, context.policy(OTHER).mirrors) == ({}, ())
    assert "secret" not in repr(config)


async def test_a_hub_of_ones_own_has_its_own_token(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(profile.config, hub_headers={"X-Api-Key": "secret"}, hubs=["https://mirror.example"])
    monkeypatch.setattr("modelden.default_context.page.context", profile.visit(config))

    mine = (await ModelHub(token="mine").open()).policy  # noqa: S106  of no hub
    assert mine.headers == {"X-Api-Key": "secret", "Authorization": "Bearer mine"}
    assert [mirror.root_url for mirror in mine.mirrors] == ["https://mirror.example"]
    other = await ModelHub(OTHER.root_url, token="mine", hubs=["https://b.example"]).open()  # noqa: S106  of no hub
    assert other.policy.headers == {"Authorization": "Bearer mine"}
    assert [mirror.root_url for mirror in other.policy.mirrors] == ["https://b.example"]


async def test_mirrors_are_urls(profile: Profile) -> None:
    for hubs in (["ftp://mirror.example"], "https://mirror.example"):
        with pytest.raises(InputError, match="hubs: expected"):
            replace(profile.config, hubs=hubs)
