"""Simulated marketplace, embedded broker and database, offline judge; only `cli` imports it."""
