"""Puts local servers into the state that a recording of Firefox was made against.

A truth file (``tests/truth/*.json``) says what the two servers served at first (``server_initial``)
and what changed before a step (``server_patch``, an RFC 7386 merge patch). Settings are served by
`modelden.host`, so they are signed, with a chain of the test's own; the recordings had verification
off. Sample usage::

    truth = load_truth("e2e_pinned_feature")
    with ReplayServer(truth) as server:
        for step in truth["steps"]:
            server.apply(step)
            ...
            assert [entry["path"] for entry in server.log()] == [...]
"""

from __future__ import annotations

import functools
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from modelden.host.keys.certificates import new_chain
from modelden.host.keys.signer import Signer
from modelden.host.publish.collections import Collections
from modelden.host.serve.cors import AnyOrigin
from modelden.host.serve.faults import Fault, Faults
from modelden.host.serve.hub_app import EXPOSED
from modelden.host.serve.request_log import RequestLog
from modelden.host.serve.server import RunningServer, settings_routes
from tests.replay_hub import FAULT_FIELDS, body_of, hub_answer, hub_faults

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from modelden.host.keys.certificates import SigningChain

type Json = dict[str, Any]

TRUTH = Path(__file__).parent / "truth"

_RECORDED_NOW = 10_000
"""The recordings' timestamps are a few thousand milliseconds after the epoch; so is their clock."""

_FAULT_PATHS = {
    "server_info": "/v1/",
    "changes": "/v1/buckets/monitor/*",
    "changeset": "/v1/buckets/main/*",
    "attachment": "/attachments/*",
}


def load_truth(name: str) -> Json:
    """The truth file of this name, without its ``.json``."""
    truth: Json = json.loads((TRUTH / f"{name}.json").read_text(encoding="utf-8"))
    return truth


@functools.cache
def replay_chain() -> SigningChain:
    """The chain that all replays of a process are signed with: an RSA-4096 key takes its time."""
    return new_chain()


class ReplayServer:
    """The two servers of a recording, each with its own port."""

    def __init__(self, truth: Json, *, signed: bool = True) -> None:
        """Take the initial state.

        Args:
            truth: A truth file's content.
            signed: False leaves collections unsigned, as they were in the recording.
        """
        self._state: Json = truth["server_initial"]
        self._chain = replay_chain()
        signer = Signer(self._chain) if signed else None
        self._collections = Collections(signer, now=lambda: _RECORDED_NOW)
        self._log = RequestLog()
        self._settings = _Part(self._settings_app(), self._log)
        self._hub = _Part(_Answers(self._hub_answer, EXPOSED), self._log)

    @property
    def settings_url(self) -> str:
        """The Remote Settings server, with its version."""
        return f"{self._settings.server.url}/v1"

    @property
    def hub_url(self) -> str:
        """The root of the hub."""
        return self._hub.server.url

    @property
    def root_hash(self) -> str:
        """The root certificate to trust."""
        return self._chain.root_hash

    def start(self) -> Self:
        """Start both servers in the initial state."""
        # ports stay the same when a recording closes and opens a server, so both are found first
        self._settings.open()
        self._hub.open()
        self._enter_state()
        return self

    def stop(self) -> None:
        """Stop both servers, side by side: each takes a third of a second."""
        with ThreadPoolExecutor() as threads:
            threads.submit(self._settings.close)
            threads.submit(self._hub.close)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def apply(self, step: Json) -> None:
        """Enter the state of a recorded step, and forget the requests of earlier ones."""
        if patch := step.get("server_patch"):
            self._state = merge_patch(self._state, patch)
            self._enter_state()
        self._log.clear()

    def log(self) -> list[Json]:
        """The requests since the last step, in the form of a truth file's ``http``."""
        names = {self._settings.server.port: "rs", self._hub.server.port: "hub"}
        return [
            {
                "server": names[int(entry.host.rpartition(":")[2])],
                "method": entry.method,
                "path": entry.path,
                "status": "closed-before-response" if entry.status is None else entry.status,
                "bytes": entry.bytes,
                "complete": entry.complete,
            }
            for entry in self._log.entries()
        ]

    def delay(self, method: str, url: str) -> float:
        """Seconds by which the hub delays its response to a request."""
        faults = hub_faults(self._state["hub"], self._hub.server.port) if url.startswith(self.hub_url) else []
        path = urlsplit(url).path
        return next((each.delay_ms / 1000 for each in faults if (each.method, each.path) == (method, path)), 0)

    def _enter_state(self) -> None:
        settings, hub = self._state["rs"], self._state["hub"]
        for name, content in settings.get("collections", {}).items():
            bucket, timestamp = content.get("bucket", "main"), content["timestamp"]
            collection = self._collections.get(bucket, name)
            if collection is None:
                self._collections.add(bucket, name, content["records"], timestamp)
            else:
                collection.replace(content["records"], timestamp=timestamp)
        faults = settings.get("fault") or {}
        self._settings.faults.set(*(_fault(_FAULT_PATHS[kind], fault) for kind, fault in faults.items() if fault))
        self._hub.faults.set(*hub_faults(hub, self._hub.server.port))
        self._settings.set_up(up=settings.get("up", True))
        self._hub.set_up(up=hub.get("up", True))

    def _settings_app(self) -> ASGIApp:
        attachments = _Answers(self._attachment, ("Content-Length",))
        return Starlette(routes=settings_routes(self._collections, attachments))

    def _attachment(self, request: Request) -> Response | None:
        path = request.url.path.removeprefix("/attachments/")
        spec = self._state["rs"].get("attachments", {}).get(path)
        if spec is None:
            return None
        return Response(body_of(spec), media_type="application/octet-stream")

    def _hub_answer(self, request: Request) -> Response | None:
        resource = self._state["hub"].get("resources", {}).get(request.url.path)
        return None if resource is None else hub_answer(resource, request)


class _Part:
    """One of the two servers, which can be down and comes back at the same port."""

    def __init__(self, app: ASGIApp, log: RequestLog) -> None:
        self.faults = Faults()
        self._app = log.wrap(self.faults.wrap(app))
        self.server = RunningServer(self._app)
        self._up = False

    def set_up(self, *, up: bool) -> None:
        if up and not self._up:
            self.open()
        if not up and self._up:
            self.close()

    def open(self) -> None:
        self.server.start()
        self._up = True

    def close(self) -> None:
        self.server.stop()
        self._up = False


class _Answers:
    """Answers by a function of the request, and with 404 where it gives None."""

    def __init__(self, find: Any, exposed: tuple[str, ...]) -> None:
        self._find = find
        self._app = AnyOrigin(self._answer, exposed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = self._find(Request(scope)) or PlainTextResponse("Not found", 404)
        await response(scope, receive, send)


def _fault(path: str, recorded: Json) -> Fault:
    unknown = sorted(set(recorded) - set(FAULT_FIELDS))
    if unknown:
        raise NotImplementedError(f"no replay yet for the fault {', '.join(unknown)}")
    fields: Json = {FAULT_FIELDS[name]: value for name, value in recorded.items()}
    return Fault(path=path, **fields)


def merge_patch(target: Any, patch: Any) -> Any:
    """The target after a merge patch (RFC 7386, section 2)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged
