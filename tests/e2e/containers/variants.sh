#!/usr/bin/env bash
# Brings up the Compose variants that can run anywhere, each a project of its own that goes away at the end: secrets of
# one's own, a database of one's own, backups, two apps behind a proxy. Each is asked a question. Prints one line a check
# and at last "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/../../.." || exit 1
. deploy/checks.bash

export DAYBOOK_IMAGE=daybook-variants DAYBOOK_VERSION=$$
work=$(mktemp -d)
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
    docker image rm --force "$DAYBOOK_IMAGE:$DAYBOOK_VERSION" "$DAYBOOK_IMAGE:$DAYBOOK_VERSION-newer" "daybook-proxy:$$" >/dev/null 2>&1
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

export DAYBOOK_DATABASE_URL=postgresql://a:b@there/daybook DAYBOOK_OWNER_DATABASE_URL=postgresql://c:d@there/daybook
for file in docker-compose.*.yml; do
    check "$file is right" env -u COMPOSE_FILE docker compose -f docker-compose.yml -f "$file" config --quiet
done
unset DAYBOOK_DATABASE_URL DAYBOOK_OWNER_DATABASE_URL

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
docker tag "$DAYBOOK_IMAGE:$DAYBOOK_VERSION" "$DAYBOOK_IMAGE:$DAYBOOK_VERSION-newer"
printf 'services: { migrate: { command: ["db", "no-such-step"] }, app: { build: !reset null } }\n' >"$work/broken.yml"
check "an upgrade whose migration fails is refused" refuses env DAYBOOK_VERSION="$DAYBOOK_VERSION-newer" \
    COMPOSE_FILE="$COMPOSE_FILE:$work/broken.yml" timeout 60 docker compose up -d --wait --no-build
check "and the app that was there goes on" same "$running" "$(compose 20 ps -q app)"
check "which answers" says imulator app daybook ask "Still the old one?"
check "the same upgrade without the fault is taken" env DAYBOOK_VERSION="$DAYBOOK_VERSION-newer" \
    timeout 120 docker compose up -d --wait --no-build
check "by another container" refuses same "$running" "$(compose 20 ps -q app)"
down

begin restore secrets
export COMPOSE_FILE=docker-compose.yml:docker-compose.simulated.yml:docker-compose.secrets.yml
check "an empty stack comes up, with the same master key" compose 240 up -d --wait
check "its app is stopped" compose 60 stop app
check "the backup is restored into it" compose 120 run --rm -T migrate restore - <"$work/by-hand.daybook"
check "it starts again" compose 120 up -d --wait
check "it has what was asked, and can read it" says "up?" app daybook search backed
check "its log is proved" app daybook audit verify
down
unset DAYBOOK_SECRETS DAYBOOK_BACKUP_HOURS DAYBOOK_BACKUP_KEEP

begin host-ollama
COMPOSE_FILE=docker-compose.yml:docker-compose.host-ollama.yml
projects[-1]="$COMPOSE_PROJECT_NAME=$COMPOSE_FILE"
port=$(free_port)
docker run --detach --name "daybook-host-model-$$" --network host "$DAYBOOK_IMAGE:$DAYBOOK_VERSION" \
    simulate-ollama --host 0.0.0.0 --port "$port" >/dev/null
export DAYBOOK_OLLAMA_URL=http://host.docker.internal:$port
check "it comes up with a model server on the machine itself" compose 240 up -d --wait
check "no model server runs beside it" same "$(compose 20 ps --services | tr '\n' ' ')" "app db "
check "it answers" says imulator app daybook ask "Where are you?"
docker rm --force "daybook-host-model-$$" >/dev/null
check "the doctor says that it is not reached" says "host.docker.internal:$port" compose 60 exec -T app sh -c 'daybook doctor || true'
down
unset DAYBOOK_OLLAMA_URL

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
