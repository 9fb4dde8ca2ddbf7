"""Start the server: ``python -m rs_local.serve --state DIR``. Loopback only."""

from __future__ import annotations

import argparse
import logging
import socket
from pathlib import Path

import waitress
from pyramid.paster import get_app

from .edge import Edge

INI = Path(__file__).parent.parent / "kinto.ini"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True, help="folder for keys, attachments and switches")
    parser.add_argument("--published", action="store_true", help="kinto-changes 4.1.2 as it is")
    arguments = parser.parse_args()
    # Opened first, for Kinto writes its own URL into what it publishes.
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    (arguments.state / "attachments").mkdir(exist_ok=True)
    options = {
        "port": str(port),
        "state": str(arguments.state),
        "public_url": f"http://127.0.0.1:{port}",
        "current_v1": str(not arguments.published).lower(),
    }
    # It looks for a file to show its hash, and complains when there is none.
    logging.getLogger("kinto.config").setLevel(logging.CRITICAL)
    app = Edge(get_app(str(INI), name="main", options=options), arguments.state)
    server = waitress.create_server(app, sockets=[listener], threads=4)
    print("ready", port, flush=True)  # noqa: T201  the parent reads it
    server.run()


if __name__ == "__main__":
    main()
