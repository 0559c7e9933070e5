"""The door of the clock: work that is due, whoever asks or not."""
