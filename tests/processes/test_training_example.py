"""The example that ships: real training, a checkpoint, an end on SIGTERM, a resumption."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="the extra 'demo' is not installed")

SCRIPT = Path(__file__).parents[2] / "examples" / "train_digits.py"


def start(job: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *options],
        env={**os.environ, "AOLI_JOB_PATH": str(job)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_it_learns_saves_and_resumes(tmp_path: Path) -> None:
    with start(tmp_path, "--epochs", "1000", "--pace", "0.2") as training:
        assert training.stdout is not None
        for line in training.stdout:
            if line.startswith("epoch 2/"):
                training.send_signal(signal.SIGTERM)
                break
        rest = training.stdout.read()
    assert training.returncode == 128 + signal.SIGTERM
    saved = re.search(r"saved after epoch (\d+)", rest)
    assert saved is not None
    assert list((tmp_path / "tensorboard").iterdir())

    more = int(saved[1]) + 30
    with start(tmp_path, "--epochs", str(more)) as training:
        text = training.communicate()[0]
    assert training.returncode == 0
    assert f"after epoch {saved[1]}" in text
    losses = [float(loss) for loss in re.findall(r"loss ([\d.]+)", text)]
    assert len(losses) == 30
    assert losses[-1] < losses[0] / 2
