"""Engines: which options and which runtime a task gets, and the loaded model that runs it."""
