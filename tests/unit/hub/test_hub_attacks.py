"""Attacks on the promise of a hash: tags that are none, and mirrors, archives and other URLs that invent one.

``docs/security.md``, "Hashes and mirrors", has a row for each of them.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from modelden.errors import IntegrityError, NoHash
from modelden.host.serve.server import RunningServer
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.integrity import ExpectedFile, hash_from_headers
from modelden.hub.catalog.names import HubAddress, ModelFile
from modelden.hub.download.resume import interpret
from modelden.hub.download.validation import may_differ
from modelden.hub.importer import ImportSource
from modelden.hub.policy import HubPolicy
from modelden.hub.store.records import CachedFile, PartialFile, StoredFile
from tests.faults.hub import Fault, FaultyHub
from tests.simulators.blobs import MemoryBlob
from tests.unit.hub.browser import USE, Browser, Manifest

OLD, NEW, EVIL = b'{"version": 1}', b'{"version": 2}', b'{"version": 0}'
"""Of one size, as two states of a configuration often are."""

MAIN = ModelFile("org/model", "main", "config.json")
PINNED = ModelFile("org/model", "v2", "config.json")
PATH, PINNED_PATH = (f"/org/model/{file.revision}/{file.file}" for file in (MAIN, PINNED))


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def tag(data: bytes) -> str:
    return f'"{digest(data)}"'


OPAQUE = {
    "another hash of the content, as Xet's": Fault(etag=tag(b"xet"), promise=""),
    "the hash of the compressed bytes": Fault(etag=tag(gzip.compress(NEW, 1, mtime=0)), gzip=True, promise=""),
    "a git object name of 64 digits": Fault(etag=tag(b"blob 14\0" + NEW), promise=""),
    "a weak tag": Fault(etag=f"W/{tag(b'of other bytes')}"),
    "a promise of another algorithm": Fault(etag=tag(b"sha-512/256"), promise="sha-512"),
}


@pytest.mark.parametrize("fault", OPAQUE.values(), ids=OPAQUE)
@pytest.mark.parametrize("file", [MAIN, PINNED], ids=lambda file: file.revision)
async def test_a_tag_that_promises_nothing_is_no_hash(browser: Browser, file: ModelFile, fault: Fault) -> None:
    browser.hub.files |= {PATH: NEW, PINNED_PATH: NEW}
    browser.hub.always = fault

    kept = await browser.get(file)

    assert (await kept.blob.read(), kept.integrity) == (NEW, "first-seen")
    assert kept.etag == fault.etag
    asked = len(browser.hub.asked())
    assert await (await browser.get(file)).blob.read() == NEW
    assert len(browser.hub.asked()) == asked  # the same tag of the same URL is the same file, as in Firefox


@pytest.mark.parametrize("fault", OPAQUE.values(), ids=OPAQUE)
async def test_a_tag_that_promises_nothing_is_not_enough_where_hashes_are_required(
    browser: Browser, fault: Fault
) -> None:
    browser.hub.files[PATH] = NEW
    browser.hub.always = fault
    with pytest.raises(NoHash):
        await browser.get(MAIN, HubPolicy(require_hashes=True))


async def test_equal_tags_of_two_revisions_are_not_equal_files(browser: Browser) -> None:
    """nginx and GitHub's pages make a tag of date and size."""
    browser.hub.files |= {PATH: OLD, PINNED_PATH: NEW}
    browser.hub.always = Fault(etag='"65f0c0de-e"', promise="")
    await browser.get(MAIN)

    assert await (await browser.get(PINNED)).blob.read() == NEW


@pytest.mark.parametrize("size", [pytest.param("9" * 5000, id="digits"), "-1", "1.5", "NaN", "\u0663"])
def test_a_linked_size_that_is_none_is_unknown(size: str) -> None:
    """Python refuses to read numbers of thousands of digits."""
    headers = {
        "x-linked-etag": tag(NEW),
        "x-linked-size": size,
        "content-length": size,
        "content-range": f"bytes 0-1/{size}",
    }
    assert ExpectedFile().with_headers(headers) == ExpectedFile(digest(NEW), None, "hub")
    assert may_differ(CachedFile(MemoryBlob(NEW, ""), digest(NEW), "hub", {"ETag": None}), headers) is False
    partial = PartialFile("c", "u", '"tag"', None, 1, 1)
    for status in (200, 206):
        interpret(partial, {"Range": "bytes=1-"}, status, headers)


UNPROMISED = [
    {"etag": f"W/{tag(NEW)}", "x-etag-digest": "sha-256"},
    {"etag": digest(NEW), "x-etag-digest": "sha-256"},
    {"etag": tag(NEW).upper(), "x-etag-digest": "sha-256"},
    {"etag": f'"{digest(NEW)}-gzip"', "x-etag-digest": "sha-256"},
    {"etag": tag(NEW), "x-etag-digest": "sha-256, sha-512"},
    {"etag": tag(NEW), "x-etag-digest": "?1"},
    {"x-linked-etag": f"W/{tag(NEW)}"},
    {"x-linked-etag": f"{tag(NEW)}, {tag(OLD)}"},
    {"x-linked-etag": f'"{digest(NEW)}-gzip"'},
]


@pytest.mark.parametrize("headers", UNPROMISED)
def test_a_tag_in_another_form_promises_nothing(headers: dict[str, str]) -> None:
    assert hash_from_headers(headers) is None


# --- mirrors


@pytest.fixture
def mirror() -> Iterator[tuple[FaultyHub, HubPolicy]]:
    hub = FaultyHub({})
    with RunningServer(hub) as server:
        yield hub, HubPolicy(mirrors=(HubAddress(server.url, "{model}/{revision}"),))


DOWN = [Fault(status=503)] * 4
SIGNED_OLD = ExpectedFile(digest(OLD), len(OLD), "signed")


async def stored(browser: Browser, file: ModelFile = MAIN) -> StoredFile:
    (found,) = await (await browser.visit()).store.list_files(f"localhost/{file.model}", file.revision)
    return found


@pytest.mark.parametrize("lie", [Fault(etag=tag(NEW)), Fault(etag='"v2"', linked_etag=tag(NEW))], ids=["tag", "link"])
async def test_right_bytes_of_a_mirror_do_not_become_those_of_its_tag(
    browser: Browser, mirror: tuple[FaultyHub, HubPolicy], lie: Fault
) -> None:
    hub, policy = mirror
    browser.hub.files[PATH] = hub.files[PATH] = OLD
    browser.hub.next(*DOWN)
    hub.always = lie
    kept = await (await browser.visit(policy, Manifest(SIGNED_OLD))).get(MAIN, USE, AllowList((), ()))
    assert (await kept.blob.read(), kept.integrity) == (OLD, "signed")
    assert (await stored(browser)).etag == tag(OLD)  # the hub's own, from its answer to HEAD

    browser.hub.files[PATH] = NEW

    kept = await browser.get(MAIN, HubPolicy(require_hashes=True))
    assert (await kept.blob.read(), kept.integrity) == (NEW, "hub")


async def test_a_hub_that_tells_no_hash_gives_a_mirrors_bytes_no_tag(
    browser: Browser, mirror: tuple[FaultyHub, HubPolicy]
) -> None:
    """The manifest still has the old state, and the hub's tag is that of the new one already."""
    hub, policy = mirror
    browser.hub.files[PATH], hub.files[PATH] = NEW, OLD
    browser.hub.always = Fault(status=503)
    hub.always = Fault(etag='"v2"', promise="")
    await (await browser.visit(policy, Manifest(SIGNED_OLD))).get(MAIN, USE, AllowList((), ()))
    assert (await stored(browser)).etag is None

    browser.hub.always = Fault(etag='"v2"', promise="")
    assert await (await browser.get(MAIN)).blob.read() == NEW


async def test_a_linked_file_is_never_checked_better_than_its_own_name(browser: Browser) -> None:
    """Another URL's check is not this one's, and without a hash for this name nothing is linked."""
    browser.hub.files |= {PATH: OLD, PINNED_PATH: OLD}
    assert (await browser.get(MAIN)).integrity == "hub"
    browser.hub.always = Fault(etag=tag(OLD), promise="")

    kept = await browser.get(PINNED)

    assert (await kept.blob.read(), kept.integrity) == (OLD, "first-seen")
    assert browser.hub.asked() == [PATH, PINNED_PATH]


async def test_a_linked_file_has_the_integrity_of_its_own_check(browser: Browser) -> None:
    """The bytes of a first-seen file serve another name, whose hash the hub tells."""
    browser.hub.files |= {PATH: OLD, PINNED_PATH: OLD}
    browser.hub.always = Fault(etag='"opaque"', promise="")
    assert (await browser.get(PINNED)).integrity == "first-seen"
    browser.hub.always = Fault()

    kept = await browser.get(MAIN)

    assert (await kept.blob.read(), kept.integrity) == (OLD, "hub")
    assert browser.hub.asked() == [PINNED_PATH]
    assert (await stored(browser, PINNED)).integrity == "first-seen"


async def test_a_stored_tag_counts_less_than_the_hash_that_the_hub_tells(browser: Browser) -> None:
    """As a mirror or an archive left it behind in an earlier version."""
    browser.hub.files[PATH] = EVIL
    browser.hub.next(Fault(etag=tag(NEW), promise=""))
    await browser.get(MAIN)
    browser.hub.files[PATH] = NEW

    kept = await browser.get(MAIN)

    assert (await kept.blob.read(), kept.integrity) == (NEW, "hub")


# --- archives


@pytest.mark.parametrize("promise", ["sha-256", ""])
@pytest.mark.parametrize("etag", [tag(NEW), '"v2"', 'W/"v2"', f"W/{tag(EVIL)}"])
async def test_an_archive_does_not_say_what_the_hub_has(browser: Browser, etag: str, promise: str) -> None:
    hub = await browser.visit()
    body = MemoryBlob(EVIL, "application/json")
    source = ImportSource(MAIN, hub.key(MAIN), body, "archive", "application/json", etag, digest(EVIL))
    await hub.import_files([source], USE, None)
    assert ((await stored(browser)).etag, (await stored(browser)).integrity) == (None, "first-seen")
    browser.hub.files[PATH] = NEW
    browser.hub.always = Fault(etag=etag, promise=promise)

    assert await (await browser.get(MAIN)).blob.read() == NEW


async def test_an_archive_of_a_hub_with_other_tags_is_imported(browser: Browser) -> None:
    """A model of Hugging Face has the tags of its storage, which have the form of a SHA-256."""
    hub = await browser.visit()
    source = ImportSource(MAIN, hub.key(MAIN), MemoryBlob(NEW, ""), "archive", "", tag(b"xet"), digest(NEW))
    await hub.import_files([source], USE, None)

    assert (await stored(browser)).sha256 == digest(NEW)


@pytest.mark.parametrize("etag", [None, tag(EVIL), tag(NEW)])
async def test_an_archive_does_not_replace_what_a_hub_has_confirmed(browser: Browser, etag: str | None) -> None:
    """The hub is never asked about a pinned revision again."""
    pinned = replace(MAIN, revision="v1")
    browser.hub.files["/org/model/v1/config.json"] = NEW
    browser.hub.always = Fault(etag=tag(NEW), promise="sha-256")
    assert (await browser.get(pinned)).integrity == "hub"
    hub = await browser.visit()
    source = ImportSource(pinned, hub.key(pinned), MemoryBlob(EVIL, ""), "archive", "", etag, digest(EVIL))
    other = replace(MAIN, revision="v1", file="tokenizer.json")
    first = ImportSource(other, hub.key(other), MemoryBlob(b"{}", ""), "archive")

    with pytest.raises(IntegrityError, match=f"{digest(NEW)} of the stored file, which is hub-checked"):
        await hub.import_files([first, source], USE, None)

    assert await (await browser.get(pinned)).blob.read() == NEW
    assert browser.stored()["files"] == 1


async def test_an_archive_replaces_what_nobody_has_confirmed(browser: Browser) -> None:
    pinned = replace(MAIN, revision="v1")
    browser.hub.files["/org/model/v1/config.json"] = EVIL
    browser.hub.always = Fault(etag='"1"', promise="")
    await browser.get(pinned)
    hub = await browser.visit()
    await hub.import_files([ImportSource(pinned, hub.key(pinned), MemoryBlob(NEW, ""), "archive")], USE, None)
    assert await (await browser.get(pinned)).blob.read() == NEW


async def test_an_archives_own_hash_is_checked(browser: Browser) -> None:
    hub = await browser.visit()
    source = ImportSource(MAIN, hub.key(MAIN), MemoryBlob(EVIL, ""), "archive", "", tag(NEW), digest(NEW))
    with pytest.raises(IntegrityError, match=digest(NEW)):
        await hub.import_files([source], USE, None)
