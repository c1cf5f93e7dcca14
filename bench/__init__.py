"""Timings of every line of the figures to reach, as ratios in one run: `make bench`."""
