"""On-device machine learning for Python in the browser, managed as Firefox manages its own models.

import modelden

engine = await modelden.create_engine(task_name="feature-extraction")
vectors = await engine.run(["a cat", "a dog"], pooling="mean", normalize=True)
"""

from modelden.api import ModelHub, configure, create_engine
from modelden.engine.engine import Engine
from modelden.engine.media import Audio, Image
from modelden.engine.streaming import Chunk, Stream
from modelden.engine.tensor import Tensor
from modelden.errors import (
    CryptoUnavailable,
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
    InvalidRecord,
    InvalidResponse,
    ModelDenError,
    NetworkError,
    NoHash,
    NoRuntime,
    NotInBrowser,
    QuotaExceeded,
    RequestTimeout,
    ResponseTooLarge,
    RuntimeMismatch,
    ServerBusy,
    SignatureError,
    StorageError,
    StorageUnavailable,
    UnavailableError,
    UnknownCollection,
    UnknownTask,
    UntrustedError,
)
from modelden.hub.listing import StoredFile, StoredModel
from modelden.progress import ProgressEvent
from modelden.remote_settings import RemoteSettings, poll_settings
from modelden.settings.changeset import SyncEvent
from modelden.storage import StorageInfo, storage_info

__version__ = "0.1.0"

__all__ = [
    "Audio",
    "Chunk",
    "CryptoUnavailable",
    "DownloadInterrupted",
    "Engine",
    "EngineClosed",
    "EngineCrashed",
    "EngineError",
    "EngineTimeout",
    "FileNotFoundOnHub",
    "ForbiddenURL",
    "HttpError",
    "Image",
    "InputError",
    "IntegrityError",
    "InvalidRecord",
    "InvalidResponse",
    "ModelDenError",
    "ModelHub",
    "NetworkError",
    "NoHash",
    "NoRuntime",
    "NotInBrowser",
    "ProgressEvent",
    "QuotaExceeded",
    "RemoteSettings",
    "RequestTimeout",
    "ResponseTooLarge",
    "RuntimeMismatch",
    "ServerBusy",
    "SignatureError",
    "StorageError",
    "StorageInfo",
    "StorageUnavailable",
    "StoredFile",
    "StoredModel",
    "Stream",
    "SyncEvent",
    "Tensor",
    "UnavailableError",
    "UnknownCollection",
    "UnknownTask",
    "UntrustedError",
    "configure",
    "create_engine",
    "poll_settings",
    "storage_info",
]
