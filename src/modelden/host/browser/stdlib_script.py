"""The compilation of Pyodide's standard library, for `modelden stdlib`. Its text is run by that Pyodide itself.

Only the Python that will read bytecode writes it in the right version: the host's has another magic number.
"""

from __future__ import annotations

import base64
import io
import json
import sys
import zipfile
from importlib._bootstrap_external import _code_to_hash_pyc  # type: ignore[attr-defined]  # as py_compile does
from importlib.util import source_hash
from types import CodeType

FOLDER = next(entry for entry in sys.path if entry.endswith(".zip"))
"""The archive in Pyodide's file system, which is the beginning of its modules' file names, too."""


def compile_library(*, sources: bool) -> str:
    """Compile every module of the archive that Python runs from.

    Equal archives give equal bytes: the dates are those of the archive, and bytecode is tied to no date (PEP 552).
    Bytecode has the hash of its source and is used without a look at it.

    Args:
        sources: Keep them, for the lines of text in tracebacks and `inspect.getsource`.

    Returns:
        The new archive in Base64, as JSON; null if there is nothing to compile.
    """
    result = io.BytesIO()
    compiled = False
    with zipfile.ZipFile(FOLDER) as library, zipfile.ZipFile(result, "w") as archive:
        for entry in sorted(library.infolist(), key=lambda entry: entry.filename):
            if entry.filename.endswith(".pyc"):
                continue
            data = library.read(entry)
            bytecode = compile_module(entry.filename, data) if entry.filename.endswith(".py") else None
            if bytecode is None or sources:
                write(archive, entry, entry.filename, data)
            if bytecode is not None:
                write(archive, entry, f"{entry.filename}c", bytecode)
                compiled = True
    return json.dumps(base64.b64encode(result.getvalue()).decode() if compiled else None)


def compile_module(name: str, source: bytes) -> bytes | None:
    """Return a module's bytecode file; None for a file that is no Python of this version, as test data may be."""
    try:
        code = compile(source, f"{FOLDER}/{name}", "exec", dont_inherit=True, optimize=0)
    except SyntaxError:
        return None
    return bytes(_code_to_hash_pyc(intern_qualified_names(code), source_hash(source), checked=False))


def intern_qualified_names(code: CodeType) -> CodeType:
    """Return equal code whose bytes do not depend on what Python has imported.

    The body of a class has its qualified name twice. If an equal name is alive, CPython interns only one of the two,
    and marshal writes interned text differently.
    """
    return code.replace(
        co_consts=tuple(
            intern_qualified_names(value)
            if isinstance(value, CodeType)
            else sys.intern(value)
            if value == code.co_qualname
            else value
            for value in code.co_consts
        )
    )


def write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, data: bytes) -> None:
    """Add a file with the date and the rights of another one's entry."""
    info = zipfile.ZipInfo(name, entry.date_time)
    info.external_attr = entry.external_attr
    archive.writestr(info, data, zipfile.ZIP_DEFLATED, compresslevel=9)
