"""Vectors in a real worker and a real database: searched, kept, and shared with a later opening."""

from __future__ import annotations

from pytest_pyodide import run_in_pyodide


@run_in_pyodide(packages=["modelden"])
async def test_vectors_are_kept_and_found_by_a_worker(selenium: object) -> None:
    from array import array

    import modelden
    from modelden.default_context import current_context

    numbers = array("f", [1, 0, 0, 0, 2, 0, 3, 3, 0, -1, 0, 0])
    index = await modelden.VectorIndex.open("notes", model_id="org/tiny")
    await index.add(["east", "north", "both", "west"], modelden.Tensor(memoryview(numbers), "float32", (4, 3)))
    await index.add("both", [[0, 5, 0]])
    await index.remove("west")
    found = await index.search([0, 1, 0], 2)
    index.close()

    again = await modelden.VectorIndex.open("notes", model_id="org/tiny")

    assert [match.id for match in found] == ["north", "both"]
    assert [round(match.score, 6) for match in found] == [1, 1]
    assert await again.search([0, 1, 0], 2) == found
    assert [match.id for match in await again.search([9, 1, 0])] == ["east", "north", "both"]
    words = (await current_context()).ports.page.segment_words("en", "two words")
    assert list(words) == ["two", " ", "words"]
    await again.delete()
