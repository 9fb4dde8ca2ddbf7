"""The keys folder: the signer's chain on disk, created at first use.

``root.pem``, ``intermediate.pem`` and ``leaf.pem`` each hold a private key and its certificate, so that each can be
renewed with one rename. Files have mode 0600, the folder 0700.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from modelden.host.errors import KeysError
from modelden.host.keys.certificates import (
    Authority,
    SigningChain,
    intermediate_plan,
    issue,
    leaf_plan,
    new_chain,
)

if TYPE_CHECKING:
    from pathlib import Path

_RENEW_BEFORE = timedelta(days=7)


def open_keys(folder: Path, now: datetime | None = None) -> SigningChain:
    """Load the chain of this folder. Creates a missing chain, and renews a leaf that ends within a week.

    Raises:
        KeysError: The folder is incomplete or holds other files, or it cannot be written.
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


def load_keys(folder: Path, passphrase: str | None = None) -> SigningChain:
    """Load the chain of this folder, unchanged.

    Raises:
        KeysError: The folder is missing, incomplete or holds other files; or the passphrase is missing or wrong.
    """
    chain = _load_existing(folder, passphrase)
    try:
        chain.leaf.certificate.verify_directly_issued_by(chain.intermediate.certificate)
        chain.intermediate.certificate.verify_directly_issued_by(chain.root.certificate)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise KeysError(
            f"The certificates in {folder} do not belong together, as after a rotation that was interrupted: "
            f"`modelden keys rotate {folder} --intermediate` mends it."
        ) from error
    return chain


def rotate_keys(
    folder: Path, passphrase: str | None = None, *, intermediate: bool = False, now: datetime | None = None
) -> SigningChain:
    """Renew the leaf, and with ``intermediate`` that too. Clients pin only the root, so they need no change.

    Raises:
        KeysError: The keys cannot be used, or the new ones cannot be written.
    """
    now = now or datetime.now(UTC)
    chain = _load_existing(folder, passphrase)
    if intermediate:
        chain = replace(chain, intermediate=issue(intermediate_plan(now), chain.root))
    chain = replace(chain, leaf=issue(leaf_plan(now), chain.intermediate))
    try:
        if intermediate:
            # A process killed between the two writes leaves a mismatch: `load_keys` reports it, a rotation mends it.
            _write(folder, "intermediate", chain.intermediate, passphrase)
        _write(folder, "leaf", chain.leaf, passphrase)
    except OSError as error:
        raise KeysError(f"The keys in {folder} cannot be renewed: {error}.") from error
    return chain


def save_keys(folder: Path, chain: SigningChain, passphrase: str | None = None) -> None:
    """Create a keys folder. A temporary folder is filled and then renamed, so the folder is never incomplete.

    Raises:
        OSError: The folder exists and is not empty, or cannot be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".keys-", dir=folder.parent) as scratch:
        # The context manager deletes its own folder, so a folder inside it is filled and moved.
        new = type(folder)(scratch) / "keys"
        new.mkdir(mode=0o700)
        _write(new, "root", chain.root, passphrase)
        _write(new, "intermediate", chain.intermediate, passphrase)
        _write(new, "leaf", chain.leaf, passphrase)
        new.rename(folder)


def _load_existing(folder: Path, passphrase: str | None) -> SigningChain:
    if not folder.is_dir():
        raise KeysError(f"There are no keys at {folder}: `modelden keys new {folder}` makes them.")
    try:
        return _load(folder, passphrase)
    except OSError as error:
        raise KeysError(f"The keys in {folder} cannot be used: {error}.") from error


def _write(folder: Path, name: str, authority: Authority, passphrase: str | None = None) -> None:
    encryption: KeySerializationEncryption = (
        BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    )
    key = authority.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    # mkstemp creates the file with mode 0600, so the key is never readable by others.
    descriptor, path = tempfile.mkstemp(prefix=f".{name}-", dir=folder)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key + authority.certificate.public_bytes(Encoding.PEM))
    type(folder)(path).replace(folder / f"{name}.pem")


def _load(folder: Path, passphrase: str | None = None) -> SigningChain:
    return SigningChain(
        _read(folder / "leaf.pem", passphrase),
        _read(folder / "intermediate.pem", passphrase),
        _read(folder / "root.pem", passphrase),
    )


def _read(path: Path, passphrase: str | None) -> Authority:
    try:
        text = path.read_bytes()
    except FileNotFoundError as error:
        raise KeysError(
            f"{path} is missing. A keys folder is made as a whole: restore the file, or delete "
            f"{path.parent} to have new keys (clients must then get the new root hash)."
        ) from error
    try:
        certificate = x509.load_pem_x509_certificate(text)
        # Validating an RSA-4096 key takes 0.2 s at each start. The public keys are compared below, and the root's key
        # is used only to issue an intermediate.
        key = load_pem_private_key(text, _password(path, text, passphrase), unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError) as error:
        hint = " Is the passphrase right?" if passphrase else ""
        raise KeysError(f"{path} does not hold a private key and its certificate.{hint}") from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise KeysError(f"{path} holds a key of another kind than RSA or elliptic curves.")
    if key.public_key() != certificate.public_key():
        raise KeysError(f"The private key in {path} is not the one of its certificate.")
    return Authority(certificate, key)


def _password(path: Path, text: bytes, passphrase: str | None) -> bytes | None:
    if b"ENCRYPTED PRIVATE KEY" not in text:
        return None
    if not passphrase:
        raise KeysError(
            f"{path} is encrypted: give its passphrase in MODELDEN_KEYS_PASSPHRASE or with --passphrase-file."
        )
    return passphrase.encode()
