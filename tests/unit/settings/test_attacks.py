"""Attackers without the signer's key, who control network or server: each attack is refused, and nothing is stored."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from modelden.errors import HttpError, ResponseTooLarge, SignatureError
from modelden.host.keys.certificates import Authority, SigningChain, intermediate_plan, issue, leaf_plan
from modelden.host.keys.crypto import HostCrypto
from modelden.host.keys.signer import Signer
from modelden.host.serve.faults import Fault
from modelden.host.serve.server import Application
from modelden.settings.changeset import Record, merge, parse_changeset
from modelden.settings.signatures import SignatureVerifier
from tests.replay import replay_chain
from tests.simulators.clock import ManualClock
from tests.simulators.profile import Profile
from tests.unit.conftest import ORIGIN

OPTIONS = "ml-inference-options"
CID = f"main/{OPTIONS}"
PATH = f"/v1/buckets/main/collections/{OPTIONS}/changeset"
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
GOOD = replay_chain()

Attack = Callable[[Application], None]


async def read(profile: Profile, **how: Any) -> list[Record]:
    """Read the collection on a new page."""
    return await (await profile.visit().settings()).client.get(OPTIONS, **how)


def records_of(application: Application) -> list[Record]:
    return list(application.collections["main", OPTIONS].state.records.values())


def forged(change: Callable[[list[Record]], list[Record]]) -> Attack:
    """Publish other records under the signature of the real ones."""

    def attack(application: Application) -> None:
        application.collections["main", OPTIONS].replace(change(records_of(application)), sign=False)

    return attack


def another_timestamp(application: Application) -> None:
    collection = application.collections["main", OPTIONS]
    collection.replace(records_of(application), timestamp=collection.state.timestamp + 1, sign=False)


def changeset_of(application: Application, name: str) -> dict[str, Any]:
    """A collection's full changeset, as the server gives it."""
    collection = application.collections["main", name]
    assert collection.signer is not None
    x5u = f"{ORIGIN}/chains/{collection.signer.chain.name}.chain"
    entry = {"signature": collection.state.signature, "x5u": x5u, "mode": "p384ecdsa"}
    return {
        "metadata": {"id": name, "bucket": "main", "signature": entry, "signatures": [entry]},
        "timestamp": collection.state.timestamp,
        "changes": collection.state.changes(),
    }


def answered(change: Callable[[dict[str, Any], Application], object]) -> Attack:
    """Answer with a changed changeset."""

    def attack(application: Application) -> None:
        changeset = changeset_of(application, OPTIONS)
        change(changeset, application)
        application.faults.set(Fault(path=PATH, body=json.dumps(changeset)))

    return attack


def with_entry(**fields: Any) -> Attack:
    """Change the only signature entry; None takes a field away."""

    def change(changeset: dict[str, Any], _application: Application) -> None:
        entry = {**changeset["metadata"]["signature"], **fields}
        entry = {name: value for name, value in entry.items() if value is not None}
        changeset["metadata"].update(signature=entry, signatures=[entry])

    return answered(change)


def replay_of_another_collection(changeset: dict[str, Any], application: Application) -> None:
    changeset["metadata"]["signatures"] = changeset_of(application, "ml-onnx-runtime")["metadata"]["signatures"]


def without_signatures(changeset: dict[str, Any], _application: Application) -> None:
    changeset["metadata"] = {"id": OPTIONS, "bucket": "main"}


def signatures_are(value: Any) -> Attack:
    return answered(lambda changeset, _: changeset["metadata"].update(signatures=value, signature=value))


def signed_by(leaf: Authority, intermediate: Authority = GOOD.intermediate, root: Authority = GOOD.root) -> Attack:
    """Sign with a real key and a real, but wrong, chain."""
    chain = SigningChain(leaf, intermediate, root)
    return lambda application: application.collections["main", OPTIONS].sign(Signer(chain))


def leaf(**changes: Any) -> Authority:
    return issue(replace(leaf_plan(NOW), **changes), GOOD.intermediate)


def of_another_root() -> Attack:
    root = issue(replace(intermediate_plan(NOW), common_name="somebody", path_length=None))
    intermediate = issue(intermediate_plan(NOW), root)
    return signed_by(issue(leaf_plan(NOW), intermediate), intermediate, root)


def other_chain(pem: str) -> Attack:
    return lambda application: application.faults.set(Fault(path="/chains/*", body=pem))


def pem_of(*authorities: Authority) -> str:
    return b"".join(each.certificate.public_bytes(Encoding.PEM) for each in authorities).decode("ascii")


MISMATCH = "the signature does not fit the records"

ATTACKS: dict[str, tuple[Attack, str]] = {
    "a record changed": (
        forged(lambda records: [{**records[0], "modelId": "evil/model"}, *records[1:]]),
        MISMATCH,
    ),
    "a record added": (forged(lambda records: [*records, {"id": "evil"}]), MISMATCH),
    "a record removed": (forged(lambda records: records[1:]), MISMATCH),
    "all records removed": (forged(lambda _: []), MISMATCH),
    "a number that Python and JavaScript write alike": (
        forged(lambda records: [{**records[0], "last_modified": 1}, *records[1:]]),
        MISMATCH,
    ),
    "the timestamp changed": (another_timestamp, MISMATCH),
    "a record without a canonical form": (
        answered(lambda changeset, _: changeset["changes"].append({"id": "evil", "text": "\ud800"})),
        "its records have no canonical form",
    ),
    "a number beyond all bounds": (
        answered(lambda changeset, _: changeset["changes"].append({"id": "evil", "number": 10**400})),
        "its records have no canonical form",
    ),
    "the signature of another collection": (answered(replay_of_another_collection), MISMATCH),
    "no signature": (answered(without_signatures), "expected a signature of mode p384ecdsa, found none"),
    "a collection that nobody signs": (
        lambda application: application.collections["main", OPTIONS].sign(None),
        "expected a signature of mode p384ecdsa, found none",
    ),
    "an empty list of signatures": (signatures_are([]), "found none"),
    "signatures that are none": (signatures_are([None, 1, "x", []]), "found none"),
    "signatures that are no list": (signatures_are("p384ecdsa"), "found none"),
    "a mode that is unknown": (with_entry(mode="none"), "found none"),
    "a signature that is no base64": (with_entry(signature="*" * 128), "not URL-safe base64"),
    "a signature that is no ASCII": (with_entry(signature="é"), "not URL-safe base64"),
    "a signature that is too short": (with_entry(signature="AAAA"), "expected a signature of 96 bytes, found 3"),
    "a signature of zeros": (with_entry(signature="A" * 128), MISMATCH),
    "no text for a signature": (with_entry(signature=None), "not URL-safe base64|96 bytes"),
    "no chain": (with_entry(x5u=None), "expected the URL of a certificate chain as x5u, found None"),
    "a chain that is no URL": (with_entry(x5u=7), "as x5u, found 7"),
    "a chain that no URL parser takes": (with_entry(x5u="http://["), r"as x5u, found 'http://\['"),
    "another root": (of_another_root(), "expected the root certificate"),
    "an expired leaf": (signed_by(leaf(not_after=NOW - DAY)), "expired"),
    "a leaf of next month": (signed_by(leaf(not_before=NOW + 30 * DAY)), "is not valid before"),
    "another signer of the same root": (
        signed_by(leaf(dns_names=("onecrl.content-signature.mozilla.org",))),
        "expected the signer remote-settings.content-signature.mozilla.org, found onecrl",
    ),
    "a leaf for servers": (
        signed_by(leaf(extended_key_usages=(ExtendedKeyUsageOID.SERVER_AUTH,))),
        "not for code signing",
    ),
    "a name outside of the constraint": (
        signed_by(leaf(dns_names=("remote-settings.content-signature.mozilla.org", "evil.example"))),
        "may only issue names below",
    ),
    "a chain of HTML": (other_chain("<!doctype html>"), "is not a certificate chain"),
    "a cut chain": (other_chain(GOOD.pem.decode("ascii")[:-200]), "is not a certificate chain"),
    "a shuffled chain": (other_chain(pem_of(GOOD.intermediate, GOOD.leaf, GOOD.root)), "names the issuer"),
    "a chain without its root": (other_chain(pem_of(GOOD.leaf, GOOD.intermediate)), "expected the root certificate"),
    "a chain with a certificate more": (
        other_chain(pem_of(GOOD.leaf, GOOD.intermediate, GOOD.root, GOOD.leaf)),
        "expected the root certificate",
    ),
    "the chain of another key": (other_chain(pem_of(leaf(), GOOD.intermediate, GOOD.root)), MISMATCH),
}


def in_order(application: Application, records: list[Record]) -> None:
    """The cause is gone: the real records, signed by the real chain, on an honest network."""
    application.faults.set()
    collection = application.collections["main", OPTIONS]
    collection.replace(records)
    collection.sign(application.collections.signer)


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_cold_page_refuses(profile: Profile, application: Application, attack: str) -> None:
    perform, reason = ATTACKS[attack]
    honest = records_of(application)
    perform(application)
    client = (await profile.visit().settings()).client

    with pytest.raises(SignatureError, match=reason) as caught:
        await client.get(OPTIONS)
    assert caught.value.collection == CID
    assert PATH in caught.value.url
    assert CID in str(caught.value)
    assert "Nothing of it was stored" in str(caught.value)
    assert profile.databases.contents() == {}
    # Firefox's retry: once from scratch, and no more.
    assert sum(PATH in request for request in profile.requests()) == 2

    in_order(application, honest)
    assert {record["id"] for record in await client.get(OPTIONS)} == {"options", "summaries"}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_page_with_good_data_keeps_it(
    profile: Profile, application: Application, caplog: pytest.LogCaptureFixture, attack: str
) -> None:
    honest = await read(profile)
    before = profile.databases.contents()
    application.collections["main", OPTIONS].update("options", dtype="fp32")
    ATTACKS[attack][0](application)
    client = (await profile.visit().settings()).client

    with pytest.raises(SignatureError):
        await client.sync(OPTIONS)
    assert profile.databases.contents() == before
    profile.clock.advance(hours=25)
    with caplog.at_level(logging.WARNING):
        assert await client.get(OPTIONS) == honest
    assert "cannot be trusted" in caplog.text


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(path="/chains/*", status=404), HttpError),
        (Fault(path="/chains/*", body="-" * 70_000), ResponseTooLarge),
    ],
    ids=["missing", "too large"],
)
async def test_a_chain_that_cannot_be_had_is_no_attack_but_nothing_is_trusted(
    profile: Profile, application: Application, fault: Fault, error: type[Exception]
) -> None:
    application.faults.set(fault)

    with pytest.raises(error, match="/chains/"):
        await read(profile)
    assert profile.databases.contents() == {}
    application.faults.set()
    assert len(await read(profile)) == 2


async def test_one_good_signature_is_enough(profile: Profile, application: Application) -> None:
    changeset = changeset_of(application, OPTIONS)
    (good,) = changeset["metadata"]["signatures"]
    changeset["metadata"]["signatures"] = [
        {**good, "mode": "unknown"},
        {**good, "signature": "A" * 128},
        {**good, "x5u": f"{ORIGIN}/hub/org/tiny/main/config.json"},
        good,
    ]
    application.faults.set(Fault(path=PATH, body=json.dumps(changeset)))

    assert len(await read(profile)) == 2


@pytest.mark.parametrize("x5u", ["/chains/NAME.chain", "../../../../../chains/NAME.chain"])
async def test_a_chain_may_be_relative_to_the_server(profile: Profile, application: Application, x5u: str) -> None:
    changeset = changeset_of(application, OPTIONS)
    changeset["metadata"]["signatures"][0]["x5u"] = x5u.replace("NAME", GOOD.name)
    application.faults.set(Fault(path=PATH, body=json.dumps(changeset)))

    assert len(await read(profile)) == 2


async def test_old_clients_entry_alone_is_enough(profile: Profile, application: Application) -> None:
    changeset = changeset_of(application, OPTIONS)
    del changeset["metadata"]["signatures"]
    application.faults.set(Fault(path=PATH, body=json.dumps(changeset)))

    assert len(await read(profile)) == 2


async def test_keys_may_be_rotated_below_the_same_root(profile: Profile, application: Application) -> None:
    await read(profile)
    collection = application.collections["main", OPTIONS]
    collection.sign(Signer(SigningChain(leaf(), GOOD.intermediate, GOOD.root)))
    collection.update("options", dtype="fp32")

    records = await read(profile, force_sync=True)
    assert {record.get("dtype") for record in records} == {"fp32", None}


async def test_an_old_signed_state_that_is_replayed_is_refused(profile: Profile, application: Application) -> None:
    """A rollback: every record and the signature are real, but of yesterday."""
    yesterday = json.dumps(changeset_of(application, OPTIONS))
    application.collections["main", OPTIONS].update("options", dtype="fp32")
    await read(profile)
    before = profile.databases.contents()
    application.faults.set(Fault(path=PATH, body=yesterday))
    application.collections["main", OPTIONS].update("options", dtype="q4")

    try:
        records = await read(profile, force_sync=True)
    except SignatureError as error:
        assert "back in time" in error.reason  # noqa: PT017  either is right: refused, or ignored
    else:
        assert {record.get("dtype") for record in records} == {"fp32", None}
    rows = await profile.databases["remote-settings"].get_all("records")
    assert rows == before["remote-settings"]["records"]


async def test_stored_records_that_were_changed_are_found_and_replaced(
    profile: Profile, application: Application
) -> None:
    await read(profile)
    rows = profile.databases["remote-settings"].rows["records"]
    rows[CID, "options"]["modelId"] = "evil/model"

    with pytest.raises(SignatureError, match=MISMATCH):
        await read(profile, verify_signature=True)
    application.collections["main", OPTIONS].update("summaries", dtype="q4")
    records = await read(profile, force_sync=True)
    assert {record["modelId"] for record in records} == {"org/tiny"}
    # With what is stored it did not fit: once more, from scratch.
    assert [("_since" in request) for request in profile.requests() if PATH in request][-2:] == [True, False]


class CountingClock(ManualClock):
    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    def now(self) -> int:
        self.looks += 1
        return super().now()


async def test_all_certificates_are_judged_at_one_moment(profile: Profile, application: Application) -> None:
    clock = CountingClock()
    verifier = SignatureVerifier(profile.config, profile.fetcher, HostCrypto(), clock)
    changeset = changeset_of(application, OPTIONS)
    changeset["metadata"]["signatures"] *= 3
    collection = merge(None, parse_changeset(json.dumps(changeset), PATH))

    signed = await verifier.verify(CID, collection, f"{ORIGIN}{PATH}")
    assert clock.looks == 1
    leaf = GOOD.leaf.certificate
    assert signed.since == int(leaf.not_valid_before_utc.timestamp() * 1000)
    assert signed.until == int(leaf.not_valid_after_utc.timestamp() * 1000)
    # What was good when it was stored may be judged by that moment.
    clock.advance(hours=24 * 200)
    with pytest.raises(SignatureError, match="expired"):
        await verifier.verify(CID, collection, f"{ORIGIN}{PATH}")
    await verifier.verify(CID, collection, f"{ORIGIN}{PATH}", at=signed.until)


async def test_a_chain_is_fetched_once_until_it_fails(profile: Profile, application: Application) -> None:
    client = (await profile.visit().settings()).client
    await client.get(OPTIONS)
    await client.get(OPTIONS, verify_signature=True)
    await client.get("ml-onnx-runtime")
    assert sum("/chains/" in request for request in profile.requests()) == 1

    profile.databases["remote-settings"].rows["records"][CID, "options"]["modelId"] = "evil/model"
    with pytest.raises(SignatureError):
        await client.get(OPTIONS, verify_signature=True)
    application.collections["main", OPTIONS].update("options", dtype="q4")
    await client.get(OPTIONS, force_sync=True)
    assert sum("/chains/" in request for request in profile.requests()) == 1
    await client.get("ml-model-allow-deny-list")
    assert not any("/chains/" in request for request in profile.requests())
