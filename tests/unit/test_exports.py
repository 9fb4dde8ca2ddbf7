from __future__ import annotations

import ast
import inspect
import pickle
import pkgutil
import pydoc
import re
import subprocess
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import modelden
from modelden import errors, onnxruntime
from modelden.host import testing

PUBLIC = [getattr(modelden, name) for name in modelden.__all__]


def test_all_is_sorted_and_has_everything_public() -> None:
    tree = ast.parse(Path(modelden.__file__).read_text("utf-8"))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("modelden.")
        for alias in node.names
    }

    assert modelden.__all__ == sorted(modelden.__all__)
    assert set(modelden.__all__) == imported
    assert set(modelden.__all__) <= set(dir(modelden))


def test_a_public_name_is_imported_when_it_is_first_asked_for() -> None:
    program = """
import sys, modelden
print(sum(name.startswith("modelden") for name in sys.modules))
print(modelden.Engine.__module__, "Engine" in vars(modelden))
try:
    modelden.Motor
except AttributeError as error:
    print(error)
"""
    assert in_a_fresh_python(program).splitlines() == [
        "1",
        "modelden True",
        "module 'modelden' has no attribute 'Motor'",
    ]


def test_every_error_that_can_be_raised_can_be_caught_by_its_public_name() -> None:
    defined = {
        name
        for module in pkgutil.iter_modules(errors.__path__, "modelden.errors.")
        for name, value in vars(import_module(module.name)).items()
        if inspect.isclass(value)
    }

    assert defined == set(errors.__all__)
    assert defined <= set(modelden.__all__)
    assert all(issubclass(getattr(errors, name), errors.ModelDenError) for name in defined)
    with pytest.raises(AttributeError, match="no attribute 'Mistake'"):
        _ = errors.Mistake


def test_the_tree_of_errors_is_the_one_that_is_drawn() -> None:
    drawn: list[tuple[int, str]] = []
    for line in inspect.getdoc(errors).splitlines()[2:]:  # type: ignore[union-attr]  # it has one
        name = line.lstrip(" │├└─").split(" ")[0]
        if name in errors.__all__:
            # The root of the tree is indented once.
            drawn.append(((len(line) - len(line.lstrip(" │├└─"))) // 4 - 1, name))
    parents: list[str] = []
    for depth, name in drawn:
        parents[depth:] = [name]
        base = getattr(errors, name).__mro__[1]
        assert base.__name__ == (parents[depth - 1] if depth else "Exception")

    assert {name for _, name in drawn} == set(errors.__all__)


MODULES = (modelden, onnxruntime, errors, testing)
"""The public modules."""

NAMES = [(module.__name__, name) for module in MODULES for name in module.__all__]


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_everything_public_is_known_by_a_path_that_can_be_imported(module: str, name: str) -> None:
    thing = getattr(import_module(module), name)

    assert thing.__module__ in {public.__name__ for public in MODULES}
    assert getattr(import_module(thing.__module__), name) is thing
    assert pickle.loads(pickle.dumps(thing)) is thing  # noqa: S301  our own bytes
    assert f"{name} in module {thing.__module__}" in pydoc.plain(pydoc.render_doc(thing))


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_no_documentation_of_a_public_name_has_the_path_of_a_private_module(module: str, name: str) -> None:
    thing = getattr(import_module(module), name)
    members = vars(thing).items() if inspect.isclass(thing) else ()
    public = [thing, *(member for key, member in members if callable(member) and not key.startswith("_"))]

    for each in public:
        paths = re.findall(r"\bmodelden(?:\.\w+)+", inspect.getdoc(each) or "")
        assert [path for path in paths if not is_public(path)] == []


def is_public(path: str) -> bool:
    """Tell whether a dotted path begins with a public module and goes on with one of its names."""
    homes = [module for module in MODULES if f"{path}.".startswith(f"{module.__name__}.")]
    home = max(homes, key=lambda module: len(module.__name__))
    rest = path.removeprefix(home.__name__).split(".")[1:]
    return not rest or rest[0] in home.__all__


def test_a_traceback_names_errors_by_their_public_path() -> None:
    (line,) = traceback.format_exception_only(errors.NetworkError("https://models.example/", "refused"))

    assert line.startswith("modelden.errors.NetworkError: No usable answer from https://models.example/")


def test_the_source_of_a_public_function_can_be_shown() -> None:
    assert inspect.getsource(modelden.create_engine).startswith("async def create_engine(")


def test_a_subclass_of_ones_own_keeps_its_module() -> None:
    class OwnError(errors.NetworkError):
        pass

    assert OwnError.__module__ == __name__


@pytest.mark.parametrize("thing", PUBLIC, ids=modelden.__all__)
def test_everything_public_is_documented(thing: Any) -> None:
    assert inspect.getdoc(thing)
    for name, member in vars(thing).items() if inspect.isclass(thing) else ():
        if callable(member) and not name.startswith("_"):
            assert inspect.getdoc(member), f"{thing.__name__}.{name}"


@pytest.mark.parametrize("name", ["configure", "create_engine", "storage_info"])
def test_functions_say_what_they_raise(name: str) -> None:
    text = inspect.getdoc(getattr(modelden, name))

    assert text
    assert "Raises:" in text


def in_a_fresh_python(program: str) -> str:
    """The output of a program in a new interpreter."""
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(modelden.__file__).parents[1])},
    )
    return done.stdout


def test_importing_it_loads_neither_browser_nor_server_nor_numpy() -> None:
    loaded = in_a_fresh_python("import sys, modelden; print(*sys.modules)").split()

    assert "modelden" in loaded
    assert not {"js", "pyodide", "numpy", "starlette", "cryptography", "httpx"} & set(loaded)
    assert not [name for name in loaded if name.startswith(("modelden._js", "modelden.host"))]
    assert not {"difflib", "uuid", "tarfile"} & set(loaded), "a page would pay 10 to 20 ms for each"


CALLS = [
    "create_engine(task_name='feature-extraction')",
    "ModelHub().list_models()",
    "ModelHub().delete_models(model='localhost/a/b', revision='main')",
    "RemoteSettings('ml-onnx-runtime').get()",
    "poll_settings()",
    "storage_info()",
]


@pytest.mark.parametrize("call", CALLS)
def test_outside_of_a_browser_every_call_says_so(call: str) -> None:
    program = f"""
import asyncio, modelden
modelden.configure(settings_server="http://localhost:1/v1")
try:
    asyncio.run(modelden.{call})
except modelden.NotInBrowser as error:
    print(type(error).__name__, error)
"""
    assert in_a_fresh_python(program).startswith("NotInBrowser Engines run in a browser: load modelden in Pyodide")


def test_wrong_arguments_are_told_before_the_browser_is_missed() -> None:
    program = """
import asyncio, modelden
for values in ({"task_name": "mind-reading"}, {}):
    try:
        asyncio.run(modelden.create_engine(**values))
    except modelden.InputError as error:
        print(type(error).__name__)
for values in ({"root_hsah": "x"}, {"root_hash": "x"}, {"preset": "nowhere"}):
    try:
        modelden.configure(**values)
    except modelden.InputError as error:
        print(error)
"""
    lines = in_a_fresh_python(program).splitlines()

    assert lines[:2] == ["UnknownTask", "InputError"]
    assert lines[2].startswith("configure() has no root_hsah; it takes settings_server, ")
    assert lines[3].startswith("root_hash: expected")
    assert lines[4] == "There is no preset 'nowhere'; expected one of production, stage."


def test_completion_offers_the_public_names_alone() -> None:
    assert set(dir(modelden)) == {*modelden.__all__, "__version__", "errors", "onnxruntime"}
    assert set(dir(errors)) == set(errors.__all__)
