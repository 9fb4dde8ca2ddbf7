"""`Tokenizer`: a model's tokenizer without the model, from the same cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from modelden.core.argument_checks import check_text_list
from modelden.core.arguments import check_callback, check_flag, check_optional_text, check_text, is_json, show
from modelden.core.cleanup import clean_up
from modelden.core.shown_progress import shown_progress
from modelden.default_context import current_context
from modelden.errors import EngineClosed, EngineError, InputError
from modelden.tokenizer_offsets import OffsetRules, offsets_of

if TYPE_CHECKING:
    from types import TracebackType

    from modelden.core.events import ProgressCallback
    from modelden.hub.store.usage import ModelLease
    from modelden.ports import EngineWorker

_LARGEST_ID = 2**32 - 1
"""Largest token id."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """A text as tokens.

    Attributes:
        ids: The ids of the tokens.
        tokens: The tokens as the vocabulary has them.
        type_ids: 0 for tokens of the text, 1 for those of its pair, where the tokenizer tells them apart.
        attention_mask: 1 for each token.
        offsets: Begin and end of each token in its text, in characters; (0, 0) for tokens that a template adds. None
            for tokenizers and texts that cannot be followed: known are byte-level BPE, BERT's WordPiece and pieces
            with ▁ for spaces.
    """

    __module__ = "modelden"

    ids: tuple[int, ...]
    tokens: tuple[str, ...]
    type_ids: tuple[int, ...]
    attention_mask: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...] | None = None

    def __len__(self) -> int:
        """Return the number of tokens."""
        return len(self.ids)


class Tokenizer:
    """A tokenizer in a worker. `load_tokenizer` returns one; ``async with`` closes it.

    Attributes:
        model_id: The model.
        model_revision: Its revision.
        max_length: Largest number of tokens that the model takes; None if it does not say.
        special_ids: Ids of special tokens.
    """

    __module__ = "modelden"

    def __init__(
        self, worker: EngineWorker, lease: ModelLease, model_id: str, model_revision: str, facts: Mapping[str, Any]
    ) -> None:
        """Adopt a worker; `load_tokenizer` makes one."""
        self.model_id, self.model_revision = model_id, model_revision
        self.max_length: int | None = facts.get("maxLength")
        self.special_ids = tuple(facts.get("specialIds") or ())
        self._rules = OffsetRules.of(facts.get("parts") or {})
        self._worker = worker
        self._lease = lease
        self._is_closed = False

    def __repr__(self) -> str:
        """Return model and revision."""
        return f"Tokenizer({self.model_id!r}, {self.model_revision!r})"

    async def __aenter__(self) -> Self:
        """Return the tokenizer."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    async def encode(self, text: str, pair: str | None = None, *, add_special_tokens: bool = True) -> Encoding:
        """Return a text as tokens, neither padded nor truncated.

        Args:
            text: The text.
            pair: A second text of the same sequence.
            add_special_tokens: Add those that the model wants around a text.

        Raises:
            InputError: For other arguments.
            EngineClosed: If the tokenizer was closed.
            EngineError: If its worker failed.
        """
        pairs = None if check_optional_text("pair", pair) is None else [pair]
        options = {"add_special_tokens": check_flag("add_special_tokens", add_special_tokens)}
        (value,) = await self._call("encode", [check_text("text", text)], pairs, options)
        return self._encoding(value, text, pair)

    async def encode_batch(self, texts: Sequence[str], *, add_special_tokens: bool = True) -> list[Encoding]:
        """Return each text as tokens; arguments and errors as `encode`."""
        texts = check_text_list("texts", texts)
        options = {"add_special_tokens": check_flag("add_special_tokens", add_special_tokens)}
        values = await self._call("encode", texts, None, options) if texts else []
        return [self._encoding(value, text, None) for value, text in zip(values, texts, strict=True)]

    async def count(self, text: str, *, add_special_tokens: bool = True) -> int:
        """Return the number of a text's tokens; arguments and errors as `encode`."""
        options = {"add_special_tokens": check_flag("add_special_tokens", add_special_tokens)}
        counts: list[int] = await self._call("count", [check_text("text", text)], options)
        return counts[0]

    async def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        """Return the text of tokens.

        Args:
            ids: Ids of tokens.
            skip_special_tokens: Leave out special tokens.

        Raises:
            InputError: For other arguments.
            EngineClosed: If the tokenizer was closed.
            EngineError: If its worker failed.
        """
        return (await self.decode_batch([ids], skip_special_tokens=skip_special_tokens))[0]

    async def decode_batch(self, batch: Any, *, skip_special_tokens: bool = False) -> list[str]:
        """Return the text of each list of tokens; other arguments and errors as `decode`."""
        options = {"skip_special_tokens": check_flag("skip_special_tokens", skip_special_tokens)}
        lists = [_check_ids(ids) for ids in _check_list("batch", batch, "lists of ids")]
        texts: list[str] = await self._call("decode", lists, options) if lists else []
        return texts

    async def apply_chat_template(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        add_generation_prompt: bool = False,
        tokenize: bool = False,
        chat_template: str | None = None,
    ) -> Any:
        """Return a chat as the model wants it.

        Args:
            messages: Messages with ``role`` and ``content``, the oldest first.
            tools: Functions that the model may call, as JSON schemas.
            add_generation_prompt: End with the begin of an answer.
            tokenize: Return ids of tokens in place of a text.
            chat_template: A template in Jinja, or the name of one of several; None for the model's.

        Raises:
            InputError: For other arguments.
            EngineError: If the model has no template, or the template does not take the messages.
            EngineClosed: If the tokenizer was closed.
        """
        is_list = isinstance(messages, list | tuple) and all(isinstance(each, Mapping) for each in messages)
        if not is_list or not messages or not is_json(messages) or not all("role" in each for each in messages):
            raise InputError(f"messages: expected a list of mappings with role and content, got {show(messages)}.")
        if tools is not None and not (isinstance(tools, list | tuple) and is_json(tools)):
            raise InputError(f"tools: expected a list of JSON schemas, got {show(tools)}.")
        options = {
            "tools": None if tools is None else list(tools),
            "add_generation_prompt": check_flag("add_generation_prompt", add_generation_prompt),
            "tokenize": check_flag("tokenize", tokenize),
            "chat_template": check_optional_text("chat_template", chat_template),
        }
        return await self._call("chat", list(messages), options)

    def close(self) -> None:
        """End the worker. Files stay stored."""
        if not self._is_closed:
            self._is_closed = True
            clean_up(self._worker.close, self._lease.end)

    def _encoding(self, value: Mapping[str, Any], text: str, pair: str | None) -> Encoding:
        ids, tokens = tuple(value["ids"]), tuple(value["tokens"])
        offsets: list[tuple[int, int]] | None = [(0, 0)] * len(ids)
        for span, followed in zip(value.get("spans", ()), (text, pair or ""), strict=False):
            begin, end = span
            special = [each in self.special_ids for each in ids[begin:end]]
            found = None if self._rules is None else offsets_of(followed, tokens[begin:end], special, self._rules)
            if found is None or offsets is None:
                offsets = None
            else:
                offsets[begin:end] = found
        known = None if offsets is None or not value.get("spans") else tuple(offsets)
        return Encoding(ids, tokens, tuple(value["typeIds"]), tuple(value["attentionMask"]), known)

    async def _call(self, method: str, *args: Any) -> Any:
        if self._is_closed:
            raise EngineClosed(f"The tokenizer of {self.model_id} was closed: load it again.")
        value, _ = await self._worker.run((method, *args), {})
        return value


async def load_tokenizer(
    model_id: str,
    model_revision: str = "main",
    *,
    on_progress: ProgressCallback | None = None,
    progress: Any = None,
) -> Tokenizer:
    """Load a model's tokenizer, downloading its two files if this browser does not have them. No weights, no runtime.

    Args:
        model_id: The model, ``organization/name``.
        model_revision: Branch or version.
        on_progress: Callback for the `ProgressEvent` of each step and chunk.
        progress: As for `create_engine`.

    Returns:
        The tokenizer, with the results of transformers.js.

    Raises:
        InputError: For names that no hub can have.
        FileNotFoundOnHub: If the model has no ``tokenizer.json``.
        UntrustedError: If settings or files are not authentic.
        UnavailableError: If a server cannot be reached.
        StorageError: If the browser cannot store the files.
        EngineError: If transformers.js does not understand the tokenizer.
        NotInBrowser: Outside Pyodide.
    """
    from modelden.hub.catalog.names import check_model
    from modelden.loading.tokenizer_loader import load_tokenizer as load

    check_text("model_id", model_id)
    check_text("model_revision", model_revision)
    check_model(model_id, model_revision)
    check_callback("on_progress", on_progress)
    display = shown_progress(progress, on_progress)
    context = await current_context()
    with display as on_event:
        worker, lease = await load(
            await context.hub(),
            await context.allow_list(),
            context.bundles,
            context.ports.engines,
            model_id,
            model_revision,
            context.config.hub_root_url,
            context.config.hub_url_template,
            on_event,
        )
    try:
        facts, _ = await worker.run(("describe",), {})
    except EngineError:
        clean_up(worker.close, lease.end)
        raise
    context.tidy()
    return Tokenizer(worker, lease, model_id, model_revision, facts if isinstance(facts, Mapping) else {})


def _check_list(name: str, value: Any, items: str) -> list[Any]:
    message = f"{name}: expected a list of {items}, got {show(value)}."
    if isinstance(value, str | bytes):
        raise InputError(message)
    try:
        return list(value)
    except Exception as error:  # a file or a view that was closed raises what it likes
        raise InputError(message) from error


def _check_ids(ids: Any) -> list[int]:
    listed = _check_list("ids", ids, "token ids")
    try:
        values = [id_.__index__() for id_ in listed if not isinstance(id_, bool)]
        is_known = len(values) == len(listed) and all(0 <= value <= _LARGEST_ID for value in values)
    except (AttributeError, TypeError):
        is_known = False
    if not is_known:
        raise InputError(f"ids: expected whole numbers from 0 to {_LARGEST_ID}, got {show(ids)}.")
    return values


load_tokenizer.__module__ = "modelden"
