"""The page and the plot of perf/slicing.py, from its rows alone."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from sixgym.envs.ran_slicing.policies.tuning import Tuning

Row = dict[str, Any]

COLUMNS = (
    ("mean_spectral_efficiency", "mean SE, bit/s/Hz", 2),
    ("reconfigurations", "reconfigurations", 1),
    ("violations", "violations", 1),
    ("utility", "utility", 0),
)

PAPER = (
    ("Self-Finetuning", 5.354, 21.091, 8.561, 25702.2),
    ("Reflexion", 5.299, 29.454, 8.630, 25314.69),
    ("DQN", 5.219, 46.204, 15.911, 22519.1),
    ("PPO", 3.587, 51.411, 1.997, 19277.2),
    ("SAC", 5.748, 44.775, 59.967, 11704.3),
)
"""Table III of the slicing paper."""


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean, and its 95 % interval by the bootstrap over seeds (percentiles of 10,000 resamples)."""
    sample = np.asarray(values, float)
    draws = np.random.default_rng(0).integers(0, len(sample), (10_000, len(sample)))
    low, high = np.percentile(sample[draws].mean(axis=1), [2.5, 97.5])
    return float(sample.mean()), float(low), float(high)


def cell(values: Sequence[float], digits: int) -> str:
    """Mean and interval as text."""
    mean, low, high = mean_interval(values)
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def page(rows: Iterable[Row], tuning: Tuning, command: str) -> str:
    """The page in Markdown."""
    rows = list(rows)
    good = [row for row in rows if "infrastructure_failure" not in row]
    seeds = sorted({row["seed"] for row in rows})
    steps = sorted({row["steps"] for row in rows})
    networks = sorted({row["network"] for row in rows}, reverse=True)
    versions = ", ".join(sorted({f"{row['network']} {row['version']}" for row in rows}))
    lines = [
        "# The slicing task: reference policies",
        "",
        f"Made by `{command}` on {versions}. Topology seeds {seeds[0]} to {seeds[-1]} (held out), network "
        f"seed the same, {steps[-1]} steps. Means over {len(seeds)} seeds with the 95 % bootstrap interval. "
        f"Infrastructure failures: {len(rows) - len(good)} of {len(rows)}. Every episode: `slicing.jsonl`.",
        "",
        "Utility is the sum of 15 SE + 15 (no reconfiguration) - 300 (violation) over the steps.",
        "",
        "| network | policy | " + " | ".join(title for _, title, _ in COLUMNS) + " |",
        "|---|---|" + "---|" * len(COLUMNS),
    ]
    for network in networks:
        for policy in dict.fromkeys(row["policy"] for row in good if row["policy"] != "bound"):
            chosen = [row for row in good if (row["network"], row["policy"]) == (network, policy)]
            if chosen:
                cells = [cell([row[name] for row in chosen], digits) for name, _, digits in COLUMNS]
                lines.append(f"| {network} | {policy} | " + " | ".join(cells) + " |")
    for name, *figures in PAPER:
        cells = [f"{figure:.{digits}f}" for figure, (_, _, digits) in zip(figures, COLUMNS, strict=True)]
        lines.append(f"| the paper's, its table III | {name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *notes(good, tuning), "", "![SE against violations](slicing.svg)", ""])


def notes(rows: list[Row], tuning: Tuning) -> list[str]:
    """How the policies were made, and how far the clairvoyant may be from the optimum."""
    best = " and ".join(str(count) for count in tuning.static)
    lines = [
        "The paper's network is not ours, so its rows say where a policy of its quality lies, not which "
        "one is better.",
        "",
        f"`static best` is {best} PRBs. It and the parameters of `demand following` were tuned on "
        f"{tuning.network}, training seeds {tuning.seeds[0]} to {tuning.seeds[-1]} "
        f"(`perf/tune_slicing.py`).",
    ]
    bounds = {row["seed"]: row["utility"] for row in rows if row["policy"] == "bound"}
    plans = {row["seed"]: row["utility"] for row in rows if "plan" in row}
    both = sorted(bounds.keys() & plans.keys())
    if both:
        gaps = [bounds[seed] - plans[seed] for seed in both]
        share = 100 * sum(gaps) / sum(bounds[seed] for seed in both)
        exceeded = sum(row["utility"] > bounds[row["seed"]] for row in rows if row["seed"] in bounds)
        lines += [
            "",
            "`clairvoyant` searches allocations on copies of the running TTI network, which hold the same "
            "future (`sixgym.envs.ran_slicing.policies.clairvoyant`); on ns-3 its plan is played open loop. "
            "Under the assumptions of `sixgym.envs.ran_slicing.policies.bound` no policy "
            f"can earn more than {cell(list(bounds.values()), 0)}, the optimum of a relaxed problem. "
            "The plan's optimality gap is therefore at most "
            f"{cell(gaps, 0)}, {share:.1f} % of the bound. Episodes above the bound: {exceeded}.",
        ]
    return lines


def plot(rows: Iterable[Row], path: Path) -> None:
    """Mean spectral efficiency against violations, with intervals, a colour per policy."""
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "sixgym"  # the same bytes every time
    from matplotlib import pyplot as plt

    good = [row for row in rows if "infrastructure_failure" not in row and row["policy"] != "bound"]
    policies = list(dict.fromkeys(row["policy"] for row in good))
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for index, policy in enumerate(policies):
        for network, marker in (("tti", "o"), ("ns3", "s")):
            chosen = [row for row in good if (row["network"], row["policy"]) == (network, policy)]
            if not chosen:
                continue
            x, x_low, x_high = mean_interval([row["violations"] for row in chosen])
            y, y_low, y_high = mean_interval([row["mean_spectral_efficiency"] for row in chosen])
            axes.errorbar(
                x,
                y,
                xerr=[[x - x_low], [x_high - x]],
                yerr=[[y - y_low], [y_high - y]],
                marker=marker,
                markerfacecolor="none" if network == "ns3" else f"C{index}",
                color=f"C{index}",
                linestyle="none",
                label=f"{policy}, {network}",
            )
    for name, efficiency, _, violations, _ in PAPER:
        axes.plot(violations, efficiency, "x", color="0.6")
        drop = -10 if name == "Reflexion" else 4  # it lies on Self-Finetuning
        axes.annotate(
            name, (violations, efficiency), (4, drop), textcoords="offset points", color="0.5", size=7
        )
    axes.set_xlabel("steps of 300 with a violation (crosses: the paper's table III, on its network)")
    axes.set_ylabel("mean spectral efficiency, bit/s/Hz")
    figure.legend(fontsize=7, loc="outside right upper")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
