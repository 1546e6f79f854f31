"""The demo's own broker."""

from __future__ import annotations

import os
import signal

from confluent_kafka import Consumer

from demo.embedded import embedded_broker


async def test_the_mock_cluster_outlives_signals() -> None:
    """Made while signals are let through, then hit by some that only its threads could take."""
    handler = signal.signal(signal.SIGUSR1, lambda *_: None)
    async with embedded_broker(["listings"]) as address:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
        try:
            for _ in range(20):
                os.kill(os.getpid(), signal.SIGUSR1)
            asking = Consumer({"bootstrap.servers": address, "group.id": "x"})
            assert "listings" in asking.list_topics(timeout=5).topics
            asking.close()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            signal.signal(signal.SIGUSR1, handler)
