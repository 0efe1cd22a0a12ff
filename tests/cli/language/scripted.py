"""Tasks of the benchmark, and scripted policies that solve them over HTTP and in this process."""

from collections.abc import Callable, Sequence

from sixgym.episodes.messages import Message, WrittenCall
from sixgym.models.chat import Completion
from sixgym.models.function import FunctionModel
from sixgym.scoring.result import Result
from sixgym.tasks.frozen import load_task_set
from sixgym.tasks.record import BenchTask
from tests.chat_server import Json, call, say
from tests.evaluate.bench.bench_samples import sample_tasks

L1 = [task for task in load_task_set().tasks if task.tier == "L1"][:9]

LOOK = "check_network_state"


def samples(number: int) -> list[BenchTask]:
    """Small tasks that a model can tell apart."""
    return [
        task.model_copy(
            update={
                "task": task.task.model_copy(update={"intent": f"{task.task.intent} Ticket {place:03d}."})
            }
        )
        for place, task in enumerate(sample_tasks(number))
    ]


def plan(tasks: Sequence[BenchTask], said: str, replies: int) -> tuple[Json | None, str]:
    """The next call of the reference solution to the task that the conversation is about, or its answer."""
    (task,) = [task for task in tasks if task.task.intent in said]
    if replies < len(task.reference):
        step = task.reference[replies]
        return call(step.tool, step.arguments, id=f"call_{replies}"), ""
    return None, task.reference_answer


def over_http(tasks: Sequence[BenchTask]) -> Callable[[Json], Json]:
    def answer(request: Json) -> Json:
        messages = request["messages"]
        replies = sum(message["role"] == "assistant" for message in messages)
        step, text = plan(tasks, messages[1]["content"], replies)
        return say(None, calls=[step]) if step else say(text)

    return answer


def in_process(tasks: Sequence[BenchTask]) -> FunctionModel:
    def answer(messages: Sequence[Message]) -> Completion:
        replies = sum(message.role == "assistant" for message in messages)
        step, text = plan(tasks, messages[1].content, replies)
        if step is None:
            return Completion(text)
        function = step["function"]
        return Completion(
            "", calls=(WrittenCall(id=step["id"], tool=function["name"], arguments=function["arguments"]),)
        )

    return FunctionModel("scripted", answer)


def verdict(row: Result) -> Result:
    return row.model_copy(update={"agent_s": 0.0, "world_s": 0.0, "tokens": None, "agent": ""})
