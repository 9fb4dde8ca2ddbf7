"""The model hub: names and URLs, downloads, and the cache in IndexedDB."""
