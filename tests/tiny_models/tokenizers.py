"""Tokenizers: BERT's with sixteen words (of `tests.tiny_model`), and one whose tokens are single characters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.tiny_model import TOKENIZER, TOKENIZER_CONFIG

type Json = dict[str, Any]
type Files = dict[str, bytes]

PAD, END, UNKNOWN = 0, 1, 2
CHARACTERS = ("<pad>", "</s>", "<unk>", "Ċ", "Ġ", *(chr(code) for code in range(0x21, 0x7F)))
"""Printable ASCII as GPT-2's byte level writes it: newline is Ċ, the space is Ġ."""


def json_files(**contents: Json) -> Files:
    """JSON files by their name without its ending."""
    return {f"{name}.json": json.dumps(content).encode() for name, content in contents.items()}


def words() -> Files:
    """BERT's tokenizer."""
    return json_files(tokenizer=TOKENIZER, tokenizer_config=TOKENIZER_CONFIG)


def characters(
    *,
    ends_with_token: bool = False,
    chat_template: str | None = None,
    whispers: Sequence[str] = (),
    max_length: int = 512,
) -> Files:
    """GPT-2's tokenizer without merges; as T5's it puts </s> behind a text, as Whisper's it has more tokens."""
    post_processor: Json = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    if ends_with_token:
        end = {"SpecialToken": {"id": "</s>", "type_id": 0}}
        text = [{"Sequence": {"id": "A", "type_id": 0}}, end]
        special = {"</s>": {"id": "</s>", "ids": [END], "tokens": ["</s>"]}}
        post_processor = {"type": "TemplateProcessing", "single": text, "pair": text, "special_tokens": special}
    tokenizer: Json = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            *(_added(index, CHARACTERS[index]) for index in (PAD, END, UNKNOWN)),
            # As Whisper's: times are no special tokens.
            *(
                _added(index, token, special=not token[2].isdigit())
                for index, token in enumerate(whispers, len(CHARACTERS))
            ),
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": post_processor,
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "vocab": {token: index for index, token in enumerate(CHARACTERS)},
            "merges": [],
        },
    }
    config: Json = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": "<pad>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "model_max_length": max_length,
        "clean_up_tokenization_spaces": False,
    }
    if chat_template is not None:
        config["chat_template"] = chat_template
    if whispers:
        config |= {"tokenizer_class": "WhisperTokenizer", "eos_token": whispers[0]}
    return json_files(tokenizer=tokenizer, tokenizer_config=config)


def _added(index: int, token: str, *, special: bool = True) -> Json:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": index, "content": token, **flags, "special": special}
