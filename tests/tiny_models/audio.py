"""Models that hear or speak: waveforms at 16 kHz, in frames of 16 samples."""

from __future__ import annotations

from tests.tiny_model import WORDS
from tests.tiny_models.graph import FLOAT, INT64, Graph
from tests.tiny_models.tokenizers import CHARACTERS, UNKNOWN, Files, Json, characters, json_files, words

RATE = 16_000
FRAME = 16
LABELS = ("yes", "no", "silence")
LETTERS = ("<pad>", "<s>", "</s>", "<unk>", "|", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ")

_WAVE = ("batch", "samples")


def audio_classification() -> Files:
    """One of three labels."""
    graph = Graph("audio-classification", seed=41)
    mean = graph.op("ReduceMean", _frames(graph), axes=[1], keepdims=0)
    graph.output(graph.op("MatMul", mean, graph.weights(8, len(LABELS), scale=3)), "logits", ["batch", len(LABELS)])
    config: Json = {
        "model_type": "wav2vec2",
        "architectures": ["Wav2Vec2ForSequenceClassification"],
        "id2label": {str(index): label for index, label in enumerate(LABELS)},
    }
    extractor = json_files(config=config, preprocessor_config=_extractor())
    return {**extractor, "onnx/model.onnx": graph.model()}


def automatic_speech_recognition() -> Files:
    """A letter for each frame, repeated ones and blanks taken out (CTC)."""
    graph = Graph("automatic-speech-recognition", seed=42)
    logits = graph.op("MatMul", _frames(graph), graph.weights(8, len(LETTERS), scale=2))
    graph.output(logits, "logits", ["batch", "frames", len(LETTERS)])
    config: Json = {"model_type": "wav2vec2", "architectures": ["Wav2Vec2ForCTC"], "vocab_size": len(LETTERS)}
    processor = {**_extractor(), "processor_class": "Wav2Vec2Processor"}
    return {
        **json_files(config=config, preprocessor_config=processor),
        **_letters(),
        "onnx/model.onnx": graph.model(),
    }


def zero_shot_audio_classification() -> Files:
    """A model that rates how well each text fits a sound."""
    graph = Graph("zero-shot-audio-classification", seed=43)
    mel = graph.input("input_features", ["batch", 1, "frames", 8])
    sound = graph.op("Squeeze", graph.op("ReduceMean", mel, axes=[2], keepdims=0), graph.ints(1))
    ids = graph.input("input_ids", ["texts", "seq"], INT64)
    tokens = graph.op("Gather", graph.weights(len(WORDS), 8), ids)
    mask = graph.op("Cast", graph.input("attention_mask", ["texts", "seq"], INT64), to=FLOAT)
    masked = graph.op("Mul", tokens, graph.op("Unsqueeze", mask, graph.ints(2)))
    texts = graph.op("ReduceMean", masked, axes=[1], keepdims=0)
    scores = graph.op("MatMul", sound, graph.op("Transpose", texts, perm=[1, 0]))
    graph.output(graph.op("Mul", scores, graph.scalar(0.02)), "logits_per_audio", ["batch", "texts"])
    config: Json = {"model_type": "clap", "architectures": ["ClapModel"]}
    processor: Json = {
        "feature_extractor_type": "ClapFeatureExtractor",
        "processor_class": "ClapProcessor",
        "sampling_rate": RATE,
        "feature_size": 8,
        "nb_frequency_bins": 65,
        "fft_window_size": 128,
        "hop_length": 64,
        "nb_max_samples": 2048,
        "nb_max_frames": 33,
        "max_length_s": 1,
        "frequency_min": 50,
        "frequency_max": 8000,
        "padding": "repeatpad",
        "padding_value": 0,
        "truncation": "rand_trunc",
    }
    return {
        **json_files(config=config, preprocessor_config=processor),
        **words(),
        "onnx/model.onnx": graph.model(),
    }


def text_to_audio() -> Files:
    """Sixteen samples for each character, as VITS."""
    graph = Graph("text-to-audio", seed=44)
    ids = graph.input("input_ids", ["batch", "seq"], INT64)
    graph.input("attention_mask", ["batch", "seq"], INT64)
    samples = graph.op("Gather", graph.weights(len(CHARACTERS), FRAME, scale=0.3), ids)
    wave = graph.op("Reshape", graph.op("Tanh", samples), graph.ints(0, -1))
    graph.output(wave, "waveform", ["batch", "samples"])
    config: Json = {"model_type": "vits", "architectures": ["VitsModel"], "sampling_rate": RATE}
    return {**json_files(config=config), **characters(), "onnx/model.onnx": graph.model()}


def _frames(graph: Graph) -> str:
    wave = graph.op("Unsqueeze", graph.input("input_values", _WAVE), graph.ints(1))
    maps = graph.op("Conv", wave, graph.weights(8, 1, FRAME), strides=[FRAME])
    return graph.op("Transpose", graph.op("Tanh", maps), perm=[0, 2, 1])


def _extractor() -> Json:
    return {
        "feature_extractor_type": "Wav2Vec2FeatureExtractor",
        "feature_size": 1,
        "sampling_rate": RATE,
        "padding_value": 0.0,
        "do_normalize": True,
        "return_attention_mask": True,
    }


def _letters() -> Files:
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": index,
                "content": LETTERS[index],
                **dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False),
                "special": True,
            }
            for index in range(4)
        ],
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "|"},
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": ""}, "behavior": "Isolated", "invert": False},
        "post_processor": None,
        "decoder": {"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": True},
        "model": {"vocab": {letter: index for index, letter in enumerate(LETTERS)}},
    }
    config = {
        "tokenizer_class": "Wav2Vec2CTCTokenizer",
        "pad_token": "<pad>",
        "unk_token": LETTERS[UNKNOWN + 1],
        "word_delimiter_token": "|",
        "do_lower_case": False,
        "model_max_length": 512,
    }
    return json_files(tokenizer=tokenizer, tokenizer_config=config)
