"""What options may be: Firefox's enums and tables (``EngineProcess.sys.mjs``, ESR 153). Pure data."""

from __future__ import annotations

DEFAULT_ENGINE_ID = "default-engine"
"""The engine's name when neither the caller nor the feature has one."""

FEATURES: dict[str, str] = {
    "pdfjs-alt-text": "pdfjs",
    "suggest-intent-classification": "ml-suggest-intent",
    "suggest-NER": "ml-suggest-ner",
    "about-inference": "about-inference",
    "smart-tab-embedding": "smart-tab-embedding-engine",
    "smart-tab-topic": "smart-tab-topic-engine",
    "formfill-classification": "formfill-classification-engine",
    "simple-text-embedder": "simple-text-embedder-engine",
    "link-preview": "link-preview",
    "smart-intent": "smart-intent",
    "chat": "smart-openai",
    "title-generation": "title-generation-engine",
    "conversation-suggestions-sidebar-starter": "smart-openai",
    "conversation-suggestions-followup": "smart-openai",
    "memories-initial-generation-system": "smart-openai-memories-generation",
    "memories-message-classification-system": "smart-openai-memories-usage",
    "llm-telemetry": "llm-telemetry-engine",
}
"""Firefox's features, with their engines' names (``FEATURES``)."""

TEST_FEATURE = "test-feature"
"""A feature that Firefox admits beside its own, without an engine's name."""

BACKENDS = (
    "onnx",
    "wllama",
    "onnx-native",
    "llama.cpp",
    "best-llama",
    "best-onnx",
    "openai",
    "static-embeddings",
)
"""What can run models in Firefox (``BACKENDS``)."""

TEST_BACKEND = "test-backend"
"""A backend that Firefox admits beside its own."""

MODEL_HUBS: dict[str, dict[str, str]] = {
    "huggingface": {
        "model_hub_root_url": "https://huggingface.co/",
        "model_hub_url_template": "{model}/resolve/{revision}",
        "model_revision": "main",
    },
    "mozilla": {
        "model_hub_root_url": "https://model-hub.mozilla.org/",
        "model_hub_url_template": "{model}/{revision}",
        "model_revision": "main",
    },
}
"""What naming a hub sets (``ModelHub.apply``)."""

ENUMS: dict[str, tuple[str, ...]] = {
    "model_hub": tuple(MODEL_HUBS),
    "dtype": ("fp32", "fp16", "fp8_e5m2", "fp8_e4m3", "q8", "int8", "uint8", "q4", "bnb4", "q4f16"),
    # "auto" is ours: the graphics processor where there is one.
    "device": ("gpu", "wasm", "cpu", "auto"),
    "execution_priority": ("HIGH", "NORMAL", "LOW"),
    "log_level": ("Trace", "Info", "Debug", "Warn", "Error", "Critical", "All"),
    "kv_cache_dtype": ("q8_0", "q4_0", "q4_1", "q5_1", "q5_0", "f16", "f32"),
}
"""Options with a fixed set of values."""

RANGES: dict[str, tuple[int, int]] = {
    "timeout_ms": (-1, 36_000_000),
    "num_threads": (0, 100),
    "num_threads_decoding": (0, 100),
    "num_context": (1, 10_000_000),
    "num_batch": (1, 10_000_000),
    "num_ubatch": (1, 10_000_000),
}
"""Options that are integers, with the smallest and the largest."""

OVERRIDABLE = (
    "dtype",
    "log_level",
    "model_revision",
    "num_threads",
    "processor_revision",
    "timeout_ms",
    "tokenizer_revision",
)
"""Options that a configuration may override (``MLEngineChild.sys.mjs``, ``SAFE_OVERRIDE_OPTIONS``)."""

NOT_IDENTITY = frozenset({"engine_id", "feature_id", "flow_id", "log_level", "timeout_ms", "service_type", "purpose"})
"""Options that do not tell engines apart (``PipelineOptions.#nonIdentityKeys``)."""
