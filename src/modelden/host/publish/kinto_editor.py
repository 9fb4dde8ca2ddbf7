"""An HTTP client that edits collections of a Remote Settings server: Kinto with kinto-attachment and kinto-signer.

kinto-http would add `requests`, a second HTTP library beside httpx, for the seven calls of this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from modelden.core.web_arguments import check_root_url
from modelden.errors import InputError
from modelden.host.errors import RemoteError, machine_errors

type Record = dict[str, Any]

TIMEOUT = 60
"""Seconds without a byte until a request fails. The server signs a collection before it responds."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The source collection that is edited and then signed (kinto-signer: ``resources``).

    Attributes:
        bucket: The source bucket.
        collection: The source collection.
        needs_review: A second account has to approve changes.
    """

    bucket: str
    collection: str
    needs_review: bool

    @property
    def path(self) -> str:
        """Path of the source collection, below the root URL."""
        return f"/buckets/{self.bucket}/collections/{self.collection}"


class KintoEditor:
    """A client of one account. Used with ``with``, which closes its connections.

    Attributes:
        user: The server's name of the account.
    """

    def __init__(self, server: str, auth: str) -> None:
        """Create a client without connecting.

        Args:
            server: Root URL of the settings, ``…/v1``.
            auth: ``user:password``.

        Raises:
            InputError: An argument has another form. The message does not repeat passwords.
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
        """Connect, and read the capabilities of the server and the name of the account.

        Raises:
            RemoteError: The server does not respond, lacks a plugin, or does not know the account.
        """
        with ExitStack() as closing:
            closing.callback(self._http.close)
            self._connect()
            closing.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def workspace(self, bucket: str, collection: str) -> Workspace:
        """Find the source of a published collection.

        Raises:
            RemoteError: The server signs no such collection.
        """
        signer = self._capabilities["signer"]
        bucket_wide = None
        for resource in signer.get("resources", []):
            source, destination = resource["source"], resource["destination"]
            if destination["bucket"] == bucket and destination.get("collection") in (collection, None):
                review = bool(resource.get("to_review_enabled", signer.get("to_review_enabled")))
                candidate = Workspace(source["bucket"], source.get("collection") or collection, review)
                if destination.get("collection"):
                    return candidate
                bucket_wide = candidate
        if bucket_wide is None:
            raise RemoteError(f"{self.url} signs no collection {bucket}/{collection} (kinto.signer.resources).")
        return bucket_wide

    def status(self, workspace: Workspace) -> str | None:
        """Return kinto-signer's status: ``signed``, ``work-in-progress``, ``to-review``; None without a collection.

        Raises:
            RemoteError: The account may not read it, or there is no such bucket.
        """
        response = self._send("GET", workspace.path)
        if response.status_code == 404:
            return None
        return str(self._parse(response)["data"].get("status", "work-in-progress"))

    def create(self, workspace: Workspace) -> None:
        """Create an empty collection. kinto-signer signs it and creates its groups of editors and reviewers.

        Raises:
            RemoteError: The account lacks the permission.
        """
        new = {"If-None-Match": "*"}
        self._json("PUT", workspace.path, headers=new, json={"data": {"attachment": {"enabled": True}}})

    def records(self, workspace: Workspace) -> dict[str, Record]:
        """Read all records, by identifier.

        Raises:
            RemoteError: The account may not read them.
        """
        path, records = f"{workspace.path}/records", dict[str, Record]()
        query: str | None = ""
        while query is not None:
            response = self._send("GET", f"{path}?{query}")
            records |= {str(record["id"]): record for record in self._parse(response)["data"]}
            # Only the query of the URL is used: the credentials are for this server, and a proxy may change the scheme.
            query = urlsplit(response.headers["next-page"]).query if "next-page" in response.headers else None
        return records

    def put(self, workspace: Workspace, record: Mapping[str, Any], existing: Mapping[str, Any] | None) -> None:
        """Write a record in place of ``existing``, which was read before.

        Raises:
            RemoteError: The record was changed meanwhile, or the server refuses it.
        """
        self._json(
            "PUT", f"{workspace.path}/records/{record['id']}", headers=_precondition(existing), json={"data": record}
        )

    def attach(self, workspace: Workspace, identifier: str, file: Path, attachment: Mapping[str, Any]) -> None:
        """Upload the attachment of a record.

        Args:
            workspace: The collection.
            identifier: Identifier of the record.
            file: The attachment.
            attachment: ``filename``, ``mimetype`` and ``hash``.

        Raises:
            RemoteError: The server refuses it, or received other bytes.
            MachineError: The file cannot be read.
        """
        with machine_errors(f"Cannot read {file}"), file.open("rb") as content:
            part = (attachment["filename"], content, attachment["mimetype"])
            path = f"{workspace.path}/records/{identifier}/attachment"
            stored = self._json("POST", path, files={"attachment": part})
        if stored.get("hash") != attachment["hash"]:
            raise RemoteError(f"{self.url} got other bytes of {file}: SHA-256 {stored.get('hash')}. Run it again.")

    def delete(self, workspace: Workspace, existing: Mapping[str, Any]) -> None:
        """Delete a record that was read before.

        Raises:
            RemoteError: The record was changed meanwhile.
        """
        self._json("DELETE", f"{workspace.path}/records/{existing['id']}", headers=_precondition(existing))

    def set_status(self, workspace: Workspace, status: str) -> None:
        """Request a review (``to-review``), or approve (``to-sign``), which signs and publishes the records.

        Raises:
            RemoteError: The account lacks the permission.
        """
        self._json("PATCH", workspace.path, json={"data": {"status": status}})

    def _connect(self) -> None:
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
        return self._parse(self._send(method, path, **content))

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        url = f"{self.url}{path}"
        try:
            return self._http.request(method, url, **content)
        except httpx.HTTPError as error:
            raise RemoteError(f"{url}: {str(error) or type(error).__name__}. {_DEFAULT_REMEDY}") from error

    def _parse(self, response: httpx.Response) -> dict[str, Any]:
        """Parse the JSON of a response.

        Raises:
            RemoteError: The status is an error, with the server's message; or the body is no JSON object.
        """
        try:
            body = response.json()
        except ValueError:
            body = None
        if response.is_success and isinstance(body, dict):
            return body
        detail = body.get("message") or body.get("error") if isinstance(body, dict) else None
        request = f"{response.request.method} {response.request.url}"
        summary = f"{request} answered {response.status_code}{f': {detail}' if detail else ''}."
        raise RemoteError(f"{summary} {_REMEDIES.get(response.status_code, _DEFAULT_REMEDY)}")


_DEFAULT_REMEDY = "What was written so far stays unpublished in the workspace; the next push goes on from there."
_REMEDIES = {
    401: "Are user and password right?",
    403: "The account has not the rights: it must be in the collection's group of editors, and who approves in that of "
    "reviewers (and be somebody else); an administrator makes buckets and, if need be, collections.",
    412: "Somebody changed it meanwhile: push again.",
}


def _precondition(existing: Mapping[str, Any] | None) -> dict[str, str]:
    return {"If-None-Match": "*"} if existing is None else {"If-Match": f'"{existing["last_modified"]}"'}
