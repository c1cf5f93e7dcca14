#!/bin/sh
# Builds the report again every WATCH_SECONDS (default 900), and tells of problems that began or ended, until SIGTERM.
# Neither needs Prefect, so both go on when the server or the worker is dead.
set -eu

seconds=${WATCH_SECONDS:-900}
trap 'exit 0' TERM INT
while :; do
    mittaristo report build || echo "the report could not be built; the old page stays" >&2
    mittaristo health --notify || true # its reasons are printed; the container's health check gives the exit code
    sleep "$seconds" &
    wait $!
done
