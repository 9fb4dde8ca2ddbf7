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
from modelden.host.publish.runtimes import bundles_of, runtime_files
from modelden.host.serve.server import RunningServer

RUNTIME = b"\0asm runtime"


class Registry:
    """What `npm pack` asks for one package.

    Attributes:
        files: Names of the files in the package's folder ``dist``.
        packs: How often it was fetched.
    """

    def __init__(self, files: list[str], version: str) -> None:
        self.files = files
        self.packs = 0
        self._version = version
        self.app = Starlette(routes=[Route("/onnxruntime-web", self._package), Route("/package.tgz", self._archive)])

    async def _package(self, request: Request) -> Response:
        digest = base64.b64encode(hashlib.sha512(self._bytes()).digest()).decode()
        dist = {"tarball": f"{request.base_url}package.tgz", "integrity": f"sha512-{digest}"}
        versions = {self._version: {"name": "onnxruntime-web", "version": self._version, "dist": dist}}
        return JSONResponse({"name": "onnxruntime-web", "dist-tags": {"latest": self._version}, "versions": versions})

    async def _archive(self, _request: Request) -> Response:
        self.packs += 1
        return Response(self._bytes(), media_type="application/octet-stream")

    def _bytes(self) -> bytes:
        facts = json.dumps({"name": "onnxruntime-web", "version": self._version}).encode()
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name, data in [("package.json", facts), *((f"dist/{file}", RUNTIME) for file in self.files)]:
                entry = tarfile.TarInfo(f"package/{name}")
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
        return packed.getvalue()


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """A registry that npm asks instead of its own, from a folder without node_modules."""
    bundles = bundles_of(6)
    made = Registry([bundle.name for bundle in bundles], bundles[0].onnxruntime)
    with RunningServer(made.app) as server:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("npm_config_registry", server.url)
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
        monkeypatch.setenv("npm_config_fetch_retries", "0")
        yield made


def test_the_runtime_comes_out_of_the_pinned_package(registry: Registry) -> None:
    with runtime_files(6, None) as found:
        assert [(bundle, file.name) for bundle, file in found] == [(each, each.name) for each in bundles_of(6)]
        assert {file.read_bytes() for _, file in found} == {RUNTIME}
    assert not any(file.exists() for _, file in found)
    assert registry.packs == 1


def test_a_package_without_it_is_told(registry: Registry) -> None:
    small, large = registry.files
    registry.files = [small, "another.wasm"]

    with (
        pytest.raises(MachineError, match=rf"does not have all of dist: .*{large}.*Give the folder that has {small}"),
        runtime_files(6, None),
    ):
        pass


def test_a_registry_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")

    with (
        pytest.raises(MachineError, match=r"npm could not fetch onnxruntime-web@1\.22"),
        runtime_files(5, None),
    ):
        pass


def test_without_npm_the_file_has_to_be_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(MachineError, match=r"npm is not on the PATH.*--from"), runtime_files(5, None):
        pass
