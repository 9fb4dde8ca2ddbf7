from __future__ import annotations

import asyncio
import gc
from weakref import ref

import pytest

from modelden.core.locks import KeyedLocks


class Crowd:
    """Counts who is inside."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.order: list[int] = []

    async def visit(self, locks: KeyedLocks, key: str, number: int) -> None:
        async with locks.hold(key):
            self.inside += 1
            self.most = max(self.most, self.inside)
            self.order.append(number)
            await asyncio.sleep(0)
            self.inside -= 1


async def test_of_one_key_only_one_is_inside_in_the_order_of_coming() -> None:
    locks, crowd = KeyedLocks(), Crowd()
    await asyncio.gather(*(crowd.visit(locks, "key", number) for number in range(5)))

    assert crowd.most == 1
    assert crowd.order == [0, 1, 2, 3, 4]


async def test_other_keys_do_not_wait() -> None:
    locks, crowd = KeyedLocks(), Crowd()
    await asyncio.gather(*(crowd.visit(locks, str(number), number) for number in range(5)))

    assert crowd.most == 5


async def test_a_failure_and_a_cancellation_let_the_next_one_in() -> None:
    locks = KeyedLocks()
    entered = asyncio.Event()

    async def hold() -> None:
        async with locks.hold("key"):
            entered.set()
            await asyncio.Event().wait()

    async def fail() -> None:
        async with locks.hold("key"):
            raise ValueError("inside")

    holding = asyncio.ensure_future(hold())
    await entered.wait()
    failing = asyncio.ensure_future(fail())
    await asyncio.sleep(0)
    holding.cancel()
    with pytest.raises(ValueError, match="inside"):
        await failing
    async with locks.hold("key"):
        pass


class Key:
    """A key of which a test sees whether anything still refers to it."""


async def test_keys_that_nobody_holds_take_no_memory() -> None:
    locks = KeyedLocks()
    key = Key()
    alive = ref(key)
    async with locks.hold(key):
        pass
    del key
    gc.collect()

    assert alive() is None
