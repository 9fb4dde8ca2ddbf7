from __future__ import annotations

from typing import TYPE_CHECKING

from modelden.host.keys.signer import Signer
from modelden.host.publish.collections import Collection

if TYPE_CHECKING:
    from modelden.host.keys.certificates import SigningChain


def test_timestamps_grow_even_when_the_clock_does_not(chain: SigningChain) -> None:
    collection = Collection("main", "c", timestamp=5000, signer=Signer(chain), now=lambda: 10)

    assert collection.publish({"id": "a"}) == 5001
    assert collection.update("a", x=1) == 5002
    assert collection.delete("a") == 5003
