"""Edit the collections of a Remote Settings server: Kinto with kinto-attachment and kinto-signer, over its HTTP API.

kinto-http would bring `requests`, a second HTTP library beside httpx, for the seven calls that are made here.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from modelden.config import check_root_url
from modelden.errors import InputError
from modelden.host.errors import RemoteError, machine_errors

type Record = dict[str, Any]

TIMEOUT = 60
"""Seconds without a byte after which the server counts as gone; it signs a collection before it answers."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where a collection is edited before it is signed (kinto-signer: ``resources``).

    Attributes:
        bucket: The source bucket.
        collection: The source collection.
        needs_review: Somebody else than who asked for the review has to approve.
    """

    bucket: str
    collection: str
    needs_review: bool

    @property
    def path(self) -> str:
        """Of the source collection, below the root URL."""
        return f"/buckets/{self.bucket}/collections/{self.collection}"


class KintoEditor:
    """One account on a server. Used with ``with``, which closes its connections.

    Attributes:
        user: The account's name, as the server has it.
    """

    def __init__(self, server: str, auth: str) -> None:
        """Prepare.

        Args:
            server: Root URL of the settings, ``…/v1``.
            auth: ``user:password``.

        Raises:
            InputError: One of them is not of that form; the message does not repeat passwords.
        """
        if urlsplit(server).username is not None:
            raise InputError("--server: expected a URL without user and password; --auth is for them.")
        name, colon, password = auth.partition(":")
        if not (name and colon and password):
            raise InputError("Expected an account as user:password.")
        self.url = check_root_url("--server", server).rstrip("/")
        self.user = ""
        self._http = httpx.Client(auth=(name, password), timeout=TIMEOUT)
        self._capabilities: dict[str, Any] = {}

    def __enter__(self) -> Self:
        """Ask the server what it can do, and whom it knows.

        Raises:
            RemoteError: It does not answer, has not what is needed, or does not know the account.
        """
        with ExitStack() as closing:
            closing.callback(self._http.close)
            self._introduce()
            closing.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def workspace(self, bucket: str, collection: str) -> Workspace:
        """Where a published collection is edited.

        Raises:
            RemoteError: The server signs no such collection.
        """
        signer = self._capabilities["signer"]
        general = None
        for resource in signer.get("resources", []):
            source, destination = resource["source"], resource["destination"]
            if destination["bucket"] == bucket and destination.get("collection") in (collection, None):
                review = bool(resource.get("to_review_enabled", signer.get("to_review_enabled")))
                found = Workspace(source["bucket"], source.get("collection") or collection, review)
                if destination.get("collection"):
                    return found
                general = found
        if general is None:
            raise RemoteError(f"{self.url} signs no collection {bucket}/{collection} (kinto.signer.resources).")
        return general

    def status(self, where: Workspace) -> str | None:
        """What kinto-signer says of a collection: ``signed``, ``work-in-progress``, ``to-review``; None without it.

        Raises:
            RemoteError: The account may not read it, or there is no such bucket.
        """
        response = self._send("GET", where.path)
        if response.status_code == 404:
            return None
        return str(self._checked(response)["data"].get("status", "work-in-progress"))

    def create(self, where: Workspace) -> None:
        """Make a collection; kinto-signer signs it, empty, and makes its groups of editors and of reviewers.

        Raises:
            RemoteError: The account may not.
        """
        new = {"If-None-Match": "*"}
        self._json("PUT", where.path, headers=new, json={"data": {"attachment": {"enabled": True}}})

    def records(self, where: Workspace) -> dict[str, Record]:
        """All records by identifier.

        Raises:
            RemoteError: The account may not read them.
        """
        path, found = f"{where.path}/records", dict[str, Record]()
        query: str | None = ""
        while query is not None:
            response = self._send("GET", f"{path}?{query}")
            found |= {str(each["id"]): each for each in self._checked(response)["data"]}
            # of the URL only what is new in it: the account is for this server, and its scheme may be a proxy's
            query = urlsplit(response.headers["next-page"]).query if "next-page" in response.headers else None
        return found

    def put(self, where: Workspace, record: Mapping[str, Any], known: Mapping[str, Any] | None) -> None:
        """Write a record in the place of ``known``, of what was there when it was looked at.

        Raises:
            RemoteError: It was changed meanwhile, or the server refuses it.
        """
        self._json("PUT", f"{where.path}/records/{record['id']}", headers=_unless_changed(known), json={"data": record})

    def attach(self, where: Workspace, identifier: str, file: Path, attachment: Mapping[str, Any]) -> None:
        """Upload the attachment of a record.

        Args:
            where: The collection.
            identifier: The record's.
            file: Its bytes.
            attachment: ``filename``, ``mimetype`` and ``hash``.

        Raises:
            RemoteError: The server refuses it, or got other bytes.
            MachineError: The file cannot be read.
        """
        with machine_errors(f"Cannot read {file}"), file.open("rb") as content:
            part = (attachment["filename"], content, attachment["mimetype"])
            path = f"{where.path}/records/{identifier}/attachment"
            there = self._json("POST", path, files={"attachment": part})
        if there.get("hash") != attachment["hash"]:
            raise RemoteError(f"{self.url} got other bytes of {file}: SHA-256 {there.get('hash')}. Run it again.")

    def delete(self, where: Workspace, known: Mapping[str, Any]) -> None:
        """Delete a record that is as it was when it was looked at.

        Raises:
            RemoteError: It was changed meanwhile.
        """
        self._json("DELETE", f"{where.path}/records/{known['id']}", headers=_unless_changed(known))

    def set_status(self, where: Workspace, status: str) -> None:
        """Ask for the review (``to-review``), or approve (``to-sign``): then the records are signed and published.

        Raises:
            RemoteError: The account may not.
        """
        self._json("PATCH", where.path, json={"data": {"status": status}})

    def _introduce(self) -> None:
        try:
            page = self._json("GET", "/")
            self._capabilities, self.user = dict(page["capabilities"]), str(page.get("user", {}).get("id", ""))
        except (KeyError, TypeError, AttributeError) as error:
            raise RemoteError(f"{self.url}/ is not the root page of a Kinto server: {error!r}.") from error
        missing = [name for name in ("attachments", "signer") if name not in self._capabilities]
        if missing:
            raise RemoteError(f"{self.url} has no kinto-{missing[0].removesuffix('s')}: it is needed to publish.")
        if not self.user:
            raise RemoteError(f"{self.url} does not know this account: are user and password right?")

    def _json(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        return self._checked(self._send(method, path, **content))

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        url = f"{self.url}{path}"
        try:
            return self._http.request(method, url, **content)
        except httpx.HTTPError as error:
            raise RemoteError(f"{url}: {str(error) or type(error).__name__}. {_ANY}") from error

    def _checked(self, response: httpx.Response) -> dict[str, Any]:
        """The JSON of an answer.

        Raises:
            RemoteError: It is a refusal, in the server's words; or no JSON object.
        """
        try:
            body = response.json()
        except ValueError:
            body = None
        if response.is_success and isinstance(body, dict):
            return body
        said = body.get("message") or body.get("error") if isinstance(body, dict) else None
        asked = f"{response.request.method} {response.request.url}"
        what = f"{asked} answered {response.status_code}{f': {said}' if said else ''}."
        raise RemoteError(f"{what} {_WAYS_OUT.get(response.status_code, _ANY)}")


_ANY = "What was written so far stays unpublished in the workspace; the next push goes on from there."
_WAYS_OUT = {
    401: "Are user and password right?",
    403: "The account has not the rights: it must be in the collection's group of editors, and who approves in that of "
    "reviewers (and be somebody else); an administrator makes buckets and, if need be, collections.",
    412: "Somebody changed it meanwhile: push again.",
}


def _unless_changed(known: Mapping[str, Any] | None) -> dict[str, str]:
    return {"If-None-Match": "*"} if known is None else {"If-Match": f'"{known["last_modified"]}"'}
