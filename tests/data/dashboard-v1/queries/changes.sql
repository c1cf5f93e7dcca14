SELECT recorded_at, indicator_id, area, period, "old", "new", change_class
FROM dashboard_changes
WHERE change_class <> 'new'
ORDER BY recorded_at DESC, indicator_id, area, period
LIMIT 200
