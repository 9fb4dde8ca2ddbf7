"""Publish a model: a repository becomes a revision of the hub, a manifest and a record of options."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelden.engine import model_selection
from modelden.engine.model_selection import DTYPES, choose
from modelden.engine.options import PipelineOptions
from modelden.engine.tasks import DEFAULT_DTYPE, known_task
from modelden.errors import InputError, ModelDenError
from modelden.host.errors import HostError, PublishError, machine_errors
from modelden.host.publish.model_check import check_model_files, check_onnx
from modelden.host.publish.publisher import Publisher
from modelden.host.publish.repository import Repository
from modelden.hub.catalog.file_roles import role_of
from modelden.hub.catalog.names import check_model

OPTIONS = model_selection.COLLECTION
MANIFESTS = "ml-model-manifests"
RUNTIMES = "ml-onnx-runtime"
LISTS = "ml-model-allow-deny-list"

SCHEMA = 1_700_000_000_000
"""Kinto's name for the version of a collection's schema: a time in milliseconds."""

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "modelden/records")
_PREFERRED = ("q8", "fp32", "fp16", "int8", "uint8", "q4", "q4f16", "bnb4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What is to be published, and for whom.

    Attributes:
        model: ``organization/name``.
        revision: Its version.
        task: The task that it is for.
        feature: The feature that asks for it; None if it serves the task as a whole.
        dtype: The data type that clients are to use; None takes ``q8``, or the best of what is there.
        replace: It may take the place of another model for the same feature or task.
    """

    model: str
    revision: str
    task: str
    feature: str | None = None
    dtype: str | None = None
    replace: bool = False

    def __post_init__(self) -> None:
        """Check the names.

        Raises:
            InputError: For names that clients refuse.
        """
        check_model(self.model, self.revision)
        PipelineOptions.of({"model_id": self.model, "model_revision": self.revision})
        if "/" not in self.model:
            raise InputError(f"Invalid model name. Expected 'organization/name', got {self.model!r}.")
        known_task(self.task)
        if self.dtype is not None and self.dtype not in DTYPES:
            raise InputError(f"dtype: expected one of {', '.join(DTYPES)}, got {self.dtype!r}.")


@dataclass(frozen=True, slots=True)
class Published:
    """What a command did, or would do.

    Attributes:
        model: ``organization/name``.
        revision: Its version.
        dtype: The data type that clients are told to use.
        files: The files of the revision: path, size, sha256.
        left_out: Files that were not published, with the reason.
        collections: The collections that changed.
        notes: What whoever publishes should know.
    """

    model: str
    revision: str
    dtype: str
    files: list[dict[str, Any]]
    left_out: dict[str, str]
    collections: list[str]
    notes: list[str] = field(default_factory=list)


def record(subject: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A record whose identifier follows from what it is about: publishing again replaces it."""
    return {**fields, "id": str(uuid.uuid5(_NAMESPACE, subject)), "schema": SCHEMA}


def publish(publisher: Publisher, repository: Repository, release: Release, *, dry_run: bool = False) -> Published:
    """Put a model into the tree; visible after `Publisher.commit`.

    Args:
        publisher: The tree.
        repository: The files.
        release: What they are.
        dry_run: Copy nothing.

    Raises:
        PublishError: With everything that clients would refuse; or the revision is there with other files.
        HostError: The feature or task has another model, and ``replace`` is False.
        MachineError: A file cannot be read, or there is no room.
    """
    dtype = release.dtype or _best_dtype(repository)
    notes = _check(repository, release, dtype)
    _refuse_other_model(publisher, release)
    with machine_errors(f"Cannot copy {repository.folder}"):
        files = _copy(publisher, repository, release, dry_run=dry_run)
    publisher.put(MANIFESTS, manifest(release.model, release.revision, files))
    publisher.ensure(RUNTIMES)
    publisher.ensure(LISTS)
    if publisher.facts.publicUrl:
        publisher.put(LISTS, list_record("ALLOW", f"{publisher.facts.publicUrl}/hub/", "our own hub"))
    publisher.put(OPTIONS, _options(release, dtype))
    notes += _ambiguous(publisher, release)
    return Published(release.model, release.revision, dtype, files, repository.left_out, publisher.changes(), notes)


def unpublish(publisher: Publisher, model: str, revision: str, *, force: bool = False) -> list[str]:
    """Take a revision out of the tree; returns the options that went with it.

    Raises:
        HostError: There is no such revision; or options point to it, and ``force`` is False.
    """
    check_model(model, revision)
    options = [
        each
        for each in publisher.records(OPTIONS).values()
        if (each.get("modelId"), each.get("modelRevision")) == (model, revision)
    ]
    manifests = [each["id"] for each in publisher.records(MANIFESTS).values() if _is_of(each, model, revision)]
    folder = f"hub/{model}/{revision}"
    if not manifests and not options and not (publisher.tree.folder / folder).exists():
        raise HostError(f"{publisher.tree.folder} has no {model} {revision}.")
    names = [str(each.get("featureId") or each.get("taskName")) for each in options]
    if names and not force:
        raise HostError(
            f"{model} {revision} is what clients are told to use for {', '.join(names)}: publish another revision "
            "first, or say --force to leave them without."
        )
    # the other way round than publishing: first nobody points to it any more
    publisher.delete(OPTIONS, *(each["id"] for each in options))
    publisher.delete(MANIFESTS, *manifests)
    publisher.files.remove(folder)
    return names


def manifest(model: str, revision: str, files: list[dict[str, Any]]) -> dict[str, Any]:
    """The record of a revision's files."""
    fields = {"modelId": model, "revision": revision, "files": files}
    return record(f"manifest/{model}/{revision}", fields)


def list_record(kind: str, prefix: str, description: str) -> dict[str, Any]:
    """A record of the allow/deny list."""
    return record(f"{kind}/{prefix}", {"filter": kind, "urlPrefix": prefix, "description": description})


def _check(repository: Repository, release: Release, dtype: str) -> list[str]:
    with machine_errors(f"Cannot read {repository.folder}"):
        faults = check_model_files(repository.files, release.task, dtype)
        unloadable = check_onnx(repository.files)
    faults += unloadable or []
    if faults:
        raise PublishError(f"{repository.folder} is not a model that clients can run.", faults)
    if unloadable is None:
        return ["The ONNX files were not loaded: onnxruntime is not installed here (pip install onnxruntime)."]
    return []


def _best_dtype(repository: Repository) -> str:
    there = {role.dtype for path in repository.files if path.startswith("onnx/") and (role := role_of(path)).dtype}
    return next((each for each in _PREFERRED if each in there), DEFAULT_DTYPE)


def _refuse_other_model(publisher: Publisher, release: Release) -> None:
    known = publisher.records(OPTIONS).get(_options(release, "")["id"])
    if known and known.get("modelId") != release.model and not release.replace:
        raise HostError(
            f"{release.feature or release.task} has the model {known.get('modelId')} {known.get('modelRevision')}. "
            "Say --replace to have this one in its place, or --feature to publish it for something else."
        )


def _copy(publisher: Publisher, repository: Repository, release: Release, *, dry_run: bool) -> list[dict[str, Any]]:
    """Copy what is not there yet, and return the manifest's files.

    Raises:
        PublishError: The revision is there with other files.
    """
    folder = f"hub/{release.model}/{release.revision}"
    if dry_run or (publisher.tree.folder / folder).exists():
        files = [_entry(path, source.stat().st_size, sha256_of(source)) for path, source in repository.files.items()]
        _refuse_other_content(publisher, release, files)
        return files
    return [_entry(path, *publisher.files.copy(f"{folder}/{path}", each)) for path, each in repository.files.items()]


def _refuse_other_content(publisher: Publisher, release: Release, files: list[dict[str, Any]]) -> None:
    """A client that has a revision never asks for it again."""
    there = publisher.tree.hub / release.model / release.revision
    if not there.exists():
        return
    known = {path.relative_to(there).as_posix(): sha256_of(path) for path in there.rglob("*") if path.is_file()}
    new = {each["path"]: each["sha256"] for each in files}
    if known != new:
        differ = sorted(path for path in known.keys() | new.keys() if known.get(path) != new.get(path))
        raise PublishError(
            f"{release.model} {release.revision} is published with other files. A revision never changes: clients "
            "that have it do not ask again. Publish under another revision.",
            [f"{path} differs." for path in differ],
        )


def sha256_of(path: Any) -> str:
    """SHA-256 of a file in lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _entry(path: str, size: int, sha256: str) -> dict[str, Any]:
    return {"path": path, "size": size, "sha256": sha256}


def _options(release: Release, dtype: str) -> dict[str, Any]:
    model, revision = release.model, release.revision
    fields = {
        "taskName": release.task,
        "modelId": model,
        "modelRevision": revision,
        "tokenizerId": model,
        "tokenizerRevision": revision,
        "processorId": model,
        "processorRevision": revision,
        "dtype": dtype,
        "numThreads": 1,
        "backend": "onnx",
    }
    if release.feature is not None:
        fields["featureId"] = release.feature
    return record(f"options/{release.feature or release.task}", fields)


def _ambiguous(publisher: Publisher, release: Release) -> list[str]:
    """What a client that asks for the task alone is going to hear."""
    try:
        choose(publisher.records(OPTIONS).values(), PipelineOptions.of({"task_name": release.task}), {})
    except ModelDenError as error:
        return [f"Pages that ask for the task {release.task} alone are refused: {error}"]
    return []


def _is_of(record: Mapping[str, Any], model: str, revision: str) -> bool:
    return (record.get("modelId"), record.get("revision")) == (model, revision)
