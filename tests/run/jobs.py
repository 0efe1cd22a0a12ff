"""Jobs for executors, and a worker that does what a job says: die, leave, fail, give up or sleep."""

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sixgym.run.executor import WorkError


@dataclass(frozen=True)
class Chore:
    """Square a number. The first `times` attempts do what `trouble` says before."""

    number: int
    trouble: str = ""
    times: int = 0


CHORES = [Chore(number) for number in range(7)]


class Squarer:
    """Leaves notes in a folder, so that other processes see what it did."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = f"{os.getpid()}-{threading.get_ident()}"
        (self._folder / f"made-{self._name}").touch()

    def do(self, job: Chore) -> int:
        tries = self._folder / f"tries-{job.number}"
        with tries.open("a") as file:
            file.write("x")
        if tries.stat().st_size <= job.times:
            TROUBLES[job.trouble]()
        return job.number**2

    def close(self) -> None:
        (self._folder / f"closed-{self._name}").touch()


def square(number: int) -> int:
    return number**2


def kill_yourself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> None:
    os._exit(3)


def stumble() -> None:
    raise ValueError("stumbled")


def give_up() -> None:
    raise WorkError("the budget is spent")


def sleep_long() -> None:
    time.sleep(600)


TROUBLES: dict[str, Callable[[], None]] = {
    "kill": kill_yourself,
    "leave": leave,
    "stumble": stumble,
    "give up": give_up,
    "sleep": sleep_long,
}


def make_no_worker() -> Squarer:
    raise ValueError("no room for a worker")
