SELECT area_id, state, count(*) AS measures, sum(meters) AS meters, sum(answered) AS answered
FROM dashboard_measures
GROUP BY area_id, state
ORDER BY area_id, state
