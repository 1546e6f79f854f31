"""Search logs with broken records in them, by the million."""
