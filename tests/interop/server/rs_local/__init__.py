"""A local Remote Settings server of Kinto and its plugins: see ../README.md."""
