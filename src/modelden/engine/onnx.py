"""Raw ONNX models: their inputs and outputs, and the checks of a feed before it runs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelden.core.arguments import show
from modelden.engine.tensor import STRING, Tensor, contiguous_view, dtype_of
from modelden.errors import InputError

_TYPES = {"float32": "float", "float64": "double"}
"""onnxruntime's names in types, where they differ from those of the data types."""


@dataclass(frozen=True, slots=True)
class NodeArg:
    """An input or an output of a model.

    Attributes:
        name: Its name.
        type: ``tensor(float)``, ``tensor(int64)``, ``seq(tensor(float))``, ...
        shape: The length of each dimension: a number, the name of a dimension that may vary, or None.
    """

    name: str
    type: str
    shape: list[int | str | None]


NodeArg.__module__ = "modelden.onnxruntime"


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """The metadata of a model."""

    producer_name: str
    graph_name: str
    domain: str
    description: str
    graph_description: str
    version: int
    custom_metadata_map: dict[str, str]


ModelMetadata.__module__ = "modelden.onnxruntime"


@dataclass(frozen=True, slots=True)
class OnnxModelInfo:
    """A worker's report of the model that it has opened.

    Attributes:
        inputs: Its inputs.
        outputs: Its outputs.
        metadata: Its metadata.
        onnxruntime: The version of onnxruntime-web.
        threads: The number of threads in effect.
        device: ``wasm`` or ``webgpu``.
        threads_reason: Why it is not the requested number of threads; None if it is.
        device_reason: Why it is not the requested device; None if it is.
    """

    inputs: list[NodeArg]
    outputs: list[NodeArg]
    metadata: ModelMetadata
    onnxruntime: str
    threads: int
    device: str
    threads_reason: str | None
    device_reason: str | None

    @classmethod
    def from_reply(cls, reply: Mapping[str, Any]) -> OnnxModelInfo:
        """Read the reply to ``open`` (``web/worker/protocol.ts``)."""
        return cls(
            inputs=[NodeArg(**node) for node in reply["inputs"]],
            outputs=[NodeArg(**node) for node in reply["outputs"]],
            metadata=ModelMetadata(**reply["metadata"]),
            onnxruntime=reply["onnxruntime"],
            threads=reply["threads"],
            device=reply["device"],
            threads_reason=reply["threadsReason"],
            device_reason=reply["deviceReason"],
        )


def check_feed(inputs: Sequence[NodeArg], feed: Mapping[str, Any]) -> None:
    """Return if ``feed`` fits the inputs of a model.

    Raises:
        InputError: For names, data types, ranks or lengths that do not fit, in onnxruntime's own words.
    """
    if not isinstance(feed, Mapping):
        raise InputError(f"input_feed: expected arrays by the names of inputs, got {show(feed)}.")
    nodes = {node.name: node for node in inputs}
    missing = [name for name in nodes if name not in feed]
    if missing:
        raise InputError(f"Required inputs ({missing}) are missing from input feed ({list(feed)}).")
    for name, value in feed.items():
        if name not in nodes:
            raise InputError(f"Invalid input name: {name}. The model has {', '.join(nodes)}.")
        _check(nodes[name], *_type_and_shape(name, value))


def check_outputs(outputs: Sequence[NodeArg], names: Sequence[str] | None) -> list[str]:
    """Return the names of the requested outputs; without ``names`` all.

    Raises:
        InputError: For an output that the model does not have.
    """
    existing = [node.name for node in outputs]
    if names is not None and not isinstance(names, list | tuple):
        raise InputError(f"output_names: expected a list of names or None, got {show(names)}.")
    for name in names or ():
        if name not in existing:
            raise InputError(f"Invalid output name: {name}. The model has {', '.join(existing)}.")
    return list(names) if names else existing


def _check(node: NodeArg, kind: str, shape: tuple[int, ...]) -> None:
    if node.type != kind:
        raise InputError(f"Unexpected input data type of {node.name}. Actual: ({kind}) , expected: ({node.type})")
    if not node.shape:  # of any shape
        return
    if len(node.shape) != len(shape):
        raise InputError(f"Invalid rank for input: {node.name} Got: {len(shape)} Expected: {len(node.shape)}")
    for index, (actual, expected) in enumerate(zip(shape, node.shape, strict=True)):
        if isinstance(expected, int) and actual != expected:
            raise InputError(
                f"Got invalid dimensions for input: {node.name} for the following indices\n"
                f" index: {index} Got: {actual} Expected: {expected}"
            )


def _type_and_shape(name: str, value: Any) -> tuple[str, tuple[int, ...]]:
    if isinstance(value, Tensor):
        dtype, shape = value.dtype, value.shape
    elif hasattr(value, "__array_interface__") and value.dtype.kind in "UTO":
        dtype, shape = STRING, value.shape
    else:
        view = contiguous_view(value, name)
        dtype, shape = dtype_of(view), getattr(value, "shape", None) or view.shape or ()
    return f"tensor({_TYPES.get(dtype, dtype)})", tuple(shape)
