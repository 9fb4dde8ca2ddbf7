"""Names, files and hashes: the contents of a hub, and the files of it that may be downloaded."""
