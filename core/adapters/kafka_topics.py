"""What topics are now, by Kafka's own ids: one that was deleted and made again has the same name and another id.

librdkafka goes on from the offset it had when a topic is made again under it, and says nothing. So what was fetched
is handed over only when a broker that was asked after the fetch still knows the topic by the id it was assigned with.
"""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._topic import TopicDescription

from core.adapters.kafka_options import LIBRDKAFKA
from core.domain.effects import RawRecord
from core.stream_ports import Assignment

ANSWER_S = 1.0
"""Seconds to wait for an id when partitions are assigned: a broker that has ids answers in milliseconds; one that has
none (librdkafka's mock cluster) never does. Also the pause before one that did not answer is asked again."""

ASK_S = 5.0
"""An answer that takes longer is given up: a live broker's is there a thousand times sooner."""

EVERY_S = 0.05
"""Topics are asked about this often at most, or a fast broker would be asked at each of hundreds of polls a second."""

NO_ID = "AAAAAAAAAAAAAAAAAAAAAA"
"""The nil UUID as Kafka writes it: a broker from before 2.8."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a broker said of a topic: its id, and how many partitions it has (0: there is no such topic). None is what
    it did not say: offsets alone then tell."""

    topic_id: str | None = None
    partitions: int | None = None

    def has(self, partition: int) -> bool:
        """Whether there may be this partition."""
        return self.partitions is None or partition < self.partitions


Answers = Mapping[str, Said]
UNSAID = Said()
NO_TOPIC = Said(partitions=0)


class Topics:
    """The topics of a subscription, asked about on the poll thread."""

    def __init__(self, options: Mapping[str, str | int | float | bool], topics: Sequence[str]) -> None:
        self._options = dict(options)
        self._topics = list(topics)
        self._admin: AdminClient | None = None
        self._asked: dict[str, concurrent.futures.Future[TopicDescription]] = {}

    def ask(self) -> None:
        """Ask now; `answers` has it later. An answer to an earlier `ask` is not given any more."""
        self._admin = self._admin or AdminClient(self._options, logger=LIBRDKAFKA)
        self._asked = self._admin.describe_topics(TopicCollection(self._topics), request_timeout=ASK_S)

    def is_asked(self) -> bool:
        """Whether an answer is still to be heard."""
        return bool(self._asked)

    def answers(self) -> Answers | None:
        """Once for each `ask`; None until all have been answered."""
        if not self._asked or not all(future.done() for future in self._asked.values()):
            return None
        asked, self._asked = self._asked, {}
        return {topic: _said_in(future) for topic, future in asked.items()}

    def now(self) -> Answers:
        """As far as the broker says at once; what comes later, `answers` has."""
        self.ask()
        concurrent.futures.wait(self._asked.values(), ANSWER_S)
        return self.answers() or {}


@dataclass(frozen=True, slots=True, eq=False)
class Fetched:
    """Records in log order, the bytes of their values, where the log ended when last heard, and the offset after
    them if it ends there (-1 if not)."""

    assignment: Assignment
    records: Sequence[RawRecord]
    size: int
    high: int
    end: int


class Unsure:
    """What was fetched and may be another topic's. At most one question is under way."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._asked_for: list[Fetched] = []
        self._since: list[Fetched] = []
        self._ask_after = 0.0

    def add(self, fetched: Fetched) -> None:
        """Hand this over when it is sure."""
        self._since.append(fetched)

    def ask(self) -> None:
        """Ask for what waits, unless a question is under way: its answer may have been given before the fetch."""
        now = time.monotonic()
        if (self._asked_for or self._since) and not self._topics.is_asked() and now >= self._ask_after:
            self._ask_after = now + EVERY_S
            self._asked_for += self._since
            self._since = []
            self._topics.ask()

    def sure(self, answers: Answers) -> list[Fetched]:
        """What these answers make sure; the rest is asked for again, a moment later."""
        asked_for, self._asked_for = self._asked_for, []
        sure = [f for f in asked_for if f.assignment.ends.topic_id == answers[f.assignment.partition.topic].topic_id]
        if len(sure) < len(asked_for):
            self._since = [f for f in asked_for if f not in sure] + self._since
            self._ask_after = time.monotonic() + ANSWER_S
        return sure

    def forget(self, assignment: Assignment) -> None:
        """It is over: what was fetched under it is read again."""
        self._asked_for = [fetched for fetched in self._asked_for if fetched.assignment is not assignment]
        self._since = [fetched for fetched in self._since if fetched.assignment is not assignment]


def _said_in(future: concurrent.futures.Future[TopicDescription]) -> Said:
    try:
        found = future.result(0)
    except KafkaException as error:
        return NO_TOPIC if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART else UNSAID
    except (concurrent.futures.TimeoutError, TimeoutError):
        return UNSAID
    topic_id = str(found.topic_id)
    return Said(None if topic_id.startswith(NO_ID) else topic_id, len(found.partitions))
