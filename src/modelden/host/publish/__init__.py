"""The published tree: its collections, models and runtimes, and their sources and targets.

In the order in which `modelden publish` calls them:

- `hugging_face` and `mirror` (over `http_fetcher`): download a model.
- `repository`: lists the files of a model repository.
- `release`: publishes a model. `model_check` checks it first. `runtimes` and `allow_list` publish the rest.
- `publisher`: edits the collections of a tree and commits them.
- `tree`: the layout on disk; `transaction` changes its files atomically.
- `collections`: signed records in memory; `clock` has their timestamps.
- `static_layout`: the signed files of a static host; `settings_responses` are their content.
- `kinto_push` and `kinto_editor`: copy a tree to a Remote Settings server.
"""
