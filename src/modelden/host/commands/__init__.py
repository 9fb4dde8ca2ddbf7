"""The subcommands of ``modelden``, one module each, with `options` and `output` shared.

`modelden.host.cli` imports all of them at every start, so heavy imports are inside the commands.
"""
