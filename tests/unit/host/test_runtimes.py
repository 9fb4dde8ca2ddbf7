"""The runtime's file from npm: the real npm, asked to fetch from a registry on this machine."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from modelden.host.errors import MachineError
from modelden.host.runtimes import bundle_of, runtime_file
from modelden.host.server import RunningServer

RUNTIME = b"\0asm runtime"


class Registry:
    """What `npm pack` asks for one package.

    Attributes:
        file: Name of the one file in the package's folder ``dist``.
    """

    def __init__(self, file: str, version: str) -> None:
        self.file = file
        self._version = version
        self.app = Starlette(routes=[Route("/onnxruntime-web", self._package), Route("/package.tgz", self._archive)])

    async def _package(self, request: Request) -> Response:
        digest = base64.b64encode(hashlib.sha512(self._bytes()).digest()).decode()
        dist = {"tarball": f"{request.base_url}package.tgz", "integrity": f"sha512-{digest}"}
        versions = {self._version: {"name": "onnxruntime-web", "version": self._version, "dist": dist}}
        return JSONResponse({"name": "onnxruntime-web", "dist-tags": {"latest": self._version}, "versions": versions})

    async def _archive(self, _request: Request) -> Response:
        return Response(self._bytes(), media_type="application/octet-stream")

    def _bytes(self) -> bytes:
        facts = json.dumps({"name": "onnxruntime-web", "version": self._version}).encode()
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name, data in (("package.json", facts), (f"dist/{self.file}", RUNTIME)):
                entry = tarfile.TarInfo(f"package/{name}")
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
        return packed.getvalue()


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """A registry that npm asks instead of its own, from a folder without node_modules."""
    bundle = bundle_of(5)
    made = Registry(bundle.name, bundle.onnxruntime)
    with RunningServer(made.app) as server:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("npm_config_registry", server.url)
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
        monkeypatch.setenv("npm_config_fetch_retries", "0")
        yield made


@pytest.mark.usefixtures("registry")
def test_the_runtime_comes_out_of_the_pinned_package() -> None:
    with runtime_file(bundle_of(5), None) as file:
        assert file.read_bytes() == RUNTIME
        assert file.name == bundle_of(5).name
    assert not file.exists()


def test_a_package_without_it_is_told(registry: Registry) -> None:
    registry.file = "another.wasm"

    with (
        pytest.raises(MachineError, match=r"has no dist/ort-wasm.*Give the file: --from"),
        runtime_file(bundle_of(5), None),
    ):
        pass


def test_a_registry_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")

    with (
        pytest.raises(MachineError, match=r"npm could not fetch onnxruntime-web@1\.22"),
        runtime_file(bundle_of(5), None),
    ):
        pass


def test_without_npm_the_file_has_to_be_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(MachineError, match=r"npm is not on the PATH.*--from"), runtime_file(bundle_of(5), None):
        pass
