"""Publication of a model: its repository becomes a revision of the hub, a manifest and a record of options."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelden.engine.model_selection import DTYPES, choose, known_task
from modelden.engine.options import PipelineOptions
from modelden.engine.tasks import DEFAULT_DTYPE
from modelden.errors import InputError, ModelDenError
from modelden.host.errors import HostError, PublishError, machine_errors
from modelden.host.publish.file_names import collisions, name_fault
from modelden.host.publish.hub_list import remove_list, write_list
from modelden.host.publish.model_check import check_model_files, check_onnx, check_raw_files
from modelden.host.publish.publisher import Publisher
from modelden.host.publish.record_check import ALLOW_LIST, MANIFESTS, OPTIONS, RUNTIMES
from modelden.host.publish.repository import Repository
from modelden.hub.catalog.file_roles import role_of
from modelden.hub.catalog.names import check_model

RAW = "onnx"
"""The task of a raw ONNX model."""

SCHEMA = 1_700_000_000_000
"""Kinto's version of a collection's schema, a time in milliseconds."""

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "modelden/records")
_PREFERRED_DTYPES = ("q8", "fp32", "fp16", "int8", "uint8", "q4", "q4f16", "bnb4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A model to publish, and its purpose.

    Attributes:
        model: ``organization/name``.
        revision: Its version.
        task: Its task; `RAW` for a raw ONNX model, which no task finds and `modelden.load_session` opens by its name.
        feature: The feature that uses it; None if it serves the task as a whole.
        dtype: The data type for clients; None takes ``q8``, or the best available one.
        replace: Replace another model of the same feature or task.
    """

    model: str
    revision: str
    task: str = RAW
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
        if fault := name_fault(f"{self.model}/{self.revision}"):
            raise InputError(fault)
        if self.is_raw:
            if self.feature is not None or self.dtype is not None:
                raise InputError("A raw model has no feature and no data type: a page opens it by its name.")
            return
        known_task(self.task)
        if self.dtype is not None and self.dtype not in DTYPES:
            raise InputError(f"dtype: expected one of {', '.join(DTYPES)}, got {self.dtype!r}.")

    @property
    def is_raw(self) -> bool:
        """True for a raw ONNX model."""
        return self.task == RAW


@dataclass(frozen=True, slots=True)
class PublishResult:
    """The changes of a publication, or of a dry run.

    Attributes:
        model: ``organization/name``.
        revision: Its version.
        dtype: The data type for clients; None of a raw model.
        files: The files of the revision: path, size, sha256.
        left_out: Unpublished files, with the reason.
        collections: The changed collections.
        notes: Warnings for the publisher.
    """

    model: str
    revision: str
    dtype: str | None
    files: list[dict[str, Any]]
    left_out: dict[str, str]
    collections: list[str]
    notes: list[str] = field(default_factory=list)


def build_record(subject: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Build a record. Its identifier is derived from ``subject``, so publishing it again replaces it."""
    return {**fields, "id": str(uuid.uuid5(_NAMESPACE, subject)), "schema": SCHEMA}


def publish(publisher: Publisher, repository: Repository, release: Release, *, dry_run: bool = False) -> PublishResult:
    """Add a model to the tree; visible after `Publisher.commit`.

    Args:
        publisher: The tree.
        repository: The files.
        release: Their names and purpose.
        dry_run: Copy nothing.

    Raises:
        PublishError: Clients would refuse the model, with all faults; or the revision exists with other files.
        HostError: The feature or task has another model, and ``replace`` is False.
        MachineError: A file cannot be read, or the disk is full.
    """
    dtype = None if release.is_raw else release.dtype or _best_dtype(repository)
    notes = _check(repository, release, dtype)
    _check_replacement(publisher, release)
    _check_names(publisher, release)
    with machine_errors(f"Cannot copy {repository.folder}"):
        files = _copy(publisher, repository, release, dry_run=dry_run)
        if not dry_run:
            write_list(publisher.files, release.model, release.revision, files)
    publisher.put(MANIFESTS, manifest_record(release.model, release.revision, files))
    publisher.ensure(RUNTIMES)
    publisher.ensure(ALLOW_LIST)
    if publisher.facts.publicUrl:
        publisher.put(ALLOW_LIST, allow_list_record("ALLOW", f"{publisher.facts.publicUrl}/hub/", "our own hub"))
    if dtype is None:
        publisher.ensure(OPTIONS)
    else:
        publisher.put(OPTIONS, _options(release, dtype))
        notes += _ambiguity_notes(publisher, release)
    return PublishResult(release.model, release.revision, dtype, files, repository.left_out, publisher.changes(), notes)


def unpublish(publisher: Publisher, model: str, revision: str, *, force: bool = False) -> list[str]:
    """Remove a revision from the tree; returns the names of its removed options.

    Raises:
        HostError: There is no such revision; or options refer to it, and ``force`` is False.
    """
    check_model(model, revision)
    options = [
        option
        for option in publisher.records(OPTIONS).values()
        if (option.get("modelId"), option.get("modelRevision")) == (model, revision)
    ]
    manifests = [
        record["id"] for record in publisher.records(MANIFESTS).values() if _is_revision(record, model, revision)
    ]
    folder = f"hub/{model}/{revision}"
    if not manifests and not options and not (publisher.tree.folder / folder).exists():
        raise HostError(f"{publisher.tree.folder} has no {model} {revision}.")
    names = [str(option.get("featureId") or option.get("taskName")) for option in options]
    if names and not force:
        raise HostError(
            f"{model} {revision} is what clients are told to use for {', '.join(names)}: publish another revision "
            "first, or say --force to leave them without."
        )
    # The reverse order of publishing: options first, so that no record refers to a removed revision.
    publisher.delete(OPTIONS, *(option["id"] for option in options))
    publisher.delete(MANIFESTS, *manifests)
    publisher.files.remove(folder)
    remove_list(publisher.files, model, revision)
    return names


def manifest_record(model: str, revision: str, files: list[dict[str, Any]]) -> dict[str, Any]:
    """Build the record of a revision's files."""
    fields = {"modelId": model, "revision": revision, "files": files}
    return build_record(f"manifest/{model}/{revision}", fields)


def allow_list_record(kind: str, prefix: str, description: str) -> dict[str, Any]:
    """Build a record of the allow/deny list."""
    return build_record(f"{kind}/{prefix}", {"filter": kind, "urlPrefix": prefix, "description": description})


def _check(repository: Repository, release: Release, dtype: str | None) -> list[str]:
    with machine_errors(f"Cannot read {repository.folder}"):
        files = repository.files
        faults = check_raw_files(files) if dtype is None else check_model_files(files, release.task, dtype)
        unloadable = check_onnx(repository.files)
    faults += unloadable or []
    if faults:
        raise PublishError(f"{repository.folder} is not a model that clients can run.", faults)
    if unloadable is None:
        return ["The ONNX files were not loaded: onnxruntime is not installed here (pip install onnxruntime)."]
    return []


def _best_dtype(repository: Repository) -> str:
    available = {role.dtype for path in repository.files if path.startswith("onnx/") and (role := role_of(path)).dtype}
    return next((dtype for dtype in _PREFERRED_DTYPES if dtype in available), DEFAULT_DTYPE)


def _check_replacement(publisher: Publisher, release: Release) -> None:
    if release.is_raw:
        return
    existing = publisher.records(OPTIONS).get(_options(release, "")["id"])
    if existing and existing.get("modelId") != release.model and not release.replace:
        raise HostError(
            f"{release.feature or release.task} has the model {existing.get('modelId')} "
            f"{existing.get('modelRevision')}. Say --replace to have this one in its place, "
            "or --feature to publish it for something else."
        )


def _check_names(publisher: Publisher, release: Release) -> None:
    """Refuse a model whose folder is another model's where case does not count."""
    published = {
        f"{record.get('modelId')}/{record.get('revision')}" for record in publisher.records(MANIFESTS).values()
    }
    faults = collisions(published | {f"{release.model}/{release.revision}"})
    if faults:
        raise PublishError("The tree has a model of the same name in other letters.", faults)


def _copy(publisher: Publisher, repository: Repository, release: Release, *, dry_run: bool) -> list[dict[str, Any]]:
    """Copy the missing files, and return the manifest's files.

    Raises:
        PublishError: The revision exists with other files.
    """
    folder = f"hub/{release.model}/{release.revision}"
    if dry_run or (publisher.tree.folder / folder).exists():
        files = [_entry(path, source.stat().st_size, sha256_of(source)) for path, source in repository.files.items()]
        _check_unchanged(publisher, release, files)
        return files
    return [
        _entry(path, *publisher.files.copy(f"{folder}/{path}", source)) for path, source in repository.files.items()
    ]


def _check_unchanged(publisher: Publisher, release: Release, files: list[dict[str, Any]]) -> None:
    """Refuse other content for a published revision: clients never request it again."""
    folder = publisher.tree.hub / release.model / release.revision
    if not folder.exists():
        return
    existing = {path.relative_to(folder).as_posix(): sha256_of(path) for path in folder.rglob("*") if path.is_file()}
    new = {entry["path"]: entry["sha256"] for entry in files}
    if existing != new:
        differing = sorted(path for path in existing.keys() | new.keys() if existing.get(path) != new.get(path))
        raise PublishError(
            f"{release.model} {release.revision} is published with other files. A revision never changes: clients "
            "that have it do not ask again. Publish under another revision.",
            [f"{path} differs." for path in differing],
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
    return build_record(f"options/{release.feature or release.task}", fields)


def _ambiguity_notes(publisher: Publisher, release: Release) -> list[str]:
    """Try the request of a client that names only the task; returns its error as a note."""
    try:
        choose(publisher.records(OPTIONS).values(), PipelineOptions.of({"task_name": release.task}), PipelineOptions())
    except ModelDenError as error:
        return [f"Pages that ask for the task {release.task} alone are refused: {error}"]
    return []


def _is_revision(record: Mapping[str, Any], model: str, revision: str) -> bool:
    return (record.get("modelId"), record.get("revision")) == (model, revision)
