"""The subcommands of ``modelden``. Modules here are loaded at every start: heavy imports are inside of commands."""
