from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from modelden._js.page_locks import PageLocks
from modelden.errors import EngineError, FileNotFoundOnHub, NetworkError
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import HubAddress, ModelFile
from modelden.hub.files import HubFiles
from modelden.hub.store.records import FileKey
from modelden.hub.store.usage import Consumer, ModelLease
from modelden.loading.file_provider import MAX_FILES, EngineFileProvider

ADDRESS = HubAddress("https://hub.example/", "{model}/{revision}")


class EmptyHub:
    """Has nothing, and breaks down when asked for a tokenizer."""

    def key(self, file: ModelFile) -> FileKey:
        return FileKey(ADDRESS.store_name(file.model), file.revision, file.file, ADDRESS.root)

    def parse_url(self, url: str) -> ModelFile:
        return ADDRESS.parse(url)

    @property
    def store(self) -> EmptyHub:
        return self

    def lease(self) -> ModelLease:
        return ModelLease(PageLocks())

    async def get(self, file: ModelFile, *_: Any, **_named: Any) -> Any:
        if file.file == "tokenizer.json":
            raise NetworkError("url", "it is down")
        raise FileNotFoundOnHub("url", 404, model=file.model, revision=file.revision, file=file.file)


@pytest.fixture
async def asked() -> AsyncIterator[EngineFileProvider]:
    files = EngineFileProvider(cast("HubFiles", EmptyHub()), Consumer("task", "engine"), AllowList((), ()))
    yield files
    files.lease.end()


def url(file: str) -> str:
    return ADDRESS.url(ModelFile("org/m", "v1", file))


async def test_of_missing_files_the_one_that_the_engine_could_not_do_without_is_told(asked: EngineFileProvider) -> None:
    for file in ("generation_config.json", "onnx/model_fp16.onnx"):
        assert await asked(url(file)) is None

    named = asked.cause_of(EngineError("Error: Could not locate file: .../onnx/model_fp16.onnx"))
    other = asked.cause_of(EngineError("Error: something is missing"))

    assert isinstance(named, FileNotFoundOnHub)
    assert named.file == "onnx/model_fp16.onnx"
    assert str(other) == "Error: something is missing"


async def test_what_failed_comes_before_what_is_missing_before_the_engines_own_words(asked: EngineFileProvider) -> None:
    error = EngineError("no session")
    assert asked.cause_of(error) is error

    with pytest.raises(NetworkError):
        await asked(url("tokenizer.json"))
    assert isinstance(asked.cause_of(error), NetworkError)


async def test_a_load_requests_a_limited_number_of_files(asked: EngineFileProvider) -> None:
    for number in range(MAX_FILES):
        assert await asked(url(f"onnx/model.onnx_data_{number}")) is None
    assert await asked(url("onnx/model.onnx_data_0")) is None  # requested before

    with pytest.raises(EngineError, match="requests more than 1000 files"):
        await asked(url(f"onnx/model.onnx_data_{MAX_FILES}"))


async def test_the_reason_that_a_hub_names_is_not_asked_for_again(asked: EngineFileProvider) -> None:
    error = FileNotFoundOnHub("url", 404, model="org/m", revision="v1", file="a.onnx", code="EntryNotFound")

    assert await asked.missing_model(error) is error
