"""Functions in the page for `test_tokenizers`."""

from __future__ import annotations

from typing import Any

import modelden


async def tokenize(model: str, texts: list[str], pairs: list[list[str]]) -> dict[str, Any]:
    """Encode and decode texts."""
    async with await modelden.load_tokenizer(model, "v1") as tokenizer:
        encodings = await tokenizer.encode_batch(texts)
        plain = await tokenizer.encode_batch(texts, add_special_tokens=False)
        decoded = await tokenizer.decode_batch([each.ids for each in encodings], skip_special_tokens=True)
        counts = [await tokenizer.count(text) for text in texts]
        results = [
            {
                "text": text,
                "ids": list(each.ids),
                "tokens": list(each.tokens),
                "plain": list(other.ids),
                "decoded": back,
                "offsets": [list(offset) for offset in each.offsets or ()],
            }
            for text, each, other, back in zip(texts, encodings, plain, decoded, strict=True)
        ]
        if counts != [len(each) for each in encodings]:
            raise AssertionError(counts)
        both = [await tokenizer.encode(*pair) for pair in pairs]
    return {
        "texts": results,
        "pairs": [
            {
                "ids": list(each.ids),
                "type_ids": list(each.type_ids),
                "offsets": [list(offset) for offset in each.offsets or ()],
            }
            for each in both
        ],
    }


async def chat(model: str, messages: list[dict[str, str]], tools: list[Any]) -> dict[str, Any]:
    """Apply the template of a model, and that of one without."""
    async with await modelden.load_tokenizer(model, "v1") as tokenizer:
        text = await tokenizer.apply_chat_template(messages, tools=tools, add_generation_prompt=True)
        ids = await tokenizer.apply_chat_template(messages, tools=tools, add_generation_prompt=True, tokenize=True)
        decoded = await tokenizer.decode(ids)
    async with await modelden.load_tokenizer("test/unigram", "v1") as tokenizer:
        try:
            await tokenizer.apply_chat_template(messages)
        except modelden.ModelDenError as error:
            return {"text": text, "decoded": decoded, "error": type(error).__name__}
    raise AssertionError("a model without a template")


async def embed(text: str, options: dict[str, Any]) -> dict[str, Any]:
    """Run static embeddings, and a table that is not there."""
    request: dict[str, Any] = {"task_name": "static-embeddings", "model_id": "test/static", "model_revision": "v1"}
    engine = await modelden.create_engine(**request, static_embeddings_options=options)
    vectors = await engine.run([text, ""], pooling="mean", normalize=True)
    await engine.close()
    try:
        await modelden.create_engine(**request, static_embeddings_options={**options, "dimensions": 32})
    except modelden.ModelDenError as error:
        failure = {"name": type(error).__name__, "message": str(error)}
    return {"shape": list(vectors.shape), "vectors": vectors.tolist(), "error": failure}
