"""Starts the Kinto server of ``server/`` in its own environment, and publishes on it as Mozilla's editors do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from modelden.host.keys.certificates import Authority, SigningChain, issue, leaf_plan, new_chain, root_plan
from tests.replay import replay_chain

type Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".cache/kinto/bin/python"
USERS = {"admin": "admin-local", "editor": "editor-local", "reviewer": "reviewer-local"}
SOURCE = "main-workspace"


class Kinto:
    """One running server. Memory storage: it begins empty."""

    def __init__(self, state: Path, *, published: bool = False) -> None:
        """Prepare the keys of its signer; ``published`` runs kinto-changes 4.1.2 without today's additions."""
        self._state = state
        self._published = published
        self._process: subprocess.Popen[str] | None = None
        # Its name tells the server that it is no page.
        self._http = httpx.Client(headers={"User-Agent": "tests"}, timeout=120)
        self.url = ""
        self.add_signer("default", replay_chain())

    def __enter__(self) -> Self:
        command = [PYTHON, "-W", "ignore", "-m", "rs_local.serve", "--state", self._state]
        with (self._state / "log").open("w") as log:
            self._process = subprocess.Popen(  # noqa: S603  our own server
                [*map(str, command), *(["--published"] if self._published else [])],
                cwd=Path(__file__).parent / "server",
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        # Libraries print there, too.
        line = next((line for line in self._process.stdout if line.startswith("ready ")), None)
        assert line, (self._state / "log").read_text()
        self.url = f"http://127.0.0.1:{line.split()[1]}"
        self._add_accounts()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.communicate()
        self._http.close()

    @property
    def config(self) -> Json:
        """The configuration of a page."""
        return {"settings_server": f"{self.url}/v1", "root_hash": replay_chain().root_hash}

    def switch(self, **switches: Any) -> None:
        """Let these things go wrong, and no others (``server/rs_local/control.py``)."""
        new = self._state / "control.new"
        new.write_text(json.dumps(switches))
        new.rename(self._state / "control.json")

    def add_signer(self, name: str, chain: SigningChain) -> None:
        """Give the server a key and its chain."""
        folder = self._state / "signers" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "chain.pem").write_bytes(chain.pem)
        (folder / "key.pem").write_bytes(
            chain.leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )

    def requests(self) -> list[str]:
        """The requests of pages since the last call, paths with queries."""
        asked: list[str] = self._http.get(f"{self.url}/__requests__").json()
        return asked

    def create_bucket(self) -> None:
        """Make the bucket that is edited."""
        self._call("PUT", f"/buckets/{SOURCE}", {}, user="admin")

    def create(self, name: str) -> None:
        """Make a collection, with its group of editors and of reviewers."""
        self.create_bucket()
        self._call("PUT", f"/buckets/{SOURCE}/collections/{name}", {"attachment": {"enabled": True}}, user="admin")
        for role in ("editor", "reviewer"):
            members = {"members": ["account:admin", f"account:{role}"]}
            self._call("PUT", f"/buckets/{SOURCE}/groups/{name}-{role}s", members, user="admin")
        for bucket in ("main", "main-preview"):
            everyone = {"permissions": {"read": ["system.Everyone"]}}
            self._send("PATCH", f"/buckets/{bucket}", user="admin", json=everyone)

    def put(self, name: str, record: Mapping[str, Any]) -> None:
        """Edit a record; nobody sees it before `request_review`."""
        self._call("PUT", f"{_records(name)}/{record['id']}", dict(record), user="editor")

    def delete(self, name: str, record: str) -> None:
        """Delete a record; nobody sees that before `request_review`."""
        self._send("DELETE", f"{_records(name)}/{record}", user="editor")

    def workspace(self, name: str) -> list[Json]:
        """The records as editors see them."""
        records: list[Json] = self._send("GET", _records(name), user="editor").json()["data"]
        return records

    def attach(self, name: str, record: str, data: bytes) -> None:
        """Upload an attachment of a record."""
        files = {"attachment": ("file.bin", data, "application/octet-stream")}
        self._send("POST", f"{_records(name)}/{record}/attachment", user="editor", files=files)

    def request_review(self, name: str) -> None:
        """Publish to the preview bucket."""
        self._status(name, "to-review", "editor")

    def publish(self, name: str, *records: Mapping[str, Any]) -> None:
        """Edit records, ask for a review, approve, sign."""
        for record in records:
            self.put(name, record)
        self.request_review(name)
        self._status(name, "to-sign", "reviewer")

    def sign_again(self, name: str) -> None:
        """Refresh the signatures of unchanged records, as a cron job of Mozilla's does."""
        self._status(name, "to-resign", "admin")

    def changeset(self, name: str, bucket: str = "main", **query: str) -> Json:
        """The server's changeset of a collection."""
        path = f"/buckets/{bucket}/collections/{name}/changeset"
        changeset: Json = self._send("GET", path, params={"_expected": "0", **query}).json()
        return changeset

    def flush(self) -> None:
        """Begin anew: no collection, no record."""
        self._send("POST", "/__flush__", user="admin", json={})
        self._add_accounts()

    def _add_accounts(self) -> None:
        for name, password in USERS.items():
            self._call("PUT", f"/accounts/{name}", {"password": password})

    def _status(self, name: str, status: str, user: str) -> None:
        self._call("PATCH", f"/buckets/{SOURCE}/collections/{name}", {"status": status}, user=user)

    def _call(self, method: str, path: str, data: Json, user: str | None = None) -> None:
        self._send(method, path, user=user, json={"data": data})

    def _send(self, method: str, path: str, user: str | None = None, **content: Any) -> httpx.Response:
        auth = (user, USERS[user]) if user else None
        response = self._http.request(method, f"{self.url}/v1{path}", auth=auth, **content)
        assert response.is_success, response.text
        return response


def another_leaf(**changes: Any) -> SigningChain:
    """A new key below the same root, with a leaf that differs in these fields of its plan."""
    chain = replay_chain()
    leaf = issue(replace(leaf_plan(datetime.now(UTC)), **changes), chain.intermediate)
    return SigningChain(leaf, chain.intermediate, chain.root)


def another_root() -> SigningChain:
    """A chain below a root that nobody trusts yet."""
    root: Authority = issue(replace(root_plan(datetime.now(UTC)), rsa_bits=None))
    return new_chain(root=root)


def _records(name: str) -> str:
    return f"/buckets/{SOURCE}/collections/{name}/records"
