"""The same count written with other stream libraries. Their environment is their own: `make bench-install`."""
