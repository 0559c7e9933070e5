"""The command line: in the process where that is enough, as a real program where it is not."""
