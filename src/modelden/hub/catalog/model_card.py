"""Model cards: the licence that their metadata name. Pure.

Source: Hugging Face, "Model Cards": metadata are YAML between two lines of ``---`` at the top of ``README.md``, with
``license`` and, where that is ``other``, ``license_name`` and ``license_link``. Mozilla's ``model_card.json`` is JSON.
"""

from __future__ import annotations

import json
import re

from modelden.settings.json_text import check_depth

_METADATA = re.compile(r"\A\s*---[ \t]*\n(.*?)^---[ \t]*$", re.DOTALL | re.MULTILINE)
_FIELD = re.compile(r"^(license(?:_name|_link)?)[ \t]*:[ \t]*(.*(?:\n[ \t]*-[ \t]*.+)*)", re.MULTILINE)
_LONGEST = 200


def licence_of(card: str) -> str | None:
    """Return the licence that a model card names, such as ``apache-2.0``; None if it names none.

    Args:
        card: The text of ``README.md`` or ``model_card.json``.
    """
    card = card.replace("\r\n", "\n")
    metadata = _METADATA.match(card)
    fields = dict(_FIELD.findall(metadata[1])) if metadata else _json_fields(card)
    values = {name: _plain(value) for name, value in fields.items()}
    licence = values.get("license")
    if licence == "other":
        named = " ".join(filter(None, (values.get("license_name"), values.get("license_link"))))
        licence = named or licence
    return licence[:_LONGEST] if licence else None


def _json_fields(card: str) -> dict[str, str]:
    try:
        check_depth(card)
        fields = json.loads(card)
    except ValueError:
        return {}
    if not isinstance(fields, dict):
        return {}
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def _plain(value: str) -> str:
    """Return a YAML scalar without quotes and comment, or the items of a list joined by commas."""
    items = [item.strip() for item in re.split(r"\n[ \t]*-[ \t]*|[\[\],]", value)]
    texts = [re.sub(r"\s+#.*", "", item).strip("\"' \t") for item in items]
    return ", ".join(text for text in texts if text.isprintable() and text)
