"""Checks of a model repository before it is published: would a client be able to run the model?"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path

from modelden.host.publish.strict_json import parse_strict
from modelden.hub.catalog.file_roles import SUFFIXES, FileRole, model_parts, needed_settings, role_of


def check_model_files(files: Mapping[str, Path], task: str, dtype: str) -> list[str]:
    """List missing and broken files, one sentence each. Does not load ONNX files: see `check_onnx`.

    Args:
        files: The files by path in the repository.
        task: The task of the model.
        dtype: The data type that the settings will name.
    """
    names = dict.fromkeys((*needed_settings(task), *(path for path in files if path.endswith(".json"))))
    faults = [fault for name in names if (fault := _json_fault(name, files.get(name)))]
    onnx = [role for path in files if path.startswith("onnx/") and (role := role_of(path)).dtype]
    return faults + _empty_weights(files) + _missing_parts(onnx, task, dtype)


def check_raw_files(files: Mapping[str, Path]) -> list[str]:
    """List the faults of a raw model, one sentence each: it has an ONNX file, and needs no settings of a task.

    Args:
        files: The files by path in the repository.
    """
    faults = [fault for name in files if name.endswith(".json") and (fault := _json_fault(name, files[name]))]
    if not any(path.endswith(".onnx") for path in files):
        faults.append("A raw model has a file *.onnx; the repository has none.")
    return faults + _empty_weights(files)


def check_onnx(files: Mapping[str, Path]) -> list[str] | None:
    """Load each ONNX file with onnxruntime. Returns the faults, or None if onnxruntime is not installed."""
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


def _empty_weights(files: Mapping[str, Path]) -> list[str]:
    return [
        f"{path} has 0 bytes." for path, file in files.items() if path.endswith(".onnx") and not file.stat().st_size
    ]


def _json_fault(name: str, file: Path | None) -> str | None:
    if file is None:
        return f"{name} is missing."
    try:
        parse_strict(file.read_bytes())
    except ValueError as error:
        return f"{name} is not JSON that pages can read: {error}."
    return None


def _missing_parts(onnx: list[FileRole], task: str, dtype: str) -> list[str]:
    available = {role.part for role in onnx if role.dtype == dtype and not role.external_data}
    choices = model_parts(task)
    if any(set(parts) <= available for parts in choices):
        return []
    needed = " and ".join(f"onnx/{part}{SUFFIXES.get(dtype, '')}.onnx" for part in choices[0])
    dtypes = sorted({str(role.dtype) for role in onnx})
    present = (
        f"the repository has {', '.join(dtypes)}" if dtypes else "the repository has no folder onnx with such files"
    )
    return [f"{task} with the data type {dtype} needs {needed}; {present}."]
