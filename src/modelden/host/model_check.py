"""Will a client be able to run this model? Asked before it is published."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path

from modelden.host.roles import SUFFIXES, OnnxName, onnx_name

_PICTURES = frozenset(
    {
        *("background-removal", "depth-estimation", "image-classification", "image-feature-extraction"),
        *("image-segmentation", "image-to-image", "object-detection"),
    }
)
_SOUNDS = frozenset({"audio-classification"})
_BOTH = frozenset(
    {
        *("automatic-speech-recognition", "document-question-answering", "image-to-text", "text-to-speech"),
        *("zero-shot-audio-classification", "zero-shot-image-classification", "zero-shot-object-detection"),
    }
)

_SEQ2SEQ = ("encoder_model", "decoder_model_merged")
_PARTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "automatic-speech-recognition": (_SEQ2SEQ, ("model",)),
    "image-to-text": (_SEQ2SEQ,),
    "summarization": (_SEQ2SEQ,),
    "text-generation": (("model",), ("decoder_model_merged",)),
    "text-to-audio": (_SEQ2SEQ, ("model",)),
    "text-to-speech": (_SEQ2SEQ, ("model",)),
    "text2text-generation": (_SEQ2SEQ,),
    "translation": (_SEQ2SEQ,),
    "document-question-answering": (_SEQ2SEQ, ("model",)),
}
"""The ONNX files of a task, each a tuple of parts of which all are needed; others have one ``model``."""

_ONE_MODEL = (("model",),)


def check_model_files(files: Mapping[str, Path], task: str, dtype: str) -> list[str]:
    """Everything that is missing or broken, a sentence each. ONNX files are not loaded: see `check_onnx`.

    Args:
        files: The files by path in the repository.
        task: The task that the model is for.
        dtype: The data type that clients are told to use.
    """
    faults = [fault for name in _needed(task) if (fault := _json_fault(name, files.get(name)))]
    onnx = {path: parts for path in files if (parts := onnx_name(path))}
    faults += [
        f"{path} has 0 bytes." for path, file in files.items() if path.endswith(".onnx") and file.stat().st_size == 0
    ]
    return faults + _missing_parts(list(onnx.values()), task, dtype)


def check_onnx(files: Mapping[str, Path]) -> list[str] | None:
    """Load each ONNX file with onnxruntime; the faults, or None where onnxruntime is not installed."""
    if importlib.util.find_spec("onnxruntime") is None:
        return None
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    faults = []
    for path, file in files.items():
        if path.endswith(".onnx") and file.stat().st_size > 0:
            try:
                onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
            except Exception as error:  # noqa: BLE001  onnxruntime's errors have no base of their own
                faults.append(f"{path} cannot be loaded by onnxruntime: {str(error).splitlines()[0]}")
    return faults


def _needed(task: str) -> tuple[str, ...]:
    tokenizer = ("tokenizer.json", "tokenizer_config.json")
    processor = ("preprocessor_config.json",)
    if task in _PICTURES or task in _SOUNDS:
        return ("config.json", *processor)
    if task in _BOTH:
        return ("config.json", *tokenizer, *processor)
    return ("config.json", *tokenizer)


def _json_fault(name: str, file: Path | None) -> str | None:
    if file is None:
        return f"{name} is missing."
    try:
        json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        return f"{name} is not JSON: {error}."
    return None


def _missing_parts(onnx: list[OnnxName], task: str, dtype: str) -> list[str]:
    there = {each.part for each in onnx if each.dtype == dtype}
    choices = _PARTS.get(task, _ONE_MODEL)
    if any(set(parts) <= there for parts in choices):
        return []
    wanted = " and ".join(f"onnx/{part}{SUFFIXES.get(dtype, '')}.onnx" for part in choices[0])
    dtypes = sorted({each.dtype for each in onnx})
    have = f"the repository has {', '.join(dtypes)}" if dtypes else "the repository has no folder onnx with such files"
    return [f"{task} with the data type {dtype} needs {wanted}; {have}."]
