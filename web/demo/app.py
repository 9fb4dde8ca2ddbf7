"""The demo's Python: loads the engine, searches, verifies models, runs the visitor's code.

It takes commands and posts events, both as JSON text (``protocol.js`` names them), and knows nothing of the page:
the same code runs on the page's main thread and in a worker.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from typing import Any

from js import fetch
from pyodide.ffi import JsException

import modelden
from cell import Cell
from search import Search
from steps import Steps

FEATURE = "simple-text-embedder"
"""What Remote Settings has options for."""

TITLES: dict[type[Exception], str] = {
    modelden.UntrustedError: "What came cannot be trusted",
    modelden.UnavailableError: "Something could not be reached",
    modelden.StorageError: "The browser's storage failed",
    modelden.EngineError: "The engine failed",
    modelden.InputError: "The model cannot take this",
    modelden.CryptoUnavailable: "This page is not secure",
    OSError: "The page's configuration could not be read",
}
"""What errors mean to a visitor, by their classes."""


def start(post: Callable[[str], object]) -> Callable[[str], Coroutine[Any, Any, None]]:
    """Return what takes the demo's commands.

    Args:
        post: Takes each event, as JSON.
    """
    return App(lambda kind, /, **fields: post(json.dumps({"type": kind, **fields}))).handle


class App:
    """The demo's state: one engine, one search, one cell."""

    def __init__(self, post: Callable[..., object]) -> None:
        """Post events by ``post(type, **fields)``."""
        self._post = post
        self._steps = Steps(post)
        self._cell = Cell(lambda text: post("output", text=text))
        self._search: Search | None = None

    async def handle(self, text: str) -> None:
        """Do one command; what goes wrong is posted, with the command as the way to try again."""
        command = json.loads(text)
        try:
            match command:
                case {"type": "load"}:
                    await self._load()
                case {"type": "search", "query": query, "sentences": sentences}:
                    await self._find(query, sentences)
                case {"type": "verify", "model": model, "revision": revision, "rootUrl": root_url}:
                    await self._verify(model, revision, root_url)
                case {"type": "run", "code": code}:
                    await self._run(code)
        except Exception as error:  # noqa: BLE001 - nothing is above this: the visitor is told, whatever it is
            title = next((title for kind, title in TITLES.items() if isinstance(error, kind)), "This should not happen")
            self._post("problem", title=title, text=str(error), kind=type(error).__name__, retry=command)

    async def _load(self) -> None:
        started = time.perf_counter()
        self._post("loading")
        modelden.configure(**await _configuration())
        await asyncio.sleep(0)  # the page has its turn: configuring imports some modules
        engine = await modelden.create_engine(feature_id=FEATURE, on_progress=self._steps.show)
        self._search = Search(engine)
        self._cell.names.update(engine=engine, modelden=modelden)
        self._post("ready", engine=repr(engine), ms=_since(started))

    async def _find(self, query: str, sentences: list[str]) -> None:
        if self._search is None:
            return
        started = time.perf_counter()
        found = await self._search.rank(query, sentences)
        # Nothing when a newer question came meanwhile: its answer is on its way.
        if found is not None:
            ranking = [{"sentence": sentence, "score": score} for sentence, score in found.ranking]
            self._post("results", query=query, ranking=ranking, ms=_since(started), digest=found.digest)

    async def _verify(self, model: str, revision: str, root_url: str | None) -> None:
        files = await modelden.ModelHub().verify(model=model, revision=revision, root_url=root_url)
        self._post("verified", files=[{"path": file.path, "ok": file.ok} for file in files])

    async def _run(self, code: str) -> None:
        value, error = await self._cell.run(code)
        self._post("ran", value=value, error=error)


async def _configuration() -> dict[str, Any]:
    """Read where this site's settings and models are, and whom to trust, in `modelden.configure`'s names.

    Raises:
        OSError: If it cannot be had.
        ValueError: If it is no JSON.
    """
    # Not by pyodide.http: importing that takes the page 80 ms.
    try:
        response = await fetch("config.json", cache="no-cache")
    except JsException as error:
        raise OSError(f"config.json could not be fetched: {error}") from error
    if not response.ok:
        raise OSError(f"{response.url} answered {response.status}")
    config = json.loads(await response.text())
    return {
        "settings_server": config["settingsServer"],
        "root_hash": config["rootHash"],
        "hub_root_url": config["hubRootUrl"],
    }


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
