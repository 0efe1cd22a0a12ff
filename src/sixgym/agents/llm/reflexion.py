"""A language model that tries again with notes on its failures (Reflexion, Shinn et al. 2023).

After a failed attempt the model is told that it failed, no more. It writes down what went wrong and starts
anew on the same task with its last three notes. The agent `react` is never told, so the fair comparison is
with pass^k of `react` at as many trials, not with its success rate.
"""

from dataclasses import dataclass

from sixgym.agents.llm.prompt import tool_specs
from sixgym.agents.llm.react import ReactAgent
from sixgym.agents.llm.replies import message_of, note_of
from sixgym.agents.llm.transcript import MEMORY, notes_of, transcript
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Episode, Turn
from sixgym.episodes.messages import ENVIRONMENT, Message

LONGEST_NOTE = 2_000
"""Characters of a note; an endless note must not fill the context of later attempts."""

MOST_TRIES = 1 + MEMORY
"""Attempts at a task: the first, and one for every note that is kept."""

QUESTION = """\
The operator's intent was not fulfilled. Call no tool now. Write down in two to four sentences, for your \
next attempt at this very task: what went wrong, and what you will do differently.\
"""


@dataclass(frozen=True, slots=True)
class ReflexionAgent:
    """`react`, which tries again.

    Attributes:
        react: The agent of the attempt, with the notes on earlier ones.
        tries: Attempts that are left, this one included.
    """

    react: ReactAgent
    tries: int = MOST_TRIES

    @property
    def name(self) -> str:
        """Name for the record."""
        return f"reflexion/{self.react.model.name}"

    def act(self, observation: Observation) -> Turn:
        """The turn of `react` with the notes.

        Raises:
            ModelError: the model cannot be asked.
        """
        return self.react.act_as(self.name, observation)

    def look_back(self, episode: Episode, *, success: bool) -> "tuple[Turn, ReflexionAgent] | None":
        """A note on a failed attempt, and the agent that makes the next one.

        Raises:
            ModelError: the model cannot be asked.
        """
        if success or self.tries <= 1:
            return None
        react = self.react
        talk = transcript(episode, react.style)
        talk.append(Message(role="user", content=QUESTION, author=ENVIRONMENT))
        new = talk[len(episode.messages) :]
        completion = react.model.complete(talk, tool_specs(react.style), react.sampling)
        thought, note = note_of(completion)
        reflection = Turn(
            thought=thought,
            answer=note[:LONGEST_NOTE] or "(nothing was noted)",
            messages=(*new, message_of(completion, react.style, self.name)),
            usage=completion.usage,
        )
        notes = notes_of((*episode.earlier, episode.model_copy(update={"closing": (reflection,)})))
        following = ReactAgent(react.model, react.sampling, react.style, notes)
        return reflection, ReflexionAgent(following, self.tries - 1)
