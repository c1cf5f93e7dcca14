SELECT measure_id, text_fi, responsible, goal_id, cluster_id, meters, has_proxy, has_quarantined
FROM dashboard_measures
WHERE state = 'no_data'
ORDER BY measure_id
