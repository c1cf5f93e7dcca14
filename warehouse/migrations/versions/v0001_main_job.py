"""The tables of the main job: catalogue mirror, values and vintages, runs, documents, quarantine, locks."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _time() -> sa.DateTime:
    return sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    """Makes all tables."""
    op.create_table(
        "area",
        sa.Column("area_code", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("name_fi", sa.Text(), nullable=False),
        sa.Column("name_sv", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("is_retired", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("area_code", name="pk_area"),
    )
    op.create_table(
        "catalogue_version",
        sa.Column("recorded_at", _time(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("recorded_at", name="pk_catalogue_version"),
    )
    op.create_table(
        "dataset_state",
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("release_query", sa.Text(), nullable=True),
        sa.Column("last_release", _time(), nullable=True),
        sa.Column("last_fetch", _time(), nullable=True),
        sa.Column("last_checked", _time(), nullable=True),
        sa.Column("next_expected", sa.Date(), nullable=True),
        sa.Column("late_after", sa.Date(), nullable=True),
        sa.Column("judged_on", sa.Date(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("entry_fingerprint", sa.Text(), nullable=False),
        sa.Column("canonical_sha256", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('fetched', 'quarantined', 'discontinued', 'not_in_sample', 'never_fetched')",
            name=op.f("ck_dataset_state_state"),
        ),
        sa.PrimaryKeyConstraint("dataset_id", name="pk_dataset_state"),
    )
    op.create_table(
        "document",
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("collection_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("request_body", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("asked_at", _time(), nullable=False),
        sa.Column("fetched_at", _time(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("document_id", name="pk_document"),
    )
    op.create_index("ix_document_collection_id", "document", ["collection_id"], unique=False)
    op.create_index(
        "ix_document_dataset_id_fetched_at", "document", ["dataset_id", "fetched_at"], unique=False
    )
    op.create_table(
        "latest",
        sa.Column("series_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("indicator_id", sa.Text(), nullable=False),
        sa.Column("area_code", sa.Text(), nullable=False),
        sa.Column("class_code", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("previous_period", sa.Text(), nullable=True),
        sa.Column("previous_value", sa.Double(), nullable=True),
        sa.Column("year_before_period", sa.Text(), nullable=True),
        sa.Column("year_before_value", sa.Double(), nullable=True),
        sa.Column("baseline_period", sa.Text(), nullable=True),
        sa.Column("baseline_value", sa.Double(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("reason_fi", sa.Text(), nullable=True),
        sa.Column("reason_en", sa.Text(), nullable=True),
        sa.Column("recorded_at", _time(), nullable=False),
        sa.Column("load_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("series_id", name="pk_latest"),
        sa.UniqueConstraint(
            "indicator_id", "area_code", "class_code", name="uq_latest_indicator_id_area_code_class_code"
        ),
    )
    op.create_table(
        "lock",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid_space", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("since", _time(), nullable=False),
        sa.Column("lease_ends_at", _time(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_lock"),
    )
    op.create_table(
        "marker",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_marker"),
    )
    op.create_table(
        "observation",
        sa.Column("owner_no", sa.Integer(), nullable=False),
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("period_no", sa.Integer(), nullable=False),
        sa.Column("load_id", sa.Integer(), nullable=False),
        sa.Column("recorded_at", _time(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("vintages", sa.SmallInteger(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("change_class", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "change_class IN ('new', 'revised', 'restated', 'withdrawn', 'returned', 'symbol', 'status')",
            name=op.f("ck_observation_change_class"),
        ),
        sa.CheckConstraint("status IN ('final', 'preliminary')", name=op.f("ck_observation_status")),
        sa.PrimaryKeyConstraint("owner_no", "series_id", "period_no", name="pk_observation"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "owner",
        sa.Column("owner_no", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=True),
        sa.Column("indicator_id", sa.Text(), nullable=True),
        sa.Column("last_recorded_at", _time(), nullable=True),
        sa.PrimaryKeyConstraint("owner_no", name="pk_owner"),
        sa.UniqueConstraint("dataset_id", name="uq_owner_dataset_id"),
        sa.UniqueConstraint("indicator_id", name="uq_owner_indicator_id"),
        sa.UniqueConstraint("owner", name="uq_owner_owner"),
    )
    op.create_table(
        "party",
        sa.Column("party_id", sa.Text(), nullable=False),
        sa.Column("name_fi", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("note_fi", sa.Text(), nullable=False),
        sa.Column("note_en", sa.Text(), nullable=False),
        sa.Column("is_inferred", sa.Boolean(), nullable=False),
        sa.Column("is_retired", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("party_id", name="pk_party"),
    )
    op.create_table(
        "period",
        sa.Column("period_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("frequency", sa.Text(), nullable=False),
        sa.Column("year_before_no", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("period_no", name="pk_period"),
        sa.UniqueConstraint("code", name="uq_period_code"),
    )
    op.create_table(
        "programme",
        sa.Column("programme_id", sa.Text(), nullable=False),
        sa.Column("title_fi", sa.Text(), nullable=False),
        sa.Column("title_sv", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("municipality", sa.Text(), nullable=False),
        sa.Column("first_year", sa.Integer(), nullable=False),
        sa.Column("last_year", sa.Integer(), nullable=False),
        sa.Column("is_retired", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("programme_id", name="pk_programme"),
    )
    op.create_table(
        "programme_area",
        sa.Column("area_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name_fi", sa.Text(), nullable=False),
        sa.Column("name_sv", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("is_retired", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("area_id", name="pk_programme_area"),
    )
    op.create_table(
        "quarantine",
        sa.Column("quarantine_id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("collection_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("opened_at", _time(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decided_at", _time(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decision_reason", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'released', 'rejected', 'cleared')", name=op.f("ck_quarantine_state")
        ),
        sa.PrimaryKeyConstraint("quarantine_id", name="pk_quarantine"),
    )
    op.create_index("ix_quarantine_dataset_id_state", "quarantine", ["dataset_id", "state"], unique=False)
    op.create_table(
        "run",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("started_at", _time(), nullable=False),
        sa.Column("ended_at", _time(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("program_version", sa.Text(), nullable=False),
        sa.Column("catalogue_fingerprint", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('running', 'green', 'red')", name=op.f("ck_run_state")),
        sa.PrimaryKeyConstraint("run_id", name="pk_run"),
    )
    op.create_index("ix_run_started_at", "run", ["started_at"], unique=False)
    op.create_table(
        "source",
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("name_fi", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("attribution_fi", sa.Text(), nullable=False),
        sa.Column("attribution_en", sa.Text(), nullable=False),
        sa.Column("is_automatic", sa.Boolean(), nullable=False),
        sa.Column("note_fi", sa.Text(), nullable=False),
        sa.Column("note_en", sa.Text(), nullable=False),
        sa.Column("is_retired", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("source_id", name="pk_source"),
    )
    op.create_table(
        "vintage",
        sa.Column("owner_no", sa.Integer(), nullable=False),
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("period_no", sa.Integer(), nullable=False),
        sa.Column("recorded_at", _time(), nullable=False),
        sa.Column("load_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("change_class", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "change_class IN ('new', 'revised', 'restated', 'withdrawn', 'returned', 'symbol', 'status')",
            name=op.f("ck_vintage_change_class"),
        ),
        sa.CheckConstraint("status IN ('final', 'preliminary')", name=op.f("ck_vintage_status")),
        sa.PrimaryKeyConstraint("owner_no", "series_id", "period_no", "recorded_at", name="pk_vintage"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "cluster",
        sa.Column("cluster_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("area_id", sa.Text(), nullable=False),
        sa.Column("name_fi", sa.Text(), nullable=False),
        sa.Column("name_sv", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("is_retired", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["programme_area.area_id"], name="fk_cluster_area_id"),
        sa.PrimaryKeyConstraint("cluster_id", name="pk_cluster"),
    )
    op.create_table(
        "dataset",
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_table", sa.Text(), nullable=False),
        sa.Column("title_fi", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("frequency", sa.Text(), nullable=False),
        sa.Column("first_period", sa.Text(), nullable=False),
        sa.Column("lag_days", sa.Integer(), nullable=False),
        sa.Column("grace_days", sa.Integer(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("is_preliminary", sa.Boolean(), nullable=False),
        sa.Column("is_rolling", sa.Boolean(), nullable=False),
        sa.Column("note_fi", sa.Text(), nullable=False),
        sa.Column("note_en", sa.Text(), nullable=False),
        sa.Column("web_url", sa.Text(), nullable=False),
        sa.Column("is_retired", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["source"], ["source.source_id"], name="fk_dataset_source"),
        sa.PrimaryKeyConstraint("dataset_id", name="pk_dataset"),
    )
    op.create_table(
        "goal",
        sa.Column("goal_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("area_id", sa.Text(), nullable=False),
        sa.Column("text_fi", sa.Text(), nullable=False),
        sa.Column("text_sv", sa.Text(), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("is_retired", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["programme_area.area_id"], name="fk_goal_area_id"),
        sa.PrimaryKeyConstraint("goal_id", name="pk_goal"),
    )
    op.create_table(
        "ledger",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("new_count", sa.Integer(), nullable=False),
        sa.Column("revised_count", sa.Integer(), nullable=False),
        sa.Column("withdrawn_count", sa.Integer(), nullable=False),
        sa.Column("same_count", sa.Integer(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("released_at", _time(), nullable=True),
        sa.Column("missing_indicators", sa.Text(), nullable=False),
        sa.Column("recorded_at", _time(), nullable=False),
        sa.CheckConstraint(
            "state IN ('fetched', 'unchanged', 'not_due', 'late', 'discontinued', 'not_in_sample', "
            "'failed', 'quarantined')",
            name=op.f("ck_ledger_state"),
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name="fk_ledger_run_id"),
        sa.PrimaryKeyConstraint("run_id", "dataset_id", name="pk_ledger"),
    )
    op.create_index("ix_ledger_dataset_id", "ledger", ["dataset_id"], unique=False)
    op.create_table(
        "load",
        sa.Column("load_id", sa.Integer(), nullable=False),
        sa.Column("owner_no", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("collection_id", sa.Text(), nullable=False),
        sa.Column("recorded_at", _time(), nullable=False),
        sa.Column("source_updated_at", _time(), nullable=True),
        sa.Column("is_synthetic", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["owner_no"], ["owner.owner_no"], name="fk_load_owner_no"),
        sa.PrimaryKeyConstraint("load_id", name="pk_load"),
    )
    op.create_index("ix_load_owner_no_recorded_at", "load", ["owner_no", "recorded_at"], unique=False)
    op.create_index("ix_load_recorded_at", "load", ["recorded_at"], unique=False)
    op.create_table(
        "series",
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("owner_no", sa.Integer(), nullable=False),
        sa.Column("area_code", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("classes", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["owner_no"], ["owner.owner_no"], name="fk_series_owner_no"),
        sa.PrimaryKeyConstraint("series_id", name="pk_series"),
        sa.UniqueConstraint(
            "owner_no", "area_code", "content", "classes", name="uq_series_owner_no_area_code_content_classes"
        ),
    )
    op.create_table(
        "indicator",
        sa.Column("indicator_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name_fi", sa.Text(), nullable=False),
        sa.Column("name_sv", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("unit_fi", sa.Text(), nullable=False),
        sa.Column("frequency", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("is_municipal", sa.Boolean(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=True),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("transform", sa.Text(), nullable=False),
        sa.Column("is_headline", sa.Boolean(), nullable=False),
        sa.Column("reporter", sa.Text(), nullable=False),
        sa.Column("lag_fi", sa.Text(), nullable=False),
        sa.Column("lag_en", sa.Text(), nullable=False),
        sa.Column("first_period", sa.Text(), nullable=False),
        sa.Column("note_fi", sa.Text(), nullable=False),
        sa.Column("note_en", sa.Text(), nullable=False),
        sa.Column("decimals", sa.Integer(), nullable=True),
        sa.Column("baseline", sa.Text(), nullable=False),
        sa.Column("is_retired", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.dataset_id"], name="fk_indicator_dataset_id"),
        sa.ForeignKeyConstraint(["source"], ["source.source_id"], name="fk_indicator_source"),
        sa.PrimaryKeyConstraint("indicator_id", name="pk_indicator"),
    )
    op.create_table(
        "measure",
        sa.Column("measure_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("area_id", sa.Text(), nullable=False),
        sa.Column("goal_id", sa.Text(), nullable=True),
        sa.Column("cluster_id", sa.Text(), nullable=True),
        sa.Column("text_fi", sa.Text(), nullable=False),
        sa.Column("short_fi", sa.Text(), nullable=False),
        sa.Column("responsible_fi", sa.Text(), nullable=False),
        sa.Column("is_retired", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["programme_area.area_id"], name="fk_measure_area_id"),
        sa.ForeignKeyConstraint(["cluster_id"], ["cluster.cluster_id"], name="fk_measure_cluster_id"),
        sa.ForeignKeyConstraint(["goal_id"], ["goal.goal_id"], name="fk_measure_goal_id"),
        sa.PrimaryKeyConstraint("measure_id", name="pk_measure"),
    )
    op.create_table(
        "indicator_dataset",
        sa.Column("indicator_id", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["dataset.dataset_id"], name="fk_indicator_dataset_dataset_id"
        ),
        sa.ForeignKeyConstraint(
            ["indicator_id"], ["indicator.indicator_id"], name="fk_indicator_dataset_indicator_id"
        ),
        sa.PrimaryKeyConstraint("indicator_id", "dataset_id", name="pk_indicator_dataset"),
    )
    op.create_index("ix_indicator_dataset_dataset_id", "indicator_dataset", ["dataset_id"], unique=False)
    op.create_table(
        "measure_party",
        sa.Column("measure_id", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["measure_id"], ["measure.measure_id"], name="fk_measure_party_measure_id"),
        sa.ForeignKeyConstraint(["party_id"], ["party.party_id"], name="fk_measure_party_party_id"),
        sa.PrimaryKeyConstraint("measure_id", "party_id", name="pk_measure_party"),
    )
    op.create_table(
        "meter",
        sa.Column("meter_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("measure_id", sa.Text(), nullable=False),
        sa.Column("text_fi", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reporter", sa.Text(), nullable=False),
        sa.Column("note_fi", sa.Text(), nullable=False),
        sa.Column("note_en", sa.Text(), nullable=False),
        sa.Column("is_retired", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["measure_id"], ["measure.measure_id"], name="fk_meter_measure_id"),
        sa.PrimaryKeyConstraint("meter_id", name="pk_meter"),
    )
    op.create_table(
        "meter_indicator",
        sa.Column("meter_id", sa.Text(), nullable=False),
        sa.Column("indicator_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["indicator_id"], ["indicator.indicator_id"], name="fk_meter_indicator_indicator_id"
        ),
        sa.ForeignKeyConstraint(["meter_id"], ["meter.meter_id"], name="fk_meter_indicator_meter_id"),
        sa.PrimaryKeyConstraint("meter_id", "indicator_id", name="pk_meter_indicator"),
    )
    op.create_index("ix_meter_indicator_indicator_id", "meter_indicator", ["indicator_id"], unique=False)
