"""Remote Settings: signed collections, their sync, their attachments."""
