"""What turns steps into processes: run loops, the poll thread, retry, shutdown."""
