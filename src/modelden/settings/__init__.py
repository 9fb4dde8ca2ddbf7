"""Remote Settings: signed collections, their sync and their attachments.

The modules in the order in which they are called:

- `service`: the parts for one configuration.
- `client`: reads collections.
- `store`, `schema`: stored collections, and the database.
- `sync`: brings a collection up to date.
- `server`, `backoff`: the server's HTTP interface, and its pauses.
- `changeset`, `json_reader`: the server's answers, read in steps, and how they are merged.
- `signatures`, `json_text`, `chain`: the verification of a collection.
- `rollback`, `identity`: the rules for its timestamp, and the record by which it names itself.
- `records`: attachments of records, filters and orders.
- `attachments`, `attachment_store`: files of records.
- `poll`, `listeners`: daily updates, and who is notified.
"""
