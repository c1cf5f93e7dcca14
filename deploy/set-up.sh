#!/bin/sh
# Brings the warehouse's tables, the work pool, the deployments and the automations up to this version; harmless when run
# again.
#
#   set-up.sh process|docker|kubernetes
#
# Needs PREFECT_API_URL, PREFECT_API_AUTH_STRING where the server asks for it, MITTARISTO_DATABASE_URL and the programs
# mittaristo and prefect on the PATH. The deployments are moved to the pool mittaristo-<type>; a pool that is there
# already is left as it is (a person may have paused or changed it).
set -eu

usage="usage: $0 process|docker|kubernetes"
type=${1:?$usage}
case $type in
    process | docker | kubernetes) ;;
    *)
        echo "$usage" >&2
        exit 2
        ;;
esac
here=$(cd "$(dirname "$0")" && pwd)
WORK_POOL=mittaristo-$type
export WORK_POOL

if ! python -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1] + "/health", timeout=10)' \
    "${PREFECT_API_URL:?set it to the address of the Prefect server, e.g. http://host:4200/api}" 2>/dev/null; then
    echo "PREFECT_API_URL: no Prefect server answers at $PREFECT_API_URL; start it or correct the address" >&2
    exit 1
fi

mittaristo db upgrade
if prefect --no-prompt work-pool inspect "$WORK_POOL" >/dev/null 2>&1; then
    echo "work pool $WORK_POOL is there"
elif [ -f "$here/pools/$type.json" ]; then
    prefect --no-prompt work-pool create "$WORK_POOL" --type "$type" --base-job-template "$here/pools/$type.json"
else
    prefect --no-prompt work-pool create "$WORK_POOL" --type "$type"
fi
prefect --no-prompt deploy --all --prefect-file "$here/prefect.yaml"
python -c 'import asyncio; from flows.automations import keep_automations; asyncio.run(keep_automations())'
