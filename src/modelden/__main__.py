"""``python -m modelden`` is the command ``modelden``."""

from modelden.host.cli import main

if __name__ == "__main__":
    main()
