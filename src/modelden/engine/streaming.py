"""Streaming of generated text: its chunks, and the loop over them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, Self

from modelden.core.arguments import show
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
"""Tasks whose models generate text token by token; for speech recognition only Whisper and Moonshine do."""

_OPTION_NAMES = {"perTokens": "per_token", "skipPrompt": "skip_prompt", "returnTokens": "return_tokens"}
"""The options of streaming by their names in Firefox's ``streamerOptions``."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a generated text.

    Attributes:
        text: The text; with ``per_token`` empty where a token completes no character.
        tokens: The ids of its tokens, if ``return_tokens`` is set.
        is_prompt: Whether it belongs to the prompt.
    """

    __module__ = "modelden"

    text: str
    tokens: tuple[int, ...] | None
    is_prompt: bool

    @classmethod
    def of(cls, text: str) -> Self:
        """Read the JSON of a ``chunk`` message."""
        fields = json.loads(text)
        tokens = fields["tokens"]
        return cls(fields["text"], None if tokens is None else tuple(tokens), fields["isPrompt"])


class Streaming(NamedTuple):
    """The options of streaming, and the receiver of the chunks of a run.

    Attributes:
        on_chunk: Called with each chunk. An exception of it ends the run, which raises it.
        per_token: A chunk for each token; otherwise for each word.
        skip_prompt: Leave the prompt out.
        return_tokens: Ids of tokens in each chunk.
    """

    on_chunk: Callable[[Chunk], None]
    per_token: bool = False
    skip_prompt: bool = True
    return_tokens: bool = False

    def to_message(self) -> dict[str, bool]:
        """Return the ``StreamOptions`` of ``web/worker/protocol.ts``."""
        return {wire_name: getattr(self, name) for wire_name, name in _OPTION_NAMES.items()}


def pop_streaming(
    task: str, options: dict[str, Any], on_chunk: Callable[[Chunk], None] | None, *, writes: bool
) -> Streaming | None:
    """Remove the options of streaming from a run's options; return them, or None without a receiver.

    Args:
        task: The engine's task.
        options: ``per_token``, ``skip_prompt``, ``return_tokens``; or ``streamer_options``, ``streamerOptions`` with
            Firefox's names.
        on_chunk: Receives the chunks.
        writes: Whether the model generates text token by token, as its worker reports.

    Raises:
        InputError: If the model does not generate text, or an option is unknown or not a bool.
    """
    streamer_options = {**_pop_mapping(options, "streamerOptions"), **_pop_mapping(options, "streamer_options")}
    flags = {_OPTION_NAMES.get(name, name): value for name, value in streamer_options.items()}
    flags |= {name: options.pop(name) for name in _OPTION_NAMES.values() if name in options}
    for name, value in flags.items():
        if name not in _OPTION_NAMES.values():
            raise InputError(f"streamer_options has no {name}; it has {', '.join(_OPTION_NAMES.values())}.")
        if not isinstance(value, bool):
            raise InputError(f"{name}: expected True or False, got {show(value)}.")
    if on_chunk is None:
        return None
    if not writes:
        subject = f"This model for {task}" if task in GENERATIVE_TASKS else task
        raise InputError(
            f"{subject} writes nothing that could be streamed; these do: {', '.join(sorted(GENERATIVE_TASKS))}."
        )
    return Streaming(on_chunk, **flags)


class StreamReceiver:
    """Passes the chunks of one run on to its caller, whose exception interrupts the run.

    Attributes:
        has_received: A chunk has come.
        interrupt: Fails with the caller's exception.
    """

    def __init__(self, on_chunk: Callable[[Chunk], None]) -> None:
        """Create a receiver that calls ``on_chunk``."""
        self.has_received = False
        self.interrupt: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._on_chunk = on_chunk

    def listen(self, note_life: Callable[[], None]) -> Callable[[Chunk], None]:
        """Return the callback for the chunks of a worker; ``note_life`` is called for each one."""

        def receive(chunk: Chunk) -> None:
            note_life()
            if self.interrupt.done():
                return
            self.has_received = True
            try:
                self._on_chunk(chunk)
            except Exception as error:  # noqa: BLE001  the caller's own, raised to them by the run
                self.interrupt.set_exception(error)

        return receive


class Stream:
    """The chunks of one run, as an asynchronous iterator: ``async for chunk in engine.stream(...)``.

    The run begins with the loop. Leaving the loop early, by ``break``, an exception or cancellation, ends the
    generation. An iterator in a variable may outlive its loop: `aclose` or ``async with`` end its generation.
    """

    __module__ = "modelden"

    def __init__(self, start: Callable[[Callable[[Chunk], None]], Awaitable[Any]]) -> None:
        """Create a stream; ``start`` begins the run and takes the receiver of the chunks."""
        self._start = start
        self._chunks: asyncio.Queue[Chunk | None] = asyncio.Queue()
        self._run: asyncio.Future[Any] | None = None
        self._closed = False

    @property
    def result(self) -> Any:
        """The result of the run, as of `Engine.run`.

        Raises:
            InputError: Before the end of the loop, and after a loop that was left early.
            ModelDenError: If the run failed.
        """
        if self._run is None or not self._run.done():
            state = "has not ended" if self._run else "has not begun"
            raise InputError(f"The stream has no result yet: its loop, async for chunk in stream, {state}.")
        if self._run.cancelled():
            raise InputError("The stream has no result: its loop was left before the end, which ended the generation.")
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
            chunks = self._chunks  # not self: the run would keep the stream alive after its loop
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
            self._run.result()  # raises the run's error
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End the generation if it is under way."""
        self._end()

    async def __aenter__(self) -> Self:
        """Return the stream."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the generation if it is under way."""
        self._end()

    def __del__(self) -> None:
        """End the generation of a loop that was left."""
        self._end()

    def _end(self) -> None:
        self._closed = True
        if self._run is not None and not self._run.done():
            self._run.cancel()


def _pop_mapping(options: dict[str, Any], name: str) -> Mapping[str, Any]:
    value = options.pop(name, None) or {}
    if not isinstance(value, Mapping):
        raise InputError(f"{name}: expected a dict, got {show(value)}.")
    return value
