"""Text while it is written: chunks of it, and the loop over them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, Self

from modelden.errors import InputError

GENERATIVE_TASKS = frozenset(
    {
        "automatic-speech-recognition",
        "document-question-answering",
        "image-to-text",
        "moz-image-to-text",
        "summarization",
        "text-generation",
        "text2text-generation",
        "translation",
    }
)
"""Tasks with models that write token by token; of those for speech recognition, Whisper and Moonshine do."""

_FIREFOX = {"perTokens": "per_token", "skipPrompt": "skip_prompt", "returnTokens": "return_tokens"}
"""Firefox's ``streamerOptions`` by their names here."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of what is being written.

    Attributes:
        text: The text; with ``per_token`` empty where a token completes no character.
        tokens: The ids of its tokens, if they were asked for.
        is_prompt: It belongs to the prompt.
    """

    text: str
    tokens: tuple[int, ...] | None
    is_prompt: bool

    @classmethod
    def of(cls, text: str) -> Self:
        """Read the JSON of a ``chunk`` message."""
        told = json.loads(text)
        tokens = told["tokens"]
        return cls(told["text"], None if tokens is None else tuple(tokens), told["isPrompt"])


class Streaming(NamedTuple):
    """How the chunks of a run are told, and to whom.

    Attributes:
        on_chunk: Called with each; what it raises ends the run, and is raised by it.
        per_token: A chunk for each token; otherwise for each word.
        skip_prompt: Leave the prompt out.
        return_tokens: Tell ids of tokens too.
    """

    on_chunk: Callable[[Chunk], None]
    per_token: bool = False
    skip_prompt: bool = True
    return_tokens: bool = False

    def to_message(self) -> dict[str, bool]:
        """Return the ``StreamOptions`` of ``web/worker/protocol.ts``."""
        return {own: getattr(self, name) for own, name in _FIREFOX.items()}


def pop_streaming(
    task: str, options: dict[str, Any], on_chunk: Callable[[Chunk], None] | None, *, writes: bool
) -> Streaming | None:
    """Take what concerns streaming out of a run's options; None if nobody wants chunks.

    Args:
        task: The engine's task.
        options: ``per_token``, ``skip_prompt``, ``return_tokens``; or ``streamer_options``, ``streamerOptions`` with
            Firefox's names.
        on_chunk: Wants the chunks.
        writes: The model writes token by token, as its worker says.

    Raises:
        InputError: If the model does not write, or an option is not a bool or unknown.
    """
    told = {**_mapping(options, "streamerOptions"), **_mapping(options, "streamer_options")}
    flags = {_FIREFOX.get(name, name): value for name, value in told.items()}
    flags |= {name: options.pop(name) for name in _FIREFOX.values() if name in options}
    for name, value in flags.items():
        if name not in _FIREFOX.values():
            raise InputError(f"streamer_options has no {name}; it has {', '.join(_FIREFOX.values())}.")
        if not isinstance(value, bool):
            raise InputError(f"{name}: expected True or False, got {value!r}.")
    if on_chunk is None:
        return None
    if not writes:
        what = f"This model for {task}" if task in GENERATIVE_TASKS else task
        raise InputError(
            f"{what} writes nothing that could be streamed; these do: {', '.join(sorted(GENERATIVE_TASKS))}."
        )
    return Streaming(on_chunk, **flags)


class Stream:
    """The chunks of one run, as an asynchronous iterator: ``async for chunk in engine.stream(...)``.

    The run begins with the loop. Leaving the loop early, by ``break``, an exception or cancellation, ends the
    generation; where the iterator may live on, in a variable, `aclose` or ``async with`` does.
    """

    def __init__(self, start: Callable[[Callable[[Chunk], None]], Awaitable[Any]]) -> None:
        """Nothing runs yet; ``start`` begins the run and is given who wants the chunks."""
        self._start = start
        self._chunks: asyncio.Queue[Chunk | None] = asyncio.Queue()
        self._run: asyncio.Future[Any] | None = None
        self._closed = False

    @property
    def result(self) -> Any:
        """What `Engine.run` would have returned.

        Raises:
            asyncio.InvalidStateError: Before the end of the loop.
            ModelDenError: If the run failed.
        """
        if self._run is None:
            raise asyncio.InvalidStateError("the loop has not begun")
        return self._run.result()

    def __aiter__(self) -> Self:
        """Return the iterator."""
        return self

    async def __anext__(self) -> Chunk:
        """Return the next chunk.

        Raises:
            ModelDenError: If the run failed.
        """
        if self._closed:
            raise StopAsyncIteration
        if self._run is None:
            chunks = self._chunks  # and not self: the run would keep the stream alive after its loop
            self._run = asyncio.ensure_future(self._start(chunks.put_nowait))
            self._run.add_done_callback(lambda _: chunks.put_nowait(None))
        try:
            chunk = await self._chunks.get()
        except asyncio.CancelledError:
            self._end()
            raise
        if chunk is not None:
            return chunk
        self._closed = True
        if not self._run.cancelled():
            self._run.result()  # raises what the run raised
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End the generation if it is still under way."""
        self._end()

    async def __aenter__(self) -> Self:
        """Return the stream."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the generation if it is still under way."""
        self._end()

    def __del__(self) -> None:
        """End the generation of a loop that was left."""
        self._end()

    def _end(self) -> None:
        self._closed = True
        if self._run is not None and not self._run.done():
            self._run.cancel()


def _mapping(options: dict[str, Any], name: str) -> Mapping[str, Any]:
    value = options.pop(name, None) or {}
    if not isinstance(value, Mapping):
        raise InputError(f"{name}: expected a dict, got {value!r}.")
    return value
