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
from random import Random
from typing import Any

import pytest

import modelden
from modelden import ModelDenError, default_context, onnxruntime
from modelden.engine.onnx_enums import ENUMS
from tests.unit.conftest import ORIGIN
from tests.unit.fuzz.world import INSTANCES, ODD, World, public

EXAMPLES = 60
"""Calls of each function. They are the same in each run."""

ODD_NAMES = sorted(ODD)

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
    "texts": ["a text"],
    "pair": None,
    "batch": [[1, 2]],
    "messages": [{"role": "user", "content": "hello"}],
}
"""Arguments by the names of parameters."""


RESULTS = {
    *(
        "Availability",
        "DownloadSummary",
        "ChatAnswer",
        "Chunk",
        "Diagnosis",
        "Encoding",
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

MADE_INSIDE = {
    "BlockList",
    "Chat",
    "ChatReply",
    "Engine",
    "FileResponse",
    "HubFile",
    "ModelArchive",
    "Stream",
    "Tokenizer",
    "VectorIndex",
}
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

    for example in range(EXAMPLES):
        random = Random(f"{owner} {name} {example}")  # noqa: S311  it keeps no secret
        default_context.page.context = context
        call = public(name) if not owner else getattr(world.run(INSTANCES[owner](world)), name)
        drawn: dict[str, str] = {}
        args, options = _arguments(random, call, owner, drawn)
        try:
            inspect.signature(call).bind(*args, **options)
        except TypeError:
            continue
        try:
            _check(world, call, args, options)
        except BaseException as error:
            error.add_note(f"Example {example} of {owner} {name}, odd arguments by their names in `ODD`: {drawn}")
            raise


def _arguments(random: Random, call: Any, owner: str, drawn: dict[str, str]) -> tuple[list[Any], dict[str, Any]]:
    """Draw arguments; ``drawn`` gets the names of the odd ones."""

    def odd(name: str) -> Any:
        drawn[name] = random.choice(ODD_NAMES)
        return ODD[drawn[name]]()

    args: list[Any] = []
    options: dict[str, Any] = {}
    for parameter in inspect.signature(call).parameters.values():
        kinds = ["odd"] if parameter.kind is parameter.VAR_POSITIONAL else ["good", "odd"]
        if parameter.kind is parameter.VAR_KEYWORD:
            for key in random.sample(_keywords(call, owner), random.randrange(3)):
                options[key] = odd(key)
            continue
        if parameter.default is not parameter.empty or parameter.kind is parameter.VAR_POSITIONAL:
            kinds.append("default")
        kind = random.choice(kinds)
        if kind == "default":
            continue
        value = GOOD.get(parameter.name) if kind == "good" else odd(parameter.name)
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
