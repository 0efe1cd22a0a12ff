"""The committed results: stored runs load, figures follow from stored rows, and pages from figures."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from sixgym.domain.base import Record
from sixgym.episodes.jsonl import read_packed
from sixgym.evaluate.fidelity.effects.runs import EffectRun
from sixgym.evaluate.fidelity.experiment_model.figures import ExperimentFigures
from sixgym.evaluate.fidelity.experiment_model.report import experiment_page
from sixgym.evaluate.fidelity.management.figures import ManagementFigures
from sixgym.evaluate.fidelity.management.report import management_page
from sixgym.evaluate.fidelity.management.runs import UncontrolledRun
from sixgym.evaluate.fidelity.record import ControlledRun
from sixgym.evaluate.fidelity.slicing.figures import SlicingFigures
from sixgym.evaluate.fidelity.slicing.report import slicing_page
from sixgym.evaluate.fidelity.transfer.figures import TransferFigures, TransferSetting, transfer_figures
from sixgym.evaluate.fidelity.transfer.report import transfer_page
from sixgym.evaluate.fidelity.transfer.rows import RowKey, TransferRow, grade_alone
from sixgym.scoring.result import Result
from tests.repository import ROOT

RESULTS = ROOT / "results"

STORED: dict[str, type[Record]] = {
    "6gagentbench-ns3": Result,
    "6gagentbench-tti": Result,
    "effects-ns3": EffectRun,
    "fidelity-management-ns3": UncontrolledRun,
    "fidelity-slicing-ns3": ControlledRun,
    "transfer-experiment-model": TransferRow,
    "transfer-tti": TransferRow,
    "transfer-tti-on-ns3": TransferRow,
}
CLOSED_LOOP = "fidelity-transfer-experiment-model-ns3-300-closed-loop"
PAGES: dict[str, tuple[type[Record], Callable[[Any, str], str]]] = {
    "fidelity-experiment-model": (ExperimentFigures, experiment_page),
    "fidelity-management": (ManagementFigures, management_page),
    "fidelity-slicing": (SlicingFigures, slicing_page),
    "fidelity-transfer": (TransferFigures, transfer_page),
    CLOSED_LOOP: (TransferFigures, transfer_page),
}


def rows(name: str) -> list[TransferRow]:
    return list(read_packed(RESULTS / "data" / f"{name}.jsonl.gz", TransferRow))


def transfer_json(stem: str) -> TransferFigures:
    return TransferFigures.model_validate_json((RESULTS / f"{stem}.json").read_bytes())


def again(
    stored: TransferFigures, candidate: Sequence[TransferRow], reference: Sequence[TransferRow]
) -> TransferFigures:
    """The figures of these rows, in the setting and the order of agents of the stored figures."""
    order = [one.agent for one in stored.overall.agents]
    setting = TransferSetting(
        command=stored.command,
        candidate=stored.candidate,
        reference=stored.reference,
        task_set=stored.task_set,
        task_set_sha256=stored.task_set_sha256,
        tasks=stored.tasks,
        topology_seeds=stored.topology_seeds,
        replayed=stored.replayed,
    )
    return transfer_figures(setting, sorted(candidate, key=lambda row: order.index(row.key.agent)), reference)


def test_every_file_of_stored_rows_has_a_kind() -> None:
    assert {path.name.removesuffix(".jsonl.gz") for path in RESULTS.glob("data/*.jsonl.gz")} == set(STORED)


@pytest.mark.parametrize("name", STORED)
def test_stored_rows_load(name: str) -> None:
    assert sum(1 for _ in read_packed(RESULTS / "data" / f"{name}.jsonl.gz", STORED[name])) > 100


@pytest.mark.parametrize("stem", PAGES)
def test_a_page_is_what_its_stored_figures_give(stem: str) -> None:
    kind, page = PAGES[stem]
    figures = kind.model_validate_json((RESULTS / f"{stem}.json").read_bytes())
    assert (RESULTS / f"{stem}.md").read_text(encoding="utf-8") == page(figures, stem)


def test_the_figures_of_the_replays_follow_from_the_stored_rows() -> None:
    stored = transfer_json("fidelity-transfer")
    found = again(stored, rows("transfer-tti"), rows("transfer-tti-on-ns3"))
    assert found.overall == stored.overall
    assert found.tiers == stored.tiers
    assert found.causes == stored.causes
    assert sorted(found.disagreements, key=str) == sorted(stored.disagreements, key=str)


def test_the_figures_of_the_experiment_model_in_closed_loop_follow_from_the_stored_rows() -> None:
    stored = transfer_json(CLOSED_LOOP)
    graded = read_packed(RESULTS / "data" / "6gagentbench-ns3.jsonl.gz", Result)
    reference = [
        grade_alone(
            RowKey(agent=result.agent, task=result.task),
            stored.reference.version,
            stored.task_set_sha256,
            result,
        )
        for result in graded
    ]
    found = again(stored, rows("transfer-experiment-model"), reference)
    assert found.overall == stored.overall
    assert found.domains == stored.domains
