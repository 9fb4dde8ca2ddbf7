"""The contract of `ports.Locks`. Runs against `_js.page_locks.PageLocks` on CPython and against Web Locks in a page.

Each of `CASES` is ``async def case(locks)``; it returns, or raises AssertionError. Names of locks are the case's own,
so that cases can share a page. Only the standard library and modelden are imported: ship this file's text to the page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from modelden.ports import Locks

Case = Callable[[Locks], Awaitable[None]]


class Visitor:
    """Somebody who holds a lock until they are told to leave."""

    def __init__(self, locks: Locks, name: str, *, shared: bool = False) -> None:
        self.inside = asyncio.Event()
        self.leave = asyncio.Event()
        self.task = asyncio.ensure_future(self._visit(locks, name, shared=shared))

    async def _visit(self, locks: Locks, name: str, *, shared: bool) -> None:
        async with locks.hold(name, shared=shared):
            self.inside.set()
            await self.leave.wait()

    async def left(self) -> None:
        self.leave.set()
        await self.task


async def one_holds_and_the_others_wait_in_their_order(locks: Locks) -> None:
    visitors = [Visitor(locks, "in order") for _ in range(3)]
    for number, visitor in enumerate(visitors):
        await visitor.inside.wait()
        assert [each.inside.is_set() for each in visitors] == [at <= number for at in range(3)]
        await visitor.left()


async def other_names_do_not_wait(locks: Locks) -> None:
    visitors = [Visitor(locks, f"name {number}") for number in range(3)]
    for visitor in visitors:
        await visitor.inside.wait()
    for visitor in visitors:
        await visitor.left()


async def who_shares_is_inside_together_and_keeps_others_out(locks: Locks) -> None:
    readers = [Visitor(locks, "shared", shared=True) for _ in range(2)]
    for reader in readers:
        await reader.inside.wait()
    writer = Visitor(locks, "shared")
    async with locks.try_hold("shared") as is_free:
        assert not is_free
    await readers[0].left()
    async with locks.try_hold("shared") as is_free:
        assert not is_free
    assert not writer.inside.is_set()
    await readers[1].left()
    await writer.inside.wait()
    await writer.left()


async def an_attempt_does_not_wait_and_holds_what_is_free(locks: Locks) -> None:
    async with locks.try_hold("attempt") as first, locks.try_hold("attempt") as second:
        assert (first, second) == (True, False)
    async with locks.hold("attempt"):
        pass


async def who_gives_up_waiting_lets_the_next_one_in(locks: Locks) -> None:
    holder, waiting, following = (Visitor(locks, "given up") for _ in range(3))
    await holder.inside.wait()
    await asyncio.sleep(0)
    waiting.task.cancel()
    await asyncio.gather(waiting.task, return_exceptions=True)
    await holder.left()
    await following.inside.wait()
    assert not waiting.inside.is_set()
    await following.left()


async def _fail_inside(locks: Locks) -> None:
    async with locks.hold("stopped"):
        raise ValueError


async def who_is_stopped_or_fails_inside_leaves(locks: Locks) -> None:
    stopped = Visitor(locks, "stopped")
    await stopped.inside.wait()
    stopped.task.cancel()
    await asyncio.gather(stopped.task, return_exceptions=True)
    failing = asyncio.ensure_future(_fail_inside(locks))
    await asyncio.gather(failing, return_exceptions=True)
    assert isinstance(failing.exception(), ValueError)
    async with locks.hold("stopped"):
        pass


CASES: list[Case] = [
    one_holds_and_the_others_wait_in_their_order,
    other_names_do_not_wait,
    who_shares_is_inside_together_and_keeps_others_out,
    an_attempt_does_not_wait_and_holds_what_is_free,
    who_gives_up_waiting_lets_the_next_one_in,
    who_is_stopped_or_fails_inside_leaves,
]
