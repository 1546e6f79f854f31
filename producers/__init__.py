"""One file, one process that writes to Kafka; its path is in `build()`."""
