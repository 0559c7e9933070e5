"""The store: SQL and nothing else. Functions take a connection in a transaction (`tx`) first and give values."""
