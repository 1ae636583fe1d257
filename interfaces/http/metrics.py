"""The server in figures, for `GET /metrics` (Prometheus' text format).

Each server has a registry of its own. Invariant: labels are few and known beforehand (templates of paths,
statuses, kinds of errors), so that nothing a client sends makes a new time series.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from domain.errors import DaybookError

if TYPE_CHECKING:
    from application.running import Outcome
    from interfaces.book import WholeBook

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_QUICK = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_SLOW = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_SPEEDS = (1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0)
_BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """What one server counts."""

    def __init__(self) -> None:
        # When each series began would be twice the series, and nobody asks.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library left its type out
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)

        def counter(name: str, help_text: str, *labels: str) -> Counter:
            return Counter(name, help_text, labels, registry=self.registry)

        def histogram(name: str, help_text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(name, help_text, labels, buckets=buckets, registry=self.registry)

        self.requests = counter("daybook_http_requests", "Requests answered.", "method", "route", "status")
        self.request_seconds = histogram(
            "daybook_http_request_seconds",
            "From a request to the end of its answer; streams last as long as they are watched.",
            _QUICK,
            "method",
            "route",
        )
        self.problems = counter("daybook_problems", "Errors told to clients, by their slug.", "kind")
        self.append_seconds = histogram(
            "daybook_append_seconds", "One commit of the log, whoever shares it.", _QUICK
        )
        self.append_batch = histogram(
            "daybook_append_batch", "How many commands went together into one commit.", _BATCHES
        )
        self.answers = counter("daybook_answers", "Answers that have ended, by status.", "status")
        self.answer_failures = counter(
            "daybook_answer_failures", "Answers that failed, by the reason that is recorded.", "reason"
        )
        self.answers_running = Gauge(
            "daybook_answers_running",
            "Answers this process is writing, those that wait for their turn included.",
            registry=self.registry,
        )
        self.first_token_seconds = histogram(
            "daybook_first_token_seconds", "From a prompt's commit to the first token of its answer.", _SLOW
        )
        self.tokens_per_second = histogram(
            "daybook_answer_tokens_per_second", "How fast the model wrote an answer.", _SPEEDS
        )
        self.tokens = counter("daybook_tokens", "Tokens as the model server counted them.", "kind")

    def appended(self, count: int, seconds: float) -> None:
        """Take in one commit of the log; called from the thread that made it."""
        self.append_seconds.observe(seconds)
        self.append_batch.observe(count)

    def answer_ended(self, outcome: Outcome) -> None:
        """Take in how an answer ended."""
        self.answers.labels(str(outcome.status)).inc()
        if str(outcome.status) == "failed":
            self.answer_failures.labels(outcome.reason or "unknown").inc()
        if outcome.first_token_ms is not None:
            self.first_token_seconds.observe(outcome.first_token_ms / 1000)
        end = outcome.end
        if end is None:
            return
        if end.prompt_tokens:
            self.tokens.labels("prompt").inc(max(0, end.prompt_tokens))
        if end.completion_tokens:
            self.tokens.labels("completion").inc(max(0, end.completion_tokens))
        if end.completion_tokens and end.eval_ms:
            self.tokens_per_second.observe(end.completion_tokens / end.eval_ms * 1000)

    def look_at(self, book: WholeBook) -> None:
        """Add what is asked of the book whenever the figures are read."""
        self.registry.register(_OfBook(book))

    def text(self) -> bytes:
        """Return all figures. Asks the database, so it is called from a thread."""
        return generate_latest(self.registry)


class _OfBook(Collector):
    """Figures of the book itself. With the database away there is one: that it is away."""

    def __init__(self, book: WholeBook) -> None:
        self._book = book

    def describe(self) -> list[Metric]:
        """Return the figures' names and meanings, asking nothing."""
        return list(_families().values())

    def collect(self) -> Iterator[Metric]:
        """Ask the book."""
        made = _families()
        lent, most = self._book.connections_in_use()
        made["daybook_database_connections"].add_metric([], lent)
        made["daybook_database_connections_most"].add_metric([], most)
        try:
            status = self._book.read_models.status()
            erased = self._book.keys.status().erased_count
        except DaybookError:
            made["daybook_database_up"].add_metric([], 0)
        else:
            made["daybook_database_up"].add_metric([], 1)
            made["daybook_log_size"].add_metric([], status.log_size)
            made["daybook_erased"].add_metric([], erased)
            for one in status.read_models:
                made["daybook_read_model_lag"].add_metric([one.name], one.lag)
                made["daybook_read_model_quarantined"].add_metric([one.name], one.quarantined)
        yield from made.values()


_OF_BOOK: dict[str, tuple[str, tuple[str, ...]]] = {
    "daybook_database_up": ("Whether the database answers (1) or not (0).", ()),
    "daybook_database_connections": ("Connections of this process's pool that are in use.", ()),
    "daybook_database_connections_most": ("How many connections the pool may have.", ()),
    "daybook_log_size": ("Events in the log.", ()),
    "daybook_erased": ("Conversations and projects that were erased, all told.", ()),
    "daybook_read_model_lag": ("Events that a read model has still to apply.", ("read_model",)),
    "daybook_read_model_quarantined": ("Events that a read model could not apply.", ("read_model",)),
}


def _families() -> dict[str, GaugeMetricFamily]:
    return {name: GaugeMetricFamily(name, text, labels=labels) for name, (text, labels) in _OF_BOOK.items()}


def names() -> Iterator[tuple[str, str, str, str]]:
    """Yield name, type, labels and meaning of every figure of ours, for the page that lists them."""
    metrics = Metrics()
    for one in vars(metrics).values():
        if isinstance(one, Counter | Gauge | Histogram):
            found = next(iter(one.describe()))
            suffix = "_total" if isinstance(one, Counter) else ""
            labels = ", ".join(f"`{label}`" for label in one._labelnames)  # noqa: SLF001 - no public way
            yield found.name + suffix, found.type, labels, found.documentation
    for name, (text, names_of_labels) in _OF_BOOK.items():
        yield name, "gauge", ", ".join(f"`{label}`" for label in names_of_labels), text
