"""Stories of the console's pages in a real Chromium, on either store."""
