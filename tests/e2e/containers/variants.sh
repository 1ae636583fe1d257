#!/usr/bin/env bash
# Brings up the Compose variants that can run anywhere, each a project of its own that goes away at the end: secrets of
# one's own, a database of one's own, backups, two apps behind a proxy. Each is asked a question. On the way: upgrades of
# Daybook and of PostgreSQL, each once with a fault. Prints one line a check and at last "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/../../.." || exit 1
. deploy/checks.bash

export DAYBOOK_IMAGE=daybook-variants DAYBOOK_VERSION=$$
work=$(mktemp -d)
mkdir "$work/tree"
projects=()

begin() { # VARIANT…: what follows is about the simulated stack with these variants
    export COMPOSE_PROJECT_NAME="daybook-$1-$$" COMPOSE_FILE=docker-compose.yml:docker-compose.simulated.yml
    for variant in "$@"; do COMPOSE_FILE+=:docker-compose.$variant.yml; done
    projects+=("$COMPOSE_PROJECT_NAME=$COMPOSE_FILE")
    DAYBOOK_HTTP_PORT=$(free_port)
    export DAYBOOK_HTTP_PORT
    printf '\n-- %s\n' "$*"
}
down() { compose 120 down --volumes --remove-orphans --timeout 10 >/dev/null 2>&1; }

clean_up() {
    for project in "${projects[@]}"; do
        COMPOSE_PROJECT_NAME=${project%%=*} COMPOSE_FILE=${project#*=} down
    done
    docker rm --force --volumes "daybook-own-db-$$" "daybook-host-model-$$" >/dev/null 2>&1
    docker network rm "daybook-own-$$" >/dev/null 2>&1
    docker image rm --force "$DAYBOOK_IMAGE:$DAYBOOK_VERSION" "$DAYBOOK_IMAGE:good-$$" "daybook-proxy:$$" "daybook-postgres-18:$$" "daybook-no-postgres:$$" >/dev/null 2>&1
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

export POSTGRES_PASSWORD=there DAYBOOK_DATABASE_URL=postgresql://a:b@there/daybook DAYBOOK_OWNER_DATABASE_URL=postgresql://c:d@there/daybook
for file in docker-compose.*.yml; do
    check "$file is right" env -u COMPOSE_FILE docker compose -f docker-compose.yml -f "$file" config --quiet
done
unset POSTGRES_PASSWORD DAYBOOK_DATABASE_URL DAYBOOK_OWNER_DATABASE_URL

begin backup secrets
export DAYBOOK_SECRETS=$work/secrets DAYBOOK_BACKUP_HOURS=1 DAYBOOK_BACKUP_KEEP=2
mkdir "$DAYBOOK_SECRETS"
check "the image is built" compose 420 build --quiet app
for secret in master-key token; do
    docker run --rm --entrypoint python "$DAYBOOK_IMAGE:$DAYBOOK_VERSION" -m bootstrap.first_secrets "$secret" >"$DAYBOOK_SECRETS/$secret"
done
chmod 444 "$DAYBOOK_SECRETS"/* # who runs this need not be able to give them to user 10001
check "it comes up with backups and secrets of one's own" compose 240 up -d --wait
check "it lets in who has that token" says '"actor"' app python -c "
import pathlib, urllib.request as u
asked = u.Request('http://127.0.0.1:8484/api/v1/me')
asked.add_header('Authorization', 'Bearer ' + pathlib.Path('/run/secrets/token').read_text().strip())
print(u.urlopen(asked, timeout=10).read().decode())"
check "it answers" says imulator app daybook ask "Is this backed up?"
backups() { compose 60 exec -T backup sh -c 'ls /backups'; }
check "a backup was made as it came up" until_says 60 .daybook backups
check "another is made by hand" compose 60 exec -T backup sh -c 'daybook backup /backups/daybook-by-hand.daybook'
check "which is proved" compose 60 exec -T backup daybook backup --verify /backups/daybook-by-hand.daybook
compose 60 exec -T backup cat /backups/daybook-by-hand.daybook >"$work/by-hand.daybook"
running=$(compose 20 ps -q app)
cp docker-compose*.yml "$work/tree"
cp -r deploy "$work/tree"
printf 'services: { app: { build: !reset null, pull_policy: never } }\n' >"$work/built.yml"
printf 'services: { migrate: { command: ["db", "no-such-step"] } }\n' >"$work/broken.yml"
COMPOSE_FILE+=:$work/built.yml
printf 'FROM %s\nLABEL newer=yes\n' "$DAYBOOK_IMAGE:$DAYBOOK_VERSION" | docker build --quiet --tag "$DAYBOOK_IMAGE:$DAYBOOK_VERSION" - >/dev/null
check "an upgrade whose migration fails says so" says "the app that was there goes on" refuses env \
    COMPOSE_FILE="$COMPOSE_FILE:$work/broken.yml" timeout 120 "$work/tree/deploy/upgrade.sh"
check "and leaves the app that was there" same "$running" "$(compose 20 ps -q app)"
check "which answers" says imulator app daybook ask "Still the old one?"
check "its image is the one that will be started again" same "$(docker inspect --format '{{.Image}}' "$running")" \
    "$(docker image inspect --format '{{.Id}}' "$DAYBOOK_IMAGE:$DAYBOOK_VERSION")"
printf 'FROM %s\nLABEL newer=yes\n' "$DAYBOOK_IMAGE:$DAYBOOK_VERSION" | docker build --quiet --tag "$DAYBOOK_IMAGE:$DAYBOOK_VERSION" - >/dev/null
check "the same upgrade without the fault is taken" timeout 120 "$work/tree/deploy/upgrade.sh"
check "by another container" refuses same "$running" "$(compose 20 ps -q app)"
docker tag "$DAYBOOK_IMAGE:$DAYBOOK_VERSION" "$DAYBOOK_IMAGE:good-$$"
next=$(docker run --rm --entrypoint python "$DAYBOOK_IMAGE:good-$$" -c '
from infrastructure.postgres import migrate
print(migrate._FOLDER / f"{len(migrate.known_migrations()) + 1:04}_next.sql")')
owner() { compose 30 exec -T db psql -U daybook -qc "$1" </dev/null; }
owner "create table daybook.next (n int)" # which the next release wants to make
printf 'FROM %s\nUSER root\nRUN echo "create table daybook.next (n int)" >%s\nUSER 10001:10001\n' "$DAYBOOK_IMAGE:good-$$" "$next" |
    docker build --quiet --tag "$DAYBOOK_IMAGE:$DAYBOOK_VERSION" - >/dev/null
asked_in_a_pipe() { echo "$1" | compose 60 exec -T app daybook ask; }
check "a plain up whose migration fails says so" says "didn't complete successfully" refuses timeout 120 docker compose up -d --wait
check "the app is well nevertheless" says healthy docker inspect --format '{{.State.Health.Status}}' "$(compose 20 ps -q app)"
check "the release before answers" says imulator app daybook ask "Which release are you?"
check "also what is asked in a pipe" says "in a pipe" asked_in_a_pipe "Is this in a pipe?"
check "it says that it stands in" says "The release before answers" app daybook list
check "and so does its page" says "This is the release before" app python -c "
import pathlib, urllib.request as u
asked = u.Request('http://127.0.0.1:8484/')
asked.add_header('Authorization', 'Bearer ' + pathlib.Path('/run/secrets/token').read_text().strip())
print(u.urlopen(asked, timeout=10).read().decode())"
owner "drop table daybook.next"
check "with the hindrance gone, up migrates" compose 120 up -d
check "the new release takes over, in the same container" until_says 60 "takes over" compose 20 logs app
check "it is well" until_says 60 healthy docker inspect --format '{{.State.Health.Status}}' "$(compose 20 ps -q app)"
check "and answers for itself" refuses says "The release before answers" app daybook ask "Which release are you now?"
check "all that was asked is there" says "in a pipe" app daybook search pipe
check "the log is proved" app daybook audit verify
down

begin restore secrets
export COMPOSE_FILE=docker-compose.yml:docker-compose.simulated.yml:docker-compose.secrets.yml
check "an empty stack comes up, with the same master key" compose 240 up -d --wait
check "its app is stopped" compose 60 stop app
check "the backup is restored into it" compose 120 run --rm -T migrate restore - <"$work/by-hand.daybook"
check "it starts again" compose 120 up -d --wait
check "it has what was asked, and can read it" says "up?" app daybook search backed
check "its log is proved" app daybook audit verify
COMPOSE_FILE+=:$work/built.yml
read -r owner group <<<"$(compose 20 exec -T db sh -c 'echo $(id -u postgres) $(id -g postgres)' </dev/null)"
docker build --quiet --build-arg OWNER_UID="$owner" --build-arg OWNER_GID="$group" --tag "daybook-postgres-18:$$" \
    tests/e2e/containers/postgres-18 >/dev/null
printf 'FROM python:3.13-slim\nENTRYPOINT ["false"]\n' | docker build --quiet --tag "daybook-no-postgres:$$" - >/dev/null
check "a database that does not come up is not moved to" says "is used as before" refuses timeout 180 \
    "$work/tree/deploy/postgres-major.sh" "daybook-no-postgres:$$" 18
check "and the app goes on with the old one" until_says 60 "up?" app daybook search backed
check "PostgreSQL 18 takes the book over" timeout 240 "$work/tree/deploy/postgres-major.sh" "daybook-postgres-18:$$" 18
set -a
. "$work/tree/.env"
set +a
check "which the app works with" says "PostgreSQL 18" app daybook db status
check "and has what was asked" says "up?" app daybook search backed
check "its log is proved there" app daybook audit verify
down
unset DAYBOOK_SECRETS POSTGRES_IMAGE DAYBOOK_PGDATA DAYBOOK_BACKUP_HOURS DAYBOOK_BACKUP_KEEP

begin host-ollama
COMPOSE_FILE=docker-compose.yml:docker-compose.host-ollama.yml
projects[-1]="$COMPOSE_PROJECT_NAME=$COMPOSE_FILE"
port=$(free_port)
docker run --detach --name "daybook-host-model-$$" --network host "$DAYBOOK_IMAGE:$DAYBOOK_VERSION" \
    simulate-ollama --host 0.0.0.0 --port "$port" --no-models --pull-seconds 20 >/dev/null
export DAYBOOK_OLLAMA_URL=http://host.docker.internal:$port DAYBOOK_PULL=on
check "it comes up with a model server on the machine itself" compose 240 up -d --wait
check "whose missing model is on its way" says '"line":"pull"' compose 20 logs --no-log-prefix app
check "which is shown" says '"running":true' app python -c "
import pathlib, urllib.request as u
asked = u.Request('http://127.0.0.1:8484/state')
asked.add_header('Authorization', 'Bearer ' + pathlib.Path('/run/daybook/keys/token').read_text().strip())
print(u.urlopen(asked, timeout=10).read().decode())"
check "a question waits for it, and is told how far it is" says "waits for the model" app daybook ask "Are you there yet?"
check "no model server runs beside it" same "$(compose 20 ps --services | tr '\n' ' ')" "app db "
check "it answers" says imulator app daybook ask "Where are you?"
docker rm --force "daybook-host-model-$$" >/dev/null
check "the doctor says that it is not reached" says "host.docker.internal:$port" compose 60 exec -T app sh -c 'daybook doctor || true'
check "and where it must listen to be" says "OLLAMA_HOST=" compose 60 exec -T app sh -c 'daybook doctor || true'
down
unset DAYBOOK_OLLAMA_URL DAYBOOK_PULL

begin kubernetes
export DAYBOOK_SECRETS=$work/cluster
mkdir "$DAYBOOK_SECRETS"
check "the secrets of a cluster are made" docker run --rm --user "$(id -u):$(id -g)" --volume "$DAYBOOK_SECRETS:/secrets" \
    --entrypoint python "$DAYBOOK_IMAGE:$DAYBOOK_VERSION" -m bootstrap.first_secrets /secrets/keys /secrets/database \
    /secrets/application db /secrets/home
find "$DAYBOOK_SECRETS" -type d -exec chmod 755 {} + -o -type f -exec chmod 444 {} + # a cluster gives them to who runs there
POSTGRES_PASSWORD=$(cat "$DAYBOOK_SECRETS/database/password")
export POSTGRES_PASSWORD
# As a cluster does it: all at once, the database last of all.
container() { compose 20 ps --all --quiet "$1"; }
compose 60 up --no-start >/dev/null 2>&1
check "what needs the database starts before it" docker start "$(container app)" "$(container migrate)" "$(container ollama)"
sleep 3
check "the database comes" docker start "$(container db)"
check "and the app gets ready by itself" until_says 90 healthy docker inspect --format '{{.State.Health.Status}}' "$(container app)"
check "it answers" says imulator app daybook ask "Who started you?"
check "its key signs" app daybook audit checkpoint
down
unset DAYBOOK_SECRETS POSTGRES_PASSWORD

begin external-db
docker network create "daybook-own-$$" >/dev/null
docker run --detach --name "daybook-own-db-$$" --network "daybook-own-$$" --network-alias own-db -e POSTGRES_PASSWORD=owner \
    -e POSTGRES_DB=daybook docker.io/library/postgres:17 >/dev/null
export DAYBOOK_OWNER_DATABASE_URL=postgresql://postgres:owner@own-db:5432/daybook
export DAYBOOK_DATABASE_URL=postgresql://daybook_app:application@own-db:5432/daybook
cat >"$work/network.yml" <<YAML
networks: { default: { name: daybook-own-$$, external: true } }
YAML
COMPOSE_FILE+=:$work/network.yml
projects[-1]="$COMPOSE_PROJECT_NAME=$COMPOSE_FILE"
check "it comes up with a database of one's own" compose 240 up -d --wait
check "no other database runs" same "$(compose 20 ps --services | tr '\n' ' ')" "app ollama "
check "it answers" says imulator app daybook ask "Whose database is this?"
check "the application cannot change the log" says "has no right to change it" app daybook db status
down
docker rm --force --volumes "daybook-own-db-$$" >/dev/null
unset DAYBOOK_DATABASE_URL DAYBOOK_OWNER_DATABASE_URL

begin replicas
docker build --quiet --tag "daybook-proxy:$$" - >/dev/null <<'DOCKERFILE'
FROM python:3.13-slim
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends caddy >/dev/null
ENV XDG_DATA_HOME=/data
DOCKERFILE
export PROXY_IMAGE=daybook-proxy:$$ DAYBOOK_HTTPS_PORT DAYBOOK_PLAIN_PORT DAYBOOK_HTTPS_SUFFIX
DAYBOOK_HTTPS_PORT=$(free_port) DAYBOOK_PLAIN_PORT=$(free_port) DAYBOOK_HTTPS_SUFFIX=:$DAYBOOK_HTTPS_PORT
check "two apps come up behind a proxy" compose 300 up -d --wait
token=$(app cat /run/daybook/keys/token)
compose 30 cp proxy:/data/caddy/pki/authorities/local/root.crt "$work/root.crt" >/dev/null 2>&1
through() { # METHOD PATH [BODY]: through the proxy, its certificate checked
    METHOD=$1 URL=https://localhost:$DAYBOOK_HTTPS_PORT$2 BODY=${3:-} TOKEN=$token ROOT=$work/root.crt timeout 60 python3 - <<'PYTHON'
import os
import ssl
from urllib import request

asked = request.Request(os.environ["URL"], method=os.environ["METHOD"], data=os.environ["BODY"].encode() or None)
asked.add_header("Content-Type", "application/json")
asked.add_header("Authorization", "Bearer " + os.environ["TOKEN"])
context = ssl.create_default_context(cafile=os.environ["ROOT"])
opener = request.build_opener(request.ProxyHandler({}), request.HTTPSHandler(context=context))
print(opener.open(asked, timeout=30).read().decode())
PYTHON
}
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
check "there are two" same "$(compose 20 ps -q app | wc -l)" 2
check "the proxy speaks TLS and lets in who may" says '"actor"' through GET /api/v1/me
check "a link leads to the proxy" says "https://localhost:$DAYBOOK_HTTPS_PORT/sign-in" app daybook link
conversation=$(through POST /api/v1/conversations '{"title": "By two"}' | field id)
for number in 1 2 3 4; do
    answer=$(through POST "/api/v1/conversations/$conversation/prompts" "{\"text\": \"Who answers number $number?\"}" | field answer_id)
    check "answer $number is followed to its end, whoever writes it" says "event: done" through GET "/api/v1/answers/$answer/stream"
done
docker kill --signal KILL "$(compose 20 ps -q app | head -n 1)" >/dev/null
check "one of them killed, the other goes on" says '"title":"By two"' through GET "/api/v1/conversations/$conversation"
check "and asks" says '"answer_id"' through POST "/api/v1/conversations/$conversation/prompts" '{"text": "Still there?"}'
down

finished
