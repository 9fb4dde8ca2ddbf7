"""Rules for signed collections that go back in time. Pure.

A timestamp is covered by the signature. A state that is older than the stored one is refused (TUF: rollback attack).

What was wrong once heals: if the server's whole, validly signed state was older at several polls over days, and the
certificate of its signer began later than that of the stored state, it is taken. An attacker without keys has old
states under old certificates only.
"""

from __future__ import annotations

from typing import NamedTuple

from modelden.core.age import age

DAY = 24 * 60 * 60 * 1000

MIN_POLLS = 3
"""Polls that found the server's state older before it is taken."""

MIN_PERIOD = 2 * DAY
"""Milliseconds from the first of these polls to the last one."""

MIN_INTERVAL = 60 * 60 * 1000
"""Milliseconds between two polls that count. Reloads of a page are no polls over days."""


class OlderState(NamedTuple):
    """The polls that found the server's state older than the stored one.

    Attributes:
        first: Time of the first poll, milliseconds since the epoch.
        last: Time of the last poll that counts, milliseconds since the epoch.
        polls: Number of polls that count.
    """

    first: int
    last: int
    polls: int

    @property
    def may_be_taken(self) -> bool:
        """True after enough polls over enough days."""
        return self.polls >= MIN_POLLS and self.last - self.first >= MIN_PERIOD


def add_poll(before: OlderState | None, now: int) -> OlderState:
    """Return the polls after one more of them.

    Args:
        before: The polls before; None for none.
        now: Time of the poll, milliseconds since the epoch.
    """
    if before is None or before.first > now:  # a clock that was set back counts anew
        return OlderState(now, now, 1)
    if age(now, before.last) < MIN_INTERVAL:
        return before
    return OlderState(before.first, now, before.polls + 1)
