"""Ctrl-C ends long work, in the module and in the command."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
from conftest import CHELSEA, COMMAND, LITE

LONG = """
import sys, time
import onnxplain
model = onnxplain.load(sys.argv[1])
model.explain(sys.argv[2], method="rise", samples=1)
print("begin", flush=True)
begin = time.monotonic()
try:
    {call}
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""

CALLS = [
    "model.explain(sys.argv[2], method='rise', samples=100_000)",
    "model.explain_batch([sys.argv[2]] * 100_000)",
    "model.explain_batch([sys.argv[2]] * 4, method='rise', samples=100_000)",
]


@pytest.mark.parametrize("call", CALLS)
def test_ctrl_c_ends_an_explanation(call: str) -> None:
    words = [sys.executable, "-c", LONG.format(call=call), str(LITE), str(CHELSEA)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begin\n"
    time.sleep(1.0)
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "interrupted\n"
    assert time.monotonic() - sent < 10
    assert process.wait(timeout=10) == 0


def test_other_threads_go_on_meanwhile(lite) -> None:
    import threading

    ticks, done = [], threading.Event()

    def tick() -> None:
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.005)

    thread = threading.Thread(target=tick)
    thread.start()
    lite.explain_batch([CHELSEA] * 8)
    done.set()
    thread.join()
    gaps = [b - a for a, b in zip(ticks, ticks[1:], strict=False)]
    # A lock that is held for a whole explanation would show as gaps of its length.
    assert len(ticks) > 10 and sorted(gaps)[len(gaps) // 2] < 0.05


def test_the_command_ends_as_elsewhere(tmp_path) -> None:
    words = [str(COMMAND), "explain", str(LITE), str(CHELSEA), "--method", "rise", "--samples", "100000"]
    process = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    time.sleep(4.0)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
