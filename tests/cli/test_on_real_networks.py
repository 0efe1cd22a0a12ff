"""The command line on the networks users have, in the shortest task that shows something."""

import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from sixgym.episodes.store import read_episodes
from tests.cli.conftest import Sixgym

NETWORKS = ["tti", pytest.param("ns3", marks=pytest.mark.ns3)]


@pytest.fixture
def short_scenario(tmp_path: Path) -> Path:
    """uav-inspection cut to three intervals, with the fault in the second."""
    text = (files("sixgym.scenarios") / "uav-inspection.yaml").read_text(encoding="utf-8")
    data: dict[str, Any] = yaml.safe_load(text)
    data["warm_up_ms"] = 500
    data["faults"] = [{"kind": "cell_outage", "cell": "gnb-1", "start_ms": 500, "duration_ms": 60_000}]
    task = data["tasks"][0]
    task["goal"]["window"], task["max_steps"], task["horizon"] = 2, 2, 3
    path = tmp_path / "short.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


@pytest.mark.parametrize("network", NETWORKS)
def test_an_episode_is_run_judged_stored_and_shown(
    sixgym: Sixgym, tmp_path: Path, short_scenario: Path, network: str
) -> None:
    script = tmp_path / "calls.json"
    script.write_text('[{"tool": "get_edge_load", "arguments": {}}]')
    result = sixgym("run", "--scenario", short_scenario, "--agent", "scripted", "--script", script,
                    "--network", network, "--out", tmp_path, "--json")  # fmt: skip
    assert result.exit_code == 0, result.stderr
    summary = json.loads(result.stdout)
    assert summary["network"] == network
    assert summary["success"] is False
    (episode,) = read_episodes(Path(summary["episode"]))
    assert [interval.faults for interval in episode.remainder] == [("cell_outage",)] * 2
    assert "cell_outage (cell=gnb-1) strikes at 0.5 s" in result.stderr
    assert "service level violated" in sixgym("show", summary["episode"]).stdout


@pytest.mark.parametrize("network", NETWORKS)
def test_a_trace_repeats_to_the_byte_and_another_seed_differs(
    sixgym: Sixgym, tmp_path: Path, short_scenario: Path, network: str
) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        result = sixgym("simulate", short_scenario, "--network", network, "--seconds", 1, "--seed", seed,
                        "--flows", "--out", tmp_path / f"{name}.csv")  # fmt: skip
        assert result.exit_code == 0, result.stderr
    a, b, c = ((tmp_path / f"{name}.csv").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_without_a_choice_the_network_is_tti(sixgym: Sixgym, tmp_path: Path, short_scenario: Path) -> None:
    ran = sixgym("run", "--scenario", short_scenario, "--agent", "null", "--out", tmp_path, "--json")
    assert json.loads(ran.stdout)["network"] == "tti"
    traced = sixgym("simulate", short_scenario, "--seconds", 1, "--out", tmp_path / "t.csv", "--json")
    assert json.loads(traced.stdout)["network"] == "tti"


def test_what_users_meet_first_needs_no_ns3(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "sys.modules['ns3'] = None\n"
        "from sixgym.cli.app import app\n"
        "app(sys.argv[1:], standalone_mode=False)\n"
        "sys.exit('ns3 was loaded' if 'sixgym.simulators.ns3.simulator' in sys.modules else 0)"
    )
    command = [sys.executable, "-c", program, "run", "--agent", "null", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
