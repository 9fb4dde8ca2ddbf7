"""Checks the bytes of a file of unknown hash by the format that its name promises. Pure."""

from __future__ import annotations

from modelden.errors import IntegrityError

JSON_LIMIT = 64 * 1024 * 1024
"""Maximum bytes of a JSON file of a model, which are parsed at once. The largest tokenizers have 35 MB."""


def check_json_size(url: str, file: str, size: int) -> None:
    """Refuse a JSON file that is too large to be parsed.

    Args:
        url: URL of the file.
        file: Path in the repository.
        size: Bytes that are announced, or were received.

    Raises:
        IntegrityError: If it has more than `JSON_LIMIT` bytes.
    """
    if file.endswith(".json") and size > JSON_LIMIT:
        raise IntegrityError(url, f"a JSON file of at most {JSON_LIMIT} bytes", f"{size} or more")
