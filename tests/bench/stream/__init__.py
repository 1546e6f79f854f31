"""Benchmarks of the process `search-log` on a real broker and a real PostgreSQL: `python -m tests.bench.stream`."""
