"""The database ``modelden``, our own."""

from __future__ import annotations

from modelden.ports import Schema, Store

MODELDEN = Schema(name="modelden", version=1, stores={"engines": Store("id"), "loads": Store("id")})
"""``engines`` is for `engine.history` and `engine.latest`, ``loads`` for `engine.guard`."""
