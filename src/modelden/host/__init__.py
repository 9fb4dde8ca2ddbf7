"""The publishing side, on CPython only: keys, signing, the local server and the command line.

It is the distribution ``modelden-host`` (``pip install 'modelden[host]'``), and it never imports `modelden._js`. A
folder imports from those below it alone:

- `cli`: the command ``modelden``; `testing`: pytest fixtures for other projects. Both are public.
- `commands`: the subcommands.
- `verify`: checks of a published tree or server.
- `browser`: headless browsers and their pages.
- `serve`: the local server.
- `publish`: the published tree.
- `keys`: certificates and signatures.
- `errors`: the errors of all of them.
"""
