"""SpeechT5's shape: text becomes frames of a spectrogram, two at a time, and another model makes a sound of them."""

from __future__ import annotations

from tests.tiny_models.audio import FRAME, RATE
from tests.tiny_models.graph import INT64, Graph
from tests.tiny_models.tokenizers import CHARACTERS, Files, Json, characters, json_files

VOCODER = "Xenova/speecht5_hifigan"
"""Where transformers.js looks for what makes the sound (``TextToAudioPipeline.DEFAULT_VOCODER_ID``)."""

HIDDEN, MELS, SPEAKER, FRAMES = 8, 4, 6, 2


def text_to_speech() -> Files:
    """Frames that depend on the text, the voice, and the frame before."""
    encoder = Graph("speech-encoder", seed=51)
    ids = encoder.input("input_ids", ["batch", "seq"], INT64)
    states = encoder.op("Gather", encoder.weights(len(CHARACTERS), HIDDEN), ids)
    encoder.output(states, "encoder_outputs", ["batch", "seq", HIDDEN])
    encoder.output(
        encoder.op("Sign", encoder.op("Add", ids, encoder.ints(1))), "encoder_attention_mask", ["b", "s"], INT64
    )
    config: Json = {
        "model_type": "speecht5",
        "architectures": ["SpeechT5ForTextToSpeech"],
        "is_encoder_decoder": True,
        "reduction_factor": FRAMES,
        "num_mel_bins": MELS,
        "hidden_size": HIDDEN,
        **{f"{part}_layers": 1 for part in ("encoder", "decoder")},
        **{f"{part}_attention_heads": 2 for part in ("encoder", "decoder")},
    }
    processor: Json = {
        "feature_extractor_type": "SpeechT5FeatureExtractor",
        "processor_class": "SpeechT5Processor",
        "sampling_rate": RATE,
    }
    return {
        **json_files(config=config, preprocessor_config=processor, generation_config={}),
        **characters(),
        "onnx/encoder_model.onnx": encoder.model(),
        "onnx/decoder_model_merged.onnx": _decoder().model(),
    }


def vocoder() -> Files:
    """Sixteen samples for each frame."""
    graph = Graph("vocoder", seed=53)
    frames = graph.op("MatMul", graph.input("spectrogram", ["frames", MELS]), graph.weights(MELS, FRAME))
    graph.output(graph.op("Reshape", graph.op("Tanh", frames), graph.ints(-1)), "waveform", ["samples"])
    config: Json = {"model_type": "hifigan", "architectures": ["SpeechT5HifiGan"]}
    return {**json_files(config=config), "onnx/model.onnx": graph.model()}


def _decoder() -> Graph:
    graph = Graph("speech-decoder", seed=52)
    text = graph.op("ReduceMean", graph.input("encoder_hidden_states", ["b", "s", HIDDEN]), axes=[1], keepdims=0)
    voice = graph.input("speaker_embeddings", ["b", SPEAKER])
    spoken = graph.input("output_sequence", ["b", "frames", MELS])
    before = graph.op("ReduceMean", spoken, axes=[1], keepdims=0)
    together = graph.op("Concat", text, voice, before, axis=1)
    frames = graph.op("Tanh", graph.op("MatMul", together, graph.weights(HIDDEN + SPEAKER + MELS, FRAMES * MELS)))
    spectrum = graph.op("Reshape", frames, graph.ints(FRAMES, MELS))
    graph.output(spectrum, "spectrum", [FRAMES, MELS])
    # Ends by the longest length alone: a stop token would have to be hit by chance.
    graph.output(graph.op("Sub", graph.op("Abs", before), graph.scalar(2.0)), "prob", ["b", MELS])
    last = graph.op("Reshape", spectrum, graph.ints(1, FRAMES, MELS))
    graph.output(graph.op("Concat", spoken, last, axis=1), "output_sequence_out", ["b", "more", MELS])
    return graph
