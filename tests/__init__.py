"""Tests of smartgate: each is a story with a sentence for a name."""
