"""Names of models, revisions and files, and their URLs. Pure.

Rules and messages are those of Firefox's ``ModelHub.sys.mjs`` (``checkInput``, ``parseUrl``) and ``Utils.sys.mjs``
(``createFileUrl``, ``FILE_REGEX``). They are stricter where Firefox accepts ``..``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from modelden.core import urls
from modelden.core.arguments import show
from modelden.errors import InputError

# \Z, for Python's $ also matches before a final newline.
_MODEL = re.compile(r"(?:(?!-)(?!.*--)[A-Za-z0-9-]+(?<!-)/)?[A-Za-z0-9_.-]+\Z")
_REPOSITORY = re.compile(r"(?:[A-Za-z0-9_.-]+/)?[A-Za-z0-9_.-]+\Z")
"""Names of models in Hugging Face's layout: characters of ``validate_repo_id`` in huggingface_hub."""
_STORED_MODEL = re.compile(r"[^/\ud800-\udfff]+/.+\Z")
_REVISION = re.compile(r"[A-Za-z0-9.-]+\Z")
_VERSION = re.compile(r"[A-Za-z0-9_.-]+\Z")
"""Revisions on hubs of Mozilla's layout that are not Mozilla's: of a URL's characters that need no escape."""
_FILE = re.compile(r"/?(?:[A-Za-z0-9_.-]+/)*[A-Za-z0-9_.-]+\Z")

_REF = re.compile(r"[^/\\\x00-\x1f\x7f\ud800-\udfff]+(?:/[^/\\\x00-\x1f\x7f\ud800-\udfff]+)*\Z")
"""Names of revisions on Hugging Face's hub, whose repositories are those of git. Surrogates are no text."""

_PATH = re.compile("/?" + _REF.pattern)
"""Names of files there. Firefox takes a slash in front of a file's name as part of it (``FILE_REGEX``)."""

_LONGEST_NAME = 1000
"""Characters; longer URLs are refused on their way."""

BRANCH = "main"
"""The branch that a model has where none is named; the only revision that is no pin in Mozilla's hub."""

_TAGS = "refs/tags/"

MOZILLA_HOST = "model-hub.mozilla.org"
"""The host of the hub whose names are Firefox's."""


NO_ETAG = "NO_ETAG"
"""The stored entity tag of a file whose hub sent none (Firefox: ``extractHeaders``)."""

LAYOUTS = ("{model}/{revision}", "{model}/resolve/{revision}")
"""URL templates of Mozilla's and of Hugging Face's hub."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of a model's repository at a revision.

    Attributes:
        model: ``organization/name``.
        revision: Branch or version.
        file: Path in the repository.
    """

    model: str
    revision: str
    file: str

    def __post_init__(self) -> None:
        """Check the names.

        Raises:
            InputError: For an invalid name, with Firefox's message and the name.
        """
        check_model(self.model, self.revision)
        _check_file(_PATH, self.file)

    def names(self) -> dict[str, str]:
        """Return model, revision and path by their names, as errors have them."""
        return {"model": self.model, "revision": self.revision, "file": self.file}


def is_branch(revision: str) -> bool:
    """Return True for a revision that moves under its name, so that its files are compared with the hub's.

    These are ``main`` (Firefox: ``ModelHub.sys.mjs``), and the names with a slash that only git's hubs have:
    pull requests (``refs/pr/1``) and branches (``feature/x``), though no tag (``refs/tags/v1``).
    """
    return revision == BRANCH or ("/" in revision and not revision.startswith(_TAGS))


def is_mozilla(root_url: str) -> bool:
    """Return True for the root URL of Mozilla's hub, whose models, revisions and files have Firefox's names.

    Raises:
        ValueError: For an invalid host or port.
    """
    return _hostname(root_url) == MOZILLA_HOST


def is_path(name: str) -> bool:
    """Return True for a name that git may have: of a branch, a tag or a commit, or the path of a file or folder."""
    return _matches(_REF, name)


def check_names(model: str, revision: str, file: str) -> None:
    """Check the names of a file by Firefox's rules (``checkInput``), which hold for Mozilla's hub and published trees.

    Raises:
        InputError: For an invalid name, with Firefox's message and the name.
    """
    _check_model(_MODEL, _REVISION, model, revision)
    _check_file(_FILE, file)


def check_model(model: str, revision: str) -> None:
    """Check the names of a model and a revision, as any hub has them.

    Raises:
        InputError: For an invalid name, with Firefox's message and the name.
    """
    _check_model(_REPOSITORY, _REF, model, revision)


def _check_model(models: re.Pattern[str], revisions: re.Pattern[str], model: str, revision: str) -> None:
    if not _matches(models, model):
        raise InputError(f"Invalid model name. Expected 'organization/name', got {show(model)}.")
    if not _matches(revisions, revision):
        raise InputError(
            f"Invalid version identifier. Expected a branch or version such as 'v1.0', got {show(revision)}."
        )


def _check_file(pattern: re.Pattern[str], file: str) -> None:
    if not _matches(pattern, file):
        raise InputError(f"Invalid file name {show(file)}: expected a path such as 'onnx/model.onnx'.")


def check_stored(model: str, revision: str) -> None:
    """Check the names of a stored model, ``hostname/organization/name``, and a revision.

    Raises:
        InputError: For an invalid name, with Firefox's message and the name.
    """
    if not _matches(_STORED_MODEL, model):
        raise InputError(f"Invalid model name. Expected 'hostname/organization/name', got {show(model)}.")
    check_model(model.partition("/")[2], revision)


def _matches(pattern: re.Pattern[str], name: object) -> bool:
    # A value that is no text is reported as an invalid name, not as an error of `re`.
    return (
        isinstance(name, str)
        and len(name) <= _LONGEST_NAME
        and bool(pattern.match(name))
        and not {".", ".."} & set(name.split("/"))
    )


class HubAddress(NamedTuple):
    """The root URL of a hub, and its layout of URLs.

    Attributes:
        root_url: The root, with or without a final slash.
        url_template: The path below it, with ``{model}`` and ``{revision}``.
    """

    root_url: str
    url_template: str

    @property
    def lists_files(self) -> bool:
        """True for the layout of Hugging Face's hub, which lists the files of a revision."""
        return self.url_template.strip("/") == "{model}/resolve/{revision}"

    @property
    def is_in_tree(self) -> bool:
        """True for a root that may be the folder ``hub`` of a published tree."""
        return self.root_url.rstrip("/").endswith("/hub")

    def url(self, file: ModelFile) -> str:
        """Return the download URL of a file, as Firefox makes it; Hugging Face wants names of its own escaped.

        Raises:
            InputError: For names that this hub cannot have.
        """
        revision, name = file.revision, file.file
        if self.lists_files:
            revision, name = urls.quote(revision, safe=""), urls.quote(name)
        else:
            self.check_model(file.model, file.revision)
            _check_file(_FILE, name)  # without anything to escape
        path = self.url_template.strip("/").replace("{model}", file.model).replace("{revision}", revision)
        return f"{self.root_url.rstrip('/')}/{path}/{name}?download=true"

    def parse(self, url: str) -> ModelFile:
        """Return the file that a URL of this hub names; query and fragment are ignored.

        A relative URL begins with a slash, which stands for the root of the hub, as in Firefox.

        Raises:
            InputError: If the URL is not one of this hub's files.
        """
        root = self.root_url.rstrip("/") + "/"
        if not url.startswith((root, "/")):
            raise InputError(f"Invalid domain for model URL: {url} (expected {root}... or a path that begins with /)")
        path = url[1:] if url.startswith("/") else url[len(root) :].lstrip("/")
        path = path.partition("#")[0].partition("?")[0]
        if "%" in path and not self.lists_files:  # as Firefox, which looks for the parts in the decoded path
            path = urls.unquote(path)
        match = self._pattern().fullmatch(path)
        if match is None:
            raise InputError(f"Invalid model URL format: {url} (expected {root}{self.url_template}/file)")
        model, revision, file = match["model"], match["revision"], match["file"]
        if self.lists_files:
            return ModelFile(urls.unquote(model), urls.unquote(revision), urls.unquote(file))
        self.check_model(model, revision)
        _check_file(_FILE, file)
        return ModelFile(model, revision, file)

    def check_model(self, model: str, revision: str) -> None:
        """Check the names of a model and a revision, as this hub has them; errors as the function `check_model`."""
        if self.lists_files:
            check_model(model, revision)
        else:
            _check_model(_MODEL, _REVISION if is_mozilla(self.root_url) else _VERSION, model, revision)

    def store_name(self, model: str) -> str:
        """Return Firefox's name of a stored model: ``hostname/organization/name``, without port."""
        return f"{_hostname(self.root_url)}/{model}"

    def revision_key(self, model: str, revision: str) -> tuple[str, str, str]:
        """Return the key in the store of a revision of the model ``organization/name``."""
        return self.store_name(model), revision, self.root

    @property
    def root(self) -> str:
        """The root URL in the one spelling that keys of the store have; see `canonical_root`."""
        return canonical_root(self.root_url)

    def _pattern(self) -> re.Pattern[str]:
        template = re.escape(self.url_template.strip("/"))
        # A model without an organization is told apart by the folder behind it, which Hugging Face's layout has.
        organization = "(?:[^/]+/)?" if self.lists_files else "[^/]+/"
        template = template.replace(re.escape("{model}"), f"(?P<model>{organization}[^/]+)")
        template = template.replace(re.escape("{revision}"), "(?P<revision>[^/]+)")
        return re.compile(template + "/(?P<file>.+)")


@lru_cache(maxsize=64)
def _hostname(url: str) -> str | None:
    return urls.split(url).hostname


@lru_cache(maxsize=64)
def canonical_root(url: str) -> str:
    """Return a root URL in one spelling: lower case up to the path, without a default port, with a final slash.

    Spellings that only a server can compare, such as ``/%7Ename/`` and ``/~name/``, stay different: each of them has
    its own files then.

    Raises:
        ValueError: For an invalid host or port.
    """
    scheme, host, port = urls.origin(url)
    host = f"[{host}]" if ":" in (host or "") else host
    port_suffix = "" if port == urls.DEFAULT_PORTS.get(scheme) else f":{port}"
    return f"{scheme}://{host}{port_suffix}{urls.split(url).path.rstrip('/')}/"
