"""A member of a consumer group: what it is assigned, what of that it reads. On the poll thread only.

What the group assigns stands still until the listener says where to read from, so neither `auto.offset.reset` nor
Kafka's committed offset (a hint) ever decides.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import structlog
from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from core.adapters.kafka_away import LOOK_S, BrokerWatch
from core.adapters.kafka_backlog import Backlog
from core.adapters.kafka_listening import Listening
from core.adapters.kafka_messages import BROKER_AWAY, UNREADABLE_OFFSET, by_partition, is_clean, raws, size_of
from core.adapters.kafka_topics import UNSAID, Answers, Fetched, Said, Topics, Unsure
from core.domain.positions import Ends
from core.errors import StopProcess
from core.stream_ports import Assignment, Partition

log = structlog.get_logger(__name__)

POLL_RECORDS = 5_000
"""Records a poll: what one transaction takes."""

POLL_S = 0.05
"""A poll waits this long for a full batch: the share of a record's latency that polling may cost."""

ASKED_S = 0.005
"""And so long while the broker is asked whether the topics are the same: its answer takes a millisecond or two."""

CALLBACK_S = 20.0
"""The last transaction of what is revoked has this long: SIGTERM is to be answered within 30 s."""

TOPICS_S = 30.0
"""Topics are asked for their ids, and logs that stand still for their ends, this often: as metadata is refreshed."""


class Member:
    """One `Consumer` between its subscription and its close."""

    def __init__(
        self,
        consumer: Consumer,
        broker: BrokerWatch,
        topics: Topics,
        backlog: Backlog,
        listening: Listening,
        beat: Callable[[], None],
        *,
        incremental: bool,
    ) -> None:
        self._consumer = consumer
        self._broker = broker
        self._topics = topics
        self._backlog = backlog
        self._listening = listening
        self._beat = beat
        self._incremental = incremental
        self._unsure = Unsure(topics)
        self._assigned: dict[Partition, Assignment] = {}
        self._untold: set[Partition] = set()
        self._reading: set[Partition] = set()
        self._unbegun: list[Callable[[], None]] = []
        self._growth_due = False
        self._revoke_s = CALLBACK_S
        self._looked = self._tried = -TOPICS_S

    def join(self, topics: Sequence[str], revoke_s: float) -> None:
        """Take part in the group. The last transaction of what is revoked has so many seconds."""
        self._revoke_s = revoke_s
        self._consumer.subscribe(
            list(topics),
            on_assign=self._on_assign,
            on_revoke=partial(self._on_revoke, lost=False),
            on_lost=partial(self._on_revoke, lost=True),
        )

    def turn(self) -> None:
        """Poll once, and hand over what is sure to be of the topics that were assigned."""
        self._beat()
        unbegun, self._unbegun = self._unbegun, []
        for begin in unbegun:
            begin()
        self._broker.look(self._consumer)
        self._look_at_topics()
        self._take(self._consumer.consume(POLL_RECORDS, ASKED_S if self._topics.is_asked() else POLL_S))
        self._unsure.ask()

    def close(self) -> None:
        """Leave the group; what is assigned is revoked first."""
        self._consumer.close()

    # What the listener asks for.

    def begin(self, assignment: Assignment, offset: int) -> None:
        partition = assignment.partition
        if self._assigned.get(partition) is not assignment:
            return
        place = TopicPartition(*partition, offset)
        try:
            self._consumer.seek(place)
        except KafkaException as error:
            if error.args[0].code() != KafkaError._STATE and error.args[0].code() not in BROKER_AWAY:
                raise StopProcess(f"Kafka refused to read {partition} from {offset}: {error}") from error
            self._unbegun.append(partial(self.begin, assignment, offset))  # the assignment is not through yet
            return
        self._consumer.resume([place])
        self._reading.add(partition)

    def hold(self, partition: Partition) -> None:
        self._reading.discard(partition)
        if partition in self._assigned:
            self._unsure.forget(self._assigned[partition])
            self._consumer.pause([TopicPartition(*partition)])

    def resume(self, partition: Partition) -> None:
        if partition in self._reading:
            self._consumer.resume([TopicPartition(*partition)])

    def look(self, partition: Partition) -> None:
        if partition in self._assigned:
            self.hold(partition)
            self._tell([partition], self._topics.now())

    def commit(self, partition: Partition, next_offset: int) -> None:
        self._consumer.commit(offsets=[TopicPartition(*partition, next_offset)], asynchronous=True)

    # What the topics are, and where they end.

    def _look_at_topics(self) -> None:
        """What was heard of the topics, and what is to be asked again."""
        answers = self._topics.answers()
        if answers is not None:
            self._hear(answers)
        now = time.monotonic()
        if self._untold and now - self._tried >= LOOK_S:
            self._tell(sorted(self._untold), self._topics.now())
        if now - self._looked >= TOPICS_S:
            self._looked = now
            self._growth_due = True
            self._topics.ask()

    def _hear(self, answers: Answers) -> None:
        """Whether each is still the one that was assigned, and how far those that stand still have grown."""
        self._broker.say_missing([topic for topic, said in answers.items() if said.partitions == 0])
        for fetched in self._unsure.sure(answers):
            self._hand_over(fetched)
        others = [p for p, assignment in self._assigned.items() if _is_another(assignment, answers[p.topic])]
        if others:
            self._consumer.pause([TopicPartition(*partition) for partition in others])
            self._revoke(others, lost=False)  # what was handed over is still of the topic as it was
            self._tell(others, answers)
        if self._growth_due:
            self._growth_due = False
            self._say_growth(answers)

    def _say_growth(self, answers: Answers) -> None:
        standing = self._assigned.keys() - self._reading - self._untold
        for partition, (_, high) in self._ends(standing, answers).items():
            self._listening.grown(partition, high)

    def _tell(self, partitions: Sequence[Partition], answers: Answers) -> None:
        """These stand still until `begin`; the listener is told what the broker says of them, now or when it does."""
        if partitions:
            self._told(partitions, self._ends(partitions, answers), answers)

    def _ends(self, partitions: Iterable[Partition], answers: Answers) -> dict[Partition, tuple[int, int]]:
        """Of one that is not there the offsets are not answered before the time is up."""
        self._tried = time.monotonic()
        there = [p for p in partitions if answers.get(p.topic, UNSAID).has(p.partition)]
        return self._broker.ends(self._consumer, there)

    def _told(
        self, partitions: Sequence[Partition], ends: Mapping[Partition, tuple[int, int]], answers: Answers
    ) -> None:
        ids = {topic: said.topic_id for topic, said in answers.items()}
        made = {p: Assignment(p, Ends(*ends[p], ids.get(p.topic))) for p in partitions if p in ends}
        self._untold.update(partitions)
        self._untold -= made.keys()
        self._assigned.update(made)
        self._reading.difference_update(partitions)
        self._backlog.assigned(partitions)
        self._listening.assigned(list(made.values()))

    # Records.

    def _take(self, messages: list[Message]) -> None:
        for partition, group in by_partition(messages):
            if is_clean(group):
                self._take_records(partition, group, -1)
            else:
                end = self._take_errors(partition, group)
                self._take_records(partition, [message for message in group if message.error() is None], end)

    def _take_records(self, partition: Partition, messages: Sequence[Message], end: int) -> None:
        if partition not in self._reading or (end < 0 and not messages):
            return
        fetched = self._fetched(self._assigned[partition], messages, end)
        if fetched.assignment.ends.topic_id is None:
            self._hand_over(fetched)
        else:
            self._unsure.add(fetched)

    def _take_errors(self, partition: Partition, group: Iterable[Message]) -> int:
        """The offset at which the log ends, -1 when it goes on."""
        end = -1
        for message in group:
            error = message.error()
            if error is None:
                continue
            if error.code() == KafkaError._PARTITION_EOF:
                end = message.offset() or 0
            elif error.code() == UNREADABLE_OFFSET:
                self._assign_anew(partition)
            else:
                self._broker.wait_or_raise(error)
        return end

    def _fetched(self, assignment: Assignment, messages: Sequence[Message], end: int) -> Fetched:
        place = TopicPartition(*assignment.partition)
        size = size_of(messages)
        _, high = self._consumer.get_watermark_offsets(place, cached=True)
        if self._backlog.handed(assignment.partition, size):
            self._consumer.pause([place])
        return Fetched(assignment, raws(messages), size, high, end)

    def _hand_over(self, fetched: Fetched) -> None:
        partition = fetched.assignment.partition
        if fetched.records:
            self._listening.fetched(partition, fetched.records, fetched.size, fetched.high)
        if fetched.end >= 0:
            self._listening.at_end(partition, fetched.end)

    # The group.

    def _on_assign(self, consumer: Consumer, assigned: list[TopicPartition]) -> None:
        self._assign([Partition(p.topic, p.partition) for p in assigned])

    def _assign(self, partitions: Sequence[Partition]) -> None:
        self._beat()
        answers = self._topics.now()
        ends = self._ends(partitions, answers)
        standing = [TopicPartition(*p, ends[p][1] if p in ends else OFFSET_END) for p in partitions]
        if self._incremental:
            self._consumer.incremental_assign(standing)
        else:
            self._consumer.assign(standing)
        self._consumer.pause(standing)
        self._told(partitions, ends, answers)

    def _assign_anew(self, partition: Partition) -> None:
        """librdkafka has given up this position and takes no other before the partition is assigned again."""
        if partition not in self._assigned:
            return
        again = [partition] if self._incremental else list(self._assigned)
        self._revoke(again, lost=False)
        if self._incremental:
            self._consumer.incremental_unassign([TopicPartition(*partition)])
        self._assign(again)

    def _on_revoke(self, consumer: Consumer, revoked: list[TopicPartition], *, lost: bool) -> None:
        self._revoke([Partition(p.topic, p.partition) for p in revoked], lost=lost)
        if self._incremental:
            consumer.incremental_unassign(revoked)
        else:
            consumer.unassign()

    def _revoke(self, partitions: Sequence[Partition], *, lost: bool) -> None:
        """The listener writes what is under way of these, and nothing of them is known here any more."""
        for partition in partitions:
            self._untold.discard(partition)
            self._reading.discard(partition)
            assignment = self._assigned.pop(partition, None)
            if assignment is not None:
                self._unsure.forget(assignment)
        self._beat()
        self._listening.revoked(partitions, lost=lost, seconds=self._revoke_s)
        self._backlog.revoked(partitions)


def _is_another(assignment: Assignment, said: Said) -> bool:
    """Whether the topic is not the one that was assigned, or now has an id where none was known."""
    return said.topic_id is not None and said.topic_id != assignment.ends.topic_id
