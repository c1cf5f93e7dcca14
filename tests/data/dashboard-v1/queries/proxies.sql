SELECT x.meter_id, i.indicator_id, i.name_fi, i.proxy_note_fi, i.labels
FROM dashboard_meter_indicators x
JOIN dashboard_indicators i ON i.indicator_id = x.indicator_id
WHERE i.kind = 'proxy'
ORDER BY x.meter_id, i.indicator_id
