"""Each page in a real browser."""
