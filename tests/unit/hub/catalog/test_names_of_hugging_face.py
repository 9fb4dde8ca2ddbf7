"""Names as Hugging Face's hub has them, in its layout of URLs; other hubs have Firefox's."""

from __future__ import annotations

import pytest

from modelden.errors import InputError
from modelden.hub.catalog.names import HubAddress, ModelFile, is_branch

HUGGING_FACE = HubAddress("https://huggingface.co/", "{model}/resolve/{revision}")
MOZILLA = HubAddress("https://model-hub.mozilla.org/", "{model}/{revision}")

FILES = [
    "a b.json",
    "a+b.json",
    "100%.txt",
    "a%20b.txt",
    "a#b.txt",
    "a?b.txt",
    "模型/ö.onnx",
    "o\u0308.onnx",
    "onnx/model.onnx",
]
REVISIONS = ["main", "v1_0", "refs/pr/1", "feature/x", "0123456789abcdef0123456789abcdef01234567"]


@pytest.mark.parametrize("model", ["org/model", "gpt2", "my_org.ai/Model_1.0", "01-ai/Yi--x", "_a/-b"])
@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("file", FILES)
def test_a_url_names_its_file(model: str, revision: str, file: str) -> None:
    names = ModelFile(model, revision, file)

    assert HUGGING_FACE.parse(HUGGING_FACE.url(names)) == names
    assert HUGGING_FACE.url(names).isascii()


def test_the_hub_wants_slashes_of_revisions_escaped() -> None:
    assert HUGGING_FACE.url(ModelFile("gpt2", "refs/pr/1", "a b#.json")) == (
        "https://huggingface.co/gpt2/resolve/refs%2Fpr%2F1/a%20b%23.json?download=true"
    )


@pytest.mark.parametrize(
    "name", ["", "//a", "a/", "a//b", "../a", "a/./b", "a\\b", "a\0b", "a\nb", "a\ud83d", "a" * 1001]
)
def test_no_hub_has_these(name: str) -> None:
    with pytest.raises(InputError):
        ModelFile("org/model", "main", name)
    with pytest.raises(InputError):
        ModelFile("org/model", name, "config.json")


@pytest.mark.parametrize(
    "names",
    [
        ("org/model", "v1_0", "a"),
        ("org/model", "refs/pr/1", "a"),
        ("org/model", "main", "a b"),
        ("o_g/model", "v1", "a"),
    ],
)
def test_mozillas_hub_has_the_names_of_firefox(names: tuple[str, str, str]) -> None:
    with pytest.raises(InputError, match="Invalid"):
        MOZILLA.url(ModelFile(*names))


def test_another_hub_of_that_layout_has_revisions_without_an_escape() -> None:
    hub, file = HubAddress("https://models.example/", "{model}/{revision}"), ModelFile("org/model", "v1_0", "a.json")
    assert hub.parse(hub.url(file)) == file
    for names in (("org/model", "refs/pr/1", "a"), ("org/model", "main", "a b"), ("o_g/model", "v1", "a")):
        with pytest.raises(InputError, match="Invalid"):
            hub.url(ModelFile(*names))


@pytest.mark.parametrize("revision", ["main", "refs/pr/1", "feature/x", "refs/heads/main"])
def test_a_branch_moves(revision: str) -> None:
    assert is_branch(revision)


@pytest.mark.parametrize("revision", ["v1.0", "v1_0", "refs/tags/v1", "0123456789abcdef0123456789abcdef01234567"])
def test_a_tag_and_a_commit_do_not_move(revision: str) -> None:
    assert not is_branch(revision)
