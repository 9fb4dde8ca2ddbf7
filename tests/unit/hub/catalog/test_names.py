from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelden.errors import InputError
from modelden.hub.catalog.names import HubAddress, ModelFile, check_model, check_names, check_stored
from modelden.model_hub import ModelHub
from tests.replay import load_truth

ROOT = "http://localhost:18432/"
TEMPLATE = "{model}/{revision}"


def rows(name: str, step: int) -> list[tuple[list[Any], dict[str, Any]]]:
    table = load_truth(name)["steps"][step]
    return list(zip(table["args"]["rows"], table["outcome"]["returned"], strict=True))


def is_text(values: list[Any]) -> bool:
    """True if a recorded row could be a call in Python, where names are strings."""
    return all(isinstance(value, str) for value in values)


NAMES = [(names, outcome["returned"]) for names, outcome in rows("hub_check_input", 0) if is_text(names)]

STRICTER = [["..", "main", "f.json"], [".", "main", "f.json"], ["org/model", "..", "f.json"]]
"""Firefox accepts these; a path may not leave its folder (shared/firefox-facts.md, "Where Firefox is wrong", 12)."""


@pytest.mark.parametrize(("names", "recorded"), NAMES, ids=" ".join)
def test_names_are_checked_as_firefox_checks_them(names: list[str], recorded: dict[str, Any]) -> None:
    if "accepted" in recorded and names not in STRICTER:
        check_names(*names)
        return
    with pytest.raises(InputError) as caught:
        check_names(*names)
    if names not in STRICTER:
        # Its message begins ours; "Invalid file name x" has quotes here.
        words = recorded["rejected"].removesuffix(".").removesuffix(names[2]).strip()
        assert str(caught.value).startswith(words)


@pytest.mark.parametrize(
    "file", ["../x", "a/../../x", "a/..", "./x", "..", ".", "a/./b", "config.json\n", "//a", "/../a"]
)
def test_a_path_that_leaves_its_folder_is_refused(file: str) -> None:
    with pytest.raises(InputError, match="Invalid file name"):
        ModelFile("org/model", "main", file)


@pytest.mark.parametrize(
    ("model", "revision", "words"),
    [
        ("org/model\n", "main", "Invalid model name"),
        ("../x", "main", "Invalid model name"),
        ("org/..", "main", "Invalid model name"),
        ("a/b/c", "main", "Invalid model name"),
        ("org/model", "main\n", "Invalid version identifier"),
        ("org/model", "..", "Invalid version identifier"),
    ],
)
def test_models_and_revisions_that_no_hub_has_are_refused(model: str, revision: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_model(model, revision)


@pytest.mark.parametrize("name", [None, 5, b"org/model", ["org/model"]])
def test_what_is_no_text_is_no_name(name: Any) -> None:
    for names in ((name, "main", "f.json"), ("org/model", name, "f.json"), ("org/model", "main", name)):
        with pytest.raises(InputError, match="Invalid"):
            ModelFile(*names)
    with pytest.raises(InputError, match="Invalid model name"):
        check_stored(name, "main")
    with pytest.raises(InputError, match="Invalid model name"):
        check_stored("hostname", "main")


CONSTRUCTED = [(row[0], outcome) for row, outcome in rows("hub_constructor", 0) if isinstance(row[0], dict)]

NEEDS_BOTH = ("{model}", "{a}/{b}/{c}")
"""Templates that Firefox takes, though every revision of a model would have the same URL."""


@pytest.mark.parametrize(("options", "recorded"), CONSTRUCTED, ids=str)
def test_hubs_are_made_as_in_firefox(options: dict[str, Any], recorded: dict[str, Any]) -> None:
    template = options.get("urlTemplate")
    given = template if isinstance(template, str) else None
    if "threw" in recorded or given in NEEDS_BOTH:
        with pytest.raises(InputError, match=r"url_template: expected a path with \{model\} and \{revision\}"):
            ModelHub("http://localhost:18432/", given)
    else:
        ModelHub("http://localhost:18432/", given)


def test_a_hub_needs_a_root_that_can_be_fetched() -> None:
    for root in ("ftp://hub.example/", "hub.example", "https://user:secret@hub.example/"):
        with pytest.raises(InputError, match="root_url: expected an http"):
            ModelHub(root)


CREATED = rows("table_create_file_url", 0)

CREATE_DIFFERENCES: dict[str, str] = {
    "https://hub.example:443/": "the configured root is kept as it is; fetch treats both alike",
    "HTTPS://HUB.example/": "the same",
    "https://bücher.example/": "the same",
    "https://127.1/": "the same",
    "https://hub.example//": "Firefox takes the organisation for the host (shared/firefox-facts.md, 14)",
}
"""Roots whose URLs differ from Firefox's on purpose, and why."""


REFUSED = {
    *("", "$&/x", "refs/pr/1"),
    *("a b.json", "a?b.json", "a%20b.json", "f.json?x=1", "é.json"),
    *("../x.json", "a/../../../x.json", "./x.json"),
}
"""Names that Firefox too refuses before it makes a URL; the table went around that."""


def urls() -> list[Any]:
    """The recorded rows of a root, template and names that can be configured and asked for."""
    found = []
    for (row,), recorded in CREATED:
        names = [row["model"], row["revision"], row["file"]]
        templated = "{model}" in row["urlTemplate"] and "{revision}" in row["urlTemplate"]
        root = row["rootUrl"] or ""
        if not is_text(names) or not templated or not root or "?" in root or "@" in root:
            continue  # `Configuration` and types refuse these: tests/unit/test_config.py
        found.append(pytest.param(row, recorded, id=" ".join([root, row["urlTemplate"], *names])))
    return found


@pytest.mark.parametrize(("row", "recorded"), urls())
def test_urls_are_those_of_firefox(row: dict[str, Any], recorded: dict[str, Any]) -> None:
    names = [row["model"], row["revision"], row["file"]]
    if REFUSED.intersection(names):
        with pytest.raises(InputError):
            HubAddress(row["rootUrl"], TEMPLATE).url(ModelFile(*names))
        return
    address, file = HubAddress(row["rootUrl"], row["urlTemplate"]), ModelFile(*names)
    url = address.url(file)
    if row["rootUrl"] in CREATE_DIFFERENCES:
        assert url.startswith(row["rootUrl"].rstrip("/") + "/")
    else:
        assert url.removesuffix("?download=true") == recorded["returned"].removesuffix("?download=true")
    if "/" in row["model"]:
        assert address.parse(url) == file


PARSED = rows("hub_parse_url", 1)

A_FOLDER_MORE = "https://example.com/x/org/model/main/f.json"
"""A file of the model x/org here; Firefox refuses it, for it loses the x (shared/firefox-facts.md, 6)."""


def parsed() -> list[Any]:
    """All recorded rows. Templates that no hub can have are in `test_templates_that_cannot_be_parsed_back`."""
    found = []
    for (url, *more), recorded in PARSED:
        options = more[0] if more else {}
        root, template = options.get("rootUrl", ROOT), options.get("urlTemplate", TEMPLATE)
        if "{model}" in template and "{revision}" in template:
            found.append(pytest.param(url, root, template, recorded, id=f"{url} {root} {template}"))
    return found


@pytest.mark.parametrize(("url", "root", "template", "recorded"), parsed())
def test_urls_are_parsed_as_firefox_parses_them(url: str, root: str, template: str, recorded: dict[str, Any]) -> None:
    address = HubAddress(root, template)
    if url == A_FOLDER_MORE:
        assert address.parse(url) == ModelFile("x/org", "model", "main/f.json")
        return
    if "threw" in recorded:
        with pytest.raises(InputError) as caught:
            address.parse(url)
        assert str(caught.value).startswith(recorded["threw"]["message"])
        return
    file, returned = address.parse(url), recorded["returned"]
    # Behind a root that ends in a slash Firefox loses the organisation's first letter (firefox-facts, 6).
    assert (file.model, file.revision, file.file) == (
        returned["model"] if returned["model"].startswith("org/") else f"o{returned['model']}",
        returned["revision"],
        returned["file"],
    )
    assert address.store_name(file.model) == f"{returned['modelWithHostname'].partition('/')[0]}/{file.model}"


@pytest.mark.parametrize("suffix", ["", "?download=true", "#part", "?a=1#b?c", "#b?c"])
@pytest.mark.parametrize("prefix", ["/", ROOT])
def test_query_and_fragment_are_no_part_of_a_file(prefix: str, suffix: str) -> None:
    url = f"{prefix}org/model/main/a/f.json{suffix}"

    assert HubAddress(ROOT, TEMPLATE).parse(url) == ModelFile("org/model", "main", "a/f.json")


@pytest.mark.parametrize("template", [TEMPLATE, "{model}/resolve/{revision}"])
def test_a_file_with_a_slash_in_front_is_another_file(template: str) -> None:
    address, file = HubAddress(ROOT, template), ModelFile("org/model", "main", "/config.json")

    assert address.url(file).removesuffix("?download=true").endswith("main//config.json")
    assert address.parse(address.url(file)) == file
    ModelHub.check_input("org/model", "main", "/config.json")


@pytest.mark.parametrize(
    "template",
    [
        "{model}{revision}",
        "{model}-{revision}",
        "{model}/{model}/{revision}",
        "{model}/{revision}/{revision}",
        "../{model}/{revision}",
        "{model}/./{revision}",
        "{revision}",
        "f/{model}",
    ],
)
def test_templates_that_cannot_be_parsed_back_are_refused(template: str) -> None:
    with pytest.raises(InputError, match="url_template: expected"):
        ModelHub(ROOT, template)


@pytest.mark.parametrize("template", ["{revision}/{model}", "v{revision}/x-{model}-y", "a/{model}/b/{revision}/c"])
def test_other_templates_are_parsed_back(template: str) -> None:
    ModelHub(ROOT, template)
    address, file = HubAddress(ROOT, template), ModelFile("org/model.v1-2", "1.0-b", "onnx/model.onnx")

    assert address.parse(address.url(file)) == file


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:18432/org/model/v1.0/../../../secret",
        "http://localhost:18432/org/model/v1.0/%2e%2e/secret",
        "http://localhost:18432/org/model/v1.0/a%2F..%2Fb",
        "http://localhost:18432.evil/org/model/v1.0/f",
        "http://localhost:184320/org/model/v1.0/f",
        "http://localhost:18432@evil/org/model/v1.0/f",
    ],
)
def test_a_url_that_leaves_the_hub_is_refused(url: str) -> None:
    with pytest.raises(InputError):
        HubAddress(ROOT, TEMPLATE).parse(url)


# Firefox refuses two hyphens in a row anywhere in `organization/name`.
NAME = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}", fullmatch=True).filter(lambda name: "--" not in name)
ORGANIZATION = st.from_regex(r"[A-Za-z0-9]{1,8}", fullmatch=True)
REVISION = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9.-]{0,8}", fullmatch=True)


@given(
    ORGANIZATION,
    NAME,
    REVISION,
    st.lists(NAME, min_size=1, max_size=4),
    st.sampled_from(["http://localhost:1", "https://hub.example/", "https://hub.example/a/b/"]),
    st.sampled_from([TEMPLATE, "{model}/resolve/{revision}", "/{model}/tree/{revision}/"]),
)
def test_what_is_asked_for_is_what_a_url_names(
    organization: str, name: str, revision: str, path: list[str], root: str, template: str
) -> None:
    file = ModelFile(f"{organization}/{name}", revision, "/".join(path))
    address = HubAddress(root, template)

    assert address.parse(address.url(file)) == file
    assert "//" not in address.url(file).partition("://")[2]
