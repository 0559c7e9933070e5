"""Use cases: each opens one transaction, reads facts, asks the pure core once, writes what it said."""
