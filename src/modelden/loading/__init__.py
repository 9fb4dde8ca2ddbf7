"""Where settings, hub and engine meet: from a request to a loaded model, and to a newer one."""
