"""The limit of calls as PxWeb keeps it: a sliding window per client, in which refused calls count too."""

from __future__ import annotations

from collections import deque


class SlidingWindow:
    """Admits at most `calls` calls of a client in any `seconds`; `most` is the most ever seen in one."""

    def __init__(self, calls: int, seconds: float) -> None:
        """Start with an empty window."""
        self.calls = calls
        self.seconds = seconds
        self.most = 0
        self._seen: dict[str, deque[float]] = {}

    def admit(self, client: str, now: float) -> bool:
        """Whether a call of `client` at `now` (seconds of a steady clock) is let in; it counts either way."""
        seen = self._seen.setdefault(client, deque())
        while seen and seen[0] < now - self.seconds:
            seen.popleft()
        seen.append(now)
        self.most = max(self.most, len(seen))
        return len(seen) <= self.calls
