"""Debian's nginx over a tree, with the configuration of docs/hosting.md."""

from __future__ import annotations

import re
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from tests.hosting.conftest import ROOT, program

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""


def documented() -> str:
    """The server block of docs/hosting.md."""
    text = (ROOT / "docs/hosting.md").read_text(encoding="utf-8")
    match = re.search(r"```nginx\n(.*?)```", text, re.DOTALL)
    assert match is not None
    return match[1]


@contextmanager
def nginx(tree: Path, folder: Path) -> Iterator[str]:
    """Serve a tree; yields the origin."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = documented().replace("listen 80;", f"listen 127.0.0.1:{port};").replace("/srv/models/tree", str(tree))
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder, server=server), encoding="utf-8")
    command = [program("nginx", "nginx-light"), "-c", str(configuration), "-e", str(folder / "error.log")]
    with subprocess.Popen(command) as process:  # noqa: S603  the system's nginx
        origin = f"http://localhost:{port}"
        try:
            _wait(process, origin, folder)
            yield origin
        finally:
            process.terminate()


def _wait(process: subprocess.Popen[bytes], origin: str, folder: Path) -> None:
    while True:
        try:
            httpx.get(origin)
        except httpx.TransportError:
            assert process.poll() is None, (folder / "error.log").read_text(encoding="utf-8")
        else:
            return
