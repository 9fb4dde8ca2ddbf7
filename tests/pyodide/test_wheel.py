"""The wheel can be loaded by name from the local distribution, in a page and in a worker."""

from pytest_pyodide import run_in_pyodide


@run_in_pyodide(packages=["modelden"])
def test_wheel_is_installed_and_imports(selenium_everywhere: object) -> None:
    from importlib.metadata import version
    from importlib.resources import files

    import modelden

    assert version("modelden") == "0.1.0"
    assert modelden.__file__.startswith("/lib/python")
    assert files("modelden").joinpath("_js/assets/engine-5.js").is_file()


@run_in_pyodide
def test_runs_where_the_fixture_says(selenium_worker: object) -> None:
    import js

    assert not hasattr(js, "document")
    assert js.navigator.userAgent
