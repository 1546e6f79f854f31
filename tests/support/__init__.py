"""What tests stand on: a real broker, a real database, and where to find them."""
