"""Checks of records before they are signed: would a client refuse them? Records are edited by hand, too.

The rules are those of the client, by its own code, but for names of files, which every machine of a publication must
be able to have.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from modelden.config import Configuration
from modelden.engine import model_selection
from modelden.engine.options import PipelineOptions
from modelden.errors import InvalidRecord, ModelDenError
from modelden.host.errors import TreeError
from modelden.host.publish.collections import Collection
from modelden.host.publish.file_names import collisions, name_fault
from modelden.hub.catalog import manifests
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import ModelFile
from modelden.settings.changeset import IDENTITY
from modelden.settings.json_reader import MAX_VALUE
from modelden.settings.json_text import canonical_json, check_depth
from modelden.settings.records import Attachment

MANIFESTS = manifests.COLLECTION
ALLOW_LIST = "ml-model-allow-deny-list"
OPTIONS = model_selection.COLLECTION
RUNTIMES = "ml-onnx-runtime"

Record = Mapping[str, Any]


class RecordFault(NamedTuple):
    """A record that a client would refuse.

    Attributes:
        record: Its identifier.
        what: The expected and the actual state.
    """

    record: str
    what: str


def check_records(collections: Iterable[Collection]) -> None:
    """Check all records of a tree.

    Raises:
        TreeError: Clients would refuse a record, or some machine a name of a file.
    """
    config, faults = Configuration(), []
    for collection in collections:
        records = [record for key, record in collection.state.records.items() if key != IDENTITY]
        source = f"settings/{collection.bucket}/{collection.name}.json"
        found = record_faults(collection.name, records, config)
        faults += [f"{source}, record {fault.record}: {fault.what}" for fault in found]
        if collection.name == MANIFESTS and not found:
            faults += [f"{source}: {fault}" for fault in name_faults(records)]
    if faults:
        raise TreeError("Nothing was published, because clients would refuse these records. " + " ".join(faults))


def record_faults(name: str, records: Iterable[Record], config: Configuration) -> list[RecordFault]:
    """List what clients refuse in the records of a collection.

    Args:
        name: The collection.
        records: Its records, without that of its identity.
        config: Configuration of the clients.
    """
    records = list(records)
    faults = []
    for record in records:
        try:
            _check_form(record)
            if name == ALLOW_LIST:
                AllowList.of([record])
            elif name == MANIFESTS:
                _check_manifest(record, records)
            elif name == OPTIONS:
                chosen_model(record, [record], config)  # others may be for the same task
        except (ModelDenError, ValueError) as error:
            faults.append(RecordFault(str(record["id"]), str(error)))
    return faults


def chosen_model(record: Record, records: list[Any], config: Configuration) -> tuple[str, str]:
    """Return model and revision that a client chooses by a record of options.

    Raises:
        ModelDenError: If it chooses none.
    """
    feature, task = record.get("featureId"), record.get("taskName")
    request = PipelineOptions.of({"feature_id": feature} if feature else {"task_name": task}, own_features=True)
    options = model_selection.choose(records, request, PipelineOptions.of(config.engine_defaults))
    return str(options.model_id), str(options.model_revision)


def name_faults(records: Iterable[Record]) -> list[str]:
    """List names of files in manifests that some machine cannot have, or cannot have together, one sentence each."""
    paths = [
        f"{record.get('modelId')}/{record.get('revision')}/{entry['path']}"
        for record in records
        for entry in record.get("files", ())
    ]
    return [fault for path in paths if (fault := name_fault(path))] + collisions(paths)


def _check_form(record: Record) -> None:
    text = json.dumps(record)
    check_depth(text)
    canonical_json(record)
    if len(text) > MAX_VALUE:
        raise InvalidRecord(f"expected {MAX_VALUE} characters of JSON at most, found {len(text)}")
    expression = record.get("filter_expression")
    if not (expression is None or isinstance(expression, str)):
        raise InvalidRecord(f"filter_expression: expected a text, found {expression!r}")
    if "attachment" in record:
        Attachment.of(dict(record))


def _check_manifest(record: Record, records: list[Any]) -> None:
    match record:
        case {"modelId": str(model), "revision": str(revision)}:
            for file in manifests.files_of(records, model, revision) or ():
                ModelFile(model, revision, file.path)
        case _:
            raise InvalidRecord(f"expected modelId and revision, found {repr(dict(record))[:200]}")
