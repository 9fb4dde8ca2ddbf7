"""The checks of a published tree or server, and of the models in it."""
