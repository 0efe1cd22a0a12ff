"""What is known of the candidates of a task set, kept in a file until the set is complete."""

from collections.abc import Iterator
from pathlib import Path

from sixgym.domain.base import Record
from sixgym.domain.splits import Split
from sixgym.episodes.jsonl import RecordFileError, append_lines, parsed, read_lines
from sixgym.tasks.record import BenchTask, Domain, Tier


class Candidate(Record):
    """Which candidate: its place in the set and its number."""

    domain: Domain
    tier: Tier
    number: int


class ProofConditions(Record):
    """Conditions under which candidates are examined; findings of other conditions do not apply.

    Attributes:
        split: Split of the topology seeds.
        first: Number of the first candidate.
        prove: Name of the network of the proof, if there is one.
        networks: Version of each network by its name.
    """

    split: Split
    first: int
    prove: str | None
    networks: dict[str, str]


class CandidateFinding(Record):
    """The task of a candidate if it is taken, else the reason why not."""

    candidate: Candidate
    task: BenchTask | None = None
    reason: str | None = None


class FindingsFile:
    """The findings of one making, in a file of JSON lines that begins with their conditions.

    Attributes:
        path: The file.
        findings: The findings by candidate.
    """

    def __init__(self, path: Path, conditions: ProofConditions) -> None:
        """Read the findings of an interrupted making, or begin a file.

        Raises:
            RecordFileError: the file holds something else, or findings of other conditions.
        """
        self.path = path
        self.findings = {finding.candidate: finding for finding in self._read(conditions)}

    def add(self, finding: CandidateFinding) -> None:
        """Keep a finding."""
        append_lines(self.path, [finding.model_dump_json()])
        self.findings[finding.candidate] = finding

    def delete(self) -> None:
        """Delete the file: the set is complete."""
        self.path.unlink()

    def _read(self, conditions: ProofConditions) -> Iterator[CandidateFinding]:
        lines = read_lines(self.path) if self.path.exists() else iter(())
        first = next(lines, None)
        if first is None:
            append_lines(self.path, [conditions.model_dump_json()])
            return
        self._require(conditions, *first)
        for number, line in lines:
            yield parsed(self.path, number, line, CandidateFinding)

    def _require(self, conditions: ProofConditions, number: int, line: bytes) -> None:
        remedy = "delete it or choose another --out"
        try:
            found = parsed(self.path, number, line, ProofConditions)
        except RecordFileError:
            raise RecordFileError(f"{self.path} holds no findings; {remedy}") from None
        if found != conditions:
            raise RecordFileError(
                f"{self.path} holds findings for split {found.split} from number {found.first}, proved on "
                f"{found.prove or 'no other network'}, with {found.networks}; {remedy}"
            )
