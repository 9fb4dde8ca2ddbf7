"""`models`: a list of values, an element for notebooks, and a table for those that run no script."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

import modelden
from modelden import default_context
from modelden.errors import InputError
from modelden.model_hub import ModelHub
from modelden.models_display import ModelDisplay
from tests.unit.test_model_hub import KEPT, read

if TYPE_CHECKING:
    from tests.simulators.profile import Profile


class Tags(HTMLParser):
    """The start tags of a document, and the text of its script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.script = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        self.names.append(tag)

    def handle_data(self, data: str) -> None:
        if self.names[-1] == "script":
            self.script += data


@pytest.fixture
def hub(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> ModelHub:
    monkeypatch.setattr(default_context.page, "context", profile.visit())
    return ModelHub()


async def test_the_models_are_those_of_the_hub(hub: ModelHub) -> None:
    assert await modelden.models() == []
    await read(hub, "config.json")
    assert await modelden.models() == await hub.list_models()


async def test_a_notebook_gets_the_element_with_a_table_in_it(hub: ModelHub) -> None:
    await read(hub, "config.json")
    stored = await modelden.models()
    assert isinstance(stored, ModelDisplay)
    html = stored._repr_html_()
    tags = Tags(html)
    assert tags.names[:2] == ["modelden-models", "table"]
    assert tags.names[-1] == "script"
    assert KEPT in html.partition("<script")[0]
    assert "modelden-models" in tags.script
    assert html.count("</script") == 1


@pytest.mark.parametrize("element", ["#list", 5, object()])
async def test_what_is_no_element_is_refused(hub: ModelHub, element: object) -> None:
    del hub
    with pytest.raises(InputError, match=r"^element: expected an element of the page or None, got "):
        await modelden.models(element)
