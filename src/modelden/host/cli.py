"""The command ``modelden``.

Heavy modules are imported inside the commands, so that ``modelden --help`` answers at once.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from inspect import cleandoc
from io import TextIOWrapper
from typing import Annotated

try:
    import typer
except ModuleNotFoundError as error:
    raise SystemExit("modelden: the command needs more packages: pip install 'modelden[host]'") from error

from modelden.core.printable import printable
from modelden.errors import InputError, ModelDenError, UnavailableError, UntrustedError
from modelden.host.commands import assets, doctor, mirror, publish, run, serve, service_worker, snapshot, stdlib, verify
from modelden.host.commands.keys import keys
from modelden.host.commands.kinto import kinto
from modelden.host.commands.models import models
from modelden.host.errors import HostError

app = typer.Typer(
    help="On-device machine learning in web pages: publish, sign, serve, verify and run models.",
    epilog="Exit codes: 0 done, 1 a check found faults, 2 wrong input, 3 refused to publish, 4 the machine or the "
    "network. docs/cli.md has more.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Rich doubles the CPU time of the help. Results of commands are printed with Rich.
    rich_markup_mode=None,
)


def _print_version(value: bool) -> None:  # noqa: FBT001  Typer's
    if value:
        from modelden import __version__

        typer.echo(f"modelden {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options of the command itself."""


def _keep_examples(command: Callable[..., None]) -> Callable[..., None]:
    """Keep the line breaks of examples. Click joins lines to paragraphs, except after a mark of its own."""
    description, heading, examples = cleandoc(command.__doc__ or "").partition("Examples:\n")
    command.__doc__ = description + "\b\n" + heading + examples.replace("\n\n", "\n\n\b\n")
    return command


for _command in (
    publish.publish,
    publish.unpublish,
    publish.allow,
    publish.deny,
    publish.sign,
    serve.serve,
    assets.assets,
    stdlib.stdlib,
    snapshot.snapshot,
    service_worker.service_worker,
    verify.verify,
    mirror.mirror,
    run.run,
    run.check,
    doctor.doctor,
):
    app.command()(_keep_examples(_command))
for _group in (publish.runtime, keys, kinto, models):
    for _info in _group.registered_commands:
        if _info.callback:
            _keep_examples(_info.callback)
app.add_typer(publish.runtime, name="runtime")
app.add_typer(keys, name="keys")
app.add_typer(kinto, name="kinto")
app.add_typer(models, name="models")


_MACHINE = 4
"""The exit code for errors of the machine or the network."""


def exit_code(error: ModelDenError) -> int:
    """Map an error to the exit code of the command (docs/cli.md)."""
    if isinstance(error, HostError):
        return error.exit_code
    if isinstance(error, InputError):
        return 2
    if isinstance(error, UntrustedError):
        return 1
    return _MACHINE if isinstance(error, UnavailableError) else 1


class _PrintableFormatter(logging.Formatter):
    """Formats warnings, which have words of servers, without control characters."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record), lines=True)


def main() -> None:
    """Entry point of the ``modelden`` command."""
    handler = logging.StreamHandler()
    handler.setFormatter(_PrintableFormatter("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr: a file's name need not be text
    try:
        app()
    except ModelDenError as error:
        typer.echo(f"modelden: {printable(str(error), lines=True)}", err=True)
        sys.exit(exit_code(error))
    except (
        OSError
    ) as error:  # a file or folder that cannot be read or written, a disk without space, a broken connection
        subject = f"the operating system refused {error.filename}" if error.filename else "the operating system failed"
        typer.echo(f"modelden: {printable(f'{subject}: {error.strerror or error}', lines=True)}", err=True)
        sys.exit(_MACHINE)
