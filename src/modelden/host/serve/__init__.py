"""The local server: Remote Settings, hub and site on one origin."""
