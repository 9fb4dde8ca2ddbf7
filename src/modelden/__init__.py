"""On-device machine learning for Python in the browser, managed as Firefox manages its own models.

import modelden

engine = await modelden.create_engine(task_name="feature-extraction")
vectors = await engine.run(["a cat", "a dog"], pooling="mean", normalize=True)
"""

from modelden.api import ModelHub, configure, create_engine
from modelden.engine.engine import Engine
from modelden.engine.tensor import Tensor
from modelden.errors import (
    CryptoUnavailable,
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
    NoRuntime,
    NotInBrowser,
    QuotaExceeded,
    RequestTimeout,
    ResponseTooLarge,
    RuntimeMismatch,
    SignatureError,
    StorageError,
    StorageUnavailable,
    UnavailableError,
    UnknownTask,
    UntrustedError,
)
from modelden.hub.cache import StoredFile, StoredModel
from modelden.progress import ProgressEvent

__version__ = "0.1.0"

__all__ = [
    "CryptoUnavailable",
    "Engine",
    "EngineClosed",
    "EngineCrashed",
    "EngineError",
    "EngineTimeout",
    "FileNotFoundOnHub",
    "ForbiddenURL",
    "HttpError",
    "InputError",
    "IntegrityError",
    "InvalidRecord",
    "InvalidResponse",
    "ModelDenError",
    "ModelHub",
    "NetworkError",
    "NoRuntime",
    "NotInBrowser",
    "ProgressEvent",
    "QuotaExceeded",
    "RequestTimeout",
    "ResponseTooLarge",
    "RuntimeMismatch",
    "SignatureError",
    "StorageError",
    "StorageUnavailable",
    "StoredFile",
    "StoredModel",
    "Tensor",
    "UnavailableError",
    "UnknownTask",
    "UntrustedError",
    "configure",
    "create_engine",
]
