SELECT m.measure_id, m.meter_id, m.text_fi, m.latest_value, m.latest_unit, m.latest_period, m.latest_area_code,
       i.name_fi
FROM dashboard_meters m
JOIN dashboard_indicators i ON i.indicator_id = m.latest_indicator_id
WHERE m.latest_value IS NOT NULL
ORDER BY m.meter_id
