"""Command-line values of servers, engines and inputs, parsed and checked."""

from __future__ import annotations

import json
from typing import Any

from modelden.config import PRESETS
from modelden.engine.model_selection import check_request
from modelden.engine.options import PipelineOptions
from modelden.errors import InputError


def engine_arguments(task: str | None, feature: str | None, model: str | None, dtype: str | None) -> dict[str, Any]:
    """Build the arguments of `modelden.create_engine`, with its checks.

    Raises:
        InputError: An argument cannot be used.
    """
    model_id, _, revision = (model or "").partition("@")
    values = {
        "task_name": task,
        "feature_id": feature,
        "model_id": model_id or None,
        "model_revision": revision or None,
        "dtype": dtype,
    }
    check_request(PipelineOptions.of(values, own_features=True))
    return {name: value for name, value in values.items() if value is not None}


def parse_input(text: str) -> list[Any]:
    """Parse the arguments of one run: a JSON list, or one text."""
    try:
        value = json.loads(text)
    except ValueError:
        return [text]
    return value if isinstance(value, list) else [text]


def parse_options(text: str) -> dict[str, Any]:
    """Parse the options of a run.

    Raises:
        InputError: The text is no JSON object.
    """
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InputError(f"--options: expected a JSON object, got {text!r} ({error}).") from error
    if not isinstance(value, dict):
        raise InputError(f"--options: expected a JSON object, got {text!r}.")
    return value


def server_arguments(server: str, root_hash: str | None, hub: str | None) -> dict[str, Any]:
    """Build the arguments of `modelden.configure` for a server.

    Args:
        server: Root URL of the settings.
        root_hash: Root hash to pin; None for Mozilla's servers, whose hashes are known.
        hub: Root URL of the hub; None takes ``hub`` beside the settings.

    Raises:
        InputError: The root hash is missing.
    """
    server = server.rstrip("/")
    preset_hashes = {preset["settings_server"]: preset["root_hash"] for preset in PRESETS.values()}
    if root_hash is None and server not in preset_hashes:
        raise InputError("Whom do clients of this server trust? Say --root-hash; `modelden keys show` tells it.")
    return {
        "settings_server": server,
        "root_hash": root_hash or preset_hashes[server],
        "hub_root_url": hub or f"{server.rpartition('/')[0]}/hub",
    }
