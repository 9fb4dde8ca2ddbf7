"""Lets kinto-changes and kinto-signer run on a current Kinto, and adds faults; stands first in ``kinto.includes``."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from pyramid.events import ContextFound, NewResponse
from pyramid.httpexceptions import HTTPServiceUnavailable
from pyramid.settings import asbool

from .control import read_control


def includeme(config: Any) -> None:
    settings = config.get_settings()
    _alias_cornice()
    _publish_list_of_signatures()
    state = Path(settings["rs_local.state_dir"])

    def refuse(_event: object) -> None:
        switches = read_control(state)
        config.registry.settings["retry_after_seconds"] = switches["retry_after"]
        if switches["maintenance"] == "app":
            raise HTTPServiceUnavailable  # Kinto's own error view makes the answer

    def add_headers(event: Any) -> None:
        backoff = read_control(state)["backoff"]
        if backoff is not None:
            event.response.headers["Backoff"] = str(backoff)

    config.add_subscriber(refuse, ContextFound)
    config.add_subscriber(add_headers, NewResponse)
    if asbool(settings["rs_local.current_v1"]):
        config.add_tween("rs_local.current_v1.tween_factory")


def _alias_cornice() -> None:
    """kinto-changes imports ``cornice``, which recent Kintos carry inside themselves."""
    sys.modules["cornice"] = importlib.import_module("kinto.core.cornice")
    sys.modules["cornice.validators"] = importlib.import_module("kinto.core.cornice.validators")


class _StorageWithSignatures:
    """Adds the list ``signatures`` to the collection that the signer writes."""

    def __init__(self, storage: Any, signatures: list[dict[str, str]]) -> None:
        self._storage, self._signatures = storage, signatures

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def update(self, *args: Any, obj: dict[str, Any], **kwargs: Any) -> Any:
        return self._storage.update(*args, obj={**obj, "signatures": self._signatures}, **kwargs)


def _publish_list_of_signatures() -> None:
    """kinto-signer 8.1.1 writes ``metadata.signature`` only; today's server writes both."""
    from kinto_signer.updater import LocalUpdater

    original = LocalUpdater.set_destination_signature

    def set_destination_signature(self: Any, signature: Any, source_attributes: Any, request: Any) -> Any:
        storage = self.storage
        self.storage = _StorageWithSignatures(storage, signature.signatures)
        try:
            return original(self, dict(signature), source_attributes, request)
        finally:
            self.storage = storage

    LocalUpdater.set_destination_signature = set_destination_signature
