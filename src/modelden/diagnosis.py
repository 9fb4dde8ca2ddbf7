"""`doctor`: the abilities of this page, and the reasons for those that are missing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Literal

from modelden.core.units import format_size
from modelden.default_context import current_context
from modelden.errors import ModelDenError

if TYPE_CHECKING:
    from modelden.context import Context

type Verdict = Literal["ok", "limited", "failed"]

_MARKS: dict[Verdict, str] = {"ok": "+", "limited": "~", "failed": "-"}

_CAPABILITIES: dict[str, tuple[str, Verdict, str]] = {
    "indexeddb": ("stored data", "limited", "Models are kept in memory and downloaded again on the next visit."),
    "blobs": ("stored files", "ok", "Files are stored as buffers."),
    "web_locks": ("locks among tabs", "limited", "Tabs do not wait for each other and may download twice."),
    "cache": ("bytecode of earlier visits", "limited", "Python compiles modelden on each visit."),
    "broadcast_channel": ("messages among tabs", "limited", "Other tabs see updates on their next visit."),
    "storage_estimate": ("storage estimate", "limited", "A lack of space is noticed when it is needed."),
    "web_crypto": ("signatures", "failed", "Serve the page over https:// or from localhost."),
    "workers": ("workers", "failed", "Allow blob: workers in the page's policy, or use configure(worker_url=...)."),
}
"""Subject of each capability of `StorageInfo`, the verdict where it is missing, and what that means."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a `Diagnosis`.

    Attributes:
        subject: Its subject.
        verdict: ``ok``; ``limited`` for what works more slowly or with less comfort; ``failed``.
        text: The state, and the reason for it.
        advice: Consequence or way out; empty for ``ok``.
    """

    __module__ = "modelden"

    subject: str
    verdict: Verdict
    text: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The abilities of a page. ``print`` it for a bug report; notebooks show it as a table.

    Attributes:
        findings: One for each subject.
    """

    __module__ = "modelden"

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """True if models can run here."""
        return all(finding.verdict != "failed" for finding in self.findings)

    def __str__(self) -> str:
        """Return one line for each finding."""
        width = max(len(finding.subject) for finding in self.findings)
        return "\n".join(
            f"{_MARKS[finding.verdict]} {finding.subject:<{width}}  {finding.text} {finding.advice}".rstrip()
            for finding in self.findings
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{_MARKS[finding.verdict]}</td><th>{escape(finding.subject)}</th>"
            f"<td>{escape(finding.text)}</td><td>{escape(finding.advice)}</td></tr>"
            for finding in self.findings
        )
        return f"<table><caption>modelden: {'ready' if self.ok else 'cannot run here'}</caption>{rows}</table>"


async def doctor() -> Diagnosis:
    """Try all that modelden needs of this page, of its Remote Settings server and of its model hub.

    Reads the settings of models again, as a poll does, and sends one HEAD request to the hub. Stores nothing else.

    Returns:
        The findings. Nothing that is missing raises an error.

    Raises:
        NotInBrowser: Outside Pyodide.
    """
    context = await current_context()
    findings: list[Finding] = []
    for subject, check in _CHECKS:
        try:
            findings += await check(context)
        except ModelDenError as error:
            findings.append(Finding(subject, "failed", str(error)))
    return Diagnosis(tuple(findings))


async def _versions(context: Context) -> list[Finding]:
    return [Finding(subject, "ok", text) for subject, text in context.ports.page.versions().items()]


async def _capabilities(context: Context) -> list[Finding]:
    return [_capability(name, reason) for name, reason in (await context.ports.page.capabilities()).items()]


def _capability(name: str, reason: str | None) -> Finding:
    subject, verdict, advice = _CAPABILITIES[name]
    return Finding(subject, "ok", "works") if reason is None else Finding(subject, verdict, f"{reason}.", advice)


async def _storage(context: Context) -> list[Finding]:
    usage, quota, persisted = await context.ports.page.storage_estimate()
    store = await context.store()
    findings = []
    if usage is not None and quota is not None:
        findings.append(Finding("storage", "ok", f"{format_size(usage)} of {format_size(quota)} used"))
    if persisted:
        findings.append(Finding("persistence", "ok", "the browser keeps what is stored"))
    else:
        way = "Call modelden.persist()." if context.ports.page.can_persist() else "Only a page can ask for it."
        findings.append(Finding("persistence", "limited", "the browser may delete what is stored.", way))
    if removed := await store.inventory.removed():
        names = ", ".join(f"{model} {revision}" for model, revision in removed)
        findings.append(Finding("removed", "limited", f"{names}.", "The browser or the visitor deleted it."))
    return findings


async def _threads(context: Context) -> list[Finding]:
    reason = context.ports.page.no_threads_reason()
    if reason is None:
        return [Finding("threads", "ok", "models may use all cores")]
    return [Finding("threads", "limited", f"{reason}.", "Models run on one core.")]


async def _gpu(context: Context) -> list[Finding]:
    reason = await context.ports.page.gpu_unavailable_reason()
    if reason is None:
        return [Finding("GPU", "ok", "WebGPU has an adapter")]
    return [Finding("GPU", "limited", f"{reason}.", "Models run on the CPU.")]


async def _suspending(context: Context) -> list[Finding]:
    if context.ports.suspender.can_suspend():
        return [Finding("run_sync", "ok", "Python can wait for JavaScript")]
    text = "Python cannot wait for JavaScript (JSPI) in this call."
    return [Finding("run_sync", "limited", text, "Use await engine.run().")]


async def _settings(context: Context) -> list[Finding]:
    """Sync the settings of models, which shows server, CORS, signature and the page's clock at once."""
    from modelden.engine.model_selection import COLLECTION

    records = await (await context.settings()).client.get(COLLECTION, force_sync=True)
    text = (
        f"{context.config.settings_server} answers, its signature is valid now, it has {len(records)} records of models"
    )
    return [Finding("settings", "ok", text)]


async def _hub(context: Context) -> list[Finding]:
    from modelden.engine.model_selection import COLLECTION
    from modelden.hub.catalog.names import HubAddress, ModelFile

    records = await (await context.settings()).client.get(COLLECTION)
    named = [record for record in records if record.get("modelId") and record.get("modelRevision")]
    if not named:
        return [Finding("hub", "limited", "the settings name no model.", "The hub was not asked.")]
    file = ModelFile(named[0]["modelId"], named[0]["modelRevision"], "config.json")
    url = HubAddress(context.config.hub_root_url, context.config.hub_url_template).url(file)
    async with context.ports.fetcher.fetch(url, method="HEAD", timeout=_HUB_TIMEOUT) as response:
        return [Finding("hub", "ok", f"{context.config.hub_root_url} answers this page ({response.status})")]


_HUB_TIMEOUT = 30.0
"""Seconds for the headers of the hub's answer."""

_CHECKS: tuple[tuple[str, Callable[[Context], Awaitable[list[Finding]]]], ...] = (
    ("versions", _versions),
    ("capabilities", _capabilities),
    ("storage", _storage),
    ("threads", _threads),
    ("GPU", _gpu),
    ("run_sync", _suspending),
    ("settings", _settings),
    ("hub", _hub),
)

doctor.__module__ = "modelden"
