"""The headers of a private hub go to its origin, and to no other."""

from __future__ import annotations

import pytest

from modelden.errors import (
    RedirectRefused,
)
from modelden.host.serve.server import RunningServer
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import HubAddress
from modelden.hub.policy import HubPolicy
from tests.faults.hub import Fault, FaultyHub
from tests.unit.hub.browser import BIG, FILES, PATH, SIGNED, USE, WEIGHTS, Browser, Manifest


async def test_headers_go_to_the_hub_and_nowhere_else(browser: Browser) -> None:
    await browser.get(policy=HubPolicy(headers={"Authorization": "Bearer secret"}))

    assert browser.hub.log[-1].headers["authorization"] == "Bearer secret"
    assert "secret" not in repr(browser.databases["modelFiles"].contents())
    assert "secret" not in repr(HubPolicy(headers={"Authorization": "Bearer secret"}))


async def test_a_token_does_not_go_where_the_hub_redirects_to(browser: Browser) -> None:
    other = FaultyHub(dict(FILES))
    with RunningServer(other) as server:
        browser.hub.next(Fault(redirect=server.url + PATH))
        kept = await browser.get(policy=HubPolicy(headers={"Authorization": "Bearer secret"}))

    assert await kept.blob.read() == BIG
    assert "authorization" in browser.hub.log[-1].headers
    assert "authorization" not in other.log[-1].headers


async def test_with_other_private_headers_redirects_are_refused(browser: Browser) -> None:
    other = FaultyHub(dict(FILES))
    with RunningServer(other) as server:
        browser.hub.always = Fault(redirect=server.url + PATH)
        with pytest.raises(RedirectRefused, match="Give a token"):
            await browser.get(policy=HubPolicy(headers={"X-Api-Key": "secret"}))

    assert other.log == []
    assert browser.hub.asked() == [PATH]
    assert browser.stored() == {}


async def test_private_headers_do_not_go_to_a_mirror(browser: Browser) -> None:
    mirror = FaultyHub(dict(FILES))
    with RunningServer(mirror) as server:
        mirrors = (HubAddress(server.url, "{model}/{revision}"),)
        policy = HubPolicy(mirrors=mirrors, headers={"Authorization": "Bearer secret", "X-Api-Key": "secret"})
        hub = await browser.visit(policy, Manifest(SIGNED))
        mirror.next(Fault(redirect=browser.root + PATH.replace("v1", "v2")))
        browser.hub.next(*[Fault(status=503)] * 4)
        await hub.get(WEIGHTS, USE, AllowList((), ()))

    assert "secret" not in repr(mirror.log)
    assert "secret" not in repr(browser.hub.log[-1])
