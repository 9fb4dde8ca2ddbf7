"""The database ``modelFiles``. Only this package knows its rows."""
