"""The published tree: collections, models, runtimes, mirrors."""
