"""Pages of the documents' site that are not below ``docs``: README and its neighbours, and the API reference.

mkdocs calls it as a hook (`mkdocs.yml`). The pages are made while the site is built, so nothing has a second copy.
"""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]

ROOT_PAGES = {"README.md": "index.md", "CHANGELOG.md": "CHANGELOG.md", "CONTRIBUTING.md": "CONTRIBUTING.md"} | {
    "SECURITY.md": "SECURITY.md"
}
"""Documents at the root of the repository, and their pages."""

API = {
    "modelden": "modelden",
    "onnxruntime": "modelden.onnxruntime",
    "errors": "modelden.errors",
    "testing": "modelden.host.testing",
}
"""The public modules, by the names of their pages."""

_LINK = re.compile(r"\]\((?!\w+:|#)([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    for name, page in ROOT_PAGES.items():
        text = _LINK.sub(lambda match: f"]({site_link(match[1])})", (ROOT / name).read_text("utf-8"))
        files.append(File.generated(config, page, content=text))
    for name, module in API.items():
        text = f"---\ntitle: {module}\n---\n\n::: {module}\n"
        files.append(File.generated(config, f"api/{name}.md", content=text))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Let links from ``docs`` to documents at the root lead to their pages."""
    for name, page in ROOT_PAGES.items():
        markdown = markdown.replace(f"](../{name}", f"]({page}")
    return markdown


def site_link(link: str) -> str:
    """Return the link of a page for a link of a document at the root of the repository."""
    path, hash_sign, fragment = link.partition("#")
    page = ROOT_PAGES.get(path, path.removeprefix("docs/"))
    if page == "LICENSE":
        return "https://www.mozilla.org/MPL/2.0/"
    return page + hash_sign + fragment
