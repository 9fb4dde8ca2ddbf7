"""The database ``modelFiles``. Only this package knows its rows.

In the order in which a request for a file calls them:

- `store`: one object per page, which owns the others.
- `schema`: the object stores of the database.
- `migration`: moves the rows of earlier versions.
- `records`: keys and values made of rows.
- `cache`: the complete files, in the database and in memory.
- `checked_cache`: the complete files whose hash somebody promised.
- `usage`: tasks and engines of files; pins; files that hubs do not have.
- `quota`: free space, by the browser and by the limit.
- `reservations`: space that running downloads will need.
- `partials`: interrupted downloads.
- `writer`: puts verified files into the cache, or into memory.
- `contents`: the chunks of files; equal bytes are stored once.
- `compaction`: rewrites the chunks of a file as one.
- `inventory`: remembers which models are stored, outside of the database.
- `deletion`: deletes files, and sweeps rows and bytes that no file needs.
- `verification`: hashes stored files again.
"""
