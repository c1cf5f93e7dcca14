SELECT kind, state, count(*) AS meters
FROM dashboard_meters
GROUP BY kind, state
ORDER BY kind, state
