"""The contract of `ports.Presence`, beside that of `ports.Locks`. Runs against the simulators on CPython and in a page.

Each of `CASES` is ``async def case(locks, presence)``; it returns, or raises AssertionError. Only the standard library
and modelden are imported: ship this file's text to the page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from modelden.ports import Locks, Presence

Case = Callable[[Locks, Presence], Awaitable[None]]


async def a_page_that_asks_is_live(locks: Locks, presence: Presence) -> None:
    del locks
    assert presence.page_id == presence.page_id
    ids = await presence.live_page_ids()
    assert ids is not None
    assert presence.page_id in ids


async def a_lock_is_no_page(locks: Locks, presence: Presence) -> None:
    async with locks.hold("no page"), locks.try_hold("no page either") as is_held:
        assert is_held
        ids = await presence.live_page_ids()
    assert ids is not None
    assert not [each for each in ids if "no page" in each], ids


CASES: list[Case] = [a_page_that_asks_is_live, a_lock_is_no_page]
