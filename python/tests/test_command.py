"""The wheel has the command."""

from __future__ import annotations

import onnxplain


def test_it_is_of_the_same_version(command) -> None:
    assert command("--version").stdout == f"onnxplain {onnxplain.__version__}\n"


def test_the_first_run_needs_no_files(command, tmp_path) -> None:
    done = command("demo")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "onnxplain-demo" / "bag.figure.png").stat().st_size > 10_000


def test_exit_codes_are_handed_on(command) -> None:
    assert command("--nonsense").returncode == 2
    assert command("inspect", "nothing.onnx").returncode == 2
    assert "there is no model nothing.onnx" in command("inspect", "nothing.onnx").stderr
