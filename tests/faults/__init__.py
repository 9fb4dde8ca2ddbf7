"""What can go wrong between a hub and a page, and what must hold then."""
