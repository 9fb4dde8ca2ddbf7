"""Every public call of the package, with odd arguments: it returns, or raises a `ModelDenError`.

The calls come from `modelden.__all__` and `modelden.onnxruntime.__all__`, so that a new one is fuzzed too. `TypeError`
is for arguments that do not fit the signature, as for any function of Python.
"""

from __future__ import annotations

import inspect
import logging
import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import modelden
from modelden import ModelDenError, default_context, onnxruntime
from modelden.engine.onnx_enums import ENUMS
from tests.unit.conftest import ORIGIN
from tests.unit.fuzz.world import INSTANCES, ODD, World, public

EXAMPLES = 60

GOOD: dict[str, Any] = {
    "task_name": "feature-extraction",
    "model_id": "org/tiny",
    "model_revision": "v1.0",
    "model": "org/tiny",
    "repo_id": "org/tiny",
    "revision": "v1.0",
    "file": "config.json",
    "filename": "config.json",
    "collection": "ml-onnx-runtime",
    "event": "sync",
    "args": "a text",
    "listener": lambda _: None,
    "callback": lambda *_: None,
    "data": bytes(4),
    "buffer": memoryview(bytes(4)),
    "width": 2,
    "height": 2,
    "channels": 1,
    "dtype": "fp32",
    "shape": (1,),
    "samples": memoryview(bytes(8)).cast("f"),
    "sampling_rate": 16_000,
    "url": f"{ORIGIN}/hub/org/tiny/v1.0/config.json",
    "source": {"config.json": b"{}"},
    "target_revision": "v1.0",
    "path_or_bytes": b"a model",
    "input_feed": {},
    "output_names": None,
    "record": {"id": "a"},
    "path": "archive.tar",
    "feature_id": "link-preview",
    "name": "words",
    "text": "a text",
    "ids": ["a", "b"],
    "vectors": [[1.0, 2.0], [3.0, 4.0]],
    "query": [1.0, 2.0],
    "a": [1.0, 2.0],
    "b": [1.0, 2.0],
    "k": 2,
}
"""Arguments by the names of parameters."""


RESULTS = {
    *(
        "Availability",
        "DownloadSummary",
        "Chunk",
        "Diagnosis",
        "Event",
        "FileRole",
        "Finding",
        "ModelFiles",
        "ModelMetadata",
        "NodeArg",
        "ProgressEvent",
        "Match",
        "RepositoryFile",
        "RequestOptions",
    ),
    *("RunMetrics", "StorageInfo", "StoredFile", "StoredModel", "SyncEvent", "UpdateStatus", "VerifiedFile"),
    *(each.__name__ for each in ENUMS),
    "StorageWarning",
}
"""Classes that callers get and do not make."""

MADE_INSIDE = {"BlockList", "Engine", "FileResponse", "HubFile", "ModelArchive", "Stream", "VectorIndex"}
"""Classes whose constructors are modelden's own."""


def _targets() -> Iterator[tuple[str, str]]:
    for module in (modelden, onnxruntime):
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isfunction(thing):
                yield "", name
            elif not issubclass(thing, Exception) and name not in RESULTS:
                if name not in MADE_INSIDE:
                    yield "", name
                for method, member in inspect.getmembers(thing):
                    if not method.startswith("_") and callable(member):
                        yield name, method


TARGETS = sorted(set(_targets()))


def test_every_class_can_be_made_or_is_a_result() -> None:
    names = {name for module in (modelden, onnxruntime) for name in module.__all__}
    classes = {name for name in names if inspect.isclass(public(name)) and not issubclass(public(name), Exception)}

    assert classes - RESULTS == set(INSTANCES)


@pytest.mark.parametrize(("owner", "name"), TARGETS)
def test_a_call_returns_or_says_what_is_wrong(
    world: World, owner: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    context = default_context.page.context

    @settings(
        max_examples=EXAMPLES,
        database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(st.data())
    def fuzz(data: st.DataObject) -> None:
        default_context.page.context = context
        call = public(name) if not owner else getattr(world.run(INSTANCES[owner](world)), name)
        args, options = _arguments(data, call, owner)
        try:
            inspect.signature(call).bind(*args, **options)
        except TypeError:
            return
        _check(world, call, args, options)

    fuzz()


def _arguments(data: st.DataObject, call: Any, owner: str) -> tuple[list[Any], dict[str, Any]]:
    args: list[Any] = []
    options: dict[str, Any] = {}
    for parameter in inspect.signature(call).parameters.values():
        kinds = ["odd"] if parameter.kind is parameter.VAR_POSITIONAL else ["good", "odd"]
        if parameter.kind is parameter.VAR_KEYWORD:
            for key in data.draw(st.lists(st.sampled_from(_keywords(call, owner)), max_size=2, unique=True)):
                options[key] = _odd(data)
            continue
        if parameter.default is not parameter.empty or parameter.kind is parameter.VAR_POSITIONAL:
            kinds.append("default")
        kind = data.draw(st.sampled_from(kinds), parameter.name)
        if kind == "default":
            continue
        value = GOOD.get(parameter.name) if kind == "good" else _odd(data)
        if kind == "good" and parameter.name not in GOOD:
            continue
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
            args.append(value)
        else:
            options[parameter.name] = value
    return args, options


def _keywords(call: Any, owner: str) -> list[str]:
    if call.__name__ == "configure":
        return list(modelden.Configuration.__dataclass_fields__)
    if owner == "Engine":
        return ["pooling", "normalize", "poolling", "precision"]
    return list(modelden.PipelineOptions.__dataclass_fields__)


def _odd(data: st.DataObject) -> Any:
    return ODD[data.draw(st.sampled_from(sorted(ODD)), "odd")]()


def _check(world: World, call: Any, args: list[Any], options: dict[str, Any]) -> None:
    with suppress(ModelDenError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        world.run(_called(call, args, options))


async def _called(call: Any, args: list[Any], options: dict[str, Any]) -> None:
    result = call(*args, **options)
    if inspect.isawaitable(result):
        await result
    elif isinstance(result, modelden.Stream):
        async for _ in result:
            pass
