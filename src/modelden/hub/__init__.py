"""The files of model hubs: names and URLs, downloads, and the cache in IndexedDB.

- `policy`: rules of a hub, and limits of the store.
- `files`: the facade of one hub; nothing outside of this package reaches behind it and `store.store`.
- `catalog`: the contents of a hub, and the rules for its files.
- `store`: the stored files of all hubs.
- `download`: the download of one file.
- `remote_models`: lists, model cards and changes, read from a hub without being stored.
- `importer`: files that come from elsewhere than a hub.
- `archive`: the format of exported models.
"""
