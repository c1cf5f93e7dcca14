SELECT source, licence, attribution_fi, count(*) AS indicators
FROM dashboard_indicators
WHERE definition <> ''
GROUP BY source, licence, attribution_fi
ORDER BY source
