"""Work that is due by the clock."""
