#!/bin/sh
# Datasette on this machine alone, over the SQLite warehouse: deploy/datasette/serve.sh var/mittaristo.db [PORT]
# It opens the file for reading only; a run may write to it meanwhile. DATASETTE names the program where it is not on the path.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
file=${1:?name the warehouse: deploy/datasette/serve.sh var/mittaristo.db [PORT]}
port=${2:-8010}
case $file in
    */mittaristo.db | mittaristo.db) ;;
    *)
        echo "the queries of metadata.yaml belong to a file named mittaristo.db, not to $file; link or copy it so" >&2
        exit 2
        ;;
esac
[ -f "$file" ] || { echo "there is no warehouse at $file; \`mittaristo run\` makes it" >&2; exit 2; }
exec "${DATASETTE:-datasette}" serve "$file" \
    --host 127.0.0.1 --port "$port" \
    --metadata "$here/metadata.yaml" --plugins-dir "$here/plugins" \
    --setting default_allow_sql off --setting allow_download off \
    --setting suggest_facets off --setting sql_time_limit_ms 3000 --setting max_returned_rows 10000 \
    --setting template_debug off --setting base_url /
