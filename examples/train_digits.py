"""Train a small network on real handwritten digits: a job to try Aoli with.

The data set (1,797 images of 8 × 8 pixels) comes with scikit-learn: nothing is downloaded.
Every epoch prints its loss and accuracy, writes TensorBoard events and a checkpoint. Asked to
end (SIGTERM: pause, preemption, kill) it saves and goes; started again in the same job folder
it continues where it was.

    python train_digits.py --epochs 40 --pace 1
"""

from __future__ import annotations

import argparse
import os
import pickle
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

BATCH = 64
EXIT_AFTER_SIGTERM = 128 + signal.SIGTERM


class Stop:
    """Becomes true when the process is asked to end."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, *_: Any) -> None:
        self.asked = True


def job_folder() -> str:
    """Where a job writes: what the portal names, else the mount /job, else here."""
    mount = "/job" if os.access("/job", os.W_OK) else "job"
    return os.environ.get("AOLI_JOB_PATH") or mount


def load_checkpoint(path: Path, args: argparse.Namespace) -> tuple[MLPClassifier, int]:
    """The model and the number of epochs it has behind it."""
    if path.exists():
        saved = pickle.loads(path.read_bytes())
        print(f"resuming from {path} after epoch {saved['epoch']}", flush=True)
        return saved["model"], saved["epoch"]
    model = MLPClassifier((args.hidden,), learning_rate_init=args.rate, random_state=args.seed)
    return model, 0


def save_checkpoint(path: Path, model: MLPClassifier, epoch: int) -> None:
    """Whole or not at all: a job may be killed while it writes."""
    draft = path.with_suffix(".draft")
    draft.write_bytes(pickle.dumps({"model": model, "epoch": epoch}))
    draft.replace(path)


class Board:
    """TensorBoard events; silent where TensorBoard is not installed."""

    def __init__(self, folder: Path) -> None:
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError:
            self._writer = None
            return
        self._event, self._summary = event_pb2.Event, summary_pb2.Summary
        self._writer = EventFileWriter(str(folder))

    def add(self, step: int, **values: float) -> None:
        """One point of each curve."""
        if self._writer is not None:
            points = [self._summary.Value(tag=k, simple_value=v) for k, v in values.items()]
            summary = self._summary(value=points)
            self._writer.add_event(self._event(wall_time=time.time(), step=step, summary=summary))
            self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()


def train_epoch(model: MLPClassifier, images: Any, labels: Any, order: Any) -> float:
    """One walk through all images in small batches; the mean loss."""
    losses = []
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        model.partial_fit(images[batch], labels[batch], classes=np.arange(10))
        losses.append(model.loss_)
    return float(np.mean(losses))


def train(args: argparse.Namespace) -> int:
    """Train until all epochs are done or somebody asks to stop; the exit code."""
    stop = Stop()
    folder = Path(args.output)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.pickle"
    digits = load_digits()
    images, test_images, labels, test_labels = train_test_split(
        digits.data / 16.0, digits.target, test_size=0.2, random_state=args.seed
    )
    print(f"{len(images)} images to train on, {len(test_images)} to test; output in {folder}")
    model, done = load_checkpoint(checkpoint, args)
    random = np.random.default_rng(args.seed + done)
    board = Board(folder / "tensorboard")
    for epoch in range(done + 1, args.epochs + 1):
        begun = time.monotonic()
        loss = train_epoch(model, images, labels, random.permutation(len(images)))
        accuracy = float(model.score(test_images, test_labels))
        print(f"epoch {epoch}/{args.epochs} loss {loss:.4f} accuracy {accuracy:.4f}", flush=True)
        board.add(epoch, loss=loss, accuracy=accuracy)
        save_checkpoint(checkpoint, model, epoch)
        while not stop.asked and time.monotonic() - begun < args.pace:
            time.sleep(0.05)
        if stop.asked:
            print(f"asked to end: saved after epoch {epoch}", flush=True)
            board.close()
            return EXIT_AFTER_SIGTERM
    board.close()
    print("done", flush=True)
    return 0


def main() -> int:
    """Read the options and train."""
    parser = argparse.ArgumentParser(description="Train on scikit-learn's handwritten digits.")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--rate", type=float, default=float(os.environ.get("LR", "0.001")))
    parser.add_argument("--hidden", type=int, default=32, help="neurons of the hidden layer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--pace", type=float, default=0.0, help="seconds an epoch takes at least, to watch it live"
    )
    parser.add_argument("--output", default=job_folder(), help="folder of checkpoint and events")
    return train(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
