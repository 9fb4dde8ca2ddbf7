"""Pictures of who owns a model, as Firefox shows them (``ModelHub.sys.mjs``, ``getOwnerIcon``)."""

from __future__ import annotations

from modelden.errors import ResponseTooLarge, UnavailableError
from modelden.ports import Fetcher

_HOST = "https://huggingface.co"
_HUBS = ("huggingface.co", "model-hub.mozilla.org")

_LIMIT = 1024 * 1024
"""Bytes of a picture that are read."""


async def owner_icon(fetcher: Fetcher, model: str) -> bytes | None:
    """Return the picture of a model's owner; None if there is none, or its hub is not Hugging Face's or Mozilla's.

    Args:
        fetcher: Does the requests.
        model: ``hostname/organization/name``.
    """
    host, _, rest = model.partition("/")
    if host not in _HUBS:
        return None
    for kind in ("organizations", "users"):
        url = f"{_HOST}/api/{kind}/{rest.partition('/')[0]}/avatar?redirect=true"
        try:
            async with fetcher.fetch(url, timeout=10) as response:
                if response.status != 200:
                    continue
                picture = bytearray()
                async for chunk in response.chunks():
                    for part in chunk.buffers():
                        picture += part
                    if len(picture) > _LIMIT:
                        raise ResponseTooLarge(url, _LIMIT)
                return bytes(picture)
        except UnavailableError:
            continue
    return None
