"""Jobs for executors, of workers that die when they are told to."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Chore:
    """Square a number; before, do what `trouble` says, the first `times` times anybody tries."""

    number: int
    trouble: str = ""
    times: int = 0


@dataclass(frozen=True)
class Squarer:
    """Keeps notes in a folder, so that other processes see what it did."""

    folder: Path

    def do(self, job: Chore) -> int:
        tries = self.folder / f"tries-{job.number}"
        with tries.open("a") as file:
            file.write("x")
        if tries.stat().st_size <= job.times:
            TROUBLES[job.trouble]()
        return job.number**2

    def close(self) -> None:
        (self.folder / f"closed-{os.getpid()}").touch()


def kill_yourself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> None:
    os._exit(3)


def stumble() -> None:
    raise ValueError("stumbled")


def sleep_long() -> None:
    time.sleep(600)


TROUBLES: dict[str, Callable[[], None]] = {
    "kill": kill_yourself,
    "leave": leave,
    "stumble": stumble,
    "sleep": sleep_long,
}


def make_no_worker() -> Squarer:
    raise ValueError("nobody wants the job")
