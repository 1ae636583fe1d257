#!/usr/bin/env bash
# Moves the book to another major release of PostgreSQL, which reads no data directory of an older one:
#
#   deploy/postgres-major.sh docker.io/library/postgres:18 18
#
# The second word names the directory for its data, inside the same volume; the old directory stays as it is. The app is
# stopped meanwhile. The book goes through a backup, proved before and after. What to do afterwards is said at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ $# -ne 2 ] || [[ ! $2 =~ ^[A-Za-z0-9._-]+$ ]]; then
    echo "usage: deploy/postgres-major.sh IMAGE DIRECTORY, as in: deploy/postgres-major.sh docker.io/library/postgres:18 18" >&2
    exit 2
fi
new_image=$1 new_data=/var/lib/postgresql/data/$2
db=$(docker compose ps --quiet db)
if [ -z "$db" ]; then
    echo "No database runs here. Nothing was changed." >&2
    echo "  → docker compose up -d --wait" >&2
    exit 2
fi
if [ "$(docker inspect --format '{{range .Config.Env}}{{println .}}{{end}}' "$db" | sed -n 's/^PGDATA=//p')" = "$new_data" ]; then
    echo "The database already lies in $new_data. Nothing was changed." >&2
    echo "  → Name another directory." >&2
    exit 2
fi
backup=daybook-before-$2-$(date -u +%Y%m%dT%H%M%SZ).daybook
umask 077
docker image inspect "$new_image" >/dev/null 2>&1 || docker pull "$new_image"

moved=no
undo() {
    [ $? -eq 0 ] && return
    if [ "$moved" = yes ]; then
        docker compose logs --no-log-prefix --tail 15 db >&2 || true
        [ -f .env.before ] && mv .env.before .env || rm -f .env
        docker compose up --detach --wait db || true
    fi
    docker compose start app || true
    echo "It failed; why is said above. The old database was not touched, and is used as before." >&2
}
trap undo EXIT
once() { docker compose run --rm --no-deps --no-TTY migrate "$@"; }

docker compose stop app
once backup - </dev/null >"$backup"
once backup --verify - <"$backup"

moved=yes
[ ! -f .env ] || cp -p .env .env.before
{
    [ ! -f .env.before ] || grep -v -E '^(POSTGRES_IMAGE|DAYBOOK_PGDATA)=' .env.before || true
    printf 'POSTGRES_IMAGE=%s\nDAYBOOK_PGDATA=%s\n' "$new_image" "$new_data"
} >.env
docker compose up --detach --wait db
once db migrate </dev/null
once restore - <"$backup"
docker compose up --detach --wait
docker compose exec -T app daybook audit verify </dev/null

trap - EXIT
rm -f .env.before
echo "The book now lies in $new_image. Kept: $backup, and the old data in the database's volume."
echo "  → When you are content: docker compose exec db sh -c 'cd /var/lib/postgresql/data && ls'   shows what is no longer used"
