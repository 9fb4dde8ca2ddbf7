"""What Firefox keeps in preferences, as one frozen value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelden.core import urls
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
"""Mozilla's environments by name, as Mozilla's Remote Settings DevTools have them."""

MOZILLA_SERVERS = frozenset(
    preset["settings_server"].removesuffix("/v1") + version for preset in PRESETS.values() for version in ("/v1", "/v2")
)
"""Mozilla's Remote Settings, in both versions of the protocol."""

_TIMEOUT_MS = 120_000
_LOG_LEVEL = "Error"

_FINGERPRINT = re.compile(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Where settings and models come from, and whom to trust. The defaults are Mozilla's production.

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
        verify_signatures: False accepts what nobody signed. For development only: what settings say is run.
        poll_interval: Seconds after which stored settings are asked for again
            (Firefox: ``services.settings.poll_interval``).
        freeze_warning_days: Age, in days, of the newest signed state of a collection from which on the log warns that
            something may keep updates away. Its timestamp and the beginning of its signer's certificate tell the age;
            certificates of ``modelden keys`` live for 100 days.
        filter_environment: What filter expressions find under ``env``, over what the browser tells: ``version``,
            ``channel``, ``country``, ...
        runtime_major: The runtime that is used; None for the highest that Remote Settings offer and this wheel knows,
            of those with WebGPU where the GPU is wanted and there.
        start_timeout: Seconds without a sign of life after which a loading engine is given up.
        engine_timeout_ms: Milliseconds without a run after which an engine is closed until the next one; -1 for never
            (Firefox: ``browser.ml.modelCacheTimeout``).
        memory_limit: Bytes that a model may take while it is loaded; None for half of what the browser says that the
            device has (Firefox: ``browser.ml.checkForMemory``, ``browser.ml.minimumPhysicalMemory``).
        log_level: How much engines log (Firefox: ``browser.ml.logLevel``).
        override_pipeline_options: Engine options by feature that win over the caller's
            (Firefox: ``browser.ml.overridePipelineOptions``).
        hub_headers: Request headers for a private hub, such as a token; sent to the origin of ``hub_root_url`` alone.
            With others than ``Authorization``, its redirects are refused. Never logged, never stored.
        hubs: Roots of mirrors of the hub, asked in this order when it does not give a file, or not the right one; only
            for files whose hash the hub told before it failed, its list of the repository, or a signed manifest.
        manifests: Look model files up in the signed collection ``ml-model-manifests`` before they are downloaded.
            Mozilla's servers do not have it, and asking would be one more request on a first visit.
        require_hashes: Refuse model files whose hash neither a signed manifest nor the hub tells.
        require_storage: Fail where the browser refuses storage altogether (a sandboxed frame, some private windows);
            otherwise everything is kept in memory, and gone with the page.
        memory_when_full: Use from memory what there is no room for, models, runtime and settings; otherwise that is an
            error.
        worker_url: Folder with the files of ``modelden assets DIR``, from which workers start where the page's content
            security policy refuses ``blob:``: on the page's own origin, relative ones from the page (or from the worker
            that Python runs in). None for the copies in this wheel.
        idle_timeout: Seconds without a byte after which a connection is given up; downloads are tried again.
        max_cache_size: Most GiB of models to keep (Firefox: ``browser.ml.modelCacheMaxSize``); None for as much as the
            browser allows.
        evict: When there is no room, remove the models that were not used for the longest time; otherwise fail.
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
    manifests: bool = False
    require_hashes: bool = False
    require_storage: bool = False
    memory_when_full: bool = False
    worker_url: str | None = None
    idle_timeout: float = 30.0
    max_cache_size: float | None = None
    evict: bool = False

    def __post_init__(self) -> None:
        """Check every value and bring it into its one form.

        Raises:
            InputError: For a value that cannot be used, with what was expected.
        """
        object.__setattr__(self, "settings_server", check_root_url("settings_server", self.settings_server).rstrip("/"))
        object.__setattr__(self, "hub_root_url", check_root_url("hub_root_url", self.hub_root_url))
        object.__setattr__(self, "hubs", tuple(check_root_url("hubs", root) for root in _roots(self.hubs)))
        object.__setattr__(self, "root_hash", _fingerprint(self.root_hash))
        if self.worker_url is not None:
            object.__setattr__(self, "worker_url", _folder(self.worker_url))
        if not re.fullmatch(r"[A-Za-z0-9_-]+", self.settings_bucket):
            raise InputError(f"settings_bucket: expected a bucket's name such as 'main', got {self.settings_bucket!r}")
        check_url_template("hub_url_template", self.hub_url_template)
        for name in ("poll_interval", "freeze_warning_days", "start_timeout", "idle_timeout"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name}: expected a number above 0, got {getattr(self, name)!r}")
        if (self.engine_timeout_ms, self.log_level, self.override_pipeline_options) != (_TIMEOUT_MS, _LOG_LEVEL, {}):
            _check_options(self)

    def cid(self, collection: str, bucket: str | None = None) -> str:
        """Return ``bucket/collection``, with the configured bucket if none is given."""
        return f"{bucket or self.settings_bucket}/{collection}"

    @property
    def engine_defaults(self) -> dict[str, Any]:
        """Options of engines that a caller need not name (``MLEngineChild.sys.mjs``, ``#onNewPortCreated``)."""
        return {
            "model_hub_root_url": self.hub_root_url,
            "model_hub_url_template": self.hub_url_template,
            "timeout_ms": self.engine_timeout_ms,
            "log_level": self.log_level,
        }

    @property
    def own_features(self) -> bool:
        """Features that Firefox does not have may be asked for: the settings server is not Mozilla's."""
        return self.settings_server not in MOZILLA_SERVERS

    @property
    def trust_source(self) -> str:
        """Names server, bucket, signer and root: what was stored for one is not read for another."""
        signer = f"{self.signer_name} {self.root_hash}" if self.verify_signatures else "unverified"
        return f"{self.settings_server} {self.settings_bucket} {signer}"


def _check_options(config: Configuration) -> None:
    # Imported where there is something to check: the first engine's worker starts when this is done.
    from modelden.engine.option_validation import OVERRIDABLE
    from modelden.engine.options import PipelineOptions, check_names, field_name

    PipelineOptions.of(config.engine_defaults)
    for feature, options in config.override_pipeline_options.items():
        check_names(options)
        if refused := [name for name in options if field_name(name) not in OVERRIDABLE]:
            raise InputError(
                f"override_pipeline_options of {feature!r}: {', '.join(refused)} cannot be overridden, only "
                f"{', '.join(OVERRIDABLE)}."
            )
        PipelineOptions.of(options)


_FOLDER = r"(?:\{model\}|\{revision\}|[\w.~@-])+"
_TEMPLATE = re.compile(rf"/?{_FOLDER}(?:/{_FOLDER})*/?", re.ASCII)


def _roots(value: Sequence[str]) -> Sequence[str]:
    if isinstance(value, str):
        raise InputError(f"hubs: expected a list of URLs, got the text {value!r}")
    return value


def check_root_url(name: str, value: str) -> str:
    """Return an http(s) URL without query.

    Raises:
        InputError: If it is none, with the value's name.
    """
    try:
        parts = urls.split(value)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except (ValueError, TypeError):  # the port or a bracket; or no text at all
        usable = False
    # fetch refuses URLs with credentials.
    if not usable or parts.query or parts.fragment or parts.username is not None:
        raise InputError(f"{name}: expected an http(s) URL without query and credentials, got {value!r}")
    return value


def check_url_template(name: str, value: str) -> None:
    """Return if a template is a path with a place for model and revision.

    As the constructor of Firefox's ``ModelHub``; more liberal in what a folder may be called, stricter in that both
    places are needed and no others are.

    Raises:
        InputError: If not, with the value's name.
    """
    places = "{model}" in value and "{revision}" in value
    if not places or not _TEMPLATE.fullmatch(value):
        raise InputError(f"{name}: expected a path with {{model}} and {{revision}}, got {value!r}")


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
