"""Tune the reference policies of the slicing task on training seeds; writes their tuning.json.

python perf/tune_slicing.py [--network tti] [--seeds N] [--steps 300]
"""

import argparse
from pathlib import Path

from sixgym.domain.splits import TRAINING_SEEDS
from sixgym.envs.ran_slicing import policies
from sixgym.envs.ran_slicing.environment import RanSlicingEnv
from sixgym.envs.ran_slicing.policies.tuning import TUNING_FILE, tune


def main() -> None:
    """Tune, show what did best, and store it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", default="tti", help="simulator to tune on (default tti)")
    parser.add_argument("--scenario", default="ran-slicing")
    parser.add_argument("--seeds", type=int, default=18, help="the first N training seeds (default 18)")
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    env = RanSlicingEnv(options.network, options.scenario, steps=options.steps)
    try:
        tuning = tune(env, TRAINING_SEEDS[: options.seeds])
    finally:
        env.close()
    text = tuning.model_dump_json(indent=1) + "\n"
    print(text)
    (Path(policies.__file__).parent / TUNING_FILE).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
