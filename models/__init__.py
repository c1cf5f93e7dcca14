"""What things are: the programme, its indicators, areas, periods, observations. Imports nothing of ours."""
