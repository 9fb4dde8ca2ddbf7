"""The database ``modelden``: what it stores of engines."""

from __future__ import annotations

from modelden.ports import Schema, Store

MODELDEN = Schema(name="modelden", version=1, stores={"engines": Store("id"), "loads": Store("id")})
"""The store ``engines`` belongs to `engine.history`, ``loads`` to `engine.memory_guard`."""
