"""A Whisper: hears a second at a time, and writes with a key-value cache, looking at what it heard."""

from __future__ import annotations

from tests.tiny_models.audio import RATE
from tests.tiny_models.generation import HEADS, HIDDEN, POSITIONS, decode, encoder_states
from tests.tiny_models.graph import Graph
from tests.tiny_models.tokenizers import CHARACTERS, PAD, Files, Json, characters, json_files

SECONDS = 1
HOP = 160
FRAMES = SECONDS * RATE // HOP
PLACES = FRAMES // 2
"""What the encoder makes of the frames: one place for 0.02 seconds, as Whisper's."""

MELS = 8
TOKENS = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|de|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|notimestamps|>",
    *(f"<|{place / 50:.2f}|>" for place in range(PLACES + 1)),
)
VOCABULARY = len(CHARACTERS) + len(TOKENS)


def token(name: str) -> int:
    """The id of one of Whisper's own tokens."""
    return len(CHARACTERS) + TOKENS.index(f"<|{name}|>")


def whisper() -> Files:
    """The multilingual one's shape, with the attentions that times of words are made of."""
    encoder = Graph("whisper-encoder", seed=45)
    mels = encoder.input("input_features", ["batch", MELS, "frames"])
    places = encoder.op("Conv", mels, encoder.weights(HIDDEN, MELS, 2, scale=0.6), strides=[2])
    states = encoder.op("Transpose", encoder.op("Tanh", places), perm=[0, 2, 1])
    encoder.output(states, "last_hidden_state", ["batch", PLACES, HIDDEN])
    # With other seeds it may hear nothing but times, which transformers.js itself fails at.
    decoder = Graph("whisper-decoder", seed=68)
    looked = decode(decoder, "0.decoder", encoded=encoder_states(decoder), vocabulary=VOCABULARY)
    decoder.output(looked, "cross_attentions.0", ["batch", HEADS, "seq", PLACES])
    config: Json = {
        "model_type": "whisper",
        "architectures": ["WhisperForConditionalGeneration"],
        "is_encoder_decoder": True,
        "vocab_size": VOCABULARY,
        "d_model": HIDDEN,
        "encoder_layers": 1,
        "encoder_attention_heads": HEADS,
        "decoder_layers": 1,
        "decoder_attention_heads": HEADS,
        "num_mel_bins": MELS,
        "max_source_positions": PLACES,
        "max_target_positions": POSITIONS,
        "median_filter_width": 3,
        "decoder_start_token_id": token("startoftranscript"),
        "eos_token_id": token("endoftext"),
        "pad_token_id": PAD,
    }
    return {
        **json_files(config=config, generation_config=_generation(config), preprocessor_config=_extractor()),
        **characters(whispers=TOKENS),
        "onnx/encoder_model.onnx": encoder.model(),
        "onnx/decoder_model_merged.onnx": decoder.model(),
    }


def _generation(config: Json) -> Json:
    return {
        **{name: config[name] for name in ("decoder_start_token_id", "eos_token_id", "pad_token_id")},
        "max_length": 40,
        "is_multilingual": True,
        "lang_to_id": {f"<|{name}|>": token(name) for name in ("en", "de")},
        "task_to_id": {name: token(name) for name in ("translate", "transcribe")},
        "no_timestamps_token_id": token("notimestamps"),
        "max_initial_timestamp_index": 5,
        "alignment_heads": [[0, head] for head in range(HEADS)],
        "begin_suppress_tokens": [CHARACTERS.index("Ġ"), token("endoftext")],
    }


def _extractor() -> Json:
    return {
        "feature_extractor_type": "WhisperFeatureExtractor",
        "processor_class": "WhisperProcessor",
        "sampling_rate": RATE,
        "feature_size": MELS,
        "chunk_length": SECONDS,
        "n_samples": SECONDS * RATE,
        "nb_max_frames": FRAMES,
        "n_fft": 400,
        "hop_length": HOP,
    }
