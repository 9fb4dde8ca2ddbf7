"""`Configuration`: the values that Firefox has in its preferences, as one frozen value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from modelden.core import urls
from modelden.core.arguments import check_flag, check_number, is_json, show
from modelden.core.web_arguments import check_headers, check_root_url, check_roots, check_url_template
from modelden.errors import InputError

PRODUCTION_ROOT_HASH = "C8:A8:0E:9A:FA:EF:4E:21:9B:6F:B5:D7:A7:1D:0F:10:12:23:BA:C5:00:1A:C2:8F:9B:0D:43:DC:59:A1:06:DB"
"""SHA-256 of Mozilla's production root, ``CN=root-ca-production-amo``, as compiled into Firefox ESR 153."""

STAGE_ROOT_HASH = "C0:F0:5D:59:B1:FD:E2:57:80:85:4C:32:FA:E8:FA:BA:84:81:C2:33:B4:C1:D3:90:CC:A5:F2:CE:A8:19:30:EE"
"""SHA-256 of Mozilla's staging root, ``CN=cas-root-ca-staging``, as compiled into Firefox ESR 153."""

PRESETS: dict[str, dict[str, str]] = {
    "production": {
        "settings_server": "https://firefox.settings.services.mozilla.com/v1",
        "root_hash": PRODUCTION_ROOT_HASH,
    },
    "stage": {
        "settings_server": "https://firefox.settings.services.allizom.org/v1",
        "root_hash": STAGE_ROOT_HASH,
    },
}
"""Mozilla's environments by name, as in Mozilla's Remote Settings DevTools."""

MOZILLA_SERVERS = frozenset(
    preset["settings_server"].removesuffix("/v1") + version for preset in PRESETS.values() for version in ("/v1", "/v2")
)
"""Mozilla's Remote Settings, in both versions of the protocol."""

_TIMEOUT_MS = 120_000
_LOG_LEVEL = "Error"

_FINGERPRINT = re.compile(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Configuration:
    """Sources of settings and models, and whom to trust. The defaults are Mozilla's production.

    Attributes:
        settings_server: Root URL of the Remote Settings API, with its version
            (Firefox: ``services.settings.server``).
        settings_bucket: Bucket of the collections (Firefox: ``main``; ``main-preview`` for changes under review).
        signer_name: DNS name in the certificate that must have signed
            (Firefox: ``RemoteSettings``' default signer).
        root_hash: SHA-256 of the trusted root certificate, hexadecimal pairs, colons optional
            (Firefox: compiled in).
        hub_root_url: Root of the model hub (Firefox: ``browser.ml.modelHubRootUrl``).
        hub_url_template: Path below the root, with ``{model}`` and ``{revision}``
            (Firefox: ``browser.ml.modelHubUrlTemplate``). Hugging Face's is ``{model}/resolve/{revision}``.
        verify_signatures: False accepts unsigned collections. For development only: settings decide what is run.
        poll_interval: Seconds after which stored settings are requested again
            (Firefox: ``services.settings.poll_interval``).
        freeze_warning_days: Age in days of a collection's newest signed state from which on the log warns that
            something may withhold updates. The age is that of its timestamp or of its signer's certificate, whichever
            is newer. Certificates of ``modelden keys`` live for 100 days.
        filter_environment: Values of ``env`` in filter expressions, over those of the Firefox that modelden follows
            (``version``, ``channel``, ``appinfo``) and of the browser (``locale``, ``os``, ``formFactor``). The member
            ``modelden`` has this wheel's version.
        runtime_major: Major version of the runtime; None for the highest one that Remote Settings offer and this wheel
            knows, with WebGPU if the GPU is requested and available.
        start_timeout: Seconds without a message from its worker after which a load is ended.
        engine_timeout_ms: Milliseconds without a run after which an engine is closed until the next one; -1 for never
            (Firefox: ``browser.ml.modelCacheTimeout``).
        memory_limit: Bytes that a model may take while it is loaded; None for half of the device's memory that the
            browser reports (Firefox: ``browser.ml.checkForMemory``, ``browser.ml.minimumPhysicalMemory``).
        log_level: Log level of engines (Firefox: ``browser.ml.logLevel``).
        override_pipeline_options: Engine options by feature that take precedence over the caller's
            (Firefox: ``browser.ml.overridePipelineOptions``).
        hub_headers: Request headers for a private hub, such as a token; sent to the origin of ``hub_root_url`` alone.
            With others than ``Authorization``, its redirects are refused. Never logged, never stored.
        hubs: Roots of mirrors of the hub, tried in this order when the hub fails or serves a wrong file. Only for files
            whose hash is known: from the hub's headers before it failed, from its list of files, or from a manifest.
        manifests: Read the hashes of model files from the signed collection ``ml-model-manifests``. True requires the
            collection. ``"if-published"`` does without where a signed record says that there is none, or where nothing
            says that there is one. Mozilla's servers do not have it.
        require_hashes: Refuse model files whose hash neither a signed manifest nor the hub provides.
        require_storage: Fail if the browser refuses storage altogether (a sandboxed frame, some private windows).
            Otherwise all data are in memory and lost with the page.
        memory_when_full: Use models, runtime and settings from memory if there is no space for them. Otherwise that is
            an error.
        worker_url: Folder with the files of ``modelden assets DIR``, from which workers start if the page's content
            security policy refuses ``blob:``. It is on the page's origin. A relative URL is resolved against the page,
            or against the worker that Python runs in. None for the copies in this wheel.
        share_workers: Raw models (`load_session`, `modelden.onnxruntime`) of the page share workers, and so one runtime
            and its memory. False gives each a worker of its own.
        idle_timeout: Seconds without a byte after which a connection is closed. Downloads are tried again.
        max_cache_size: Largest size of all stored models in GiB (Firefox: ``browser.ml.modelCacheMaxSize``); None for
            the browser's limit.
        evict: Delete the least recently used models when there is no space. Otherwise that is an error.
        offline: Send no request for settings, runtime, models or inputs. What is stored works; `modelden.NotPrefetched`
            names what an engine lacks.
    """

    __module__ = "modelden"

    settings_server: str = PRESETS["production"]["settings_server"]
    settings_bucket: str = "main"
    signer_name: str = "remote-settings.content-signature.mozilla.org"
    root_hash: str = PRESETS["production"]["root_hash"]
    hub_root_url: str = "https://model-hub.mozilla.org/"
    hub_url_template: str = "{model}/{revision}"
    verify_signatures: bool = True
    poll_interval: float = 24 * 60 * 60
    freeze_warning_days: float = 100
    filter_environment: Mapping[str, Any] = field(default_factory=dict)
    runtime_major: int | None = None
    start_timeout: float = 60.0
    engine_timeout_ms: int = _TIMEOUT_MS
    memory_limit: int | None = None
    log_level: str = _LOG_LEVEL
    override_pipeline_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    hub_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    hubs: Sequence[str] = ()
    manifests: bool | Literal["if-published"] = False
    require_hashes: bool = False
    require_storage: bool = False
    memory_when_full: bool = False
    worker_url: str | None = None
    share_workers: bool = True
    idle_timeout: float = 30.0
    max_cache_size: float | None = None
    evict: bool = False
    offline: bool = False

    def __post_init__(self) -> None:
        """Check and normalize the values.

        Raises:
            InputError: For an invalid value, with the expected form.
        """
        _check_types(self)
        object.__setattr__(self, "settings_server", check_root_url("settings_server", self.settings_server).rstrip("/"))
        object.__setattr__(self, "hub_root_url", check_root_url("hub_root_url", self.hub_root_url))
        object.__setattr__(self, "hubs", check_roots("hubs", self.hubs))
        object.__setattr__(self, "root_hash", _fingerprint(self.root_hash))
        if self.worker_url is not None:
            object.__setattr__(self, "worker_url", _folder(self.worker_url))
        if not re.fullmatch(r"[A-Za-z0-9_-]+", self.settings_bucket):
            raise InputError(f"settings_bucket: expected a bucket's name such as 'main', got {self.settings_bucket!r}")
        check_url_template("hub_url_template", self.hub_url_template)
        if self.manifests is not True and self.manifests is not False and not _is_if_published(self.manifests):
            raise InputError(f"manifests: expected True, False or 'if-published', got {show(self.manifests)}")
        if (self.engine_timeout_ms, self.log_level, self.override_pipeline_options) != (_TIMEOUT_MS, _LOG_LEVEL, {}):
            _check_options(self)

    def __repr__(self) -> str:
        """Return the values that are not the default, without private headers."""
        default = Configuration()
        shown = [each.name for each in fields(self) if each.repr]
        values = {name: getattr(self, name) for name in shown if getattr(self, name) != getattr(default, name)}
        return f"Configuration({', '.join(f'{name}={value!r}' for name, value in values.items())})"

    def cid(self, collection: str, bucket: str | None = None) -> str:
        """Return ``bucket/collection``, in the configured bucket by default.

        Raises:
            InputError: If one of them is no name.
        """
        names: tuple[tuple[str, Any], ...] = (("bucket", bucket), ("collection", collection))
        for name, value in names:
            if value is not None and not (isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_.-]+", value)):
                raise InputError(f"{name}: expected a name of letters, digits, - and _, got {show(value)}.")
        return f"{bucket or self.settings_bucket}/{collection}"

    @property
    def engine_defaults(self) -> dict[str, Any]:
        """Default options of engines (``MLEngineChild.sys.mjs``, ``#onNewPortCreated``)."""
        return {
            "model_hub_root_url": self.hub_root_url,
            "model_hub_url_template": self.hub_url_template,
            "timeout_ms": self.engine_timeout_ms,
            "log_level": self.log_level,
        }

    @property
    def own_features(self) -> bool:
        """True if the settings server is not Mozilla's, so that there may be features that Firefox does not have."""
        return self.settings_server not in MOZILLA_SERVERS

    @property
    def trust_source(self) -> str:
        """Server, bucket, signer and root as a key: data stored for one source are not read for another."""
        signer = f"{self.signer_name} {self.root_hash}" if self.verify_signatures else "unverified"
        return f"{self.settings_server} {self.settings_bucket} {signer}"


_LONGEST_TIMER = 2_000_000
"""Seconds. Timers of a browser have at most 2**31 milliseconds, and fire at once for more."""

_RANGES: dict[str, tuple[float, float]] = {
    "poll_interval": (0, _LONGEST_TIMER),
    "freeze_warning_days": (0, 1e6),
    "start_timeout": (0, _LONGEST_TIMER),
    "idle_timeout": (0, _LONGEST_TIMER),
    "memory_limit": (0, 2**53),
    "max_cache_size": (-1, 1e9),
    "runtime_major": (0, 2**31),
    "engine_timeout_ms": (-1e18, 1e18),  # its range is Firefox's, see `_check_options`
}
"""The number that each value is above of, and the largest one."""

_WHOLE = ("memory_limit", "runtime_major")
_OPTIONAL = ("memory_limit", "max_cache_size", "runtime_major", "worker_url")
_FLAGS = (
    *("verify_signatures", "require_hashes", "require_storage", "memory_when_full"),
    *("share_workers", "evict", "offline"),
)
_TEXTS = (
    *("settings_server", "settings_bucket", "signer_name", "root_hash", "hub_root_url", "hub_url_template"),
    *("log_level", "worker_url"),
)


def _is_if_published(value: Any) -> bool:
    return isinstance(value, str) and value == "if-published"


def _check_types(config: Any) -> None:
    """Check the type of each value, and the range of numbers."""
    for name in _TEXTS:
        value = getattr(config, name)
        if not (value is None and name in _OPTIONAL) and not (isinstance(value, str) and value.isprintable()):
            raise InputError(f"{name}: expected a text, got {show(value)}")
    for name in _FLAGS:
        check_flag(name, getattr(config, name))
    for name, (smallest, largest) in _RANGES.items():
        value = getattr(config, name)
        if value is None and name in _OPTIONAL:
            continue
        check_number(name, value, smallest, largest)
        if name in _WHOLE and value != int(value):
            raise InputError(f"{name}: expected a whole number, got {show(value)}")
    object.__setattr__(config, "hub_headers", check_headers("hub_headers", config.hub_headers))
    environment = config.filter_environment
    if not isinstance(environment, Mapping) or (environment and not is_json(environment)):
        raise InputError(f"filter_environment: expected a mapping of JSON data, got {show(environment)}")
    overrides = config.override_pipeline_options
    if not isinstance(overrides, Mapping) or not all(isinstance(each, Mapping) for each in overrides.values()):
        raise InputError(f"override_pipeline_options: expected options by feature, got {show(overrides)}")


def _check_options(config: Configuration) -> None:
    # Imported only for options to check, because the first engine's worker starts after this.
    from modelden.engine.option_validation import OVERRIDABLE
    from modelden.engine.options import PipelineOptions, check_names, field_name

    PipelineOptions.of(config.engine_defaults)
    for feature, options in config.override_pipeline_options.items():
        check_names(options)
        if refused := [name for name in options if field_name(name) not in OVERRIDABLE]:
            raise InputError(
                f"override_pipeline_options of {show(feature)}: {', '.join(refused)} cannot be overridden, only "
                f"{', '.join(OVERRIDABLE)}."
            )
        PipelineOptions.of(options, hub_root_url=config.hub_root_url)


def _folder(value: str) -> str:
    try:
        parts = urls.split(value)
    except (ValueError, TypeError):
        parts = None
    if parts is None or not parts.path or parts.query or parts.fragment or parts.scheme not in ("", "http", "https"):
        raise InputError(f"worker_url: expected a folder's URL without query, such as '/modelden/', got {value!r}")
    return value if value.endswith("/") else f"{value}/"


def _fingerprint(value: str) -> str:
    digits = value.replace(":", "").upper()
    text = ":".join(digits[i : i + 2] for i in range(0, len(digits), 2))
    if not _FINGERPRINT.fullmatch(text):
        raise InputError(f"root_hash: expected the 64 hexadecimal digits of a SHA-256, got {value!r}")
    return text
