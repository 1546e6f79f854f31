"""Chaos: replicas, broker, PostgreSQL and what connects them are hurt at random; the panes have to be right."""
