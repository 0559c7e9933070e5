"""Pages of the console in a real browser."""
