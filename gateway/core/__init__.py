"""The pure core: values in, values out. No I/O, clock, randomness, async, SQL or settings."""
