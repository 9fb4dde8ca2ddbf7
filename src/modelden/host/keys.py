"""The keys folder: the signer's chain on disk, made at first use.

``root.pem``, ``intermediate.pem`` and ``leaf.pem`` each hold a private key and its certificate, so
that renewing one of them is one rename. Files have mode 0600, the folder 0700.
"""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from modelden.host.certificates import Authority, SigningChain, issue, leaf_plan, new_chain
from modelden.host.errors import KeysError

if TYPE_CHECKING:
    from pathlib import Path

_RENEW_BEFORE = timedelta(days=7)


def open_keys(folder: Path, now: datetime | None = None) -> SigningChain:
    """The chain in this folder, made if there is none, its leaf renewed if it ends within a week.

    Raises:
        KeysError: The folder holds something else, or only a part, or cannot be written.
    """
    now = now or datetime.now(UTC)
    try:
        if not folder.exists():
            chain = new_chain(now)
            save_keys(folder, chain)
            return chain
        chain = _load(folder)
        if chain.leaf.certificate.not_valid_after_utc - now < _RENEW_BEFORE:
            chain = SigningChain(issue(leaf_plan(now), chain.intermediate), chain.intermediate, chain.root)
            _write(folder, "leaf", chain.leaf)
    except OSError as error:
        raise KeysError(f"The keys in {folder} cannot be used: {error}.") from error
    return chain


def save_keys(folder: Path, chain: SigningChain) -> None:
    """Make a keys folder. It is filled beside its place, then renamed: never half a set of keys.

    Raises:
        OSError: The folder exists and is not empty, or cannot be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".keys-", dir=folder.parent) as scratch:
        # the context manager removes its own folder, so the one that is moved lies inside
        new = type(folder)(scratch) / "keys"
        new.mkdir(mode=0o700)
        _write(new, "root", chain.root)
        _write(new, "intermediate", chain.intermediate)
        _write(new, "leaf", chain.leaf)
        new.rename(folder)


def _write(folder: Path, name: str, authority: Authority) -> None:
    key = authority.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    # mkstemp creates with mode 0600: the key is at no moment readable by others
    descriptor, path = tempfile.mkstemp(prefix=f".{name}-", dir=folder)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key + authority.certificate.public_bytes(Encoding.PEM))
    type(folder)(path).replace(folder / f"{name}.pem")


def _load(folder: Path) -> SigningChain:
    return SigningChain(
        _read(folder / "leaf.pem"),
        _read(folder / "intermediate.pem"),
        _read(folder / "root.pem"),
    )


def _read(path: Path) -> Authority:
    try:
        text = path.read_bytes()
    except FileNotFoundError as error:
        raise KeysError(
            f"{path} is missing. A keys folder is made as a whole: restore the file, or delete "
            f"{path.parent} to have new keys (clients must then get the new root hash)."
        ) from error
    try:
        certificate = x509.load_pem_x509_certificate(text)
        # the checks of an RSA-4096 key take 0.2 s at each start; that it belongs to the certificate
        # is seen below, and it is used only to issue an intermediate
        key = load_pem_private_key(text, password=None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError) as error:
        raise KeysError(f"{path} does not hold a private key and its certificate.") from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise KeysError(f"{path} holds a key of another kind than RSA or elliptic curves.")
    if key.public_key() != certificate.public_key():
        raise KeysError(f"The private key in {path} is not the one of its certificate.")
    return Authority(certificate, key)
