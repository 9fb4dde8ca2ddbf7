"""Real browsers, driven headlessly, and the pages that they open."""
