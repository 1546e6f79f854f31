"""Which group protocol a configuration and a broker speak: that of KIP-848, or the classic one."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import KafkaError, KafkaException

_NO_SUCH_PROTOCOL = (KafkaError._UNSUPPORTED_FEATURE, KafkaError.UNSUPPORTED_VERSION)

ONLY_CLASSIC = (
    "the broker does not speak group.protocol=consumer (KIP-848, from Kafka 4.0 on): leave group.protocol out of"
    " ASSAY_KAFKA_OPTIONS, or set it to classic"
)


def is_incremental(options: Mapping[str, object]) -> bool:
    """Whether partitions come and go singly, not all at once."""
    strategy = str(options.get("partition.assignment.strategy", ""))
    return options.get("group.protocol") == "consumer" or "cooperative" in strategy


def speaks_only_classic(error: KafkaException) -> bool:
    """Whether the broker has said that it does not know the group protocol of KIP-848.

    librdkafka makes it a fatal error of the consumer, whose code says only that; its text holds the broker's."""
    inner = error.args[0]
    if not isinstance(inner, KafkaError):
        return False
    said = inner.code() == KafkaError._FATAL and any(
        KafkaError(code).str() in inner.str() for code in _NO_SUCH_PROTOCOL
    )
    return said or inner.code() in _NO_SUCH_PROTOCOL
