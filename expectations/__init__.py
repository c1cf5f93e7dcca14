"""The gates.

What a reading and its observations must fulfil before they are stored (Great Expectations).
"""

from expectations.gates import check_observations, check_source
from expectations.history import RULES, BacktestFinding, Snapshot, backtest, check_history

__all__ = [
    "RULES",
    "BacktestFinding",
    "Snapshot",
    "backtest",
    "check_history",
    "check_observations",
    "check_source",
]
