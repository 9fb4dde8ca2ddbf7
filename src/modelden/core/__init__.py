"""Parts that hub, settings, engine and loading share: progress, events, locks, URLs, databases in memory."""
