"""What tests of other projects use: a server of their own, with a request log and faults.

Sample usage::

    application = Application(Tree(folder))
    with RunningServer(application) as server:
        application.faults.set(Fault(path="/hub/*", status=503, times=1))
        ...  # drive a client with f"{server.url}/v1", f"{server.url}/hub", application.root_hash
        assert [entry.path for entry in application.log.entries()] == [...]
"""

from modelden.host.faults import Fault
from modelden.host.server import Application, RunningServer
from modelden.host.tree import Tree

__all__ = ["Application", "Fault", "RunningServer", "Tree"]
