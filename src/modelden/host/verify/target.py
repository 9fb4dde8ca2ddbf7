"""The targets of `modelden verify`: a server by its URL, or a tree, which is served during the check."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from modelden.config import Configuration
from modelden.host.browser.run_options import server_arguments
from modelden.host.errors import TreeError
from modelden.host.publish.http_fetcher import HttpFetcher
from modelden.host.publish.static_layout import PublishedChain
from modelden.host.publish.transaction import is_interrupted
from modelden.host.publish.tree import TreeFacts
from modelden.host.serve.server import RunningServer
from modelden.host.serve.static_app import static_app
from modelden.host.verify.verification import Finding, Report, verify


async def verify_server(
    url: str, *, root_hash: str | None = None, hub: str | None = None, bucket: str = "main", files: bool = True
) -> Report:
    """Verify a server.

    Args:
        url: Root URL of the settings.
        root_hash: Root hash to pin; None for Mozilla's servers, whose hashes are known.
        hub: Root URL of the hub; None takes ``hub`` beside the settings.
        bucket: The bucket of the collections.
        files: Download and hash the files, too.

    Raises:
        InputError: A value cannot be used, or the root hash is missing.
    """
    config = Configuration(settings_bucket=bucket, **server_arguments(url, root_hash, hub))
    async with HttpFetcher() as fetcher:
        return await verify(config, fetcher, files=files)


def verify_tree(tree: Path, *, root_hash: str | None = None, bucket: str = "main", files: bool = True) -> Report:
    """Verify a tree as a plain web server serves it.

    Raises:
        TreeError: The folder is no published tree.
    """
    TreeFacts.read(tree)
    if not (tree / "v1").is_dir():
        raise TreeError(f"{tree} is not a published tree: it has no folder v1. `modelden publish` makes one.")
    if root_hash is None:
        root_hash = _own_root(tree)
    with RunningServer(static_app(tree)) as server:
        report = asyncio.run(verify_server(f"{server.url}/v1", root_hash=root_hash, bucket=bucket, files=files))
        origin = server.url
    for findings in (report.faults, report.notes):
        findings[:] = [_with_paths(finding, origin, tree) for finding in findings]
    if is_interrupted(tree):
        report.fault(str(tree), "a command was killed while it published: run `modelden sign` to finish its work")
    return report


def _with_paths(finding: Finding, origin: str, tree: Path) -> Finding:
    """Name files of the tree in place of URLs of the server, which ends with the check."""
    url = re.compile(rf"{re.escape(origin)}/([^\s?]*)(?:\?[^\s:,;]*)?")
    where, what = (url.sub(lambda match: f"{tree}/{match[1]}", text) for text in (finding.where, finding.what))
    return Finding(where, what)


def _own_root(tree: Path) -> str:
    roots = {PublishedChain.read(path).root_hash for path in sorted((tree / "chains").glob("*.chain"))}
    if len(roots) != 1:
        raise TreeError(f"{tree}/chains has {len(roots)} different roots: say --root-hash.")
    return roots.pop()
