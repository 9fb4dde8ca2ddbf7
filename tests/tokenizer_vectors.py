# /// script
# requires-python = ">=3.12"
# dependencies = ["tokenizers==0.23.3"]
# ///
"""Writes `tests/truth/tokenizer_vectors.json`: three small tokenizers, and what the package makes of texts.

    uv run tests/tokenizer_vectors.py

The families are BERT's (WordPiece), GPT-2's (byte-level BPE) and T5's (Unigram). The browser's tokenizers are compared
with these results (`tests/pyodide/test_tokenizers.py`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import (  # type: ignore[import-not-found]  # the script has an environment of its own
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

CORPUS = [
    "The quick brown fox jumps over the lazy dog near the river.",
    "A model that runs in the browser needs no server, and no server sees its inputs.",
    "Tokenizers split texts into words and pieces of words: token, tokens, tokenizer.",
    "Der schnelle braune Fuchs springt; der Hund ist müde. Café, naïve, façade.",
    "1234567890 10.5 3,000 (a) [b] {c} <d> & e-mail: someone@example.org",
] * 4

TEXTS = [
    "",
    "hello",
    "The quick brown fox.",
    "Tokenizers tokenize tokens!",
    "  two  spaces \n and a line ",
    "Café naïve MÜDE",
    "e-mail: someone@example.org, 3,000 (a)",
    "\U0001f600 emoji and \u4e2d\u6587",
    "don't stop, it's 10.5",
    "cafe\u0301 \ufb01ne \u00bd \u0130",
    "a\tb\u00a0c...!? ",
    "zero\u200bwidth \u65e5\u672c\u8a9e text",
]

PAIRS = [["The fox", "jumps over"]]
"""transformers.js takes an empty second text for none, so there is none here."""


def word_piece() -> tuple[Tokenizer, dict[str, Any]]:
    """As BERT's uncased one."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))  # noqa: S106  no password
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=260, special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    return tokenizer, {"tokenizer_class": "BertTokenizer", "model_max_length": 512, "unk_token": "[UNK]"}


def byte_level() -> tuple[Tokenizer, dict[str, Any]]:
    """As GPT-2's."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.decoder = decoders.ByteLevel()
    end = "<|endoftext|>"
    template = (
        "{% for message in messages %}<{{ message.role }}>{{ message.content }}\n{% endfor %}"
        "{% if tools %}[{% for tool in tools %}{{ tool.function.name }}{% endfor %}]{% endif %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    config = {"tokenizer_class": "GPT2Tokenizer", "model_max_length": 1024, "eos_token": end, "bos_token": end}
    return tokenizer, {**config, "clean_up_tokenization_spaces": False, "chat_template": template}


def unigram() -> tuple[Tokenizer, dict[str, Any]]:
    """As T5's."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(" {2,}", " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="always")
    special = ["<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(vocab_size=200, special_tokens=special, unk_token="<unk>")  # noqa: S106  no password
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", tokenizer.token_to_id("</s>"))]
    )
    tokenizer.decoder = decoders.Metaspace(replacement="\u2581", prepend_scheme="always")
    config = {"tokenizer_class": "T5Tokenizer", "model_max_length": 512, "eos_token": "</s>", "unk_token": "<unk>"}
    return tokenizer, {**config, "pad_token": "<pad>"}


def vectors(tokenizer: Tokenizer) -> dict[str, Any]:
    """Return the results for all texts."""
    texts = []
    for text in TEXTS:
        encoding = tokenizer.encode(text)
        plain = tokenizer.encode(text, add_special_tokens=False)
        decoded = tokenizer.decode(encoding.ids, skip_special_tokens=True)
        facts = {"text": text, "ids": encoding.ids, "tokens": encoding.tokens, "plain": plain.ids, "decoded": decoded}
        texts.append({**facts, "offsets": encoding.offsets})
    pairs = [(pair, tokenizer.encode(*pair)) for pair in PAIRS]
    return {
        "texts": texts,
        "pairs": [
            {"pair": pair, "ids": each.ids, "type_ids": each.type_ids, "offsets": each.offsets} for pair, each in pairs
        ],
    }


def main() -> None:
    """Write the file. Tokenizers that it has stay: their training differs from time to time."""
    path = Path(__file__).parent / "truth/tokenizer_vectors.json"
    stored = json.loads(path.read_text("utf-8")) if path.exists() else {}
    content = {}
    for name, make in (("wordpiece", word_piece), ("bytelevel", byte_level), ("unigram", unigram)):
        tokenizer, config = make()
        source = stored[name]["tokenizer"] if name in stored else json.loads(tokenizer.to_str())
        results = vectors(Tokenizer.from_str(json.dumps(source)))
        content[name] = {"tokenizer": source, "config": config, **results}
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
