"""Lists of stored models and files that notebooks show as tables. They are equal to plain lists."""

from __future__ import annotations

from modelden.hub.store.records import StoredFile, StoredModel


class ModelList(list[StoredModel]):
    """Stored models."""

    def _repr_html_(self) -> str:
        from modelden.display.html import date, size, table

        rows = [
            (each.name, each.revision, size(each.size), each.files, ", ".join(each.task_names), date(each.last_used))
            for each in self
        ]
        total = size(sum(each.size for each in self))
        return table(f"{len(self)} stored, {total}", ("model", "revision", "size", "files", "tasks", "last used"), rows)


class FileList(list[StoredFile]):
    """Stored files."""

    def _repr_html_(self) -> str:
        from modelden.display.html import date, size, table

        rows = [(each.path, size(each.size), each.integrity, each.hub, date(each.last_used)) for each in self]
        total = size(sum(each.size for each in self))
        return table(f"{len(self)} files, {total}", ("file", "size", "integrity", "from", "last used"), rows)
