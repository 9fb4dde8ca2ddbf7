"""What Firefox keeps in preferences, as one frozen value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

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
        freeze_warning_days: Days without a confirmation by the server after which the log warns that something may keep
            updates away.
        filter_environment: What filter expressions find under ``env``, over what the browser tells: ``version``,
            ``channel``, ``country``, ...
        start_timeout: Seconds without a sign of life after which a loading engine is given up.
    """

    settings_server: str = PRESETS["production"]["settings_server"]
    settings_bucket: str = "main"
    signer_name: str = "remote-settings.content-signature.mozilla.org"
    root_hash: str = PRESETS["production"]["root_hash"]
    hub_root_url: str = "https://model-hub.mozilla.org/"
    hub_url_template: str = "{model}/{revision}"
    verify_signatures: bool = True
    poll_interval: float = 24 * 60 * 60
    freeze_warning_days: float = 30
    filter_environment: Mapping[str, Any] = field(default_factory=dict)
    start_timeout: float = 60.0

    def __post_init__(self) -> None:
        """Check every value and bring it into its one form.

        Raises:
            InputError: For a value that cannot be used, with what was expected.
        """
        object.__setattr__(self, "settings_server", _root_url("settings_server", self.settings_server).rstrip("/"))
        object.__setattr__(self, "hub_root_url", _root_url("hub_root_url", self.hub_root_url))
        object.__setattr__(self, "root_hash", _fingerprint(self.root_hash))
        if not re.fullmatch(r"[A-Za-z0-9_-]+", self.settings_bucket):
            raise InputError(f"settings_bucket: expected a bucket's name such as 'main', got {self.settings_bucket!r}")
        if "{model}" not in self.hub_url_template or "{revision}" not in self.hub_url_template:
            raise InputError(
                f"hub_url_template: expected a path with {{model}} and {{revision}}, got {self.hub_url_template!r}"
            )
        for name in ("poll_interval", "freeze_warning_days", "start_timeout"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name}: expected a number above 0, got {getattr(self, name)!r}")

    def cid(self, collection: str, bucket: str | None = None) -> str:
        """Return ``bucket/collection``, with the configured bucket if none is given."""
        return f"{bucket or self.settings_bucket}/{collection}"

    @property
    def trust_source(self) -> str:
        """Names server, bucket, signer and root: what was stored for one is not read for another."""
        signer = f"{self.signer_name} {self.root_hash}" if self.verify_signatures else "unverified"
        return f"{self.settings_server} {self.settings_bucket} {signer}"


def _root_url(name: str, value: str) -> str:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except (ValueError, AttributeError):  # the port or a bracket; or no text at all
        usable = False
    # fetch refuses URLs with credentials.
    if not usable or parts.query or parts.fragment or parts.username is not None:
        raise InputError(f"{name}: expected an http(s) URL without query and credentials, got {value!r}")
    return value


def _fingerprint(value: str) -> str:
    digits = value.replace(":", "").upper()
    text = ":".join(digits[i : i + 2] for i in range(0, len(digits), 2))
    if not _FINGERPRINT.fullmatch(text):
        raise InputError(f"root_hash: expected the 64 hexadecimal digits of a SHA-256, got {value!r}")
    return text
