"""The static side of a tree: what a plain web server answers for, laid out as files at the very paths of the API.

TREE/v1/index.html                                          the root page, JSON for all its name
TREE/v1/buckets/monitor/collections/changes/changeset       when each collection changed
TREE/v1/buckets/<bucket>/collections/<name>/changeset       all records of a collection, signed
TREE/chains/<name>.chain                                    the certificates that the signatures name
TREE/hub, TREE/attachments                                  as they are

The root page is asked for as ``/v1/``, and ``index.html`` is the one index that every static host knows by itself.
Queries do not matter to such a host, so a changeset always has all records; the client knows that. URLs inside are
relative and hold wherever the tree is put, unless the tree has a public URL: Firefox wants absolute ones.
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
from modelden.settings.canonical_json import signed_text

if TYPE_CHECKING:
    from modelden.host.publish.collections import Collection, Collections

ROOT_PAGE = "v1/index.html"
MONITOR = "v1/buckets/monitor/collections/changes/changeset"

_CHAINS = "../../../../../chains/"
"""From a changeset to the chains."""


def changeset_path(bucket: str, name: str) -> str:
    """Where a collection's changeset lies in the tree."""
    return f"v1/buckets/{bucket}/collections/{name}/changeset"


def changeset_file(collection: Collection, public_url: str | None) -> bytes:
    """A collection's changeset."""
    return _json(settings_responses.changeset(collection, f"{public_url}/chains/" if public_url else _CHAINS))


def root_file(public_url: str | None) -> bytes:
    """The root page."""
    if public_url:
        return _json(settings_responses.root_page(f"{public_url}/v1/", f"{public_url}/attachments/"))
    return _json(settings_responses.root_page("./", "../attachments/"))


def monitor_file(collections: Collections, host: str) -> bytes:
    """The monitor."""
    newest = max((each.state.timestamp for each in collections), default=0)
    return _json(settings_responses.monitor(collections, newest, host))


@dataclass(frozen=True, slots=True)
class PublishedChain:
    """A certificate chain without its keys; the fields are those of `SigningChain`.

    Attributes:
        name: Name of the chain file.
        pem: The certificates, leaf first.
        root_hash: SHA-256 of the root, as clients pin it.
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


class PublishedSignature:
    """Stands for a `Signer` where no keys are: it knows one signature, and makes no other."""

    def __init__(self, chain: PublishedChain, signature: str, message: bytes) -> None:
        """Keep what was signed when the tree was published."""
        self.chain = chain
        self._signature = signature
        self._digest = hashlib.sha256(message).digest()

    def sign(self, records: Iterable[Mapping[str, Any]], timestamp: int) -> str:
        """The signature, if this is what it is of.

        Raises:
            HostError: It is of something else.
        """
        if hashlib.sha256(signed_text(records, timestamp)).digest() != self._digest:
            raise HostError("Nothing new can be signed here: the keys are not at hand (--keys names their folder).")
        return self._signature


@dataclass(frozen=True, slots=True)
class PublishedCollection:
    """A changeset of the tree, read back.

    Attributes:
        records: All records.
        timestamp: What was signed with them.
        signature: The signature, in the changeset's form.
        x5u: Where its certificates are.
    """

    records: list[dict[str, Any]]
    timestamp: int
    signature: str
    x5u: str

    @classmethod
    def read(cls, path: Path) -> PublishedCollection | None:
        """Read a changeset; None if there is none.

        Raises:
            TreeError: It cannot be understood.
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

    def signer(self, chains: Path) -> PublishedSignature:
        """What stands for the signer of this changeset.

        Raises:
            TreeError: Its certificates are missing or damaged.
        """
        chain = PublishedChain.read(chains / f"{self.chain_name}.chain")
        return PublishedSignature(chain, self.signature, signed_text(self.records, self.timestamp))


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, indent=1).encode() + b"\n"
