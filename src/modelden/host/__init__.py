"""CPython only: keys, signing, the local server and the command line. Never imports `modelden._js`.

Needs the extra ``modelden[host]``.
"""
