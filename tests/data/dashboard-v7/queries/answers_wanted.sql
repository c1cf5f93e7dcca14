SELECT due_at, late_after, state, party_name_fi, question_fi, period, meter_id, measure_id
FROM dashboard_due
ORDER BY due_at, party_name_fi, meter_id
