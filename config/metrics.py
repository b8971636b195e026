"""Every metric with its meaning, in one place, and their text for `/metrics`.

The processes are several and die one by one, so that no count is kept in any of them: the web process reads the numbers
from the ledger when it is asked, and `render` writes them down. No label holds what a citizen could choose.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric. A counter only grows (its name ends in `_total`); a gauge is how things stand. Times in seconds."""

    name: str
    type: Literal["counter", "gauge"]
    help: str
    labels: tuple[str, ...] = ()


ACCEPTED = Definition("priemnaya_accepted_total", "counter", "Payloads journalled, each once", ("channel", "account"))
OUTCOMES = Definition(
    "priemnaya_outcomes_total",
    "counter",
    "Journal rows by how they ended: enveloped, merged, redelivered, ignored, quarantined",
    ("channel", "outcome"),
)
JOURNAL_WAITING = Definition(
    "priemnaya_journal_waiting", "gauge", "Journal rows that are not processed yet: received, working, held", ("state",)
)
JOURNAL_OLDEST = Definition(
    "priemnaya_journal_oldest_seconds", "gauge", "Age of the oldest journal row that is due and not processed"
)
QUARANTINE = Definition(
    "priemnaya_quarantine", "gauge", "Payloads in the quarantine, for an operator to see", ("channel",)
)
ENVELOPES = Definition(
    "priemnaya_envelopes_total",
    "counter",
    "Envelopes staged, by desk and kind (new, follow_up, repeat, …)",
    ("desk", "kind"),
)
LINKS = Definition(
    "priemnaya_links_total",
    "counter",
    "Envelopes by the evidence that linked them to their ticket, and how sure it is",
    ("how", "certainty"),
)
OUTBOX_WAITING = Definition(
    "priemnaya_outbox_waiting", "gauge", "Envelopes and events that the broker has not confirmed yet", ("exchange",)
)
OUTBOX_OLDEST = Definition(
    "priemnaya_outbox_oldest_seconds", "gauge", "Age of the oldest envelope or event that is not confirmed"
)
PUBLISHED = Definition(
    "priemnaya_published_total", "counter", "Envelopes and events confirmed by the broker", ("exchange", "desk")
)
OUTGOING = Definition(
    "priemnaya_outgoing_total",
    "counter",
    "Messages to citizens (acknowledgement, answer, warning, notice, reply) by outcome: sent, delivered, failed",
    ("channel", "purpose", "outcome"),
)
OUTGOING_WAITING = Definition(
    "priemnaya_outgoing_waiting", "gauge", "Messages to citizens that are owed", ("channel", "purpose")
)
OUTGOING_OLDEST = Definition(
    "priemnaya_outgoing_oldest_seconds", "gauge", "Age of the oldest message that is owed to a citizen", ("channel",)
)
TICKETS = Definition("priemnaya_tickets", "gauge", "Tickets by desk and state (open, closed)", ("desk", "state"))
WAITING = Definition(
    "priemnaya_tickets_waiting", "gauge", "Open tickets in which a citizen waits for an answer", ("desk",)
)
OVERDUE = Definition("priemnaya_tickets_overdue", "gauge", "Open tickets past their answer-by", ("desk",))
ATTACHMENTS = Definition(
    "priemnaya_attachments", "gauge", "Attachments by state: stored, pending, refused, erased", ("state",)
)
COMPONENT_UP = Definition(
    "priemnaya_component_up",
    "gauge",
    "1 while a connector, relay or processor says that it works, else 0",
    ("component",),
)
COMPONENT_SEEN = Definition(
    "priemnaya_component_seen_seconds", "gauge", "Since when a component has not been heard of", ("component",)
)
ERASURES = Definition(
    "priemnaya_erasures_total",
    "counter",
    "Tickets whose personal data was erased, by cause (forget, retention)",
    ("cause",),
)

METRICS: tuple[Definition, ...] = (
    ACCEPTED,
    OUTCOMES,
    JOURNAL_WAITING,
    JOURNAL_OLDEST,
    QUARANTINE,
    ENVELOPES,
    LINKS,
    OUTBOX_WAITING,
    OUTBOX_OLDEST,
    PUBLISHED,
    OUTGOING,
    OUTGOING_WAITING,
    OUTGOING_OLDEST,
    TICKETS,
    WAITING,
    OVERDUE,
    ATTACHMENTS,
    COMPONENT_UP,
    COMPONENT_SEEN,
    ERASURES,
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One number: of which metric, with the values of its labels in their order."""

    metric: Definition
    value: float
    labels: tuple[str, ...] = ()


def render(samples: Iterable[Sample]) -> str:
    """The text of `/metrics` (Prometheus exposition format 0.0.4). Every metric is named, also without a sample.

    Raises ValueError for a sample of an unknown metric or with other labels than its metric has.
    """
    families = {metric.name: _family(metric) for metric in METRICS}
    for sample in samples:
        metric = sample.metric
        if metric not in METRICS:
            raise ValueError(f"{metric.name} is no metric of ours")
        if len(sample.labels) != len(metric.labels):
            raise ValueError(f"{metric.name} has the labels {', '.join(metric.labels) or 'none'}")
        families[metric.name].add_metric(list(sample.labels), sample.value)
    registry = CollectorRegistry()
    registry.register(_Given(families.values()))
    return generate_latest(registry).decode()


class _Given(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def _family(metric: Definition) -> CounterMetricFamily | GaugeMetricFamily:
    kind = CounterMetricFamily if metric.type == "counter" else GaugeMetricFamily
    return kind(metric.name, metric.help, labels=metric.labels)
