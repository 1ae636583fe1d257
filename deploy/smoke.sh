#!/usr/bin/env bash
# Builds and starts the whole Compose installation with the simulator in the model server's place, asks it by every
# door, restarts it, and takes it down again. Everything is a project of its own and goes away at the end, volumes and
# image included. Prints one line a check and at last "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. deploy/checks.bash

export COMPOSE_PROJECT_NAME="daybook-smoke-$$" DAYBOOK_IMAGE=daybook-smoke DAYBOOK_VERSION=$$
export COMPOSE_FILE=docker-compose.yml:docker-compose.simulated.yml
DAYBOOK_HTTP_PORT=$(free_port)
export DAYBOOK_HTTP_PORT
base=http://127.0.0.1:$DAYBOOK_HTTP_PORT
token=

database() { compose 60 exec -T db "$@" </dev/null; }


clean_up() {
    compose 120 down --volumes --remove-orphans --timeout 10 >/dev/null 2>&1
    docker image rm --force "$DAYBOOK_IMAGE:$DAYBOOK_VERSION" >/dev/null 2>&1
}
trap clean_up EXIT
trap 'exit 130' INT TERM

call() { # METHOD PATH [BODY]: prints the status, a line feed and the body; the token goes with it
    METHOD=$1 URL=$base$2 BODY=${3:-} TOKEN=$token timeout 60 python3 - <<'PYTHON'
import os
from urllib import error, request

asked = request.Request(os.environ["URL"], method=os.environ["METHOD"], data=os.environ["BODY"].encode() or None)
asked.add_header("Content-Type", "application/json")
if os.environ["TOKEN"]:
    asked.add_header("Authorization", "Bearer " + os.environ["TOKEN"])
opener = request.build_opener(request.ProxyHandler({}))
try:
    answer = opener.open(asked, timeout=30)
except error.HTTPError as refused:
    answer = refused
print(answer.status)
print(answer.read().decode())
PYTHON
}
sign_in() { # URL: opens a link twice; prints both statuses
    URL=$1 timeout 60 python3 - <<'PYTHON'
import http.client
import os
from urllib.parse import urlsplit

link = urlsplit(os.environ["URL"].strip())
statuses = []
for _ in range(2):
    connection = http.client.HTTPConnection(link.netloc, timeout=30)
    connection.request("GET", f"{link.path}?{link.query}")
    statuses.append(str(connection.getresponse().status))
print(*statuses)
PYTHON
}
field() { python3 -c 'import json, sys; print(json.loads(sys.stdin.read().split("\n", 1)[1])[sys.argv[1]])' "$1"; }
denies() { # STATEMENT: the database refuses it to the application, with the application's own password
    local output
    output=$(app python -c 'import pathlib, sys, psycopg
url = pathlib.Path("/run/daybook/application/url").read_text().strip()
psycopg.connect(url, autocommit=True).execute(sys.argv[1])' "$1" 2>&1) && { echo "it was done"; return 1; }
    [[ $output == *InsufficientPrivilege* ]] || { printf '%s\n' "$output"; return 1; }
}
secrets() {
    app cat /run/daybook/keys/token /run/daybook/keys/master-key /run/daybook/application/url
    database cat /run/daybook/database/password
}

check "the image is built" compose 420 build --quiet app
began=$(date +%s%N)
check "it comes up from nothing, healthy" compose 240 up -d --wait
check "and answers" says imulator app daybook ask "Are you there?"
printf 'figure  %d ms from up to the end of the first answer\n' $((($(date +%s%N) - began) / 1000000))
if [ "$failed" -ne 0 ]; then
    compose 30 logs --no-color --tail 20
    finished
    exit 1
fi

check "it is ready, by its published port" says '"ready":true' call GET /readyz
check "without the token nobody is let in" says 401 call GET /api/v1/conversations
token=$(app cat /run/daybook/keys/token)
check "with the token one is" says '"conversations":[{' call GET /api/v1/conversations
check "it runs without root's rights" says uid=10001 app id
check "it cannot write beside its volumes" refuses app touch /opt/daybook/there
check "there is nothing to build with inside" refuses app sh -c 'command -v gcc || command -v make || command -v git'
check "a link leads to the published port" says "$base/sign-in?code=" app daybook link
check "a link signs in, once" same "303 401" "$(sign_in "$(app daybook link 2>/dev/null)")"
check "the database is not published" same "$(docker port "$(compose 20 ps -q db)")" ""
check "the doctor is content" says "All is well" app daybook doctor
check "the token is not in the container's settings" refuses says "$token" docker inspect "$(compose 20 ps -q app)"

check "the command line asks and a simulator answers" says imulator app daybook ask "What is a Merkle tree?"

conversation=$(call POST /api/v1/conversations '{"title": "From outside"}' | field id)
answer=$(call POST "/api/v1/conversations/$conversation/prompts" '{"text": "Is the sky blue?"}' | field answer_id)
check "the API streams an answer to its end" says "event: done" call GET "/api/v1/answers/$answer/stream"
check "the answer is in the transcript" says '"status":"complete"' call GET "/api/v1/conversations/$conversation"
check "the prompt is found" says "$conversation" call GET "/api/v1/search?q=sky"

check "the application cannot delete events" denies "delete from daybook.events"
check "nor change one" denies "update daybook.events set payload = 'x'"
check "nor take the owner's role" denies "set role daybook"
check "nor read the owner's password" refuses app sh -c 'cat /run/daybook/database/*'
check "it says so" says "its login has no right to change it" app daybook db status
check "migrating is not the application's, and harmless" says "Nothing to do" app daybook db migrate
check "the owner can migrate again" says "Nothing to do" compose 60 run --rm -T migrate

before=$(secrets)
check "it stops within its time" compose 60 stop
stopped=$(docker inspect --format '{{.State.ExitCode}}' "$(compose 20 ps -a -q app)")
check "and left with exit code 0" same "$stopped" 0
check "it starts again" compose 180 up -d --wait
check "with the same secrets" same "$before" "$(secrets)"
check "and with all that was recorded" says "From outside" app daybook list
check "which it can still read" says "Is the sky blue?" app daybook show "$conversation"
check "it answers again" says imulator app daybook ask --continue "And a hash?"

check "it goes away" compose 120 down --volumes --remove-orphans --timeout 15
check "and leaves no volume behind" same "$(docker volume ls -q --filter "name=$COMPOSE_PROJECT_NAME")" ""

finished
