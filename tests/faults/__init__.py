"""Faults between a hub and a page, and the assertions that hold after them."""
