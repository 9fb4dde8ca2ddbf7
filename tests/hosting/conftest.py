"""The surroundings of a published tree outside of this project: nginx, load, browsers, other people's tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from modelden.host.keys.certificates import SigningChain, new_chain
from tests.unit.host.publishing import add_runtime, publish_tiny

ROOT = Path(__file__).parents[2]


def program(name: str, package: str) -> str:
    """A program of the system; without it the tests fail, and say what is missing."""
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"needs {name}: apt-get install --no-install-recommends {package} (./build.sh test hosting does)")
    return path


@pytest.fixture(scope="session")
def chain() -> SigningChain:
    """Made once: an RSA-4096 key takes a second."""
    return new_chain()


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory, chain: SigningChain) -> Path:
    """A tree with the tiny model and the runtime; tests do not change it."""
    folder = tmp_path_factory.mktemp("published")
    folder.chmod(0o755)  # nginx' workers are another user
    for parent in folder.parents[:2]:
        parent.chmod(0o755)
    publish_tiny(folder / "tree", chain, folder / "model")
    add_runtime(folder / "tree", chain)
    return folder / "tree"
