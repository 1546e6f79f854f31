"""What the processes are made of: a pure centre (`domain`), effects named in `ports`, done in `adapters`."""
