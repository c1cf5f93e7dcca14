SELECT name_fi, period, value, unit, verdict, reason_fi, beside_fi, baseline_period, baseline_value
FROM dashboard_latest
WHERE area_code = 'KU205' AND verdict IN ('improved', 'declined', 'rose', 'fell')
ORDER BY verdict, name_fi, class_code
