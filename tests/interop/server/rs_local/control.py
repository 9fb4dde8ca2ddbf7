"""Faults on purpose, switched at run time through one JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DEFAULTS: dict[str, Any] = {
    # "off"; "app": Kinto's own 503 (JSON, Retry-After, CORS headers); "edge": a proxy's (HTML, without those)
    "maintenance": "off",
    "retry_after": 30,
    # seconds, in the Backoff header of every answer
    "backoff": None,
    # names of folders in STATE/signers: one entry of metadata.signatures each
    "signers": ["default"],
    # sign something else than what is served
    "tamper": False,
    # flip a bit of every attachment
    "corrupt": False,
}


def read_control(state: Path) -> dict[str, Any]:
    """The switches as they are now."""
    try:
        return {**DEFAULTS, **json.loads((state / "control.json").read_text())}
    except FileNotFoundError:
        return dict(DEFAULTS)
