SELECT area_name_fi, value, period, unit,
       rank() OVER (ORDER BY value DESC) AS place
FROM dashboard_latest
WHERE indicator_id = 'tertiary_share' AND area_level = 'municipality' AND value IS NOT NULL
ORDER BY place, area_name_fi
