"""The command ``modelden``.

Everything heavy is imported inside a command, so that ``modelden --help`` answers at once.
"""

from __future__ import annotations

import sys

try:
    import typer
except ModuleNotFoundError as error:
    raise SystemExit("modelden: the command needs more packages: pip install 'modelden[host]'") from error

from modelden.errors import InputError, ModelDenError, UnavailableError, UntrustedError
from modelden.host.commands import publishing, running, serving, verifying
from modelden.host.commands.keys import keys
from modelden.host.errors import HostError

app = typer.Typer(
    help="On-device machine learning in web pages: publish, sign, serve, verify and run models.",
    epilog="Exit codes: 0 done, 1 a check found faults, 2 wrong input, 3 refused to publish, 4 the machine or the "
    "network. docs/cli.md has more.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command()(publishing.publish)
app.command()(publishing.unpublish)
app.command()(publishing.allow)
app.command()(publishing.deny)
app.command()(publishing.sign)
app.add_typer(publishing.runtime, name="runtime")
app.add_typer(keys, name="keys")
app.command()(serving.serve)
app.command()(verifying.verify)
app.command()(running.run)
app.command()(running.check)


def exit_code(error: ModelDenError) -> int:
    """What the command ends with after an error (docs/cli.md)."""
    if isinstance(error, HostError):
        return error.exit_code
    if isinstance(error, InputError):
        return 2
    if isinstance(error, UntrustedError):
        return 1
    return 4 if isinstance(error, UnavailableError) else 1


def main() -> None:
    """Entry point of the ``modelden`` command."""
    try:
        app()
    except ModelDenError as error:
        typer.echo(f"modelden: {error}", err=True)
        sys.exit(exit_code(error))
