"""Stories about the bench: its figures, its load generator and its runner."""
