"""For each tiny model, calls that it is asked. Files and floats are marked, in base64."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from array import array
from typing import Any

type Json = Any

RATE = 16_000


def png(width: int, height: int) -> bytes:
    """A picture without a pattern that scaling could hide."""
    rows = [
        bytes(
            [
                0,
                *(
                    value
                    for x in range(width)
                    for value in ((x * 37 + y * 11) % 256, (x * y * 7) % 256, (y * 53) % 256)
                ),
            ]
        )
        for y in range(height)
    ]
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def wave(count: int) -> array[float]:
    """A sound that rises."""
    return array("f", (math.sin(i * i / 9000) * 0.7 for i in range(count)))


def call(*args: Json, **options: Json) -> Json:
    """One call of a pipeline."""
    return {"args": list(args), "options": options}


def _marked(kind: str, data: bytes) -> Json:
    return {kind: base64.b64encode(data).decode()}


IMAGE = _marked("$file", png(13, 11))
OTHER_IMAGE = _marked("$file", png(8, 8))
SOUND = _marked("$floats", wave(3000).tobytes())
LONG_SOUND = _marked("$floats", wave(2 * RATE).tobytes())
OTHER_SOUND = _marked("$floats", wave(1024).tobytes())

VOICE = _marked("$floats", wave(6).tobytes())

TEXT = "Hello world, the cat"
WORDS = "the [MASK] cat a dog"

CASES: dict[str, list[Json]] = {
    "audio-classification": [call(SOUND), call([SOUND, OTHER_SOUND], top_k=2)],
    "automatic-speech-recognition": [call(SOUND), call([OTHER_SOUND, SOUND])],
    "background-removal": [call(IMAGE)],
    "depth-estimation": [call(IMAGE), call([OTHER_IMAGE, OTHER_IMAGE])],
    "document-question-answering": [call(IMAGE, "What is it?")],
    "feature-extraction": [call(TEXT), call([TEXT, "dog"], pooling="mean", normalize=True)],
    "fill-mask": [call(WORDS), call([WORDS, "[MASK] dog"], top_k=2)],
    "image-classification": [call(IMAGE), call([IMAGE, OTHER_IMAGE], top_k=2)],
    "image-feature-extraction": [call(IMAGE), call([IMAGE, OTHER_IMAGE], pool=True)],
    "image-segmentation": [call(IMAGE)],
    "image-to-image": [call(OTHER_IMAGE), call([OTHER_IMAGE, OTHER_IMAGE])],
    "image-to-text": [call(IMAGE, max_new_tokens=20), call([IMAGE, OTHER_IMAGE], max_new_tokens=9)],
    "object-detection": [call(IMAGE, threshold=0.1), call([OTHER_IMAGE], threshold=0.2, percentage=True)],
    "question-answering": [call("a cat", "the cat. the dog. hello", top_k=2)],
    "summarization": [call(TEXT, max_new_tokens=20)],
    "text-classification": [call(TEXT), call([TEXT, "a dog"], top_k=3)],
    "text-generation": [
        call(TEXT, max_new_tokens=30),
        call([TEXT, "the"], max_new_tokens=8, return_full_text=False),
        call([{"role": "user", "content": "Who?"}], max_new_tokens=8),
        call(TEXT, max_new_tokens=12, repetition_penalty=1.3, no_repeat_ngram_size=2),
    ],
    "text-to-audio": [call(TEXT)],
    "text-to-speech": [call("the cat", speaker_embeddings=VOICE), call("a dog", speaker_embeddings=VOICE)],
    "text2text-generation": [call(TEXT, max_new_tokens=30), call([TEXT, "dog"], max_new_tokens=8)],
    "token-classification": [call(TEXT), call([TEXT, "hello"], ignore_labels=[])],
    "translation": [call(TEXT, max_new_tokens=20)],
    "whisper": [
        call(SOUND),
        call([OTHER_SOUND, SOUND], max_new_tokens=12, language="german", task="translate"),
        call(LONG_SOUND, return_timestamps=True, max_new_tokens=20),
        call(LONG_SOUND, chunk_length_s=1, stride_length_s=0.1, return_timestamps=True, max_new_tokens=20),
        call(LONG_SOUND, chunk_length_s=1, return_timestamps="word", max_new_tokens=20),
    ],
    # Short: of a longer sound it takes a part at random.
    "zero-shot-audio-classification": [
        call(OTHER_SOUND, ["hello", "dog"]),
        call([OTHER_SOUND], ["cat", "b"], hypothesis_template="a {}"),
    ],
    "zero-shot-classification": [
        call(TEXT, ["cat", "dog"]),
        call([TEXT, "a"], ["cat", "dog", "b"], multi_label=True),
    ],
    "zero-shot-image-classification": [
        call(IMAGE, ["a cat", "a dog"]),
        call([IMAGE, OTHER_IMAGE], ["cat", "dog", "b"]),
    ],
    "zero-shot-object-detection": [call(IMAGE, ["a cat", "dog"], threshold=0.1)],
}
"""Calls by model."""
