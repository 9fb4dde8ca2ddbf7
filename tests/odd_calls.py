"""Calls of everything that the package exports, with arguments that may be odd; drawn in ring 1 and in pages.

Standard library and modelden alone, as a page has them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

import modelden
from modelden import onnxruntime
from modelden.engine.onnx_enums import ENUMS

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
    "url": "/hub/org/tiny/v1.0/config.json",
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
"""The calls: the name of a class, or an empty text, and the name of a method or function."""


def draw_arguments(
    random: Random, call: Any, owner: str, odd_values: Mapping[str, Callable[[], Any]], drawn: dict[str, str]
) -> tuple[list[Any], dict[str, Any]]:
    """Draw arguments; ``drawn`` gets the names of the odd ones."""

    names = sorted(odd_values)

    def odd(name: str) -> Any:
        drawn[name] = random.choice(names)
        return odd_values[drawn[name]]()

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


def public(name: str) -> Any:
    """Return what the package exports by this name."""
    return getattr(modelden, name) if name in modelden.__all__ else getattr(onnxruntime, name)


async def call_through(call: Any, args: list[Any], options: dict[str, Any]) -> Any:
    """Call, and return what the call returns in the end."""
    result = call(*args, **options)
    if inspect.isawaitable(result):
        return await result
    if isinstance(result, modelden.Stream):
        async for _ in result:
            pass
    return result


async def close(thing: Any) -> None:
    """Close an engine, a session, an index, ..."""
    function = getattr(thing, "close", None)
    if callable(function) and inspect.isawaitable(closing := function()):
        await closing
