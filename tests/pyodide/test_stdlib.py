"""The standard library of build/pyodide is bytecode, and its tracebacks still say where."""

from pytest_pyodide import run_in_pyodide


@run_in_pyodide
def test_modules_of_the_standard_library_are_not_compiled_by_the_page(selenium_everywhere: object) -> None:
    import sys
    import zipfile

    archive = next(entry for entry in sys.path if entry.endswith(".zip"))
    loaded = {
        name: origin
        for name, module in sys.modules.items()
        if (origin := getattr(module.__spec__, "origin", None)) and str(origin).startswith(archive)
    }
    assert {"asyncio", "json.decoder", "pyodide.ffi"} <= loaded.keys()
    assert [origin for origin in loaded.values() if not origin.endswith(".pyc")] == []
    assert [name for name in zipfile.ZipFile(archive).namelist() if name.endswith(".py")] == []


@run_in_pyodide
def test_a_traceback_of_the_standard_library_names_file_and_line(selenium: object) -> None:
    import json
    import traceback

    try:
        json.loads("{")
    except json.JSONDecodeError as error:
        text = "".join(traceback.format_exception(error))
        frame = traceback.extract_tb(error.__traceback__)[-1]
    assert frame.filename.endswith(".zip/json/decoder.py")
    assert frame.name == "raw_decode"
    code = json.JSONDecoder.raw_decode.__code__
    assert frame.lineno in {line for *_, line in code.co_lines()} - {code.co_firstlineno}
    assert f'File "{frame.filename}", line {frame.lineno}, in raw_decode' in text
