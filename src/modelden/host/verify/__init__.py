"""The checks of a published tree or server, and of its models.

- `target`: verifies a server, or a tree that it serves; `verification` checks what is published.
- `golden_check`: runs the published models; `golden` compares their outputs.
"""
