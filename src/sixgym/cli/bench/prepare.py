"""Checks before a run of the benchmark, so that what cannot work fails before the first episode."""

from sixgym.agents.llm.react import ReactAgent
from sixgym.cli.errors import WORK_FAILED, CommandError, wrong_use_on
from sixgym.cli.output.starting import saying_why_it_takes_long
from sixgym.evaluate.bench.run import start_network
from sixgym.run.build import make_bench_agent
from sixgym.simulators.base import SimulatorError
from sixgym.tasks.record import BenchTask


def check_agent(name: str, task: BenchTask, react: ReactAgent | None = None) -> None:
    """Make an agent once.

    Raises:
        CommandError: the benchmark has no agent of that name, or the agent cannot be loaded.
    """
    with wrong_use_on(ValueError):
        try:
            make_bench_agent(name, task, 0, react)
        except ImportError as error:
            raise CommandError(f"the agent {name} cannot be loaded: {error}", WORK_FAILED) from None


def start(network: str, task: BenchTask) -> None:
    """Start a network once.

    Raises:
        CommandError: the network does not start.
    """
    with saying_why_it_takes_long(network):
        try:
            start_network(network, task)
        except SimulatorError as error:
            raise CommandError(str(error), WORK_FAILED) from None
