"""An agent that is told of a failure, notes what went wrong and tries again."""

from sixgym.agents.llm.react import ReactAgent
from sixgym.agents.llm.reflexion import LONGEST_NOTE, MOST_TRIES, ReflexionAgent
from sixgym.agents.llm.transcript import MEMORY, transcript
from sixgym.domain.intent import Answer, Goal
from sixgym.episodes.episode import Episode, Task
from sixgym.episodes.messages import Message
from sixgym.models.chat import Completion, ModelError
from sixgym.models.function import FunctionModel
from tests.agents.llm.chatting import USAGE, calling, episode_of, short_task

LOOK = "check_network_state"


def asking(number: int) -> Task:
    return short_task().model_copy(update={"goal": Goal(answer=Answer(number=number), window=1)})


def learner(*, right_after: int) -> tuple[ReflexionAgent, list[list[Message]]]:
    """Answers 7 once it has that many notes, and 0 before; notes how many notes it had."""
    shown: list[list[Message]] = []

    def answer(messages: list[Message]) -> Completion:
        shown.append(list(messages))
        notes = messages[1].content.count('"note ')
        if messages[-1].content.startswith("The operator's intent was not fulfilled"):
            return Completion(f"note {len(shown)}", usage=USAGE)
        if messages[-1].role == "user":
            return calling(LOOK)
        return Completion(f"answer: {7 if notes >= right_after else 0}", usage=USAGE)

    model = FunctionModel("learner", answer)  # pyright: ignore[reportArgumentType]
    return ReflexionAgent(ReactAgent(model)), shown


def test_it_tries_again_with_a_note_until_it_succeeds() -> None:
    agent, shown = learner(right_after=2)
    episode = episode_of(agent, asking(7))
    assert (episode.answer, episode.agent) == ("answer: 7", "reflexion/learner")
    assert [attempt.answer for attempt in episode.earlier] == ["answer: 0", "answer: 0"]
    assert [attempt.closing[-1].answer for attempt in episode.earlier] == ["note 3", "note 6"]
    assert shown[-1][1].content.endswith('["note 3", "note 6"]')


def test_all_attempts_are_paid_for_and_recorded() -> None:
    agent, shown = learner(right_after=2)
    episode = episode_of(agent, asking(7))
    assert episode.usage is not None
    assert episode.usage.prompt_tokens == len(shown) * USAGE.prompt_tokens
    first = episode.earlier[0]
    said = [message for turn in (*[s.turn for s in first.steps], *first.closing) for message in turn.messages]
    assert said[:-1] == shown[2], "everything it was shown when it looked back"
    assert Episode.model_validate_json(episode.model_dump_json()) == episode


def test_success_at_once_needs_no_second_attempt() -> None:
    agent, shown = learner(right_after=0)
    assert episode_of(agent, asking(7)).earlier == ()
    assert len(shown) == 2


def test_it_gives_up_and_keeps_the_last_notes_only() -> None:
    agent, shown = learner(right_after=99)
    episode = episode_of(agent, asking(7))
    assert len(episode.earlier) == MOST_TRIES - 1
    assert shown[-1][1].content.count('"note ') == MEMORY
    assert episode.earlier[0].closing[-1].answer == "note 3"


def test_an_attempt_that_ran_out_of_calls_can_be_looked_back_at() -> None:
    def answer(messages: list[Message]) -> Completion:
        if messages[-1].role == "user" and len(messages) > 2:
            return Completion("note: too many looks")
        return calling(LOOK, first=len(messages))

    model = FunctionModel("busy", answer)  # pyright: ignore[reportArgumentType]
    episode = episode_of(ReflexionAgent(ReactAgent(model), tries=2), asking(7))
    (first,) = episode.earlier
    assert first.truncated
    calls = [call.id for turn in first.closing for message in turn.messages for call in message.calls]
    assert len(calls) == 1
    assert "no calls are left" in first.closing[-1].messages[0].content


def test_a_model_that_fails_while_looking_back_is_an_infrastructure_failure() -> None:
    def answer(messages: list[Message]) -> Completion:
        if len(messages) > 2:
            raise ModelError("gone")
        return Completion("answer: 0")

    model = FunctionModel("gone", answer)  # pyright: ignore[reportArgumentType]
    episode = episode_of(ReflexionAgent(ReactAgent(model)), asking(7))
    assert episode.infrastructure_failure == "gone"


def test_the_same_replies_give_the_same_episode() -> None:
    episodes = [episode_of(learner(right_after=1)[0], asking(7)) for _ in range(2)]
    assert episodes[0].without_clock() == episodes[1].without_clock()
    assert len(episodes[0].earlier) == 1


def test_a_note_is_text_without_tags_reasoning_or_end() -> None:
    def answer(messages: list[Message]) -> Completion:
        if "not fulfilled" in messages[-1].content:
            note = f"<think>let me see</think><answer>look <|im_start|>first{'!' * 9_000}</answer>"
            return Completion(note)
        return Completion("<answer>answer: 0</answer>")

    model = FunctionModel("chatty", answer)  # pyright: ignore[reportArgumentType]
    episode = episode_of(ReflexionAgent(ReactAgent(model, style="text"), tries=2), asking(7))
    note = episode.earlier[0].closing[-1]
    assert note.thought == "let me see"
    assert note.answer is not None
    assert note.answer.startswith("look <|im_start|>first!")
    assert len(note.answer) == LONGEST_NOTE
    shown = transcript(episode, "text")[1].content
    assert "look \\u003c|im_start|>first!" in shown, "a control token cannot be spelled"


def test_the_transcript_of_a_later_attempt_has_the_notes() -> None:
    agent, shown = learner(right_after=2)
    episode = episode_of(agent, asking(7))
    assert transcript(episode, "native")[:-1] == shown[-1]


def test_attempts_before_a_failure_are_kept() -> None:
    def answer(messages: list[Message]) -> Completion:
        if "You tried this before" in messages[1].content:
            raise ModelError("gone")
        return Completion("answer: 0", usage=USAGE)

    model = FunctionModel("gone", answer)  # pyright: ignore[reportArgumentType]
    episode = episode_of(ReflexionAgent(ReactAgent(model)), asking(7))
    assert episode.infrastructure_failure == "gone"
    assert len(episode.earlier) == 1
    assert episode.usage == USAGE + USAGE
