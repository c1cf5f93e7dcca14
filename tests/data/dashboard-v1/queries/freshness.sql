SELECT dataset_id, state, last_release, last_fetch, next_expected, last_error
FROM dashboard_freshness
WHERE state <> 'not_in_sample'
ORDER BY state, dataset_id
