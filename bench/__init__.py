"""The bench: our whole filing path beside Debian's Postfix, in one run on one machine (docs/bench.md)."""
