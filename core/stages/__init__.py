"""Async steps of the judges that see only ports: a query, a picture."""
