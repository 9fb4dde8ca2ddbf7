"""Remote Settings: signed collections, their sync and their attachments.

The modules in the order in which they are called:

- `service`: the parts for one configuration, and their daily poll.
- `client`: reads collections.
- `store`, `schema`: stored collections and attachments, and the database.
- `sync`: brings a collection up to date.
- `server`, `backoff`: the server's HTTP interface, and its pauses.
- `changeset`, `json_reader`: collections, the server's answers, read in steps, and how they are merged.
- `signatures`, `json_text`, `chain`: the verification of a collection.
- `rollback`: the rules for a collection that goes back in time.
- `records`: attachments of records, filters and orders, and when records were signed.
- `attachments`: files of records.
- `listeners`: who is notified of changes.
"""
