"""People's decisions on what was held back: documents like any other, kept, and applied again in a replay."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from models.errors import MittaristoError, printable

DecisionKind = Literal["release", "reject", "accept_recode", "reject_recode"]
ACCEPTS: frozenset[DecisionKind] = frozenset({"release", "accept_recode"})


@dataclass(frozen=True)
class Decision:
    """One decision: on which collection, by which role, why, when (aware UTC).

    `overrides` is JSON of models.resolution.Overrides: the codes accepted with it, '' for none.
    """

    kind: DecisionKind
    dataset_id: str
    collection_id: str
    role: str
    reason: str
    decided_at: datetime
    overrides: str = ""

    def to_json(self) -> bytes:
        """The bytes that are kept."""
        plain = asdict(self) | {"decided_at": self.decided_at.isoformat()}
        return json.dumps(plain, ensure_ascii=False, sort_keys=True).encode()


def decision_from_json(body: bytes) -> Decision:
    """The decision that to_json wrote. Raises MittaristoError for anything else."""
    try:
        plain: dict[str, Any] = json.loads(body)
        if not all(isinstance(one, str) for one in plain.values()) or plain["kind"] not in get_args(
            DecisionKind
        ):
            raise TypeError("a part of it is not as it was written")
        return Decision(**{**plain, "decided_at": datetime.fromisoformat(plain["decided_at"])})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        reason = printable(repr(error)[:200])
        raise MittaristoError(f"a kept decision cannot be read ({reason}); restore the raw store") from error
