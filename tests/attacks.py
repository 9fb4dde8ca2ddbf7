"""Attacks on Remote Settings, as a table: what is served instead of the truth, and how it has to be refused.

`KNOWN_ATTACKS` lists those on hubs, mirrors, archives, stores, limits and publications, with their tests.

`Publisher` serves two signed collections; each of `ATTACKS` forges something. Rings 1 and 2 run the same table: cold,
and against a client that has an earlier, honest state. Sample usage::

    with RunningServer(publisher.app) as server:
        attack.forge(publisher)
        ...  # the client must raise `attack.error` and say `attack.says`
        publisher.restore()
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.x509.oid import ExtendedKeyUsageOID
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modelden.host.keys.certificates import (
    Authority,
    CertificatePlan,
    SigningChain,
    intermediate_plan,
    issue,
    leaf_plan,
    root_plan,
)
from modelden.host.keys.signer import Signer
from modelden.host.publish.collections import Collection, Collections
from modelden.host.serve.cors import AnyOrigin
from modelden.host.serve.faults import Fault, Faults
from modelden.host.serve.request_log import RequestLog
from modelden.host.serve.server import settings_routes
from modelden.host.serve.settings_app import EXPOSED
from modelden.settings.changeset import identity_record
from tests.replay import replay_chain

type Json = dict[str, Any]

NAME, OTHER = "attacked", "other"
RECORDS: list[Json] = [{"id": each, "text": f"grüße {each} 😀", "count": 3} for each in ("a", "b", "c")]
START = 1_700_000_000_000

_CHANGESET = f"/v1/buckets/main/collections/{NAME}/changeset"
_CHAINS = "/chains/*"


class Publisher:
    """A server of the collections `NAME` and `OTHER`, honest until something is forged.

    Attributes:
        collections: What is published.
        faults: What goes wrong on the way.
        log: The requests.
        busy: Seconds in the header Backoff of every answer.
        attachments: Their bytes by location.
        change: Changes the answers to requests for the changeset of `NAME`.
    """

    def __init__(self) -> None:
        self.collections = Collections(Signer(replay_chain()))
        self.faults = Faults()
        self.log = RequestLog()
        self.change: Callable[[Json], Json | Response] | None = None
        self.busy: int | None = None
        self.attachments: dict[str, bytes] = {}
        routes = settings_routes(self.collections, AnyOrigin(self._attachment, ("Content-Length",)))
        inner = Starlette(routes=routes)
        self.app: ASGIApp = self.log.wrap(self.faults.wrap(_Forger(self, inner)))
        self.restore()

    async def _attachment(self, scope: Scope, receive: Receive, send: Send) -> None:
        data = self.attachments.get(scope["path"].removeprefix("/attachments/"))
        answer = Response(status_code=404) if data is None else Response(data)
        await answer(scope, receive, send)

    @property
    def root_hash(self) -> str:
        return replay_chain().root_hash

    @property
    def collection(self) -> Collection:
        return self.collections["main", NAME]

    def restore(self) -> None:
        """Be honest again, and begin anew."""
        self.change, self.busy = None, None
        self.faults.set()
        self.log.clear()
        self.attachments.clear()
        self.collections.add("main", NAME, RECORDS, START)
        self.collections.add("main", OTHER, [{"id": "x", "text": "of the other one"}], START + 90_000)

    def attach(self, data: bytes) -> None:
        """Publish a record with an attachment."""
        location = "main-workspace/attacked/file"
        self.attachments[location] = data
        digest = hashlib.sha256(data).hexdigest()
        self.collection.publish(
            {"id": "file", "attachment": {"location": location, "size": len(data), "hash": digest, "filename": "file"}}
        )

    def keep(self) -> None:
        """Remember what is signed now, for `replay`."""
        self._kept = _metadata(self, NAME), self.collection.state

    def replay(self) -> None:
        """Answer with the old state, complete and validly signed, whatever is asked."""
        metadata, state = self._kept
        self.collections.add("main", NAME, state.records.values(), state.timestamp)  # for the monitor
        self.change = lambda _: {"metadata": metadata, "timestamp": state.timestamp, "changes": state.changes()}

    def publish(self) -> None:
        """Make an honest new state."""
        self.collection.publish({**RECORDS[0], "count": 4}, {"id": "d", "text": "new"})


class _Forger:
    def __init__(self, publisher: Publisher, app: ASGIApp) -> None:
        self._publisher = publisher
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_backoff(message: Message) -> None:
            if self._publisher.busy and message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Backoff"] = str(self._publisher.busy)
            await send(message)

        await self._answer(scope, receive, send_with_backoff)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        change = self._publisher.change
        if change is None or scope["path"] != _CHANGESET:
            await self._app(scope, receive, send)
            return
        body = bytearray()

        async def keep(message: Message) -> None:
            body.extend(message.get("body", b""))

        await self._app(scope, receive, keep)
        forged = change(json.loads(body))
        answer = forged if isinstance(forged, Response) else JSONResponse(forged)
        await AnyOrigin(answer, EXPOSED)(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Attack:
    """One way to cheat.

    Attributes:
        forge: Does it.
        error: Class of the error that it must end with.
        says: What the error's message must contain.
    """

    forge: Callable[[Publisher], None]
    error: str
    says: str

    @property
    def name(self) -> str:
        return self.forge.__name__


ATTACKS: list[Attack] = []


def _attack(error: str, says: str) -> Callable[[Callable[[Publisher], None]], Callable[[Publisher], None]]:
    def add(forge: Callable[[Publisher], None]) -> Callable[[Publisher], None]:
        ATTACKS.append(Attack(forge, error, says))
        return forge

    return add


# --- records, timestamps, metadata

_UNFIT = "the signature does not fit the records"


@_attack("SignatureError", _UNFIT)
def one_record_is_changed(publisher: Publisher) -> None:
    publisher.change = lambda body: {**body, "changes": [{**body["changes"][0], "count": 5}, *body["changes"][1:]]}


@_attack("SignatureError", _UNFIT)
def one_record_is_added(publisher: Publisher) -> None:
    publisher.change = lambda body: {**body, "changes": [{"id": "evil", "last_modified": 1}, *body["changes"]]}


@_attack("SignatureError", _UNFIT)
def one_record_is_left_out(publisher: Publisher) -> None:
    publisher.change = lambda body: {**body, "changes": body["changes"][1:]}


@_attack("SignatureError", _UNFIT)
def one_record_is_declared_deleted(publisher: Publisher) -> None:
    tombstone = {"id": "b", "deleted": True, "last_modified": START + 1}
    publisher.change = lambda body: {
        **body,
        "changes": [*(each for each in body["changes"] if each["id"] != "b"), tombstone],
    }


@_attack("SignatureError", _UNFIT)
def a_deleted_record_is_kept(publisher: Publisher) -> None:
    publisher.collection.delete("b")
    publisher.change = lambda body: {
        **body,
        "changes": [each for each in body["changes"] if "deleted" not in each]
        + [{**RECORDS[1], "last_modified": START}],
    }


@_attack("SignatureError", _UNFIT)
def the_timestamp_is_changed(publisher: Publisher) -> None:
    publisher.change = lambda body: {**body, "timestamp": body["timestamp"] + 1}


@_attack("SignatureError", _UNFIT)
def a_number_is_written_as_text(publisher: Publisher) -> None:
    publisher.change = lambda body: {
        **body,
        "changes": [{**each, "count": str(each.get("count"))} for each in body["changes"]],
    }


@_attack("SignatureError", _UNFIT)
def the_signature_of_another_collection_is_replayed(publisher: Publisher) -> None:
    other = _metadata(publisher, OTHER)
    publisher.change = lambda body: {**body, "metadata": {**body["metadata"], **_signatures(other)}}


@_attack("InvalidResponse", f"expected the collection main/{NAME}, got main/{OTHER}")
def the_metadata_of_another_collection_is_replayed(publisher: Publisher) -> None:
    publisher.change = lambda body: {**body, "metadata": _metadata(publisher, OTHER)}


@_attack("InvalidResponse", f"expected the collection main/{NAME}, got main/{OTHER}")
def another_collection_is_served_as_a_whole(publisher: Publisher) -> None:
    other = publisher.collections["main", OTHER].state
    publisher.change = lambda _: {
        "metadata": _metadata(publisher, OTHER),
        "timestamp": other.timestamp,
        "changes": other.changes(),
    }


@_attack("SignatureError", f"it is the collection main/{OTHER}, validly signed, under another name")
def another_collection_that_names_itself_is_served_under_this_name(publisher: Publisher) -> None:
    other = publisher.collections["main", OTHER]
    other.publish(identity_record("main", OTHER, [NAME, OTHER]))
    publisher.change = lambda _: {
        "metadata": {**_metadata(publisher, NAME), **_signatures(_metadata(publisher, OTHER))},
        "timestamp": other.state.timestamp,
        "changes": other.state.changes(),
    }


@_attack("SignatureError", f"it is the collection main-preview/{NAME}, validly signed, under another name")
def the_same_collection_of_another_bucket_is_served(publisher: Publisher) -> None:
    publisher.collection.publish(identity_record("main-preview", NAME, [NAME]))


@_attack("SignatureError", "lies in the future")
def the_timestamp_lies_days_ahead(publisher: Publisher) -> None:
    publisher.collection.replace(RECORDS, timestamp=_milliseconds(timedelta(days=2)))


@_attack("SignatureError", "lies in the future")
def the_timestamp_lies_a_thousand_years_ahead(publisher: Publisher) -> None:
    publisher.collection.replace(RECORDS, timestamp=_milliseconds(timedelta(days=365_000)))


@_attack("SignatureError", "is after the end of its signer's certificate")
def the_timestamp_is_after_the_end_of_the_certificate(publisher: Publisher) -> None:
    leaf = replace(leaf_plan(datetime.now(UTC)), not_after=datetime.now(UTC) + timedelta(hours=1))
    publisher.collection.replace(RECORDS, timestamp=_milliseconds(timedelta(hours=2)))
    publisher.collection.sign(Signer(_chain(leaf=leaf)))


@_attack("SignatureError", "found none")
def the_signatures_are_left_out(publisher: Publisher) -> None:
    publisher.change = lambda body: {**body, "metadata": {"id": NAME, "bucket": "main"}}


@_attack("SignatureError", "found none")
def only_an_unknown_mode_is_offered(publisher: Publisher) -> None:
    _change_entries(publisher, lambda entry: {**entry, "mode": "none"})


@_attack("SignatureError", "expected a signature of 96 bytes, found 93")
def the_signature_is_cut(publisher: Publisher) -> None:
    _change_entries(publisher, lambda entry: {**entry, "signature": entry["signature"][:124]})


@_attack("SignatureError", "not URL-safe base64")
def the_signature_is_no_base64(publisher: Publisher) -> None:
    _change_entries(publisher, lambda entry: {**entry, "signature": "!" * 128})


@_attack("SignatureError", _UNFIT)
def the_signature_is_all_zeros(publisher: Publisher) -> None:
    _change_entries(publisher, lambda entry: {**entry, "signature": "A" * 128})


@_attack("SignatureError", "expected the URL of a certificate chain as x5u, found None")
def the_chain_is_not_named(publisher: Publisher) -> None:
    _change_entries(publisher, lambda entry: {name: value for name, value in entry.items() if name != "x5u"})


# --- certificates


def _chain_attack(says: str) -> Callable[[Callable[[datetime], SigningChain]], Callable[[datetime], SigningChain]]:
    """Sign with a chain that is wrong in one point; what is signed is right."""

    def add(make: Callable[[datetime], SigningChain]) -> Callable[[datetime], SigningChain]:
        chain = functools.cache(lambda: make(datetime.now(UTC)))

        def forge(publisher: Publisher) -> None:
            publisher.collection.sign(Signer(chain()))

        forge.__name__ = make.__name__
        ATTACKS.append(Attack(forge, "SignatureError", says))
        return make

    return add


@_chain_attack("expired")
def the_leaf_is_expired(now: datetime) -> SigningChain:
    return _chain(leaf=_past(leaf_plan(now)))


@_chain_attack("is not valid before")
def the_leaf_is_not_yet_valid(now: datetime) -> SigningChain:
    return _chain(leaf=replace(leaf_plan(now), not_before=now + timedelta(days=1)))


@_chain_attack("content signing intermediate")
def the_intermediate_is_expired(now: datetime) -> SigningChain:
    return _chain(intermediate=_past(intermediate_plan(now)))


@_chain_attack("expected the signer remote-settings.content-signature.mozilla.org, found onecrl.")
def the_name_is_another_signers(now: datetime) -> SigningChain:
    return _chain(leaf=replace(leaf_plan(now), dns_names=("onecrl.content-signature.mozilla.org",)))


@_chain_attack("found no name")
def the_name_stands_only_in_the_subject(now: datetime) -> SigningChain:
    return _chain(leaf=replace(leaf_plan(now), dns_names=()))


@_chain_attack("expected the root certificate")
def the_root_is_another_one(now: datetime) -> SigningChain:
    root = issue(replace(root_plan(now), rsa_bits=None))
    return _chain(root=root)


@_chain_attack("is not for code signing, its usages are ['1.3.6.1.5.5.7.3.1']")
def the_leaf_is_for_web_servers(now: datetime) -> SigningChain:
    return _chain(leaf=replace(leaf_plan(now), extended_key_usages=(ExtendedKeyUsageOID.SERVER_AUTH,)))


@_chain_attack("is not for code signing, its usages are []")
def the_leaf_has_no_usage(now: datetime) -> SigningChain:
    return _chain(leaf=replace(leaf_plan(now), extended_key_usages=None))


@_chain_attack("may not sign data, only ['keyAgreement']")
def the_leafs_key_is_for_something_else(now: datetime) -> SigningChain:
    return _chain(leaf=replace(leaf_plan(now), key_usages=frozenset({"key_agreement"})))


@_chain_attack("is not a certificate authority")
def the_intermediate_is_no_authority(now: datetime) -> SigningChain:
    return _chain(intermediate=replace(intermediate_plan(now), is_ca=False, path_length=None))


@_chain_attack("may not sign certificates, only ['digitalSignature']")
def the_intermediates_key_may_not_sign_certificates(now: datetime) -> SigningChain:
    return _chain(intermediate=replace(intermediate_plan(now), key_usages=frozenset({"digital_signature"})))


@_chain_attack("expected a key of RSA with 2048 bits at least")
def the_intermediate_has_a_weak_key(now: datetime) -> SigningChain:
    return _chain(intermediate=replace(intermediate_plan(now), rsa_bits=1024))


@_chain_attack("is a certificate authority")
def the_leaf_is_an_authority(now: datetime) -> SigningChain:
    return _chain(leaf=replace(leaf_plan(now), is_ca=True))


@_chain_attack("may only issue names below ['content-signature.mozilla.org'], found evil.example")
def the_name_constraint_is_broken(now: datetime) -> SigningChain:
    names = (*leaf_plan(now).dns_names, "evil.example")
    return _chain(leaf=replace(leaf_plan(now), dns_names=names))


@_chain_attack("is not one of")
def the_leaf_is_signed_by_another_key_of_the_same_name(now: datetime) -> SigningChain:
    honest = replay_chain()
    impostor = issue(intermediate_plan(now), honest.root)
    return SigningChain(issue(leaf_plan(now), impostor), honest.intermediate, honest.root)


def _pem_attack(
    says: str, error: str = "SignatureError"
) -> Callable[[Callable[[list[str]], str]], Callable[[list[str]], str]]:
    """Serve something else as the certificate chain; it is told the honest certificates, leaf first."""

    def add(make: Callable[[list[str]], str]) -> Callable[[list[str]], str]:
        def forge(publisher: Publisher) -> None:
            begin = "-----BEGIN CERTIFICATE-----"
            honest = replay_chain().pem.decode().split(begin)[1:]
            # signed anew, so that the chain has a URL of which nobody has a copy
            fresh = SigningChain(issue(leaf_plan(datetime.now(UTC)), replay_chain().intermediate), *_above())
            publisher.collection.sign(Signer(fresh))
            leaf = fresh.pem.decode().split(begin)[1]
            publisher.faults.set(Fault(path=_CHAINS, body=make([begin + each for each in (leaf, *honest[1:])])))

        forge.__name__ = make.__name__
        ATTACKS.append(Attack(forge, error, says))
        return make

    return add


@_pem_attack("names the issuer")
def the_chain_is_shuffled(certificates: list[str]) -> str:
    leaf, intermediate, root = certificates
    return intermediate + leaf + root


@_pem_attack("expected the root certificate")
def the_chain_is_reversed(certificates: list[str]) -> str:
    return "".join(reversed(certificates))


@_pem_attack("names the issuer")
def the_chain_has_an_extra_certificate(certificates: list[str]) -> str:
    leaf, intermediate, root = certificates
    return leaf + leaf + intermediate + root


@_pem_attack("expected the root certificate")
def the_chain_ends_with_an_extra_certificate(certificates: list[str]) -> str:
    return "".join(certificates) + certificates[0]


@_pem_attack("names the issuer")
def the_chain_lacks_its_intermediate(certificates: list[str]) -> str:
    return certificates[0] + certificates[2]


@_pem_attack("found 1 certificate(s)")
def the_chain_is_the_root_alone(certificates: list[str]) -> str:
    return certificates[2]


@_pem_attack("is not a certificate chain")
def the_pem_is_truncated(certificates: list[str]) -> str:
    return "".join(certificates)[:-400]


@_pem_attack("is not a certificate chain")
def the_pem_is_a_web_page(_certificates: list[str]) -> str:
    return "<!doctype html><title>It works!</title>"


@_pem_attack("more than the 65536 bytes", "ResponseTooLarge")
def the_pem_is_endless(certificates: list[str]) -> str:
    return "".join(certificates * 20)


# --- what is no changeset


@_attack("InvalidResponse", "expected a changeset in JSON")
def a_web_page_comes_instead_of_json(publisher: Publisher) -> None:
    publisher.change = lambda _: Response("<!doctype html><title>Log in to the hotel</title>", media_type="text/html")


@_attack("InvalidResponse", "expected a changeset in JSON")
def the_json_is_cut(publisher: Publisher) -> None:
    publisher.change = lambda body: Response(json.dumps(body)[:-20], media_type="application/json")


@_attack("ResponseTooLarge", "more than the 20971520 bytes")
def fifty_megabytes_of_json_come(publisher: Publisher) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'{"changes": ['
        for _ in range(50):
            yield b'{"id": "a"},' * 87_382
        await asyncio.Event().wait()  # who reads to the end never comes there

    publisher.change = lambda _: StreamingResponse(body(), media_type="application/json")


@_attack("InvalidResponse", "nested deeper than")
def a_record_is_nested_100_000_levels_deep(publisher: Publisher) -> None:
    _nest(publisher, "[" * 100_000 + "]" * 100_000)


@_attack("InvalidResponse", "nested deeper than")
def a_record_has_100_000_objects_in_each_other(publisher: Publisher) -> None:
    _nest(publisher, '{"a":' * 100_000 + "1" + "}" * 100_000)


@_attack("InvalidResponse", "nested deeper than")
def the_nesting_is_never_closed(publisher: Publisher) -> None:
    publisher.change = lambda _: Response("[" * 1_000_000, media_type="application/json")


@_attack("HttpError", "answered 500")
def an_error_is_nested_deep(publisher: Publisher) -> None:
    publisher.change = lambda _: Response("[" * 100_000, 500, media_type="application/json")


@_attack("InvalidResponse", "duplicate ids")
def an_id_comes_twice(publisher: Publisher) -> None:
    publisher.change = lambda body: {**body, "changes": [*body["changes"], body["changes"][0]]}


@_attack("InvalidResponse", "each with a string id")
def an_id_is_a_number(publisher: Publisher) -> None:
    publisher.change = lambda body: {**body, "changes": [*body["changes"], {"id": 7}]}


@_attack("InvalidResponse", "each with a string id")
def an_id_is_missing(publisher: Publisher) -> None:
    publisher.change = lambda body: {**body, "changes": [*body["changes"], {"text": "nameless"}]}


@_attack("InvalidResponse", "a list of changes")
def the_changes_are_no_list(publisher: Publisher) -> None:
    publisher.change = lambda body: {**body, "changes": {"a": body["changes"][0]}}


@_attack("InvalidResponse", "an integer timestamp")
def the_timestamp_is_text(publisher: Publisher) -> None:
    publisher.change = lambda body: {**body, "timestamp": str(body["timestamp"])}


@_attack("InvalidResponse", "NaN is no JSON")
def a_number_is_none(publisher: Publisher) -> None:
    publisher.change = lambda body: Response(json.dumps({**body, "extra": float("nan")}), media_type="application/json")


@_attack("InvalidResponse", "is too large")
def a_number_is_infinite(publisher: Publisher) -> None:
    publisher.change = lambda body: Response(
        json.dumps({**body, "extra": "HUGE"}).replace('"HUGE"', "1e999"), media_type="application/json"
    )


@_attack("SignatureError", "no canonical form")
def a_text_is_half_a_character(publisher: Publisher) -> None:
    publisher.change = lambda body: Response(
        json.dumps({**body, "changes": [{"id": "\ud83d"}, *body["changes"]]}), media_type="application/json"
    )


# --- attacks on more than settings, each with the test that shows its defence


KNOWN_ATTACKS: dict[str, dict[str, str]] = {
    "promised hashes": {
        "a storage has tags that look like hashes (Xet), or a tag is of compressed bytes or of a git object": (
            "tests/unit/hub/test_hub_attacks.py::test_a_tag_that_promises_nothing_is_no_hash"
        ),
        "such a tag is used where hashes are required": (
            "tests/unit/hub/test_hub_attacks.py::test_a_tag_that_promises_nothing_is_not_enough_where_hashes_are_required"
        ),
        "the storage of Hugging Face sends other bytes than the hub lists": (
            "tests/unit/hub/test_hugging_face_hub.py::test_other_bytes_than_the_listed_ones_are_refused"
        ),
        "the hub's list fails": (
            "tests/unit/hub/test_hugging_face_hub.py::test_without_a_list_files_load_and_nothing_vouches_for_them"
        ),
        "a branch moves during a load": (
            "tests/unit/hub/test_hugging_face_hub.py::test_all_files_of_a_load_are_of_the_commit_of_its_list"
        ),
        "a branch moves between a stored file's comparison and the list": (
            "tests/unit/hub/test_hugging_face_hub.py::test_a_branch_that_moves_after_a_stored_file_was_compared"
        ),
        "a branch moves during a snapshot with stored files": (
            "tests/unit/hub/test_hugging_face_hub.py::test_stored_files_of_a_snapshot_are_compared_with_its_list"
        ),
        "a commit is no hash": ("tests/unit/hub/test_hugging_face_hub.py::test_a_commit_is_a_hash"),
    },
    "mirrors and archives": {
        "a mirror sends right bytes under the tag or hash of another version": (
            "tests/unit/hub/test_hub_attacks.py::test_right_bytes_of_a_mirror_do_not_become_those_of_its_tag"
        ),
        "a mirror sends other bytes": (
            "tests/unit/hub/download/test_downloader.py::test_other_bytes_of_a_mirror_are_refused"
        ),
        "a linked file takes over the check of another name": (
            "tests/unit/hub/test_hub_attacks.py::test_a_linked_file_is_never_checked_better_than_its_own_name"
        ),
        "servers make one tag for two revisions": (
            "tests/unit/hub/test_hub_attacks.py::test_equal_tags_of_two_revisions_are_not_equal_files"
        ),
        "an archive invents the tag of a hub": (
            "tests/unit/hub/test_hub_attacks.py::test_an_archive_does_not_say_what_the_hub_has"
        ),
        "an earlier version stored the tag of a mirror or an archive as the hub's": (
            "tests/unit/hub/store/test_migration.py::test_the_tag_of_a_mirror_or_an_archive_is_dropped"
        ),
        "an archive replaces a pinned file that a hub has confirmed": (
            "tests/unit/hub/test_hub_attacks.py::test_an_archive_does_not_replace_what_a_hub_has_confirmed"
        ),
        "an archive invents a hash": ("tests/unit/hub/test_hub_attacks.py::test_an_archives_own_hash_is_checked"),
    },
    "keys of the store": {
        "two hubs are on one host, under another port, path or scheme": (
            "tests/unit/hub/store/test_roots.py::test_each_is_served_its_own_file"
        ),
        "a revision and a path with slashes are another file's": (
            "tests/unit/hub/store/test_records.py::test_two_files_have_two_ids"
        ),
        "a denial of one hub deletes files of the other": (
            "tests/unit/hub/store/test_roots.py::test_what_one_denies_stays_with_the_other"
        ),
        "an upgrade of the database loses files, or gives them to another hub": (
            "tests/pyodide/test_earlier_database.py::test_every_file_of_an_earlier_build_is_still_there"
        ),
        "a file of an earlier version counts as checked": (
            "tests/unit/hub/store/test_checked_cache.py::test_a_stored_file_without_a_promise_is_refused_and_stays_stored"
        ),
        "such a file is linked": (
            "tests/unit/hub/store/test_checked_cache.py::test_a_file_of_another_revision_without_a_promise_is_not_linked"
        ),
    },
    "manifests": {
        "required manifests are stripped by a failure or by the unsigned list": (
            "tests/unit/hub/catalog/test_manifests.py::test_required_manifests_cannot_be_stripped"
        ),
        "published manifests are stripped": (
            "tests/unit/hub/catalog/test_manifests.py::test_published_manifests_cannot_be_stripped"
        ),
        "another empty collection is served as the required manifests": (
            "tests/unit/hub/catalog/test_manifests.py::test_an_empty_collection_without_a_name_is_no_manifest"
        ),
        "a failure counts as an absence": (
            "tests/unit/hub/catalog/test_manifests.py::test_a_failure_is_not_remembered_as_absence"
        ),
        "an unsigned file stays when its manifest comes": (
            "tests/unit/hub/catalog/test_manifests.py::test_a_stored_file_that_its_manifest_refuses_is_downloaded_again"
        ),
        "a file of a wrong manifest stays signed": (
            "tests/unit/hub/catalog/test_manifests.py"
            "::test_a_stored_file_that_its_corrected_manifest_refuses_is_downloaded_again"
        ),
    },
    "wrong answers that stay": {
        "a pointer, an error document, a web page, text, nothing or a cut body comes as weights": (
            "tests/unit/hub/catalog/test_file_format.py::test_what_servers_send_in_place_of_weights_is_refused"
        ),
        "the same comes as another file": (
            "tests/unit/hub/catalog/test_file_format.py::test_a_web_page_is_refused_in_place_of_a_file"
        ),
        "a compressed file, a document or UTF-16 comes as a text": (
            "tests/unit/hub/catalog/test_file_format.py::test_what_servers_send_in_place_of_a_text_is_refused"
        ),
        "a hub refuses HEAD": ("tests/unit/loading/test_load_retry.py::test_a_hub_that_refuses_head_is_asked_by_get"),
        "such weights were stored of a pinned revision": (
            "tests/unit/loading/test_load_retry.py::test_weights_that_were_wrong_are_fetched_again_when_the_hub_has_others"
        ),
        "such a configuration was stored": (
            "tests/unit/loading/test_load_retry.py::test_configuration_that_was_wrong_is_fetched_again"
        ),
    },
    "damaged storage": {
        "a runtime of the right size is damaged": (
            "tests/pyodide/test_damaged.py::test_an_engine_fetches_a_damaged_runtime_again"
        ),
        "a stored model is damaged": ("tests/unit/test_storage.py::test_a_damaged_model_is_found"),
        "stored settings are changed": ("tests/unit/test_storage.py::test_changed_settings_are_found_and_synced_anew"),
    },
    "limits": {
        "a compressed body, or one without length, grows beyond the limit": (
            "tests/unit/hub/download/test_transfer.py::test_a_body_that_grows_beyond_the_limit_is_ended"
        ),
        "it grows beyond the browser's quota": (
            "tests/unit/hub/download/test_transfer.py::test_a_body_that_grows_beyond_the_browsers_quota_is_ended"
        ),
        "a body that grows without end has every other model evicted": (
            "tests/unit/hub/download/test_transfer.py::test_an_endless_body_evicts_no_model"
        ),
        "a list, a text or an error in place of a configuration": (
            "tests/unit/hub/catalog/test_file_format.py::test_json_in_place_of_a_configuration_is_refused"
        ),
        "a JSON file of a model fills the memory": ("tests/unit/hub/download/test_transfer.py::test_json_has_a_limit"),
        "a model of many files fills the origin": (
            "tests/unit/hub/store/test_quota.py::test_a_model_of_many_files_leaves_space_for_settings_and_the_runtime"
        ),
        "a small quota leaves no space for the runtime": (
            "tests/unit/hub/store/test_quota.py::test_the_space_that_models_leave"
        ),
        "a large answer of settings freezes the page": (
            "tests/unit/settings/test_json_reader.py::test_a_page_has_its_turn_between_windows"
        ),
    },
    "settings that heal": {
        "a newer state of another collection is refused for ever after": (
            "tests/unit/settings/test_rollback.py::test_a_stored_collection_that_names_another_one_is_fetched_anew"
        ),
        "a stored timestamp lies in the future": (
            "tests/unit/settings/test_rollback.py::test_a_stored_state_of_the_far_future_is_replaced_at_once"
        ),
        "an older state of a later certificate is served for days": (
            "tests/unit/settings/test_rollback.py::test_an_older_state_of_a_later_certificate_is_taken_after_polls_over_days"
        ),
        "an old state is replayed for days": (
            "tests/unit/settings/test_rollback.py::test_an_older_state_of_the_same_or_an_earlier_certificate_is_never_taken"
        ),
        "a clock was ahead once": (
            "tests/unit/settings/test_client.py::test_a_clock_that_was_ahead_keeps_no_update_away"
        ),
        "a stored time is in the future": ("tests/unit/core/test_age.py::test_a_time_in_the_future_is_old"),
        "a clock that was ahead keeps a model from being evicted": (
            "tests/unit/hub/store/test_quota.py::test_a_use_in_the_future_is_the_oldest"
        ),
        "stored times are damaged": (
            "tests/unit/settings/test_store.py::test_rows_with_damaged_values_are_fetched_anew"
        ),
        "a filter expression is no text": (
            "tests/unit/settings/test_records.py::test_a_record_whose_expression_is_no_text_is_left_out"
        ),
        "a record that denies cannot be evaluated": (
            "tests/unit/settings/test_records.py::test_a_record_that_denies_stays_in_doubt"
        ),
        "a denial cannot be read": (
            "tests/unit/hub/catalog/test_allow_list.py::test_a_record_that_may_deny_and_cannot_be_read_denies_everything"
        ),
        "sizes and hashes are none": (
            "tests/unit/settings/test_records.py::test_an_attachment_with_missing_or_wrong_fields_is_refused"
        ),
        "whole numbers are written with a fraction": (
            "tests/unit/settings/test_json_text.py::test_a_number_that_is_whole_is_an_integer"
        ),
        "Backoff asks for a week": ("tests/unit/settings/test_backoff.py::test_a_pause_is_what_the_headers_ask_for"),
    },
    "publishing": {
        "NaN and other JSON that readers read differently": (
            "tests/unit/host/publish/test_strict_json.py::test_what_readers_read_differently_is_refused"
        ),
        "names that Windows cannot have": (
            "tests/unit/host/publish/test_file_names.py::test_names_that_windows_cannot_have"
        ),
        "a path that begins with a slash is written outside of its folder": (
            "tests/unit/test_huggingface.py::test_a_name_that_begins_with_a_slash_stays_in_the_folder"
        ),
        "a mirrored manifest names such a path": (
            "tests/unit/host/publish/test_mirror.py::test_a_manifest_names_files_of_the_folder_only"
        ),
        "names that collide without case": (
            "tests/unit/host/publish/test_file_names.py::test_names_that_are_one_file_elsewhere"
        ),
        "one odd picture": ("tests/unit/host/publish/test_repository.py::test_an_odd_picture_stops_nothing"),
        "records edited by hand that clients refuse": (
            "tests/unit/host/publish/test_record_check.py::test_a_record_that_clients_refuse_is_not_published"
        ),
        "control characters of a server in an error": (
            "tests/unit/core/test_printable.py::test_an_error_has_no_control_characters"
        ),
        "control characters of a server": ("tests/unit/core/test_printable.py::test_control_characters_become_escapes"),
    },
}
"""Each attack with its test, ``path::function``. `docs/security.md` says how each is met."""


def _chain(
    *,
    leaf: CertificatePlan | None = None,
    intermediate: CertificatePlan | None = None,
    root: Authority | None = None,
) -> SigningChain:
    """A chain below the trusted root, with some certificates after other plans."""
    now = datetime.now(UTC)
    top = root or replay_chain().root
    middle = issue(intermediate or intermediate_plan(now), top)
    return SigningChain(issue(leaf or leaf_plan(now), middle), middle, top)


def _milliseconds(ahead: timedelta) -> int:
    return int((datetime.now(UTC) + ahead).timestamp() * 1000)


def _past(plan: CertificatePlan) -> CertificatePlan:
    now = datetime.now(UTC)
    return replace(plan, not_before=now - timedelta(days=90), not_after=now - timedelta(seconds=1))


def _above() -> tuple[Authority, Authority]:
    return replay_chain().intermediate, replay_chain().root


def _metadata(publisher: Publisher, name: str) -> Json:
    collection = publisher.collections["main", name]
    entry = {
        "signature": collection.state.signature,
        "mode": "p384ecdsa",
        "x5u": f"/chains/{replay_chain().name}.chain",
    }
    return {"id": name, "bucket": "main", "signature": entry, "signatures": [entry]}


def _signatures(metadata: Json) -> Json:
    return {name: metadata[name] for name in ("signature", "signatures")}


def _change_entries(publisher: Publisher, change: Callable[[Json], Json]) -> None:
    def changed(body: Json) -> Json:
        entry = change(body["metadata"]["signature"])
        return {**body, "metadata": {**body["metadata"], "signature": entry, "signatures": [entry]}}

    publisher.change = changed


def _nest(publisher: Publisher, text: str) -> None:
    def nested(body: Json) -> Response:
        body["changes"][0]["deep"] = "DEEP"
        return Response(json.dumps(body).replace('"DEEP"', text), media_type="application/json")

    publisher.change = nested
