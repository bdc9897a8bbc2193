"""The command `onnxplain`."""

import signal
import sys

from ._onnxplain import run_command


def main() -> int:
    """Runs the command; its exit code."""
    # The command has its own handler of Ctrl-C, which finishes the files that are being written.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return run_command(["onnxplain", *sys.argv[1:]])
