SELECT programme_area_fi, area_id, state, count(*) AS measures, sum(late_meters) AS late, sum(due_meters) AS due
FROM dashboard_measures
GROUP BY programme_area_fi, area_id, state
ORDER BY area_id, state
