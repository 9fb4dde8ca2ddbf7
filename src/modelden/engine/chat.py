"""`Chat`: a conversation with a model that generates text, turn by turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelden.core.arguments import check_optional_text, check_text, is_json, show
from modelden.engine.chat_options import ChatOptions
from modelden.engine.slot import Call, check_timeout
from modelden.engine.streaming import Chunk, Stream, StreamReceiver
from modelden.errors import ContextExceeded, InputError

type Message = Mapping[str, str]
"""A message: ``role`` and ``content``."""

type Run = Callable[[Call], Awaitable[Any]]
"""Runs a call in the engine."""

SYSTEM, USER, ASSISTANT = "system", "user", "assistant"
"""The roles of messages that modelden makes."""


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """The answer of one turn.

    Attributes:
        text: The text, without the stop string that ended it.
        finish_reason: ``stop`` after the model's end token or a stop string, ``length`` after ``max_new_tokens``.
        prompt_tokens: Number of tokens of the chat before the answer.
        cached_tokens: Those of them whose keys and values were reused from an earlier turn.
        new_tokens: Number of tokens of the answer.
        context_length: Number of tokens that the model takes; None if it does not say.
        dropped: Messages that were dropped because the chat did not fit, the oldest first.
    """

    __module__ = "modelden"

    text: str
    finish_reason: str
    prompt_tokens: int
    cached_tokens: int
    new_tokens: int
    context_length: int | None
    dropped: tuple[Message, ...] = ()

    def __str__(self) -> str:
        """Return the text."""
        return self.text


class ChatReply(Stream):
    """An answer on its way: ``async for chunk in chat.send(...)``, or ``await chat.send(...)`` for the `ChatAnswer`."""

    __module__ = "modelden"

    def __await__(self) -> Generator[Any, None, ChatAnswer]:
        """Wait for the whole answer; errors as `Chat.send`."""
        return self._finish().__await__()

    async def _finish(self) -> ChatAnswer:
        async for _ in self:
            pass
        answer: ChatAnswer = self.result
        return answer


class Chat:
    """A conversation with the model of an engine. `Engine.chat` returns one.

    The history belongs to the chat, and the engine to all of its chats. A chat need not be closed.
    """

    __module__ = "modelden"

    def __init__(self, run: Run, messages: Sequence[Message], options: ChatOptions, context_length: int | None) -> None:
        """Create a chat; `Engine.chat` checks the arguments.

        Args:
            run: Runs a call in the engine.
            messages: The messages so far.
            options: The options of each turn.
            context_length: Number of tokens that the model takes; None if it does not say.
        """
        self.context_length = context_length
        self._run = run
        self._messages: tuple[Message, ...] = tuple(messages)
        self._options = options
        self._turn: asyncio.Task[Any] | None = None

    @property
    def messages(self) -> list[dict[str, str]]:
        """The messages so far, the oldest first: copies, in the form that `Engine.chat` takes."""
        return [dict(message) for message in self._messages]

    def send(self, text: str, *, timeout: float | None = None, **options: Any) -> ChatReply:
        """Send a text and stream the answer. The turn begins with the loop, or with ``await``.

        The text and the answer join the history when the answer is complete. Of a loop that is left early the history
        gets the text and the part of the answer that had come; of a turn that fails, and of one that is left before
        its first chunk, it gets nothing.

        Args:
            text: The text.
            timeout: Seconds that the model may take, as for `Engine.run`.
            **options: Options of this turn alone, in place of the chat's.

        Returns:
            An iterator over `Chunk`; ``await`` returns the `ChatAnswer`. Their errors are those of `Engine.run`, and:

        Raises:
            InputError: For other arguments, and in the loop if another answer of this chat is under way.
            ContextExceeded: In the loop, if the chat does not fit into the model's context.
        """
        if not check_text("text", text):
            raise InputError("text: expected a text that is not empty, got ''.")
        checked, limit = self._options.updated(options), check_timeout(timeout)
        return ChatReply(lambda on_chunk: self._take_turn(text, checked, limit, on_chunk))

    def clone(self, **options: Any) -> Chat:
        """Return a chat with the same history that goes its own way.

        Args:
            **options: Options in place of this chat's: another ``seed`` for another answer.

        Raises:
            InputError: For options that a chat does not have.
        """
        return Chat(self._run, self._messages, self._options.updated(options), self.context_length)

    def __repr__(self) -> str:
        """Return the number of messages."""
        return f"<Chat: {len(self._messages)} message{'' if len(self._messages) == 1 else 's'}>"

    async def _take_turn(
        self,
        text: str,
        options: ChatOptions,
        timeout: float | None,  # noqa: ASYNC109  as `Engine.run`
        on_chunk: Callable[[Chunk], None],
    ) -> ChatAnswer:
        await self._begin()
        question = {"role": USER, "content": text}
        parts: list[str] = []

        def receive(chunk: Chunk) -> None:
            parts.append(chunk.text)
            on_chunk(chunk)

        history = self._messages
        try:
            history, reply = await self._fitting_reply(history, question, options, timeout, receive)
        except asyncio.CancelledError:
            if parts:
                self._messages = (*history, question, {"role": ASSISTANT, "content": "".join(parts)})
            raise
        dropped = tuple(each for each in self._messages if not any(each is kept for kept in history))
        self._messages = (*history, question, {"role": ASSISTANT, "content": reply["text"]})
        return ChatAnswer(
            reply["text"],
            reply["finish"],
            reply["promptTokens"],
            reply["cachedTokens"],
            reply["newTokens"],
            reply["contextLength"],
            tuple(dict(message) for message in dropped),
        )

    async def _begin(self) -> None:
        """Wait for the end of a turn whose loop was left.

        Raises:
            InputError: If a turn is under way.
        """
        turn = self._turn
        if turn is not None and not turn.done():
            if not turn.cancelling():
                raise InputError(
                    "An answer of this chat is under way: read it to its end or leave its loop (aclose) before the "
                    "next send, or send to a clone()."
                )
            await asyncio.wait([turn])
        self._turn = asyncio.current_task()

    async def _fitting_reply(
        self,
        history: tuple[Message, ...],
        question: Message,
        options: ChatOptions,
        timeout: float | None,  # noqa: ASYNC109  as `Engine.run`
        on_chunk: Callable[[Chunk], None],
    ) -> tuple[tuple[Message, ...], Mapping[str, Any]]:
        """Return the reply to a question, and the history that it was asked with."""
        while True:
            turn = {"messages": [*history, question], "options": options.to_message()}
            reply = await self._run(Call((), {}, timeout, StreamReceiver(on_chunk), turn))
            if reply["finish"] != "context":
                return history, reply
            shorter = _without_oldest_turn(history) if options.drops_oldest else history
            if shorter == history:
                raise ContextExceeded(reply["promptTokens"], options.max_new_tokens, reply["contextLength"])
            history = shorter


async def open_chat(
    run: Run,
    task_name: str,
    system: str | None,
    messages: Sequence[Message] | None,
    options: Mapping[str, Any],
) -> Chat:
    """Return a chat with an engine; arguments and errors as `Engine.chat`."""
    if task_name != "text-generation":
        raise InputError(
            f"This engine's task is {task_name}, which has no chats: create one with task_name='text-generation' and a "
            "model that was trained for chats."
        )
    checked = ChatOptions.of(options)
    history = [] if messages is None else _check_messages(messages)
    if check_optional_text("system", system) is not None:
        if history and history[0]["role"] == SYSTEM:
            raise InputError("system: messages begins with a system message already; name one of the two.")
        history.insert(0, {"role": SYSTEM, "content": str(system)})
    facts = await run(Call((), {}, turn={"messages": [], "options": checked.to_message()}))
    if not facts["hasTemplate"] and checked.values.get("chat_template") is None:
        raise InputError(
            "This model has no chat template, neither in tokenizer_config.json nor as chat_template.jinja: take a "
            "model that was trained for chats ('instruct'), or name a template in Jinja as chat_template."
        )
    return Chat(run, history, checked, facts["contextLength"])


def _check_messages(messages: Any) -> list[Message]:
    expected = f"messages: expected a list of dicts with role and content, both texts, got {show(messages)}."
    if not isinstance(messages, list | tuple) or not all(isinstance(each, Mapping) for each in messages):
        raise InputError(expected)
    for each in messages:
        is_text = all(isinstance(each.get(name), str) for name in ("role", "content"))
        if not is_text or not is_json(each):
            raise InputError(expected)
    return [dict(each) for each in messages]


def _without_oldest_turn(history: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return a history without its first message after the system's, and without the answers to that one."""
    first = 1 if history and history[0]["role"] == SYSTEM else 0
    rest = history[first + 1 :]
    begin = next((index for index, each in enumerate(rest) if each["role"] == USER), len(rest))
    return (*history[:first], *rest[begin:])
