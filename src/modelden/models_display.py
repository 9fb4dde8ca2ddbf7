"""`models`: the stored models, which notebooks and pages show as the element ``<modelden-models>``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelden.core.arguments import show
from modelden.errors import InputError
from modelden.hub.store.listing import ModelList

if TYPE_CHECKING:
    from modelden.hub.store.records import StoredModel

_SCRIPT = Path(__file__).parent / "_js/assets/models.js"


class ModelDisplay(ModelList):
    """Stored models, as the element. Hosts that run no script of an output show the table in it."""

    def _repr_html_(self) -> str:
        script = _SCRIPT.read_text("utf-8").replace("</", "<\\/")  # or the first end tag would end the script
        table = super()._repr_html_()
        return f'<modelden-models>{table}</modelden-models><script type="module">{script}</script>'


async def models(element: Any = None) -> list[StoredModel]:
    """Return the stored models. A notebook shows them as a list to delete and pin them; see ``docs/models-element.md``.

    Args:
        element: An element of the page whose content is replaced by the list, with all that needs Python. Only where
            Python runs on the page's main thread.

    Raises:
        InputError: For something else than an element.
        StorageUnavailable: If the browser gives this page no IndexedDB, and none in memory is allowed.
        WorkerRefused: If the page's content security policy refuses the script of the list.
    """
    from modelden.model_hub import ModelHub

    if not (element is None or hasattr(element, "replaceChildren")):
        raise InputError(f"element: expected an element of the page or None, got {show(element)}.")
    stored = ModelDisplay(await ModelHub().list_models())
    if element is not None:
        from modelden.default_context import show_models_element

        await show_models_element(element)
    return stored


models.__module__ = "modelden"
