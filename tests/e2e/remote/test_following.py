"""Answers of a server, followed by the command line: cut, cancelled, left, waited for, and in a chat."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable

import pytest

from infrastructure.simulator.options import SimulatorOptions
from infrastructure.simulator.server import RunningSimulator
from tests.support.cli_process import Daybook, read_some, wait_until
from tests.support.cutting_http import CuttingHttp
from tests.support.http_server import RunningServer
from tests.support.server_process import free_port, serving

SLOW, STALL = "simulator-slow", "simulator-stall"


def shown(daybook: Daybook) -> dict[str, str]:
    """Return the last message of the latest conversation."""
    message: dict[str, str] = daybook("show", "@last", "--json").json["messages"][-1]
    return message


def test_a_stream_that_is_cut_again_and_again_comes_whole(served: RunningServer, there: Daybook) -> None:
    with CuttingHttp(served.port, cut_streams_after=1500) as proxy:
        ran = there.with_settings(DAYBOOK_SERVER=proxy.url)("ask", "-m", SLOW, "--no-think", "cut me")
        assert proxy.cut_count > 1
    assert ran.out.rstrip("\n") == shown(there)["text"].rstrip("\n")
    assert not ran.err


@pytest.mark.parametrize("what", [b"/prompts HTTP", b"/archive HTTP"])
def test_a_command_whose_acknowledgement_is_lost_is_recorded_once(
    served: RunningServer, there: Daybook, what: bytes
) -> None:
    there("ask", "before")
    size = there("projections", "status", "--json").json["log_size"]
    with CuttingHttp(served.port, lose_answers_to=what) as proxy:
        through = there.with_settings(DAYBOOK_SERVER=proxy.url)
        if what.startswith(b"/prompts"):
            ran = through("ask", "-c", "--json", "only once")
            assert ran.json["replayed"] is False
            grown = 3
        else:
            through("archive", "@last")
            grown = 1
        assert proxy.cut_count == 1
    assert there("projections", "status", "--json").json["log_size"] == size + grown
    there("restore", "@last", expect=None)


def test_ctrl_c_stops_the_answer_at_the_server(there: Daybook) -> None:
    process = there.begin("ask", "--no-think", "-m", SLOW, "stop me")
    begun = read_some(process, 5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"Cancelled" in err
    answer = shown(there)
    assert answer["status"] == "cancelled"
    assert answer["text"].startswith((begun + out).decode().strip()[:20])


def test_a_client_that_is_ended_leaves_the_answer_to_the_server(there: Daybook) -> None:
    process = there.begin("ask", "--no-think", "-m", SLOW, "leave me")
    assert read_some(process, 5)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"daybook show" in err
    wait_until(lambda: shown(there)["status"] == "complete", "the answer to be complete")


def test_who_waits_is_told_the_place(there: Daybook) -> None:
    first = there.begin("ask", "-m", STALL, "hold the place")
    wait_until(lambda: b"hold the place" in there("list").out.encode(), "the first to begin")
    second = there.begin("ask", "wait here", "--json")
    wait_until(lambda: "wait here" in there("list").out, "the second to wait")
    listed = there("list", "--json").json["conversations"]
    there("cancel", next(one["id"] for one in listed if one["title"] == "hold the place"))
    out, err = second.communicate(timeout=30)
    assert b"number 1 in the line" in err
    assert json.loads(out)["status"] == "complete"
    assert first.wait(30) == 130
    for pipe in (first.stdout, first.stderr):
        assert pipe is not None
        pipe.close()


def test_a_chat_goes_on_goes_back_and_ends(there: Daybook) -> None:
    child = there.on_terminal("chat", "--hide-thinking")
    child.expect(r"\x1b\[\?2004h")
    child.send("hello chat\r")
    child.expect("simulator, not")
    child.expect(r"\x1b\[\?2004h")
    child.send("/model\r")
    child.expect("deepseek-r1:8b answers")
    child.expect("On the model server")
    child.expect(r"\x1b\[\?2004h")
    child.send("/undo\r")
    child.expect("Back before this prompt")
    child.expect(r"\x1b\[\?2004h")
    child.sendintr()
    child.expect(r"\x1b\[\?2004h")
    child.sendeof()
    child.expect("Recorded: daybook show")
    child.wait()
    child.close()
    assert child.exitstatus == 0
    assert there("show", "@last", "--json").json["messages"] == []


@pytest.mark.slow
def test_a_server_that_is_killed_and_comes_back_tells_how_the_answer_ended(
    new_cli: Callable[[], Daybook], there: Daybook
) -> None:
    port = free_port()
    with RunningSimulator(SimulatorOptions(rate=0, slow_rate=40, fault_models=True)) as simulator:
        book = new_cli().with_settings(DAYBOOK_OLLAMA_URL=simulator.url)
        client = there.with_settings(DAYBOOK_SERVER=f"http://127.0.0.1:{port}")
        with serving(book.environment, port) as first:
            process = client.begin("ask", "--no-think", "-m", SLOW, "kill the server")
            out = read_some(process, 40)
            first.process.kill()
            first.process.wait()
        with serving(book.environment, port):
            out, err = _rest_of(process, out)
            answer = shown(client)
    assert process.returncode == 130, err
    assert answer["status"] == "interrupted"
    assert b"Interrupted" in err
    # What was shown and not saved when the server died is taken back, and what was saved comes again.
    assert out.decode().strip().endswith(answer["text"].strip()[-20:])


def _rest_of(process: subprocess.Popen[bytes], begun: bytes) -> tuple[bytes, bytes]:
    out, err = process.communicate(timeout=60)
    return begun + out, err
