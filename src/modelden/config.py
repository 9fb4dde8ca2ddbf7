"""What Firefox keeps in preferences, as one frozen value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from modelden.errors import InputError

PRODUCTION_ROOT_HASH = "C8:A8:0E:9A:FA:EF:4E:21:9B:6F:B5:D7:A7:1D:0F:10:12:23:BA:C5:00:1A:C2:8F:9B:0D:43:DC:59:A1:06:DB"
"""SHA-256 of Mozilla's production root, ``CN=root-ca-production-amo``, as compiled into Firefox ESR 153."""

_ROOT_HASH = re.compile(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Where settings and models come from, and whom to trust. The defaults are Mozilla's production.

    Attributes:
        settings_server: Root URL of the Remote Settings API, with its version
            (Firefox: ``services.settings.server``).
        settings_bucket: Bucket of the collections (Firefox: ``main``).
        signer_name: DNS name in the certificate that must have signed
            (Firefox: ``RemoteSettings``' default signer).
        root_hash: SHA-256 of the trusted root certificate, hexadecimal pairs, colons optional
            (Firefox: compiled in).
        hub_root_url: Root of the model hub (Firefox: ``browser.ml.modelHubRootUrl``).
        hub_url_template: Path below the root, with ``{model}`` and ``{revision}``
            (Firefox: ``browser.ml.modelHubUrlTemplate``). Hugging Face's is ``{model}/resolve/{revision}``.
        start_timeout: Seconds without a sign of life after which a loading engine is given up.
    """

    settings_server: str = "https://firefox.settings.services.mozilla.com/v1"
    settings_bucket: str = "main"
    signer_name: str = "remote-settings.content-signature.mozilla.org"
    root_hash: str = PRODUCTION_ROOT_HASH
    hub_root_url: str = "https://model-hub.mozilla.org/"
    hub_url_template: str = "{model}/{revision}"
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
        if not self.start_timeout > 0:
            raise InputError(f"start_timeout: expected seconds above 0, got {self.start_timeout!r}")

    @property
    def trust_source(self) -> str:
        """Names server, bucket, signer and root: what was stored for one is not read for another."""
        return f"{self.settings_server} {self.settings_bucket} {self.signer_name} {self.root_hash}"


def _root_url(name: str, value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise InputError(f"{name}: expected an http(s) URL without query, got {value!r}")
    return value


def _fingerprint(value: str) -> str:
    digits = value.replace(":", "").upper()
    text = ":".join(digits[i : i + 2] for i in range(0, len(digits), 2))
    if not _ROOT_HASH.fullmatch(text):
        raise InputError(f"root_hash: expected the 64 hexadecimal digits of a SHA-256, got {value!r}")
    return text
