"""Functions in the page for `test_chats`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import modelden

type Json = Any

SHORT: dict[str, Any] = {"max_new_tokens": 24}


async def converse(request: dict[str, Any]) -> Json:
    """Two turns, each beside a fresh run of the same messages."""
    async with await modelden.create_engine(**request) as engine:
        chat = await engine.chat("be brief", **SHORT)
        reply = chat.send("hello")
        chunks = [chunk.text async for chunk in reply]
        turns = [{"answer": asdict(reply.result), "chunks": chunks, "fresh": await _fresh(engine, chat)}]
        metrics = engine.last_metrics
        for text in ("and then?", "what else?"):
            answer = await chat.send(text)
            turns.append({"answer": asdict(answer), "fresh": await _fresh(engine, chat)})
        assert metrics is not None
        return {"turns": turns, "messages": chat.messages, "length": chat.context_length}


async def _fresh(engine: modelden.Engine, chat: modelden.Chat) -> str:
    """The answer to the last question by the pipeline itself, which computes everything anew."""
    ((result),) = await engine.run(chat.messages[:-1], **SHORT)
    return str(result["generated_text"][-1]["content"])


async def choose(request: dict[str, Any]) -> Json:
    """Answers with seeds, stop strings and limits of the choice of tokens."""
    async with await modelden.create_engine(**request) as engine:
        chat = await engine.chat(**SHORT)
        await chat.send("hello")
        seeded = [await chat.clone(seed=seed).send("go on") for seed in (1, 1, 2)]
        greedy = await chat.clone().send("go on")
        forced = [await chat.clone(**options).send("go on") for options in FORCED]
        stop = greedy.text[5:8]
        reply = chat.clone(stop_strings=["never", stop]).send("go on")
        chunks = [chunk.text async for chunk in reply]
        return {
            "seeded": [answer.text for answer in seeded],
            "greedy": asdict(greedy),
            "forced": [answer.text for answer in forced],
            "stop": stop,
            "stopped": asdict(reply.result),
            "chunks": chunks,
        }


FORCED: list[dict[str, Any]] = [{"seed": 5, "top_k": 1}, {"seed": 5, "top_p": 1e-6}, {"seed": 5, "temperature": 0}]
"""Choices that leave the likeliest token alone."""


async def overflow(request: dict[str, Any]) -> Json:
    """A chat that outgrows its model, and one whose answer is left."""
    async with await modelden.create_engine(**request) as engine:
        chat = await engine.chat(max_new_tokens=100)
        await chat.send("a" * 200)
        try:
            await chat.send("b" * 200)
        except modelden.errors.ContextExceeded as caught:
            error = [caught.prompt_tokens, caught.max_new_tokens, caught.context_length]
        answer = await chat.send("b" * 200, overflow="drop_oldest")
        left = await engine.chat(min_new_tokens=400, max_new_tokens=400)
        chunk = ""
        async for each in left.send("hello"):
            chunk = each.text
            break
        after = await left.send("and?", min_new_tokens=0, max_new_tokens=5)
        return {
            "error": error,
            "dropped": len(answer.dropped),
            "length": len(chat.messages),
            "left": left.messages[1]["content"].startswith(chunk) and len(left.messages[1]["content"]) < 400,
            "after": after.new_tokens,
        }
