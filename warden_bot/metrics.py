"""What is counted and measured, for Prometheus. Names of kinds, states and codes only; nobody's words, groups or names."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge


def _registry() -> CollectorRegistry:
    return CollectorRegistry(auto_describe=True)


@dataclass(frozen=True)
class Metrics:
    """One process's numbers. Counters count what this process did; gauges are read from the database when asked for."""

    registry: CollectorRegistry = field(default_factory=_registry)
    callbacks: Counter = field(init=False)
    tries: Counter = field(init=False)
    deliveries: Gauge = field(init=False)
    oldest_waiting: Gauge = field(init=False)
    findings_open: Gauge = field(init=False)
    findings_seen: Gauge = field(init=False)
    platforms_down: Gauge = field(init=False)
    cases_unheard: Gauge = field(init=False)
    spool_waiting: Gauge = field(init=False)
    _callbacks: dict[tuple[str, str], Counter] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Register every number under its name."""
        counters: dict[str, tuple[str, str, tuple[str, ...]]] = {
            "callbacks": ("warden_callbacks", "inbound requests by what was answered", ("channel", "result")),
            "tries": ("warden_tries", "tries to send by outcome", ("channel", "outcome")),
        }
        gauges: dict[str, tuple[str, str, tuple[str, ...]]] = {
            "deliveries": ("warden_deliveries", "unfinished and stranded deliveries by state", ("status",)),
            "oldest_waiting": ("warden_outbox_seconds", "how long the oldest due delivery waits", ()),
            "findings_open": ("warden_findings_open", "findings that are not repaired", ("kind",)),
            "findings_seen": ("warden_findings_seen", "how often findings were made in all", ("kind",)),
            "platforms_down": ("warden_platforms_down", "platforms that do not answer", ()),
            "cases_unheard": ("warden_cases_unheard", "open cases that nobody could be called for", ()),
            "spool_waiting": ("warden_spool_waiting", "spooled emergencies that wait for the database", ()),
        }
        for name, (title, meaning, labels) in counters.items():
            object.__setattr__(self, name, Counter(title, meaning, labels, registry=self.registry))
        for name, (title, meaning, labels) in gauges.items():
            object.__setattr__(self, name, Gauge(title, meaning, labels, registry=self.registry))

    def count_callback(self, kind: str, result: str) -> None:
        """Count one inbound request. Looking its counter up by labels each time would cost more than counting."""
        found = self._callbacks.get((kind, result))
        if found is None:
            found = self._callbacks[kind, result] = self.callbacks.labels(kind, result)
        found.inc()
