"""Carrying out a recipe of the DRL-Slicing agent: drawing tasks, learning, comparing with other agents."""

from collections.abc import Iterator, Mapping

from sixgym.run.build import make_network
from sixgym.train.drl_slicing.comparison import BASELINES, AgentReturns, compare
from sixgym.train.drl_slicing.recipe import DrlSlicingRecipe
from sixgym.train.drl_slicing.tasks import TrainingTasks, draw_tasks, split_tasks
from sixgym.train.drl_slicing.training import WEIGHTS_FILE, Iteration, prepare, train
from sixgym.train.method import TrainingRun
from sixgym.train.recipe import RecipeError


def run(recipe: DrlSlicingRecipe, run: TrainingRun) -> list[str]:
    """Train the agent and compare it, see `sixgym.train.method.Trainer`."""
    _check_network(recipe)
    out, reporter = run.out, run.reporter
    done = prepare(recipe, out, resume=run.resume)
    with reporter.stage("drawing", recipe.tasks, "tasks") as stage:
        tasks = draw_tasks(recipe, out / "tasks.jsonl", stage.advance)
    learned, held_back = split_tasks(recipe, tasks)
    with reporter.stage("learning", recipe.ppo.iterations, "iterations", done) as stage:

        def report(iteration: Iteration) -> None:
            stage.say(
                f"iteration {iteration.number}: return {iteration.mean_return:.3f}, "
                f"success {iteration.success_rate:.0%} of {iteration.episodes}, exploring"
            )
            stage.advance()

        agent = train(
            recipe, TrainingTasks(learned), out, command=run.command, resume=True, on_iteration=report
        )
    with reporter.stage("comparing", (1 + len(BASELINES)) * len(held_back), "tasks of an agent") as stage:
        returns = compare(agent, TrainingTasks(held_back), recipe, stage.advance)
    low, high = returns[agent.name].interval
    return [
        *_lines(returns, agent.name),
        f"{out / WEIGHTS_FILE}: mean return {returns[agent.name].mean_return:.3f} "
        f"(95 % {low:.3f} to {high:.3f}) on {len(held_back)} held-back training tasks",
    ]


def _check_network(recipe: DrlSlicingRecipe) -> None:
    """Refuse a network that does not exist before the folder is touched."""
    try:
        make_network(recipe.network).close()
    except ValueError as error:
        raise RecipeError(f"network: {error}") from None


def _lines(returns: Mapping[str, AgentReturns], trained: str) -> Iterator[str]:
    for name, returned in returns.items():
        low, high = returned.interval
        yield (
            f"{name:12} mean return {returned.mean_return:.3f} ({low:.3f} to {high:.3f})  "
            f"success {returned.success_rate:.1%}"
        )
        if name != trained:
            gain, low, high = returns[trained].gain_over(returned)
            yield f"{'':12} {trained} gains {gain:+.3f} ({low:+.3f} to {high:+.3f}) over it"
