"""The shaped reward of an episode in training, from recorded measurements; it takes no part in grading.

The return is the mean over the task's intervals of the score of the targets, plus `SUCCESS` if the episode
met its goal. A target scores 1 in an interval in which it is met; otherwise it scores between 0 and `NEARLY`,
and more if its value is nearer to the bound. The first term rewards the effect of an action at once; success
is known only at the end.
"""

from statistics import fmean

from sixgym.domain.intent import Goal, Target
from sixgym.domain.measurement import Interval
from sixgym.domain.scenario import Scenario
from sixgym.episodes.episode import Episode
from sixgym.scoring.goals import judge, measured_value, recorded_intervals

SUCCESS = 1.0
"""Reward of success: as much as the largest mean score, so that an episode with success always returns more
than one without."""

NEARLY = 0.5
"""Upper bound of the score of a missed target: half the score of a met one, so that meeting a target pays."""


def interval_score(goal: Goal, interval: Interval, scenario: Scenario) -> float:
    """Mean score of the goal's targets in an interval, 0 to 1; 1 for a goal without targets."""
    scores = (_score(target, measured_value(target, interval, scenario)) for target in goal.targets)
    return fmean(scores) if goal.targets else 1.0


def episode_return(episode: Episode) -> float:
    """The return of a finished episode, 0 to 2."""
    task = episode.task
    intervals = recorded_intervals(episode)
    shaped = sum(interval_score(task.goal, interval, task.scenario) for interval in intervals)
    return shaped / task.horizon + SUCCESS * judge(episode).success


def _score(target: Target, measured: float) -> float:
    if target.met_by(measured):
        return 1.0
    low, high = sorted((max(0.0, measured), max(0.0, target.value)))
    return NEARLY * low / high if high > 0 else 0.0
