"""Engine workers that ask for the files they are told to, and answer with what they were asked."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from modelden.engine.streaming import GENERATIVE_TASKS, Chunk, Streaming
from modelden.engine.tensor import Tensor
from modelden.errors import (
    DeviceLost,
    EngineClosed,
    EngineCrashed,
    EngineError,
    EngineTimeout,
    ModelDenError,
)
from modelden.ports import Blob, FileProvider, InferCallback, WorkerSpec
from tests.simulators.blobs import model_blob

METRICS = {
    "inputTokens": 4,
    "outputTokens": 0,
    "preprocessingTime": 0.5,
    "tokenizingTime": 0.5,
    "inferenceTime": 2.0,
    "decodingTime": 2.0,
    "timeToFirstToken": None,
    "tokensPerSecond": 0,
    "timePerOutputToken": 0,
    "runTimestamps": [{"name": "runStart", "when": 1.0}, {"name": "runEnd", "when": 3.0}],
}


class ScriptedWorker:
    """As transformers.js: files come side by side, and one that cannot be had ends it with a text of its own."""

    def __init__(self, engines: ScriptedEngines, spec: WorkerSpec) -> None:
        self.bundle = spec.bundle
        self.glue = spec.glue
        self._spec = spec
        self._engines = engines
        self._end: EngineError | None = None
        self._on_crash: Callable[[EngineCrashed], None] | None = None
        self._pending: set[asyncio.Future[Any]] = set()
        self.created: dict[str, Any] = {}
        self.wasm = b""
        self.received: dict[str, bytes] = {}
        self.preloaded: Mapping[str, Blob] = {}
        self.run_started = asyncio.Event()
        self.turns: list[Mapping[str, Any]] = []

    @property
    def closed(self) -> bool:
        return self._end is not None

    async def create(
        self, options: Mapping[str, Any], wasm: Blob | None, files: FileProvider, preloaded: Mapping[str, Blob]
    ) -> Mapping[str, Any]:
        self.created, self.wasm = dict(options), b"" if wasm is None else await wasm.read()
        self._engines.loading.set()
        if wasm is not None and not options.get("filesOnly"):
            _check_runtime(self._spec, self.wasm)
        if self._engines.lose_gpu and options["device"] == "webgpu":
            raise DeviceLost(self._engines.lose_gpu)
        if self._engines.hang > 0:
            self._engines.hang -= 1
            raise EngineTimeout("The engine gave no sign of life.")
        path = options["hubUrlTemplate"].replace("{model}", options["modelId"])
        path = path.replace("{revision}", quote(options["modelRevision"], safe=""))
        folder = f"{options['hubRootUrl'].rstrip('/')}/{path}"
        wanted = (*(_placed(file, options) for file in self._engines.files), *self._engines.optional)
        self.preloaded = preloaded

        async def found(url: str) -> Blob | None:
            return preloaded.get(url) or await files(url)

        results = await asyncio.gather(*(self._load(folder, file, found) for file in wanted), return_exceptions=True)
        if self._engines.hang < 0:
            self._engines.stuck.set()
            await asyncio.Event().wait()
        failures = [result for result in results if isinstance(result, BaseException)]
        if failures:
            raise failures[0]
        if options.get("filesOnly"):
            return {}
        return {"threads": options.get("numThreads", 1), "writes": options["task"] in GENERATIVE_TASKS}

    async def _load(self, folder: str, file: str, files: FileProvider) -> None:
        try:
            blob = await files(f"{folder}/{file}")
        except ModelDenError as error:
            raise EngineError(f"Error: {error}") from error
        except Exception as error:
            raise EngineError(f"The engine could not be given {file} (a fault of modelden's: {error!r})") from error
        if blob is not None and self.created.get("filesOnly"):
            return
        if blob is not None:
            self.received[file] = await blob.read()
            if self.received[file].startswith(self._engines.corrupt):
                raise EngineError("Can't create a session")
        elif file not in self._engines.optional:
            raise EngineError(f"Could not locate file: {folder}/{file}")

    async def chat(
        self, turn: Mapping[str, Any], on_chunk: Callable[[Chunk], None] | None = None
    ) -> tuple[Any, str | None]:
        """Answer with the last text's words in reverse, of which each is a token; then wait for the engines' `gate`."""
        self.turns.append(turn)
        context = {"contextLength": self._engines.context_length}
        if not turn["messages"]:
            await self._until_open()
            return {"hasTemplate": self._engines.has_template, **context}, None
        prompt = sum(len(message["content"].split()) for message in turn["messages"])
        limit = self._engines.context_length
        reply = {"text": "", "promptTokens": prompt, "cachedTokens": 0, "newTokens": 0, "finish": "context", **context}
        if limit is not None and prompt + turn["options"]["maxNewTokens"] > limit:
            return reply, json.dumps(METRICS)
        words = turn["messages"][-1]["content"].split()[::-1]
        if "refuse" in words:
            raise EngineError("The model refused it.")
        if on_chunk is not None:
            for word in words:
                on_chunk(Chunk(f"{word} ", None, is_prompt=False))
        await self._until_open()
        text = "".join(f"{word} " for word in words)
        return {**reply, "text": text, "newTokens": len(words), "finish": "stop"}, json.dumps(METRICS)

    async def run(
        self, args: Sequence[Any], options: Mapping[str, Any], streaming: Streaming | None = None
    ) -> tuple[Any, str | None]:
        """Run until the engines' `gate` is open."""
        if self.created["task"] == "tokenizer" and self._end is None:
            return _tokenized(*args), None
        await self._until_open()
        if streaming is not None:
            for word in str(args[0]).split():
                streaming.on_chunk(Chunk(word, None, is_prompt=False))
        if "refuse" in args:
            raise EngineError("The model refused it.")
        return {"args": list(args), "options": dict(options)}, json.dumps(METRICS)

    async def _until_open(self) -> None:
        self.run_started.set()
        if self._end is not None:
            raise self._end
        waiting: asyncio.Future[Any] = asyncio.ensure_future(self._engines.gate.wait())
        end: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending.add(end)
        try:
            await self._answer({waiting, end})
        finally:
            waiting.cancel()
            self._pending.discard(end)
            if end.done():
                end.exception()  # of a run that nobody waits for
        if end.done():
            end.result()

    async def _answer(self, events: set[asyncio.Future[Any]]) -> None:
        """Wait for the first of these; a cancelled run does so too if cancellation is ignored."""
        try:
            await asyncio.wait(events, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            if self._engines.ignores_cancellation:
                await asyncio.wait(events, return_when=asyncio.FIRST_COMPLETED)
            raise

    def watch(self, on_crash: Callable[[EngineCrashed], None]) -> None:
        self._on_crash = on_crash
        if isinstance(self._end, EngineCrashed):
            on_crash(self._end)

    def crash(self, crash: EngineCrashed | None = None) -> None:
        """Die, as a worker that the browser ended."""
        crash = crash or EngineCrashed("The engine's worker failed.")
        self._stop(crash)
        if self._on_crash is not None:
            self._on_crash(crash)

    def close(self) -> None:
        self._stop(EngineClosed("The engine was closed while it was at work."))

    def _stop(self, reason: EngineError) -> None:
        self._end = self._end or reason
        for each in self._pending:
            if not each.done():
                each.set_exception(reason)


def _placed(file: str, options: Mapping[str, Any]) -> str:
    """Return the path of a file with the options of transformers.js for the place of weights."""
    if not file.startswith("onnx/"):
        return file
    folder, name = options.get("subfolder", "onnx"), options.get("modelFileName", "model")
    return f"{folder}/{file.removeprefix('onnx/').replace('model', name, 1)}".lstrip("/")


def _tokenized(method: str, *args: Any) -> Any:
    """Return the result of a tokenizer whose tokens are characters, with one special token at the begin."""

    def ids(text: str, options: Mapping[str, Any]) -> list[int]:
        return [0] * bool(options["add_special_tokens"]) + [ord(character) for character in text]

    if method == "describe":
        return {"maxLength": 512, "specialIds": [0], "hasChatTemplate": True}
    if method == "encode":
        texts, pairs, options = args
        encoded = []
        for index, text in enumerate(texts):
            first, second = ids(text, options), ids(pairs[index], {"add_special_tokens": False}) if pairs else []
            all_ids = [*first, *second]
            types = [0] * len(first) + [1] * len(second)
            tokens = ["[CLS]" if each == 0 else chr(each) for each in all_ids]
            encoded.append(
                {"ids": all_ids, "tokens": tokens, "typeIds": types, "attentionMask": [1] * len(types), "offsets": None}
            )
        return encoded
    if method == "count":
        texts, options = args
        return [len(ids(text, options)) for text in texts]
    if method == "decode":
        batch, options = args
        skipped = (0,) if options["skip_special_tokens"] else ()
        return ["".join(chr(each % 0x110000) for each in row if each not in skipped) for row in batch]
    messages, options = args
    text = "".join(f"<{message['role']}>{message.get('content')}" for message in messages)
    text += "<tools>" * bool(options["tools"]) + "<assistant>" * options["add_generation_prompt"]
    return [ord(character) for character in text] if options["tokenize"] else text


def _check_runtime(spec: WorkerSpec, wasm: bytes) -> None:
    actual = hashlib.sha256(wasm).hexdigest()
    if actual != spec.wasm:
        raise EngineError(f"The stored runtime is damaged: expected SHA-256 {spec.wasm}, found {actual}.")


class ScriptedEngines:
    """Starts workers that need ``files``, and ask for ``optional`` ones too.

    Close `gate` to keep runs from ending, and set `ignores_cancellation` for those that are cancelled too. Set `hang`
    to let so many workers give no sign of life, -1 to let all of them be stuck when they have their files, as `stuck`
    tells; set `lose_gpu` to a reason for loads to lose it. A file that begins with `corrupt` fails a load. `loading`
    tells of a worker that begins to load. `context_length` and `has_template` are facts of models that chat.
    """

    def __init__(self, files: Sequence[str], optional: Sequence[str] = ()) -> None:
        self.files = files
        self.optional = optional
        self.workers: list[ScriptedWorker] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.ignores_cancellation = False
        self.hang = 0
        self.lose_gpu = ""
        self.corrupt = b"corrupt"
        self.context_length: int | None = 512
        self.has_template = True
        self.loading = asyncio.Event()
        self.stuck = asyncio.Event()
        self.early_workers_ended = 0

    def start(self, spec: WorkerSpec) -> ScriptedWorker:
        self.workers.append(ScriptedWorker(self, spec))
        return self.workers[-1]

    def end_early_worker(self) -> None:
        self.early_workers_ended += 1

    @property
    def alive(self) -> int:
        """The number of workers that have not ended."""
        return sum(not worker.closed for worker in self.workers)


def start_infer(infer: Coroutine[Any, Any, Sequence[Mapping[str, Any]]], on_end: InferCallback) -> Callable[[], object]:
    """Run a model in a task, and hand its end to a callback, as `ports.SessionWorker.start_infer`."""

    async def run() -> None:
        try:
            [result] = await infer
        except asyncio.CancelledError:
            on_end(None, EngineError("The run was stopped."))
        except EngineError as error:
            on_end(None, error)
        else:
            on_end(result, None)

    return asyncio.ensure_future(run()).cancel


class ScriptedSessions:
    """Opens raw models, of which nothing is real but the files; as `ScriptedEngines`, `hang` of them hang.

    A model that begins with ``beside:`` needs the file of the name that follows, and one that begins with ``full``
    finds no memory beside another one. Set `stuck` for loads that do not end when they have their files, and tell of
    it. Runs do not end while `gate` is closed, cancelled or not.
    """

    def __init__(self) -> None:
        self.hang = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.stuck: asyncio.Event | None = None
        self.workers: list[ScriptedSession] = []

    def start_session(self, spec: WorkerSpec) -> ScriptedSession:
        self.workers.append(ScriptedSession(self, spec))
        return self.workers[-1]

    def to_blob(self, data: Any) -> Blob:
        return model_blob(data)


class ScriptedSession:
    """A worker with raw models that take nothing and give nothing."""

    def __init__(self, sessions: ScriptedSessions, spec: WorkerSpec) -> None:
        self.bundle = spec.bundle
        self.glue = spec.glue
        self._spec = spec
        self.end_reason: EngineError | None = None
        self.opened: dict[str, Any] = {}
        self.runtimes = 0
        """The number of loads with a runtime."""
        self.models: dict[int, bytes] = {}
        """The contents of the models that are open, by their numbers."""
        self._sessions = sessions
        self._end = asyncio.Event()

    @property
    def closed(self) -> bool:
        return self.end_reason is not None

    async def open(
        self, session: int, options: Mapping[str, Any], wasm: Blob | None, model: Blob, files: FileProvider
    ) -> Mapping[str, Any]:
        self.opened = dict(options)
        self.runtimes += wasm is not None
        if self._sessions.hang:
            self._sessions.hang -= 1
            self.end(EngineTimeout("The engine gave no sign of life."))
        if wasm is not None:
            _check_runtime(self._spec, await wasm.read())
        elif not self.runtimes:
            raise EngineError("this worker has no runtime yet, and was sent none")
        content = await model.read()
        if content.startswith(b"beside:") and await files(content.removeprefix(b"beside:").decode()) is None:
            raise EngineError("there is no such file")
        if self._sessions.stuck is not None:
            self._sessions.stuck.set()
            await asyncio.Event().wait()
        if self.end_reason is not None:
            raise self.end_reason
        if content.startswith(b"corrupt"):
            raise EngineError("it is no ONNX model.")
        if content.startswith(b"full") and self.models:
            raise EngineError("ERROR_CODE: 6, ERROR_MESSAGE: std::bad_alloc")
        self.models[session] = content
        names = ("producer_name", "graph_name", "domain", "description", "graph_description")
        metadata: dict[str, Any] = {**dict.fromkeys(names, ""), "version": None, "custom_metadata_map": {}}
        running = {"device": options["device"], "deviceReason": None, "threads": 1, "threadsReason": None}
        return {"inputs": [], "outputs": [], "overridable": [], "metadata": metadata, "onnxruntime": "1.22", **running}

    async def infer(
        self, session: int, outputs: Sequence[str], feeds: Sequence[Mapping[str, Any]]
    ) -> Sequence[Mapping[str, Any]]:
        if self.end_reason is not None:
            raise self.end_reason
        if session not in self.models:
            raise EngineError("the session has not been opened yet")
        for feed in feeds:
            if "lose" in feed and self.opened["device"] == "webgpu":
                self.end(DeviceLost("gone"))
            if "refuse" in feed:
                raise EngineError("The model refused it.")
            await self._answer()
            if self.end_reason is not None:
                raise self.end_reason
        return [{name: Tensor([], "string", (0,)) for name in outputs} for _ in feeds]

    def start_infer(
        self, session: int, outputs: Sequence[str], feed: Mapping[str, Any], on_end: InferCallback
    ) -> Callable[[], object] | None:
        if self.end_reason is not None:
            raise self.end_reason
        return start_infer(self.infer(session, outputs, [feed]), on_end)

    async def _answer(self) -> None:
        events = [asyncio.ensure_future(event.wait()) for event in (self._sessions.gate, self._end)]
        try:
            await asyncio.wait(events, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await asyncio.wait(events, return_when=asyncio.FIRST_COMPLETED)
            raise
        finally:
            for event in events:
                event.cancel()

    def release(self, session: int) -> None:
        self.models.pop(session, None)

    def end(self, reason: EngineError) -> None:
        """End with an error, as a worker that the browser ended."""
        self.end_reason = self.end_reason or reason
        self.models.clear()
        self._end.set()

    def close(self) -> None:
        self.end(EngineClosed("The engine was closed while it was at work."))
