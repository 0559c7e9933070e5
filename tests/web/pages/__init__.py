"""Pages of the console in a real browser, as spec 7 tells what has to be seen of each."""
