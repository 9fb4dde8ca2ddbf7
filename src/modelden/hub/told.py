"""What a file has to be, by all that its hub ever told: enough to take it from a mirror, which need not be trusted."""

from __future__ import annotations

from collections.abc import Mapping

from modelden.errors import FileNotFoundOnHub, ModelDenError
from modelden.hub.integrity import Expected
from modelden.hub.names import ModelFile
from modelden.hub.remote import Remote


class Told:
    """Keeps it during one download.

    Attributes:
        expected: What is known so far.
    """

    def __init__(self, expected: Expected, remote: Remote, file: ModelFile) -> None:
        """Begin with what a manifest or the hub told before."""
        self.expected = expected
        self._remote = remote
        self._file = file

    def learn(self, headers: Mapping[str, str]) -> None:
        """Hear the headers of an answer of the hub, whatever becomes of its body."""
        self.expected = self.expected.or_from(headers)

    async def has_hash(self, error: ModelDenError) -> bool:
        """Tell whether the hash is known; where the hub has the file, and does not give it, its list is asked."""
        if self.expected.sha256 is None and not isinstance(error, FileNotFoundOnHub):
            self.expected = await self._remote.listed(self._file)
        return self.expected.sha256 is not None
