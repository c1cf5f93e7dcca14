SELECT recorded_at, party_name_fi, question_fi, period, value, unit_fi, status_fi, text, change_class, meter_id
FROM dashboard_reports
WHERE superseded_at IS NULL
ORDER BY recorded_at DESC, meter_id
