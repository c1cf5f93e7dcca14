SELECT started_at, run_id, state, count(*) AS datasets, sum("new") AS new_figures, sum(revised) AS revised_figures,
       sum(withdrawn) AS withdrawn_figures, sum(same) AS same_figures
FROM dashboard_runs
GROUP BY started_at, run_id, state
ORDER BY started_at DESC, state
