"""One file, one process that reads a topic or the inbox; its path is in `build()`."""
