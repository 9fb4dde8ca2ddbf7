"""Parts that settings, hub, engine and loading share, in the order in which a first visit calls them.

- `event_loop`: imports with pauses in which the page runs, and work that nobody awaits.
- `storage_fallback`, `memory_database`: databases in the page's memory where the browser stores nothing.
- `urls`: splits and joins URLs.
- `response_body`: time limits of requests; bodies of responses, as text or as a blob.
- `printable`: text of servers without control characters.
- `age`: the age of a stored time; a time in the future is old.
- `locks`: locks by key within one page.
- `cleanup`: cleanup that hides no error.
- `events`, `multi_progress_aggregator`: progress callbacks and their sums, and the events of `modelden.on`.
- `local_files`: blobs from and to Python's file system.
"""
