SELECT name_fi, area_name_fi, class_code, period, value, unit, verdict, reason_fi, previous_period, previous_value,
       baseline_period, baseline_value, status, freshness, is_proxy
FROM dashboard_latest
WHERE headline AND area_code IN ('KU205', 'MK18')
ORDER BY name_fi, area_code, class_code
