#!/usr/bin/env bash
# The simulated Compose stack under trouble: each container killed in turn while somebody asks, the app replaced by a
# newer build in the middle of an answer. At the end the log is proved and the read models are compared with it. Prints
# one line a check, two figures, and at last "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. deploy/checks.bash

export COMPOSE_PROJECT_NAME="daybook-faults-$$" DAYBOOK_IMAGE=daybook-faults DAYBOOK_VERSION=$$
work=$(mktemp -d)
# Answers of four seconds, so that there is a middle to be killed in.
cat >"$work/slow.yml" <<'YAML'
services:
  ollama:
    command: ["simulate-ollama", "--host", "0.0.0.0", "--port", "11434", "--rate", "50", "--tokens", "200"]
YAML
export COMPOSE_FILE=docker-compose.yml:docker-compose.simulated.yml:$work/slow.yml
DAYBOOK_HTTP_PORT=$(free_port)
export DAYBOOK_HTTP_PORT
asking=

clean_up() {
    [ -z "$asking" ] || kill "$asking" 2>/dev/null
    compose 120 down --volumes --remove-orphans --timeout 10 >/dev/null 2>&1
    docker image rm --force "$DAYBOOK_IMAGE:$DAYBOOK_VERSION" >/dev/null 2>&1
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

check "the image is built" compose 420 build --quiet app
began=$(date +%s%N)
check "it comes up" compose 240 up -d --wait
check "and answers" says imulator app daybook ask --no-think "Are you there?"
printf 'figure  %d ms from up to the end of the first answer, which takes 4 s by itself\n' $((($(date +%s%N) - began) / 1000000))
sleep 10
printf 'figure  the app at rest takes %s\n' "$(docker stats --no-stream --format '{{.MemUsage}}' "$(compose 20 ps -q app)")"
token=$(app cat /run/daybook/keys/token)

ask_on() { # asks one question after the other, whatever becomes of them; the keys of those that were taken stand in $work/taken
    TOKEN=$token BASE=http://127.0.0.1:$DAYBOOK_HTTP_PORT TAKEN=$work/taken exec python3 - <<'PYTHON'
import json
import os
import time
from urllib import request

opener = request.build_opener(request.ProxyHandler({}))
number = 0
while True:
    number += 1
    asked = request.Request(
        os.environ["BASE"] + "/api/v1/prompts",
        method="POST",
        data=json.dumps({"text": f"question-{number}"}).encode(),
    )
    asked.add_header("Content-Type", "application/json")
    asked.add_header("Authorization", "Bearer " + os.environ["TOKEN"])
    try:
        taken = json.loads(opener.open(asked, timeout=10).read())
    except (OSError, ValueError):
        time.sleep(0.2)
        continue
    with open(os.environ["TAKEN"], "a") as file:
        file.write(f"{taken['prompt_id']}\n")
    time.sleep(1)
PYTHON
}
taken() { wc -l <"$work/taken" 2>/dev/null || echo 0; }
goes_on() { # SECONDS: prompts are taken again
    local before end=$((SECONDS + $1))
    before=$(taken)
    until [ "$(taken)" -gt $((before + 1)) ]; do
        [ "$SECONDS" -lt "$end" ] || { echo "nothing is taken any more"; return 1; }
        sleep 0.5
    done
}
ask_on &
asking=$!
check "prompts are taken" goes_on 30
for service in app db ollama app; do
    docker kill --signal KILL "$(compose 20 ps -q "$service")" >/dev/null
    # A container that was killed from outside is not restarted by the engine: an orchestrator or a person does that.
    check "$service is killed and started again" compose 120 up -d --wait
    check "prompts are taken again" goes_on 60
done

cat >"$work/newer.Dockerfile" <<DOCKERFILE
FROM $DAYBOOK_IMAGE:$DAYBOOK_VERSION
LABEL newer=yes
DOCKERFILE
docker build --quiet --tag "$DAYBOOK_IMAGE:$DAYBOOK_VERSION" - <"$work/newer.Dockerfile" >/dev/null
check "a newer build takes the app's place while answers are written" compose 120 up -d --no-build --wait
check "it is the newer one" says yes docker inspect --format '{{.Config.Labels.newer}}' "$(compose 20 ps -q app)"
check "prompts are taken by it" goes_on 60
kill "$asking"
wait "$asking" 2>/dev/null
asking=

check "every answer has come to an end" until_says 120 '"running_answer_count":0' app python -c "
import json, pathlib, urllib.request as u
asked = u.Request('http://127.0.0.1:8484/metrics')
asked.add_header('Authorization', 'Bearer ' + pathlib.Path('/run/daybook/keys/token').read_text().strip())
lines = u.urlopen(asked, timeout=10).read().decode().splitlines()
print(json.dumps({'running_answer_count': sum(int(float(line.split()[-1])) for line in lines if line.startswith(('daybook_line_running ', 'daybook_line_waiting ', 'daybook_answers_running ')))}, separators=(',', ':')))"
every_prompt() { # each prompt that was taken is in the book
    local prompt
    while read -r prompt; do
        app daybook show "$prompt" >/dev/null || { echo "$prompt is lost"; return 1; }
    done <"$work/taken"
}
printf 'figure  %d prompts were taken\n' "$(taken)"
check "no prompt that was taken is lost" every_prompt
check "the log is proved" app daybook audit verify
check "the read models are what the log says" app daybook projections verify

finished
