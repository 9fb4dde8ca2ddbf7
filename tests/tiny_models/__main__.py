"""Write all tiny models as a hub: ``python -m tests.tiny_models FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.tiny_models import MODELS, REVISION, files, model_name
from tests.tiny_models.raw import WEIGHTS, raw_models


def write(folder: Path) -> None:
    """Put every model's files below ``folder``."""
    for model in MODELS:
        for name, data in files(model).items():
            path = folder / model_name(model) / REVISION / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    raw = raw_models()
    for name in ("onnx/external.onnx", f"onnx/{WEIGHTS}", "alone/external.onnx"):
        path = folder / "tiny/raw" / REVISION / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw[path.stem if path.suffix == ".onnx" else path.name])


if __name__ == "__main__":
    write(Path(sys.argv[1]))
