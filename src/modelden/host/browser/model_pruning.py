"""The stored models that `modelden models prune` deletes. Pure.

Pinned models stay. The least recently used ones go first, as when modelden itself needs space
(`modelden.hub.store.quota`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelden.hub.store.records import UNKNOWN_ROOT

_DAY = 86_400_000
"""Milliseconds."""


@dataclass(slots=True)
class PruningPlan:
    """The models to delete.

    Attributes:
        models: Each as `store_script.list_models` has it, with the reason.
        partial_size: Bytes of interrupted downloads of other models.
    """

    models: list[tuple[Mapping[str, Any], str]] = field(default_factory=list)
    partial_size: int = 0

    @property
    def size(self) -> int:
        """Bytes that are freed. Equal files of several models are stored once, so it may be less."""
        return self.partial_size + sum(int(model["size"]) for model, _ in self.models)

    @property
    def keys(self) -> list[tuple[str, str, str]]:
        """Name, revision and root of each model."""
        return [(model["name"], model["revision"], model["root_url"] or UNKNOWN_ROOT) for model, _ in self.models]


def plan_pruning(
    models: Sequence[Mapping[str, Any]], now: int, *, unused_for: int | None = None, max_size: int | None = None
) -> PruningPlan:
    """Choose what is left over, what is unused, and what is too much.

    Args:
        models: All stored models.
        now: Milliseconds since the epoch.
        unused_for: Days without a use after which a model is deleted.
        max_size: Bytes that all models may have.
    """
    plan = PruningPlan()
    for model in models:
        if not model["files"]:
            plan.models.append((model, "interrupted download"))
        else:
            plan.partial_size += model["partial_size"]
    kept = sorted((model for model in models if model["files"]), key=lambda model: model["last_used"])
    if unused_for is not None:
        unused = [model for model in _unpinned(kept) if now - model["last_used"] >= unused_for * _DAY]
        plan.models += [(model, f"unused for {(now - model['last_used']) // _DAY} days") for model in unused]
        kept = [model for model in kept if model not in unused]
    if max_size is not None:
        excess = sum(model["size"] - model["partial_size"] for model in kept) - max_size
        for model in _unpinned(kept):
            if excess <= 0:
                break
            plan.models.append((model, "least recently used"))
            excess -= model["size"] - model["partial_size"]
    # A model that goes takes its interrupted downloads along.
    plan.partial_size -= sum(model["partial_size"] for model, _ in plan.models if model["files"])
    return plan


def _unpinned(models: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [model for model in models if not model["pinned"]]
