"""The process dies without a word: what was acknowledged is there, once."""
