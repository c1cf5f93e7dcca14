"""The schema's history (Alembic). Run through warehouse.engine.upgrade."""
