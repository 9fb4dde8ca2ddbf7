"""Files of ``require_hashes``: what nobody vouched for does not count, whoever stored it."""

from __future__ import annotations

import pytest

from modelden.errors import NoHash, UnavailableError
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import ModelFile
from modelden.hub.policy import HubPolicy
from tests.faults.hub import Fault
from tests.unit.hub.browser import BIG, PATH, SIGNED, USE, WEIGHTS, WHOLE, Browser, Manifest

REQUIRED = HubPolicy(require_hashes=True)
OPAQUE = Fault(etag='"opaque"')
EVERYTHING = AllowList((), ())


@pytest.fixture
async def unchecked(browser: Browser) -> Browser:
    """A profile with a file that its hub promised no hash of."""
    browser.hub.always = OPAQUE
    assert (await browser.get()).integrity == "first-seen"
    browser.hub.log.clear()
    return browser


async def test_a_stored_file_without_a_promise_is_refused_and_stays_stored(unchecked: Browser) -> None:
    hub = await unchecked.visit(REQUIRED)
    assert await hub.get_stored([WEIGHTS], USE, EVERYTHING) == {}
    with pytest.raises(NoHash):
        await unchecked.get(policy=REQUIRED)
    unchecked.hub.always = Fault(close=True)
    with pytest.raises(UnavailableError):
        await unchecked.get(policy=REQUIRED)

    assert await (await unchecked.get()).blob.read() == BIG  # without the policy it is there
    assert unchecked.stored() == WHOLE


async def test_a_file_of_another_revision_without_a_promise_is_not_linked(unchecked: Browser) -> None:
    with pytest.raises(NoHash):
        await unchecked.get(ModelFile("org/model", "v2", "onnx/model.onnx"), policy=REQUIRED)

    assert unchecked.stored() == WHOLE


async def test_a_promise_that_comes_later_makes_it_count(unchecked: Browser) -> None:
    unchecked.hub.always = Fault()
    assert (await unchecked.get(policy=REQUIRED)).integrity == "hub"
    unchecked.hub.log.clear()

    assert await (await unchecked.get(policy=REQUIRED)).blob.read() == BIG
    assert unchecked.hub.asked() == []


async def test_a_manifest_makes_it_count_without_a_download(unchecked: Browser) -> None:
    hub = await unchecked.visit(REQUIRED, Manifest(SIGNED))
    assert (await hub.get(WEIGHTS, USE, EVERYTHING)).integrity == "signed"

    assert PATH not in unchecked.hub.asked()
    assert unchecked.stored() == WHOLE


async def test_a_branch_without_a_promise_is_not_served_by_a_silent_hub(browser: Browser) -> None:
    main = ModelFile("org/model", "main", "config.json")
    browser.hub.always = OPAQUE
    assert (await browser.get(main)).integrity == "first-seen"
    browser.hub.always = Fault(close=True)
    hub = await browser.visit(REQUIRED)
    async with hub.update_branch() as branch:
        with pytest.raises(UnavailableError):
            await hub.get(main, USE, EVERYTHING, branch=branch)

    assert (await browser.get(main)).integrity == "first-seen"
