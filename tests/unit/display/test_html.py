"""Results in the forms that a notebook asks for."""

from __future__ import annotations

import copy
import io
import json
import pickle
import wave
from array import array
from base64 import b64decode

import numpy as np
import PIL.Image
import pytest

from modelden import Audio, Image, ModelFiles, RepositoryFile, RunMetrics, StorageInfo, UpdateStatus
from modelden.display.html import date, span
from modelden.engine.results import ResultList, presentable
from modelden.hub.catalog.file_roles import role_of
from modelden.hub.store.listing import FileList, ModelList
from modelden.hub.store.records import StoredFile, StoredModel

MODEL = StoredModel("hub.example/org/<b>", "v1", ("ner",), 23_300_000, 3, 0, 1_700_000_000_000)
FILE = StoredFile("a.onnx", 512, "a/b", None, "0" * 64, "signed", "https://h/", 0, 0, (), "hub.example/o/m", "v1", None)
LABELS = [{"label": "POSITIVE", "score": 0.98765432}, {"label": "<i>", "score": 0.01}]


def test_lists_of_models_and_files_are_tables_with_sizes_and_dates_and_equal_to_lists() -> None:
    html = ModelList([MODEL])._repr_html_()

    assert "23.3 MB" in html
    assert "2023-11-1" in html
    assert "org/&lt;b&gt;" in html
    assert "512 B" in FileList([FILE])._repr_html_()
    assert ModelList([MODEL]) == [MODEL]
    assert isinstance(FileList([FILE]), list)


def test_results_are_tables_and_stay_plain_data() -> None:
    result = presentable(LABELS)

    assert "<td" in result._repr_html_()
    assert "0.9877" in result._repr_html_()
    assert "&lt;i&gt;" in result._repr_html_()
    assert result == LABELS
    assert repr(result) == repr(LABELS)
    assert json.loads(json.dumps(result)) == LABELS
    assert type(pickle.loads(pickle.dumps(result))) is list  # noqa: S301  our own bytes
    assert type(copy.deepcopy(result)) is list


@pytest.mark.parametrize("result", ["text", 1, None, [], ["a"], [1.5], [[1], 2], b"x", (1,)])
def test_other_results_are_what_they_were(result: object) -> None:
    assert presentable(result) is result


def test_batches_and_single_results_are_tables_too() -> None:
    assert isinstance(presentable([LABELS])[0], ResultList)
    assert "<td" in presentable({"answer": "42", "score": 1.0})._repr_html_()


def test_a_long_list_ends_with_the_number_of_others() -> None:
    assert "and 20 more" in presentable([{"n": n} for n in range(120)])._repr_html_()


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "LA"), (3, "RGB"), (4, "RGBA")])
def test_an_image_is_a_png(channels: int, mode: str) -> None:
    pixels = bytes(range(6 * channels))

    picture = PIL.Image.open(io.BytesIO(Image(pixels, 3, 2, channels)._repr_png_()))

    assert (picture.mode, picture.size, picture.tobytes()) == (mode, (3, 2), pixels)


def test_a_sound_is_a_player() -> None:
    html = Audio(array("f", [0, 0.5, -1, 2]), 16000)._repr_html_()

    assert html.startswith('<audio controls src="data:audio/wav;base64,')
    with wave.open(io.BytesIO(b64decode(html.partition("base64,")[2].partition('"')[0]))) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (16000, 1, 2)
        assert np.frombuffer(sound.readframes(4), "<i2").tolist() == [0, 16384, -32767, 32767]


def test_metrics_updates_storage_and_files_of_a_model_are_tables() -> None:
    metrics = RunMetrics(7, 20, 1.5, 1.5, 1250.0, 900.0, 80.0, 16.0, 62.5, ())
    update = UpdateStatus("ner", None, "e", "update-available", {"revision": "v1"}, {"revision": "v2"})
    storage = StorageInfo(
        usage=5_000_000,
        quota=10**9,
        backend="indexeddb",
        refusal=None,
        capabilities={"blobs": "no <blob>"},
        removed=(),
        persisted=True,
        may_ask=False,
        settings_server="https://s.example/v1",
        settings_verified=True,
        settings_confirmed_at=None,
    )
    file = RepositoryFile("a.onnx", role_of("a.onnx"), 4096, None, needed=True, stored=False)
    files = ModelFiles((file,), "tree", None)

    assert "1.25 s" in metrics._repr_html_()
    assert "16.0" in metrics._repr_html_()
    assert "revision v2" in update._repr_html_()
    assert "5.0 MB of 1.0 GB" in storage._repr_html_()
    assert "no &lt;blob&gt;" in storage._repr_html_()
    assert "4.1 kB" in files._repr_html_()


def test_times_are_written_as_people_do() -> None:
    assert (span(8.31), span(1250), span(None), date(None)) == ("8.31 ms", "1.25 s", None, None)
