# What the scripts that try the Compose stacks share. Source it; it counts in `passed` and `failed`.

passed=0 failed=0

compose() { timeout --kill-after=10 "$1" docker compose "${@:2}"; } # SECONDS ARGUMENT…
app() { compose 60 exec -T app "$@" </dev/null; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

check() { # NAME COMMAND…
    local name=$1 output began=$SECONDS
    shift
    if output=$("$@" 2>&1); then
        passed=$((passed + 1))
        printf 'ok      %s%s\n' "$name" "$([ $((SECONDS - began)) -lt 5 ] || echo " ($((SECONDS - began)) s)")"
    else
        failed=$((failed + 1))
        printf 'FAILED  %s\n%s\n' "$name" "$(printf '%s' "$output" | tail -n 25)"
    fi
}
says() { # TEXT COMMAND…: the command's output holds the text
    local wanted=$1 output
    shift
    output=$("$@" 2>&1) || { printf '%s\n' "$output"; return 1; }
    [[ $output == *"$wanted"* ]] || { printf 'no %q in:\n%s\n' "$wanted" "$output"; return 1; }
}
until_says() { # SECONDS TEXT COMMAND…: the command's output comes to hold the text
    local end=$((SECONDS + $1)) output
    while ! output=$(says "${@:2}"); do
        [ "$SECONDS" -lt "$end" ] || { printf '%s\n' "$output"; return 1; }
        sleep 1
    done
}
refuses() { ! "$@"; }
same() { [ "$1" = "$2" ] || { printf '%q is not %q\n' "$1" "$2"; return 1; }; }

finished() { # says how many there were; fails if one did
    printf '\n%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ]
}
