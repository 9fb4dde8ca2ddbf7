"""The WASM runtimes: in this repository, in other folders, and from the real npm with a local registry."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from modelden.host.errors import HostError, MachineError
from modelden.host.publish.runtimes import bundles, bundles_of, runtime_files
from modelden.host.serve.server import RunningServer

if TYPE_CHECKING:
    from pathlib import Path


RUNTIME = b"\0asm runtime"


class Registry:
    """A registry with one package, for `npm pack`.

    Attributes:
        files: Names of the files in the package's folder ``dist``.
        packs: Number of downloads of the package.
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
    """Let npm use a local registry, in a folder without node_modules."""
    bundles = bundles_of(6)
    registry = Registry([bundle.name for bundle in bundles], bundles[0].onnxruntime)
    with RunningServer(registry.app) as server:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("npm_config_registry", server.url)
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
        monkeypatch.setenv("npm_config_fetch_retries", "0")
        yield registry


def test_the_runtime_comes_out_of_the_pinned_package(registry: Registry) -> None:
    with runtime_files(6, None) as pairs:
        assert [(bundle, file.name) for bundle, file in pairs] == [(each, each.name) for each in bundles_of(6)]
        assert {file.read_bytes() for _, file in pairs} == {RUNTIME}
    assert not any(file.exists() for _, file in pairs)
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


@pytest.mark.parametrize(("major", "number"), [(5, 1), (6, 2)])
def test_the_files_of_a_major_are_found_by_their_hashes(major: int, number: int) -> None:
    # Other builds with files of the same name lie beside them.
    with runtime_files(major, None) as pairs:
        hashes = [sha256(file.read_bytes()).hexdigest() for _, file in pairs]
    assert hashes == [bundle.sha256 for bundle in bundles_of(major)]
    assert len(hashes) == number


def test_a_folder_without_one_of_the_files_is_named(tmp_path: Path) -> None:
    small, large = bundles_of(6)
    (tmp_path / small.name).write_bytes(b"small")

    with pytest.raises(HostError, match=f"{tmp_path} has no {large.name}"), runtime_files(6, tmp_path):
        raise AssertionError


def test_one_file_of_a_major_may_be_given_alone(tmp_path: Path) -> None:
    with runtime_files(6, None) as pairs:
        for bundle, file in pairs:
            with runtime_files(6, file) as single:
                assert single == [(bundle, file)]
    with pytest.raises(HostError, match=f"no file {tmp_path / 'none'}"), runtime_files(6, tmp_path / "none"):
        raise AssertionError


def test_the_majors_of_this_wheel() -> None:
    assert [(bundle.major, bundle.devices) for bundle in bundles()] == [
        (5, ("wasm", "webgpu")),
        (6, ("wasm",)),
        (6, ("webgpu",)),
    ]
    with pytest.raises(HostError, match="no JavaScript for runtime 7, it has 5, 6"):
        bundles_of(7)
