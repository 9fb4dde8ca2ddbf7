"""Text, HTML and pictures of results for people, in notebooks, pages and terminals.

A class imports a module of this folder when a host first asks it for such a form, so that a visit without does not pay.
The modules get plain values and know no other part of this package but `core`: `error_summary` (errors in a cell),
`array_text` (numbers of tensors), `html` (tables), `encodings` (PNG and WAV), and `progress_display` with
`progress_line` and `progress_hosts` (`progress=True`).
"""
