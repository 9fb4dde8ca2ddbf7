from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from modelden.config import PRESETS, PRODUCTION_ROOT_HASH, STAGE_ROOT_HASH, Configuration
from modelden.configuration_values import ConfigurationValues
from modelden.errors import InputError

HASH = "AB:" * 31 + "AB"


def test_the_defaults_are_mozillas_production() -> None:
    config = Configuration()

    assert config.settings_server == "https://firefox.settings.services.mozilla.com/v1"
    assert config.settings_bucket == "main"
    assert config.signer_name == "remote-settings.content-signature.mozilla.org"
    assert config.root_hash == PRODUCTION_ROOT_HASH
    assert config.hub_root_url == "https://model-hub.mozilla.org/"
    assert config.hub_url_template == "{model}/{revision}"
    assert config.verify_signatures
    assert config.poll_interval == 86_400


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_a_configuration(preset: str) -> None:
    config = Configuration(**PRESETS[preset])  # type: ignore[arg-type]  # a table of texts

    assert config.root_hash in (PRODUCTION_ROOT_HASH, STAGE_ROOT_HASH)


@pytest.mark.parametrize(
    ("field", "given", "kept"),
    [
        ("root_hash", HASH, HASH),
        ("root_hash", HASH.lower(), HASH),
        ("root_hash", HASH.replace(":", ""), HASH),
        ("settings_server", "http://localhost:8642/v1", "http://localhost:8642/v1"),
        ("settings_server", "http://localhost:8642/v1/", "http://localhost:8642/v1"),
        ("settings_server", "http://localhost:8642/v1//", "http://localhost:8642/v1"),
        ("hub_root_url", "http://localhost:8642/hub", "http://localhost:8642/hub"),
        ("hub_root_url", "https://huggingface.co/", "https://huggingface.co/"),
        ("hub_url_template", "{model}/resolve/{revision}", "{model}/resolve/{revision}"),
        ("settings_bucket", "main-preview", "main-preview"),
        ("start_timeout", 0.5, 0.5),
        ("worker_url", "assets/modelden", "assets/modelden/"),
        ("worker_url", "https://host/modelden/", "https://host/modelden/"),
    ],
)
def test_values_have_one_form(field: str, given: Any, kept: Any) -> None:
    assert getattr(Configuration(**{field: given}), field) == kept


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("settings_server", ""),
        ("settings_server", "localhost:8642/v1"),
        ("settings_server", "ftp://localhost/v1"),
        ("settings_server", "//localhost/v1"),
        ("settings_server", "https:///v1"),
        ("settings_server", "https://host/v1?x=1"),
        ("settings_server", "https://host/v1#x"),
        ("settings_server", "https://host:port/v1"),
        ("settings_server", "https://host:99999/v1"),
        ("settings_server", "https://host:69999/v1"),
        ("settings_server", "https://[::1/v1"),
        ("settings_server", "https://user:pw@host/v1"),
        ("hub_root_url", "https://host/staging?"),
        ("hub_root_url", "https://host/#"),
        ("hub_root_url", "https://@host/"),
        ("settings_server", None),
        ("hub_root_url", "model-hub.mozilla.org"),
        ("hub_root_url", "https://host/sub/?q=1#h"),
        ("hub_root_url", "http://u:p@host/"),
        ("hub_url_template", ""),
        ("hub_url_template", "{model}"),
        ("hub_url_template", "//{model}"),
        ("hub_url_template", "{file}/{model}"),
        ("worker_url", ""),
        ("worker_url", "/modelden/?v=1"),
        ("worker_url", "blob:https://host/1234"),
        ("worker_url", 1),
        ("settings_bucket", ""),
        ("settings_bucket", "main/../other"),
        ("settings_bucket", "main\n"),
        ("root_hash", ""),
        ("root_hash", HASH[:-1]),
        ("root_hash", HASH + ":AB"),
        ("root_hash", "XY:" * 31 + "XY"),
        ("root_hash", HASH + "\n"),
        ("start_timeout", 0),
        ("start_timeout", -1.0),
        ("start_timeout", float("nan")),
        ("poll_interval", 0),
        ("freeze_warning_days", -1),
    ],
)
def test_a_value_that_cannot_be_used_is_named(field: str, wrong: Any) -> None:
    with pytest.raises(InputError, match=f"^{field}: expected "):
        Configuration(**{field: wrong})


def test_what_was_stored_for_another_signer_is_of_another_source() -> None:
    base = Configuration()
    others = [
        Configuration(settings_server="https://other.example/v1"),
        Configuration(settings_bucket="main-preview"),
        Configuration(signer_name="onecrl.content-signature.mozilla.org"),
        Configuration(root_hash=HASH),
        Configuration(verify_signatures=False),
    ]

    assert len({config.trust_source for config in (base, *others)}) == 1 + len(others)
    assert Configuration(hub_root_url="https://other.example/").trust_source == base.trust_source


def test_it_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Configuration().settings_bucket = "other"  # type: ignore[misc]  # the point


def test_a_configuration_shows_what_is_not_default_and_no_private_header() -> None:
    assert repr(Configuration()) == "Configuration()"
    assert repr(Configuration(evict=True, hub_headers={"Authorization": "Bearer x"})) == "Configuration(evict=True)"


def test_the_keywords_of_configure_are_the_fields_of_a_configuration() -> None:
    keywords = {name: hint.__forward_arg__ for name, hint in ConfigurationValues.__annotations__.items()}

    assert keywords == {each.name: each.type for each in fields(Configuration)}
