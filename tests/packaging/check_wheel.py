"""Build the wheel, install it into a fresh virtual environment outside the checkout, and use it there.

    make wheel-test

No source of the checkout is on the path, so a file that the wheel lacks is missed. The first failure ends the
check with its reason.
"""

import json
import os
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

WANTED = (
    "sixgym/py.typed",
    "sixgym/scenarios/uav-inspection.yaml",
    "sixgym/tasks/frozen_sets/6gagentbench-v1.json",
    "sixgym/tasks/frozen_sets/6gagentbench-v1.jsonl.gz",
    "sixgym/agents/rules/mape_k/knowledge.yaml",
    "sixgym/agents/learned/drl_slicing/drl_slicing.safetensors",
    "sixgym/simulators/experiment_model/checkpoint/model.safetensors",
    "sixgym/simulators/ns3/cpp/network/network.h",
    "sixgym/testing/simulator.py",
)
"""One file of each kind that is read at run time. The numpy tables of `tti` are found by name below."""

UNWANTED = ("tests/", "results/", "docs/", "perf/", "recipes/", "papers/")

USE = """
import sixgym
from sixgym.tasks.frozen import tasks_by_id

assert callable(sixgym.bench)
task = sixgym.load_task(next(iter(tasks_by_id())))
with sixgym.make_environment("tti") as environment:
    episode = sixgym.rollout(environment, sixgym.make_agent("null"), task.task)
assert sixgym.grade(task, 0, episode).success is False
print(sixgym.__version__, sixgym.__file__)
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Standard output of a command that has to succeed, without this checkout on its path."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    print(
        "$", *(Path(str(word)).name if index == 0 else word for index, word in enumerate(command)), flush=True
    )
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment, text=True, capture_output=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"exit status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def check_content(wheel: Path) -> None:
    """Everything that is read at run time is in the wheel, and nothing else of the checkout."""
    names = zipfile.ZipFile(wheel).namelist()
    missing = [name for name in WANTED if name not in names]
    tables = [name for name in names if name.startswith("sixgym/simulators/tti/") and name.endswith(".npz")]
    if missing or not tables:
        sys.exit(f"{wheel.name} lacks {', '.join(missing) or 'the tables of tti'}")
    foreign = [name for name in names if name.startswith(UNWANTED)]
    if foreign:
        sys.exit(f"{wheel.name} holds {foreign[0]}, which belongs to the checkout")
    print(f"{wheel.name}: {len(names)} files, {wheel.stat().st_size / 1e6:.1f} MB")


def main() -> None:
    """Build, install, use."""
    with tempfile.TemporaryDirectory(prefix="sixgym-wheel-") as folder:
        place = Path(folder)
        pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
        run(*pip, "wheel", "--no-deps", "--wheel-dir", place, ROOT, cwd=place)
        (wheel,) = place.glob("sixgym-*.whl")
        check_content(wheel)
        venv.create(place / "venv", with_pip=True)
        python, sixgym = place / "venv/bin/python", place / "venv/bin/sixgym"
        pip = (str(python), "-m", "pip", "--quiet", "--disable-pip-version-check")
        run(*pip, "install", "--constraint", ROOT / "constraints.txt", wheel, cwd=place)
        run(sixgym, "--help", cwd=place)
        verdict = json.loads(run(sixgym, "run", "--seed", "7", "--json", cwd=place))
        if verdict["success"] is not True:
            sys.exit("sixgym run --seed 7 does not succeed as it does in the checkout")
        run(sixgym, "bench", "--agent", "null", "--limit", "2", "--json", cwd=place)
        used = run(python, "-c", USE, cwd=place)
        if str(place) not in used:
            sys.exit(f"the checkout was used instead of the wheel: {used}")
        print("the wheel works outside the checkout")


if __name__ == "__main__":
    main()
