"""The state of a model in this browser, and the facts of a download. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelden.core.units import format_size
from modelden.errors import ModelDenError
from modelden.hub.catalog.file_roles import DataType, dtype_text

AVAILABLE = "available"
DOWNLOADABLE = "downloadable"
DOWNLOADING = "downloading"
UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Availability:
    """The state of a model in this browser.

    Attributes:
        status: ``available``: an engine needs no request. ``downloadable``: files are missing. ``downloading``: a tab
            downloads them at this moment. ``unavailable``: no engine can be made, ``reason`` says why.
        model_id: The model; None if it is not known.
        model_revision: Its revision; None if it is not known.
        dtype: The data type, or that of each part; None if it is not known.
        missing: URLs of missing model files, the runtime's file name, and missing collections of Remote Settings.
        download_size: Bytes that are still to be downloaded; None where a size is not known.
        received: Bytes of missing files that are stored already.
        reason: The reason, in words, of what is unavailable or not known; else None.
        error: The error behind the reason.
    """

    __module__ = "modelden"

    status: str
    model_id: str | None = None
    model_revision: str | None = None
    dtype: DataType | None = None
    missing: tuple[str, ...] = ()
    download_size: int | None = 0
    received: int = 0
    reason: str | None = None
    error: ModelDenError | None = field(default=None, repr=False, compare=False)

    @property
    def fraction(self) -> float | None:
        """The share of the missing files that is stored, between 0 and 1; None where a size is not known."""
        if self.download_size is None:
            return None
        total = self.received + self.download_size
        return self.received / total if total else 1.0


@dataclass(frozen=True, slots=True)
class DownloadSummary:
    """The facts of a download that `modelden.create_engine` asks its ``confirm`` about.

    Attributes:
        model_id: The model.
        model_revision: Its revision.
        dtype: The data type of its weights, or that of each part.
        origin: The origin of its hub: ``https://huggingface.co``.
        licence: The licence that the model card names; None if it names none, or has none.
        size: Bytes to download, the runtime's included; None where the hub does not tell.
        missing: As `Availability.missing`.
    """

    __module__ = "modelden"

    model_id: str
    model_revision: str
    dtype: DataType
    origin: str
    licence: str | None
    size: int | None
    missing: tuple[str, ...]

    def __str__(self) -> str:
        """Return the question in words."""
        size = "a download of unknown size" if self.size is None else format_size(self.size)
        licence = f"licence {self.licence}" if self.licence else "no licence named"
        return f"{self.model_id} {self.model_revision} ({dtype_text(self.dtype)}): {size} from {self.origin}, {licence}"
