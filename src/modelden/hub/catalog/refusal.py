"""The error of a hub's response that is no file. Pure.

Source: ``hf_raise_for_status`` of huggingface_hub. Hugging Face names the reason in ``X-Error-Code``: ``RepoNotFound``
(401 without a token, as for a private model), ``GatedRepo`` (401 or 403), ``RevisionNotFound``, ``EntryNotFound``
(404). Models that were taken down are 403 or 451. A 403 without a reason may mean many things: S3 sends it for a file
that is missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from modelden.errors import AccessDenied, FileNotFoundOnHub, HttpError

_MISSING = ("RepoNotFound", "RevisionNotFound", "EntryNotFound")
_CODE = re.compile(r"[A-Za-z]{1,40}")

_PLACE = "as ModelHub(token=...) or as hub_headers in modelden.configure()"


def refusal(
    url: str, status: int, headers: Mapping[str, str], *, model: str, revision: str, file: str
) -> FileNotFoundOnHub | AccessDenied | HttpError:
    """Return the error for a response of a hub.

    Args:
        url: The requested URL.
        status: Its status, which is no success.
        headers: Its readable headers, names in lower case.
        model: ``organization/name``.
        revision: Branch or version.
        file: Path in the repository.
    """
    sent = _CODE.fullmatch(headers.get("x-error-code", ""))
    code = sent[0] if sent else None
    if status in (404, 410) or (status in (401, 403) and code in _MISSING):
        return FileNotFoundOnHub(url, status, model=model, revision=revision, file=file, code=code)
    if status in (401, 451) or (status == 403 and code):
        return AccessDenied(url, status, _advice(status, code, model), model=model, code=code)
    if status == 403:
        return HttpError(url, status, _advice(status, None, model))
    retry_after = headers.get("retry-after", "")
    return HttpError(url, status, retry_after=float(retry_after) if retry_after.isdecimal() else None)


def _advice(status: int, code: str | None, model: str) -> str:
    if code == "GatedRepo":
        return (
            f"The model {model} is gated ({code}): accept its terms on its page at the hub, then give a token of that "
            f"account, {_PLACE}."
        )
    if status == 451:
        return f"The model {model} is blocked for legal reasons, and trying again does not help: take another model."
    if status == 401 and code is None:
        return (
            f"Either the hub has no model {model}, or it is private or gated: check the name, accept its terms on its "
            f"page at the hub if it has some, and give a token, {_PLACE}."
        )
    return (
        f"The hub refuses {model} to this page ({code or 'without a reason'}): the token lacks the right to read it, "
        "its terms are not accepted, it was taken down, or it has no such file. Trying again does not help."
    )
