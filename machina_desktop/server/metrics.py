"""What the server has done so far, as Prometheus reads it."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MEDIA_TYPE = "text/plain; version=0.0.4"


class Metrics:
    """Counters of one process. Loop thread only.

    Attributes:
        streams: How many event streams are open now, by kind.
    """

    def __init__(self) -> None:
        self.streams: Counter[str] = Counter()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._times: dict[str, list[int]] = {}
        self._sums_s: dict[str, float] = {}

    def note(self, action: str, status: int, took_s: float) -> None:
        """Count a request that was answered."""
        self._requests[action, status] += 1
        buckets = self._times.setdefault(action, [0] * (len(BUCKETS_S) + 1))
        buckets[bisect_left(BUCKETS_S, took_s)] += 1
        self._sums_s[action] = self._sums_s.get(action, 0.0) + took_s

    def text(self, runs: Mapping[str, int]) -> str:
        """All figures; ``runs`` is how many deployments are in each state."""
        lines = ["# HELP machina_requests_total Requests answered.", "# TYPE machina_requests_total counter"]
        for (action, status), count in sorted(self._requests.items()):
            lines.append(f'machina_requests_total{{action="{action}",status="{status}"}} {count}')
        lines += ["# HELP machina_request_seconds Time to the answer.", "# TYPE machina_request_seconds histogram"]
        for action, buckets in sorted(self._times.items()):
            lines += self._histogram(action, buckets)
        lines += ["# HELP machina_streams Event streams open now.", "# TYPE machina_streams gauge"]
        lines += [f'machina_streams{{kind="{kind}"}} {count}' for kind, count in sorted(self.streams.items())]
        lines += ["# HELP machina_runs Deployments by state.", "# TYPE machina_runs gauge"]
        lines += [f'machina_runs{{state="{state}"}} {count}' for state, count in runs.items()]
        return "\n".join(lines) + "\n"

    def _histogram(self, action: str, buckets: list[int]) -> list[str]:
        lines, total = [], 0
        for bound, count in zip((*map(str, BUCKETS_S), "+Inf"), buckets, strict=True):
            total += count
            lines.append(f'machina_request_seconds_bucket{{action="{action}",le="{bound}"}} {total}')
        lines.append(f'machina_request_seconds_sum{{action="{action}"}} {self._sums_s[action]:.6f}')
        lines.append(f'machina_request_seconds_count{{action="{action}"}} {total}')
        return lines
