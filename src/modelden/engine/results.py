"""The forms of engines and their results in notebooks.

Lists and dicts of a run are shown as tables. They are equal to, and pickled as, plain ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelden.engine.options import PipelineOptions


class ResultList(list[Any]):
    """A list of results: labels with scores, generated texts, objects in an image."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy it as a list."""
        return list, (list(self),)

    def _repr_html_(self) -> str:
        from modelden.display.html import records

        return records(self)


class ResultDict(dict[str, Any]):
    """One result with names: an answer with its score, a transcript."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy it as a dict."""
        return dict, (dict(self),)

    def _repr_html_(self) -> str:
        from modelden.display.html import records

        return records([self])


def presentable(result: Any) -> Any:
    """Return a result that notebooks show as a table, if it is a dict, or a list of dicts or of lists of them."""
    if type(result) is dict:
        return ResultDict(result)
    if type(result) is not list or not result:
        return result
    if all(type(item) is dict for item in result):
        return ResultList(result)
    return [presentable(item) for item in result] if all(type(item) is list for item in result) else result


def engine_table(engine_id: str, options: PipelineOptions, status: str, info: Mapping[str, Any]) -> str:
    """Return an engine's HTML for notebooks."""
    from modelden.display.html import facts
    from modelden.hub.catalog.file_roles import dtype_text

    device = info.get("device")
    return facts(
        f"Engine {engine_id}",
        (
            ("task", options.task_name),
            ("model", f"{options.model_id} {options.model_revision}"),
            ("data type", dtype_text(options.dtype)),
            ("status", status),
            ("device", device if info.get("deviceReason") is None else f"{device}: {info['deviceReason']}"),
            ("threads", info.get("threads")),
        ),
    )
