"""The contents of a model hub, and the rules for its files.

In the order in which a request for a file calls them:

- `names`: checks names of models, revisions and files, and makes URLs.
- `allow_list`: decides which URLs may be downloaded.
- `manifests`: reads a file's expected size and SHA-256 from the signed collection.
- `file_info`: the record of a file that manifests and listings share.
- `file_index`: the expected size and hash of a file, from a manifest or from the hub's list.
- `repository`: lists the files of a revision.
- `refusal`: the error of a hub's response that is no file.
- `integrity`: checks the bytes of a file.
- `file_format`: checks them by the format that the file's name promises, where their hash is unknown.
- `file_roles`: tells from its path what a file is for.
- `model_overview`: joins listing, roles and stored files for `ModelHub.model_files`.
"""
