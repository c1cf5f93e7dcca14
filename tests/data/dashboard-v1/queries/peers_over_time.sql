SELECT area_name_fi, period, value, status
FROM dashboard_series
WHERE indicator_id = 'tertiary_share' AND area_level = 'municipality'
  AND area_code IN ('KU205', 'KU491', 'KU740', 'KU297', 'KU167', 'KU743', 'KU272')
ORDER BY area_name_fi, period_start
