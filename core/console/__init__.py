"""The web console: server-rendered pages over the read side of the store."""
