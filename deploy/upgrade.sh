#!/usr/bin/env bash
# Brings a Compose installation to the release that lies here:
#
#   git pull && deploy/upgrade.sh
#
# It builds the release and migrates the database while the app that is there goes on, and only then puts the new app in
# its place. Where building or migrating fails, that app goes on. (`docker compose up` takes the app down first, and lets a
# copy of its release stand in where migrating fails.)
set -euo pipefail
cd "$(dirname "$0")/.."

app=$(docker compose ps --quiet app | head -n 1)
if [ -z "$app" ]; then
    echo "No app runs here, so there is nothing to keep up. Nothing was changed." >&2
    echo "  → docker compose up -d --build --wait" >&2
    exit 2
fi
image=$(docker inspect --format '{{.Image}}' "$app") name=$(docker inspect --format '{{.Config.Image}}' "$app")

give_up() { # WHAT FAILED
    docker tag "$image" "$name"
    echo "$1 Nothing was changed, and the app that was there goes on." >&2
    echo "  → Try again: deploy/upgrade.sh. Or go back to the release before: git reset --keep ORIG_HEAD" >&2
    exit 1
}
docker compose build app || give_up "The new release could not be built; why is said above."
docker compose run --rm --no-deps --no-TTY secrets </dev/null || give_up "The secrets of the new release could not be made; why is said above."
docker compose run --rm --no-deps --no-TTY migrate </dev/null || give_up "The database could not be migrated; why is said above."
docker compose up --detach --wait
