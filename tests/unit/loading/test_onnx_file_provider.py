from __future__ import annotations

import pytest

from modelden.engine.memory_guard import MemoryGuard
from modelden.errors import EngineError
from modelden.loading.file_provider import MAX_FILES
from modelden.loading.onnx_file_provider import OnnxFileProvider, OnnxSource
from tests.simulators.profile import Profile


async def test_a_model_names_a_limited_number_of_files(profile: Profile) -> None:
    context = profile.visit()
    guard = MemoryGuard(await profile.database("modelden"), context.ports.presence, None)
    watch = await guard.begin_load(None, "a model")
    files = OnnxFileProvider(OnnxSource(b"model", {"0": b"data"}), context.ports, watch)
    for number in range(MAX_FILES):
        await files(str(number))

    with pytest.raises(EngineError, match="requests more than 1000 files"):
        await files(str(MAX_FILES))
