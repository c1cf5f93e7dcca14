SELECT period, value, status, change_class, recorded_at, superseded_at, source_updated_at
FROM dashboard_vintages
WHERE indicator_id = 'tertiary_share' AND area_code = 'KU205'
ORDER BY period_start, recorded_at
