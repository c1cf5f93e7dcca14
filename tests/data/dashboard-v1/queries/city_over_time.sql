SELECT period_start, period, value
FROM dashboard_series
WHERE indicator_id = 'unemployment_rate' AND area_code = 'KU205' AND value IS NOT NULL
ORDER BY period_start
