"""The only door to the browser: nothing outside this package imports ``js`` or ``pyodide``.

Nothing is imported here: a page imports the modules one after the other, with its own turn in between (`current`).
"""
