"""On-device machine learning for Python in the browser, managed as Firefox manages its own models.

    import modelden

    engine = await modelden.create_engine(task_name="feature-extraction")
    vectors = await engine.run(["a cat", "a dog"], pooling="mean", normalize=True)

The public modules are `modelden`, `modelden.onnxruntime`, `modelden.errors` and, on the host, `modelden.host.testing`
and the command ``modelden``. All other modules are private: their names and contents change without notice.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelden.api import check_updates, configure, create_engine, load_session, on, prefetch
    from modelden.config import Configuration
    from modelden.core.events import Event, ProgressEvent
    from modelden.core.memory_database import StorageWarning
    from modelden.core.multi_progress_aggregator import MultiProgressAggregator
    from modelden.diagnosis import Diagnosis, Finding, doctor
    from modelden.engine.block_list import BlockList
    from modelden.engine.chat import Chat, ChatAnswer, ChatReply
    from modelden.engine.engine import Engine
    from modelden.engine.media import Audio, Image
    from modelden.engine.metrics import RunMetrics
    from modelden.engine.options import PipelineOptions
    from modelden.engine.similarity import Match, similarity, top_k
    from modelden.engine.streaming import Chunk, Stream
    from modelden.engine.tensor import Tensor
    from modelden.engine.update_status import UpdateStatus
    from modelden.errors import (
        AccessDenied,
        CacheSizeExceeded,
        ContextExceeded,
        CryptoUnavailable,
        DataRemoved,
        DeviceLost,
        DownloadDeclined,
        DownloadInterrupted,
        EngineClosed,
        EngineCrashed,
        EngineError,
        EngineTimeout,
        FileNotFoundOnHub,
        ForbiddenURL,
        HttpError,
        InputError,
        IntegrityError,
        InvalidOption,
        InvalidRecord,
        InvalidResponse,
        LoadEndedPage,
        ManifestsUnavailable,
        ModelDenError,
        NetworkError,
        NoHash,
        NoRuntime,
        NotEnoughMemory,
        NotInBrowser,
        NotPrefetched,
        Offline,
        QuotaExceeded,
        RedirectRefused,
        RequestTimeout,
        ResponseTooLarge,
        RuntimeMismatch,
        ServerBusy,
        SignatureError,
        StorageError,
        StorageUnavailable,
        SyncUnavailable,
        UnavailableError,
        UnknownCollection,
        UnknownTask,
        UntrustedError,
        WorkerRefused,
    )
    from modelden.hub.catalog.file_roles import FileRole
    from modelden.hub.catalog.model_overview import ModelFiles, RepositoryFile
    from modelden.hub.store.records import StoredFile, StoredModel
    from modelden.hub.store.verification import VerifiedFile
    from modelden.hub_file import FileResponse, HubFile
    from modelden.huggingface import hub_download, snapshot_download
    from modelden.inference_settings import RequestOptions, request_options, words_block_list
    from modelden.model_availability import Availability, DownloadSummary, availability
    from modelden.model_hub import ModelHub
    from modelden.models_display import models
    from modelden.remote_settings import RemoteSettings, poll_settings
    from modelden.settings.changeset import SyncEvent
    from modelden.sharing import ModelArchive, export_model, import_files
    from modelden.storage import StorageInfo, persist, storage_info, verify
    from modelden.tokenizer import Encoding, Tokenizer, load_tokenizer
    from modelden.vector_index import VectorIndex

__version__ = "0.1.0"

_HOMES = {
    "config": "Configuration",
    "diagnosis": "Diagnosis Finding doctor",
    "api": "check_updates configure create_engine load_session on prefetch",
    "engine.block_list": "BlockList",
    "engine.chat": "Chat ChatAnswer ChatReply",
    "engine.engine": "Engine",
    "engine.media": "Audio Image",
    "engine.metrics": "RunMetrics",
    "engine.options": "PipelineOptions",
    "engine.similarity": "Match similarity top_k",
    "engine.streaming": "Chunk Stream",
    "engine.tensor": "Tensor",
    "engine.update_status": "UpdateStatus",
    "core.events": "Event ProgressEvent",
    "hub.store.records": "StoredFile StoredModel",
    "hub.catalog.model_overview": "ModelFiles RepositoryFile",
    "hub.catalog.file_roles": "FileRole",
    "hub.store.verification": "VerifiedFile",
    "hub_file": "FileResponse HubFile",
    "huggingface": "hub_download snapshot_download",
    "core.memory_database": "StorageWarning",
    "inference_settings": "RequestOptions request_options words_block_list",
    "model_availability": "Availability DownloadSummary availability",
    "model_hub": "ModelHub",
    "models_display": "models",
    "core.multi_progress_aggregator": "MultiProgressAggregator",
    "remote_settings": "RemoteSettings poll_settings",
    "settings.changeset": "SyncEvent",
    "sharing": "ModelArchive export_model import_files",
    "storage": "StorageInfo persist storage_info verify",
    "tokenizer": "Encoding Tokenizer load_tokenizer",
    "vector_index": "VectorIndex",
}
"""Modules that define public names; all other names are errors. Importing all of them takes a page 0.1 s."""

__all__ = [
    "AccessDenied",
    "Audio",
    "Availability",
    "BlockList",
    "CacheSizeExceeded",
    "Chat",
    "ChatAnswer",
    "ChatReply",
    "Chunk",
    "Configuration",
    "ContextExceeded",
    "CryptoUnavailable",
    "DataRemoved",
    "DeviceLost",
    "Diagnosis",
    "DownloadDeclined",
    "DownloadInterrupted",
    "DownloadSummary",
    "Encoding",
    "Engine",
    "EngineClosed",
    "EngineCrashed",
    "EngineError",
    "EngineTimeout",
    "Event",
    "FileNotFoundOnHub",
    "FileResponse",
    "FileRole",
    "Finding",
    "ForbiddenURL",
    "HttpError",
    "HubFile",
    "Image",
    "InputError",
    "IntegrityError",
    "InvalidOption",
    "InvalidRecord",
    "InvalidResponse",
    "LoadEndedPage",
    "ManifestsUnavailable",
    "Match",
    "ModelArchive",
    "ModelDenError",
    "ModelFiles",
    "ModelHub",
    "MultiProgressAggregator",
    "NetworkError",
    "NoHash",
    "NoRuntime",
    "NotEnoughMemory",
    "NotInBrowser",
    "NotPrefetched",
    "Offline",
    "PipelineOptions",
    "ProgressEvent",
    "QuotaExceeded",
    "RedirectRefused",
    "RemoteSettings",
    "RepositoryFile",
    "RequestOptions",
    "RequestTimeout",
    "ResponseTooLarge",
    "RunMetrics",
    "RuntimeMismatch",
    "ServerBusy",
    "SignatureError",
    "StorageError",
    "StorageInfo",
    "StorageUnavailable",
    "StorageWarning",
    "StoredFile",
    "StoredModel",
    "Stream",
    "SyncEvent",
    "SyncUnavailable",
    "Tensor",
    "Tokenizer",
    "UnavailableError",
    "UnknownCollection",
    "UnknownTask",
    "UntrustedError",
    "UpdateStatus",
    "VectorIndex",
    "VerifiedFile",
    "WorkerRefused",
    "availability",
    "check_updates",
    "configure",
    "create_engine",
    "doctor",
    "export_model",
    "hub_download",
    "import_files",
    "load_session",
    "load_tokenizer",
    "models",
    "on",
    "persist",
    "poll_settings",
    "prefetch",
    "request_options",
    "similarity",
    "snapshot_download",
    "storage_info",
    "top_k",
    "verify",
    "words_block_list",
]


def __getattr__(name: str) -> Any:
    """Import a public name at its first use (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = next((home for home, names in _HOMES.items() if name in names.split()), "errors")
    value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
    return value


def __dir__() -> list[str]:
    """Return the public names, imported or not."""
    return sorted({*__all__, "__version__", "errors", "onnxruntime"})
