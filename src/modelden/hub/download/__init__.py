"""The download of one file: its freshness, the request, the transfer, and the switch of a branch."""
