"""Raw ONNX models: their inputs, outputs and metadata, as a worker reports them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

NO_VERSION = 2**63 - 1
"""``ModelMetadata.version`` of a model that has none, as onnxruntime tells it."""


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

    def with_lengths(self, lengths: Mapping[str, int]) -> NodeArg:
        """Return it with the lengths of dimensions that an option fixes, by their names."""
        return replace(self, shape=[lengths.get(each, each) if isinstance(each, str) else each for each in self.shape])


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
        overridable: Its weights that are inputs too.
        metadata: Its metadata.
        onnxruntime: The version of onnxruntime-web.
        threads: The number of threads in effect.
        device: ``wasm`` or ``webgpu``.
        threads_reason: Why it is not the requested number of threads; None if it is.
        device_reason: Why it is not the requested device; None if it is.
    """

    inputs: list[NodeArg]
    outputs: list[NodeArg]
    overridable: list[NodeArg]
    metadata: ModelMetadata
    onnxruntime: str
    threads: int
    device: str
    threads_reason: str | None
    device_reason: str | None

    @classmethod
    def from_reply(cls, reply: Mapping[str, Any], lengths: Mapping[str, int]) -> OnnxModelInfo:
        """Read the reply to ``open`` (``web/worker/session_protocol.ts``).

        Args:
            reply: The worker's report.
            lengths: Lengths of dimensions that an option fixes, by their names.
        """
        inputs, outputs, overridable = (
            [NodeArg(**node).with_lengths(lengths) for node in reply[key]]
            for key in ("inputs", "outputs", "overridable")
        )
        metadata = reply["metadata"]
        return cls(
            inputs=inputs,
            outputs=outputs,
            overridable=overridable,
            metadata=ModelMetadata(**{**metadata, "version": metadata["version"] or NO_VERSION}),
            onnxruntime=reply["onnxruntime"],
            threads=reply["threads"],
            device=reply["device"],
            threads_reason=reply["threadsReason"],
            device_reason=reply["deviceReason"],
        )
