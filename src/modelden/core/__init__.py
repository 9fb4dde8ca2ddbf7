"""Parts that settings, hub, engine and loading share, in the order in which a first visit calls them.

- `staged_imports`: imports with pauses in which the page runs.
- `storage_fallback`, `memory_database`: databases in the page's memory where the browser stores nothing.
- `urls`: splits and joins URLs.
- `idle_timeout`, `response_text`: requests that end when no byte arrives, and their bodies as text.
- `locks`: locks by key within one page.
- `background_tasks`, `cleanup`: work that nobody awaits, and cleanup that hides no error.
- `progress`, `events`: progress callbacks, and the events of `modelden.on`.
- `download`: one URL into a blob, hashed on the way.
- `local_files`: blobs from and to Python's file system.
"""
