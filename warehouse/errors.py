"""Errors of the warehouse: one line each."""

from __future__ import annotations

from models.errors import MittaristoError


class WarehouseError(MittaristoError):
    """The database cannot do what was asked of it just now, or was asked for what it must refuse."""


class LockHeldError(WarehouseError):
    """Somebody else holds the lock; the text says who."""


class LockLostError(WarehouseError):
    """The lock was taken over because its lease had ended."""


class RawStoreError(WarehouseError):
    """A kept document is missing, damaged or cannot be written."""
