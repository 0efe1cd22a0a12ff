"""The command line on the real packet-level network, in the shortest task that shows something."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from sixgym.episodes.store import read_episodes
from tests.cli.conftest import Sixgym

pytestmark = pytest.mark.ns3


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


def test_an_episode_on_ns3_is_run_judged_stored_and_shown(
    sixgym: Sixgym, tmp_path: Path, short_scenario: Path
) -> None:
    script = tmp_path / "calls.json"
    script.write_text('[{"tool": "get_edge_load", "arguments": {}}]')
    result = sixgym("run", "--scenario", short_scenario, "--agent", "scripted", "--script", script,
                    "--network", "ns3", "--out", tmp_path, "--json")  # fmt: skip
    assert result.exit_code == 0, result.stderr
    summary = json.loads(result.stdout)
    assert summary["network"] == "ns3"
    assert summary["success"] is False
    (episode,) = read_episodes(Path(summary["episode"]))
    assert [interval.faults for interval in episode.remainder] == [("cell_outage",)] * 2
    assert "cell_outage (cell=gnb-1) strikes at 0.5 s" in result.stderr
    assert "service level violated" in sixgym("show", summary["episode"]).stdout


def test_a_trace_of_ns3_repeats_to_the_byte_and_another_seed_differs(
    sixgym: Sixgym, tmp_path: Path, short_scenario: Path
) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        result = sixgym("simulate", short_scenario, "--seconds", 1, "--seed", seed,
                        "--flows", "--out", tmp_path / f"{name}.csv")  # fmt: skip
        assert result.exit_code == 0, result.stderr
    a, b, c = ((tmp_path / f"{name}.csv").read_bytes() for name in "abc")
    assert a == b
    assert a != c
