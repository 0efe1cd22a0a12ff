"""The page and the plot of the slicing benchmark, from rows."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sixgym.envs.ran_slicing.policies.reference import SliceDemand
from sixgym.envs.ran_slicing.policies.tuning import Tuning
from tests.repository import ROOT

PERF = ROOT / "perf"


@pytest.fixture(scope="module")
def report() -> ModuleType:
    spec = importlib.util.spec_from_file_location("slicing_report", PERF / "slicing_report.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def row(network: str, policy: str, seed: int, violations: float, **more: Any) -> dict[str, Any]:
    return {
        "network": network,
        "policy": policy,
        "seed": seed,
        "version": "1",
        "digest": "d",
        "setting": "s",
        "steps": 300,
        "mean_spectral_efficiency": 5.0,
        "reconfigurations": 20,
        "violations": violations,
        "utility": 27_000.0 - 300 * violations,
        **more,
    }


def rows() -> list[dict[str, Any]]:
    played = [
        row(network, policy, seed, violations=seed - 50.0)
        for network in ("tti", "ns3")
        for policy in ("static half", "clairvoyant")
        for seed in (51, 52, 53)
    ]
    for one in played:
        if (one["network"], one["policy"]) == ("tti", "clairvoyant"):
            one["plan"] = [[1, 1]]
    bounds = [
        {"network": "tti", "policy": "bound", "seed": seed, "version": "1", "steps": 300, "utility": 30_000.0}
        for seed in (51, 52, 53)
    ]
    return played + bounds


def tuning() -> Tuning:
    demand = SliceDemand(efficiency=4, reserve_mbps=0, band_prbs=1)
    return Tuning(
        scenario="ran-slicing",
        scenario_digest="d",
        network="tti 1",
        seeds=(1, 2),
        steps=300,
        static=(9, 6),
        static_utility=1.0,
        demands=(demand, demand),
        demand_utility=1.0,
    )


def test_the_page_has_every_policy_on_every_network_beside_the_papers_rows(report: ModuleType) -> None:
    text = report.page(rows(), tuning(), "the command")
    lines = text.splitlines()
    assert sum(line.startswith(("| tti | ", "| ns3 | ")) for line in lines) == 4
    assert "| tti | static half | 5.00 (5.00 to 5.00) | 20.0 (20.0 to 20.0) | 2.0 (1.0 to 3.0) |" in text
    assert "| the paper's, its table III | Self-Finetuning | 5.35 | 21.1 | 8.6 | 25702 |" in text


def test_the_page_states_the_gap_of_the_plan_and_what_exceeds_the_bound(report: ModuleType) -> None:
    text = report.page(rows(), tuning(), "the command")
    assert "at most 3600 (3300 to 3900), 12.0 % of the bound" in text  # 26,700, 26,400, 26,100 of 30,000
    assert "Episodes above the bound: 0." in text
    lucky = [row("ns3", "static half", 51, violations=-20.0)]
    assert "Episodes above the bound: 1." in report.page([*rows(), *lucky], tuning(), "the command")


def test_a_failed_episode_is_counted_and_not_averaged(report: ModuleType) -> None:
    failed = row("tti", "static half", 54, violations=99.0, infrastructure_failure="ns-3 died")
    text = report.page([*rows(), failed], tuning(), "the command")
    assert "Infrastructure failures: 1 of 16." in text
    assert "| 2.0 (1.0 to 3.0) |" in text


def test_the_plot_is_the_same_every_time(report: ModuleType, tmp_path: Path) -> None:
    report.plot(rows(), tmp_path / "a.svg")
    report.plot(rows(), tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
