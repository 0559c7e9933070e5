"""The core alone: pure values in, pure values out; together these tests go every way there is."""
