"""What is kept and what dashboards read: database, vintages, views, raw store. Alone knows SQL."""
