"""Which files of a repository a task asks for. Pure; publishing and downloading ask the same.

As transformers.js does (``pipelines.js``, ``models.js``, ``tokenizers.js``): the configuration, a tokenizer for texts,
a processor for pictures and sounds, and the ONNX files of the model's parts in one data type.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from modelden.hub.roles import onnx_path, role_of

_PROCESSOR_ALONE = frozenset(
    {
        *("audio-classification", "background-removal", "depth-estimation", "image-classification"),
        *("image-feature-extraction", "image-segmentation", "image-to-image", "object-detection"),
    }
)
_BOTH = frozenset(
    {
        *("automatic-speech-recognition", "document-question-answering", "image-to-text", "moz-image-to-text"),
        *("text-to-speech", "zero-shot-audio-classification", "zero-shot-image-classification"),
        "zero-shot-object-detection",
    }
)

_SEQ2SEQ = ("encoder_model", "decoder_model_merged")
_PARTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "automatic-speech-recognition": (_SEQ2SEQ, ("model",)),
    "image-to-text": (_SEQ2SEQ,),
    "moz-image-to-text": (_SEQ2SEQ,),
    "summarization": (_SEQ2SEQ,),
    "text-generation": (("model",), ("decoder_model_merged",)),
    "text-to-audio": (_SEQ2SEQ, ("model",)),
    "text-to-speech": (_SEQ2SEQ, ("model",)),
    "text2text-generation": (_SEQ2SEQ,),
    "translation": (_SEQ2SEQ,),
    "document-question-answering": (_SEQ2SEQ, ("model",)),
}
_ONE_MODEL = (("model",),)

OPTIONAL = ("generation_config.json", "added_tokens.json", "special_tokens_map.json", "chat_template.jinja")
"""What is taken where it is, and not missed where it is not."""


def needed_settings(task: str) -> tuple[str, ...]:
    """Return the files beside the weights without which a task cannot run."""
    tokenizer = ("tokenizer.json", "tokenizer_config.json")
    processor = ("preprocessor_config.json",)
    if task in _PROCESSOR_ALONE:
        return ("config.json", *processor)
    return ("config.json", *tokenizer, *(processor if task in _BOTH else ()))


def parts_of(task: str) -> tuple[tuple[str, ...], ...]:
    """Return the sets of ONNX files that serve a task: all parts of one of them are needed."""
    return _PARTS.get(task, _ONE_MODEL)


def needed_files(task: str, dtype: str, there: Collection[str] | None) -> set[str]:
    """Return the files that an engine for a task will ask for.

    Args:
        task: The task.
        dtype: The data type, one of `roles.SUFFIXES`.
        there: The paths that the repository has; None when nobody tells, and the usual names have to do.
    """
    settings = needed_settings(task)
    if there is None:
        return {*settings, *(onnx_path(part, dtype) for part in parts_of(task)[0])}
    paths = set(there)
    weights = next(
        (files for parts in parts_of(task) if (files := {onnx_path(part, dtype) for part in parts}) <= paths),
        {onnx_path(part, dtype) for part in parts_of(task)[0]},
    )
    optional = {path for path in OPTIONAL if path in paths and _is_for_texts(settings)}
    return {*settings, *weights, *_beside(weights, paths), *optional}


def _is_for_texts(settings: Iterable[str]) -> bool:
    return "tokenizer.json" in settings


def _beside(weights: Collection[str], paths: Iterable[str]) -> set[str]:
    """Return the external data of ONNX files."""
    return {path for path in paths if role_of(path).external_data and path.partition(".onnx")[0] + ".onnx" in weights}
