"""Pages under docs/ that can't fall behind: what is made of the code, and what is compared with it."""
