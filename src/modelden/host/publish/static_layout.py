"""The static layout of a tree: the responses of the API as files at the paths of the API, for a plain web server.

TREE/v1/index.html                                          the root page, as JSON
TREE/v1/buckets/monitor/collections/changes/changeset       timestamps of all collections
TREE/v1/buckets/<bucket>/collections/<name>/changeset       all records of a collection, signed
TREE/chains/<name>.chain                                    certificate chains of the signatures
TREE/hub, TREE/attachments                                  unchanged

Clients request the root page as ``/v1/``, and every static host serves ``index.html`` for a folder. Static hosts ignore
queries, so a changeset always has all records; clients handle that. URLs in the files are relative, so the tree can be
served under any URL. With a public URL they are absolute, as Firefox requires.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509

from modelden.host.errors import HostError, TreeError
from modelden.host.keys.certificates import fingerprint
from modelden.host.publish import settings_responses
from modelden.settings.json_text import signed_text

if TYPE_CHECKING:
    from modelden.host.publish.collections import Collection, Collections

ROOT_PAGE = "v1/index.html"
MONITOR = "v1/buckets/monitor/collections/changes/changeset"

_CHAINS = "../../../../../chains/"
"""Relative URL of the chains, from a changeset."""


def changeset_path(bucket: str, name: str) -> str:
    """Path of a collection's changeset in the tree."""
    return f"v1/buckets/{bucket}/collections/{name}/changeset"


def changeset_file(collection: Collection, public_url: str | None) -> bytes:
    """Build the file of a collection's changeset."""
    return _json(settings_responses.changeset(collection, f"{public_url}/chains/" if public_url else _CHAINS))


def root_file(public_url: str | None) -> bytes:
    """Build the file of the root page."""
    if public_url:
        return _json(settings_responses.root_page(f"{public_url}/v1/", f"{public_url}/attachments/"))
    return _json(settings_responses.root_page("./", "../attachments/"))


def monitor_file(collections: Collections, host: str) -> bytes:
    """Build the file of the monitor's changeset."""
    newest = max((collection.state.timestamp for collection in collections), default=0)
    return _json(settings_responses.monitor(collections, newest, host))


@dataclass(frozen=True, slots=True)
class PublishedChain:
    """A certificate chain without its keys; the fields are those of `SigningChain`.

    Attributes:
        name: Name of the chain file.
        pem: The certificates, leaf first.
        root_hash: SHA-256 of the root, in the form that clients pin.
    """

    name: str
    pem: bytes
    root_hash: str

    @classmethod
    def read(cls, path: Path) -> PublishedChain:
        """Read ``NAME.chain``.

        Raises:
            TreeError: It is missing or damaged.
        """
        try:
            pem = path.read_bytes()
            root = x509.load_pem_x509_certificates(pem)[-1]
        except (OSError, ValueError) as error:
            raise TreeError(f"{path} should be the certificates of a signature: {error}. Publish again.") from error
        return cls(path.stem, pem, fingerprint(root))


class PublishedSigner:
    """A `CollectionSigner` without keys: it returns the published signature for the published records only."""

    def __init__(self, chain: PublishedChain, signature: str, message: bytes) -> None:
        self.chain = chain
        self._signature = signature
        self._digest = hashlib.sha256(message).digest()

    def sign(self, records: Iterable[Mapping[str, Any]], timestamp: int) -> str:
        """Return the published signature if it covers these records.

        Raises:
            HostError: The records or the timestamp are others.
        """
        if hashlib.sha256(signed_text(records, timestamp)).digest() != self._digest:
            raise HostError("Nothing new can be signed here: the keys are not at hand (--keys names their folder).")
        return self._signature


@dataclass(frozen=True, slots=True)
class PublishedCollection:
    """A signed changeset that was read from the tree.

    Attributes:
        records: All records.
        timestamp: The signed timestamp.
        signature: The signature, in the changeset's form.
        x5u: URL of its certificate chain.
    """

    records: list[dict[str, Any]]
    timestamp: int
    signature: str
    x5u: str

    @classmethod
    def read(cls, path: Path) -> PublishedCollection | None:
        """Read a changeset; None if the file is missing.

        Raises:
            TreeError: The file is damaged.
        """
        try:
            content = json.loads(path.read_bytes())
            entry = content["metadata"]["signature"]
            return cls(content["changes"], content["timestamp"], entry["signature"], entry["x5u"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TreeError(f"{path} is not a signed changeset ({error!r}): publish again to replace it.") from error

    @property
    def chain_name(self) -> str:
        """Name of the chain file."""
        return self.x5u.rpartition("/")[2].removesuffix(".chain")

    def signer(self, chains: Path) -> PublishedSigner:
        """Create the signer of this changeset, without its keys.

        Raises:
            TreeError: Its certificates are missing or damaged.
        """
        chain = PublishedChain.read(chains / f"{self.chain_name}.chain")
        return PublishedSigner(chain, self.signature, signed_text(self.records, self.timestamp))


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, indent=1).encode() + b"\n"
