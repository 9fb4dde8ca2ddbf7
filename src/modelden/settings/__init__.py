"""Remote Settings: signed collections, their sync and their attachments.

The modules in the order in which they are called:

- `service`: the parts for one configuration.
- `client`: reads collections.
- `store`, `schema`: stored collections, and the database.
- `sync`: brings a collection up to date.
- `server`, `backoff`: the server's HTTP interface, and its pauses.
- `changeset`, `json_text`: the server's answers, and how they are merged.
- `signatures`, `canonical_json`, `chain`: the verification of a collection.
- `record_filter`: filters of records and their order.
- `attachments`, `records`, `attachment_store`: files of records.
- `poll`, `listeners`: daily updates, and who is notified.
"""
