"""What an engine will be made of: decided from Remote Settings, nothing fetched yet. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

from modelden.engine.options import PipelineOptions
from modelden.settings.changeset import Record

_DECIDED = (
    "task_name",
    "model_hub_root_url",
    "model_hub_url_template",
    "model_id",
    "model_revision",
    "tokenizer_id",
    "tokenizer_revision",
    "processor_id",
    "processor_revision",
    "device",
    "dtype",
    "num_threads",
    "use_external_data_format",
)
"""Options that decide what is loaded, and how."""


class Plan(NamedTuple):
    """An engine's options and runtime.

    Attributes:
        options: Options in which nothing is open.
        runtime: The record of the WASM file.
        no_gpu: Why the GPU is not used though the options want it. Not kept: it is asked again on each visit.
        files: URLs of the files that the last load of it was given.
    """

    options: PipelineOptions
    runtime: Record
    no_gpu: str | None = None
    files: tuple[str, ...] = ()

    def is_equivalent(self, other: Plan) -> bool:
        """Tell whether an engine of the other plan has the same model and the same runtime."""
        return self._identity() == other._identity()

    def state(self) -> dict[str, Any]:
        """Return what users know of it: model, revision, data type and version of the runtime."""
        return {
            "model_id": self.options.model_id,
            "model_revision": self.options.model_revision,
            "dtype": self.options.dtype,
            "runtime": f"{self.runtime['name']} {self.runtime['version']}",
        }

    def to_row(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {"options": self.options.to_dict(), "runtime": dict(self.runtime), "files": list(self.files)}

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Self:
        """Read `to_row`.

        Raises:
            InputError: If the options are none.
        """
        options = PipelineOptions.of(row["options"], own_features=True)
        return cls(options, row["runtime"], files=tuple(row.get("files", ())))  # rows of earlier builds have none

    def _identity(self) -> tuple[Any, ...]:
        attachment = self.runtime["attachment"]
        return attachment["hash"], self.runtime["version"], *(getattr(self.options, name) for name in _DECIDED)


class Fallbacks(NamedTuple):
    """What one load does without, whatever was decided.

    Attributes:
        threads: Why there is one thread; None for as many as were decided.
        gpu: Why the GPU is not used; None for the device that was decided.
        model: Its files are fetched, and nothing is loaded.
    """

    threads: str | None = None
    gpu: str | None = None
    model: bool = False

    def of(self, device: str | None, threads: int | None) -> tuple[str | None, int]:
        """Return the device and the number of threads that are left of what was decided; 0 threads for all cores."""
        return "wasm" if self.gpu else device, 1 if self.threads else threads or 0

    def reasons(self, device: str | None, threads: int | None) -> dict[str, str]:
        """Return what is to be said of it; nothing where it is what was decided."""
        found: dict[str, str] = {}
        if self.threads and threads != 1:
            found["threadsReason"] = self.threads
        if self.gpu and device in ("gpu", "auto", "webgpu"):
            found["deviceReason"] = self.gpu
        return found


class EngineRecord(NamedTuple):
    """An engine that was loaded with success.

    Attributes:
        request: What was asked for.
        plan: What it was made of.
    """

    request: PipelineOptions
    plan: Plan
