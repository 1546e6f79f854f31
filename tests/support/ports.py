"""Free TCP ports for servers that can't be asked to take port 0."""

from __future__ import annotations

import random
import socket

# Below Linux's ephemeral range (32768 up), so no outgoing connection takes the port between look and use.
LOWEST, HIGHEST = 20_000, 32_000


def free_port() -> int:
    """A port of loopback that nothing listens on now."""
    draw = random.SystemRandom()
    for _ in range(200):  # a machine with 200 taken ports in a row out of 12,000 has another problem
        port = draw.randrange(LOWEST, HIGHEST)
        if _is_free(port):
            return port
    raise RuntimeError(f"no free port between {LOWEST} and {HIGHEST}")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
