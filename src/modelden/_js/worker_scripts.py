"""The scripts of workers: from the wheel, or from the page's own server (``configure(worker_url=...)``)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import js
from js import URL, Array, Blob
from pyodide.ffi import to_js

from modelden._js.ffi import js_object, map_exceptions

if TYPE_CHECKING:
    from modelden.engine.runtime_selection import Bundle
    from modelden.errors import WorkerRefused

ASSETS = Path(__file__).with_name("assets")
"""Pyodide unpacks wheels; importlib.resources would find the same folder 10 ms later."""


def load_bundles() -> tuple[Bundle, ...]:
    """Return the JavaScript in this wheel, for each file of the runtime."""
    from modelden.engine.runtime_selection import read_bundles  # not needed to start the last engine's worker

    return read_bundles(ASSETS.joinpath("runtimes.json").read_text("utf-8"))


class Script:
    """One worker's script.

    Attributes:
        url: Its URL, once the worker was started.
    """

    def __init__(self, bundle: str, folder: str | None) -> None:
        """Name a script.

        Args:
            bundle: File name in the package's ``assets``.
            folder: URL of the folder that has the file, relative ones from the page; None for the wheel's own.
        """
        self._bundle = bundle
        self._folder = folder
        self.url = ""

    def start(self) -> Any:
        """Start a worker.

        Returns:
            The ``Worker``.

        Raises:
            WorkerRefused: If the browser refuses it at once; mostly it does so later, by an ``error`` event.
        """
        with map_exceptions(lambda error: self.refusal(str(error))):
            self.url = self._local_url() if self._folder is None else _served_url(self._folder, self._bundle)
            return js.Worker.new(self.url, js_object(type="module", name=f"modelden {self._bundle}"))

    def revoke(self) -> None:
        """Free the ``blob:`` URL."""
        if self._folder is None:
            URL.revokeObjectURL(self.url)

    def refusal(self, detail: str) -> WorkerRefused:
        """Return the error of a worker that failed before its script ran."""
        from modelden.errors import WorkerRefused

        if self._folder is None:
            return WorkerRefused(
                f"The browser did not start a worker from modelden's own {self._bundle}: {detail}. A content security "
                "policy without blob: in worker-src or script-src is the usual reason. Allow blob:, or put the files "
                "of `modelden assets DIR` on the page's server and name their folder: "
                "modelden.configure(worker_url=...)."
            )
        return WorkerRefused(
            f"The browser did not start the worker {self.url or self._bundle}: {detail}. worker_url, now "
            f"{self._folder!r}, has to be a folder of the page's own origin with the files of `modelden assets DIR`, "
            "sent as JavaScript, allowed by the page's content security policy (worker-src, script-src), and with "
            "Cross-Origin-Embedder-Policy where the page has it."
        )

    def beside(self, name: str) -> Any:
        """Return another asset of the package for the worker: a ``Blob``, or its URL on the page's server."""
        return _blob(name) if self._folder is None else _served_url(self._folder, name)

    def check_build(self, build: str) -> None:
        """Check that a worker is of the same build as Python. Others have other messages, and may hang.

        Raises:
            WorkerRefused: If it is not.
        """
        if self._folder is not None and build != _build():
            from modelden.errors import WorkerRefused

            raise WorkerRefused(
                f"The worker {self.url} is of the build {build}, this modelden of {_build()}: put the files of this "
                "version's `modelden assets DIR` there."
            )

    def _local_url(self) -> str:
        """Return a URL with the script from the wheel: nothing but the wheel has to be served."""
        if str(js.origin) == "null":
            from base64 import b64encode

            # A sandboxed frame: there Chromium starts no module worker from a blob: URL, but both browsers one from
            # data:.
            return f"data:text/javascript;base64,{b64encode(ASSETS.joinpath(self._bundle).read_bytes()).decode()}"
        return str(URL.createObjectURL(_blob(self._bundle)))


def _served_url(folder: str, name: str) -> str:
    # The build in the query keeps a cache from answering with an earlier version's file.
    return str(URL.new(f"{folder}{name}?{_build()}", js.location.href).href)


def _blob(name: str) -> Any:
    return Blob.new(Array.of(to_js(ASSETS.joinpath(name).read_bytes())), js_object(type="text/javascript"))


def _build() -> str:
    return ASSETS.joinpath("build.txt").read_text("ascii")
