"""Runs the MCP conformance suite against `sixgym serve mcp --http`; writes results/mcp-conformance.md.

    python perf/mcp_conformance.py

Needs npx and the network: npm's `@modelcontextprotocol/conformance`, on the Node.js that it wants. Exit
status 1 if a scenario that applies has failed.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

PAGE = Path(__file__).parents[1] / "results" / "mcp-conformance.md"
SUITE = "@modelcontextprotocol/conformance@0.1.16"
NPX = ("npx", "-y", "-p", "node@22", "-p", SUITE, "conformance", "server")

_OWN_TOOL = "calls a tool of the suite's own test server"
_OWN_RESOURCE = "reads a resource of the suite's own test server"
_OWN_PROMPT = "gets a prompt of the suite's own test server"
NOT_APPLICABLE = {
    "logging-set-level": "the server does not declare the logging capability, which MCP has deprecated",
    "completion-complete": "the server does not declare completions: its prompt has no arguments",
    "resources-subscribe": "the server does not declare subscriptions: a client's own calls change its state",
    "resources-unsubscribe": "as above",
    "tools-call-image": _OWN_TOOL,
    "tools-call-audio": _OWN_TOOL,
    "tools-call-embedded-resource": _OWN_TOOL,
    "tools-call-mixed-content": _OWN_TOOL,
    "tools-call-with-logging": _OWN_TOOL,
    "tools-call-with-progress": f"{_OWN_TOOL}; progress is tested with the Python client",
    "tools-call-sampling": f"{_OWN_TOOL}; the server asks its client for nothing",
    "tools-call-elicitation": f"{_OWN_TOOL}; the server asks its client for nothing",
    "elicitation-sep1034-defaults": f"{_OWN_TOOL}; the server asks its client for nothing",
    "elicitation-sep1330-enums": f"{_OWN_TOOL}; the server asks its client for nothing",
    "json-schema-2020-12": _OWN_TOOL,
    "server-sse-polling": f"{_OWN_TOOL}; streams cannot be resumed, calls are short",
    "resources-read-text": _OWN_RESOURCE,
    "resources-read-binary": _OWN_RESOURCE,
    "resources-templates-read": _OWN_RESOURCE,
    "prompts-get-simple": _OWN_PROMPT,
    "prompts-get-with-args": _OWN_PROMPT,
    "prompts-get-embedded-resource": _OWN_PROMPT,
    "prompts-get-with-image": _OWN_PROMPT,
}
"""Why a scenario says nothing of this server."""


@contextmanager
def serving() -> Generator[str]:
    """A server on a free port, and its URL."""
    program = "from sixgym.cli import main; main()"
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-c", program, "serve", "mcp", "--http", "0", "--out", out]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
            assert server.stderr is not None
            found = re.search(r"http://\S+", server.stderr.readline())
            try:
                if found is None:
                    raise SystemExit("the server did not start")
                yield found[0]
            finally:
                server.terminate()


def results(url: str) -> dict[str, tuple[int, int]]:
    """Checks passed and failed by scenario."""
    done = subprocess.run(
        [*NPX, "--url", url, "--suite", "all"], capture_output=True, text=True, timeout=600, check=False
    )
    rows = re.findall(r"^[^\w\s] ([\w-]+): (\d+) passed, (\d+) failed", done.stdout, flags=re.MULTILINE)
    if not rows:
        raise SystemExit(f"the suite did not run:\n{done.stderr or done.stdout}")
    return {name: (int(passed), int(failed)) for name, passed, failed in rows}


def page(found: dict[str, tuple[int, int]]) -> str:
    """The page in Markdown."""
    lines = [
        "# MCP conformance",
        "",
        f"`{SUITE}`, all its server scenarios, against `sixgym serve mcp --http`, mcp {version('mcp')}. "
        "Made by",
        "",
        "    python perf/mcp_conformance.py",
        "",
        "| scenario | checks passed | failed |",
        "|---|---|---|",
        *(
            f"| {name} | {passed} | {failed} |"
            for name, (passed, failed) in found.items()
            if name not in NOT_APPLICABLE
        ),
        "",
        "`tools-call-simple-text` and `tools-call-error` call tools that only the suite's own test server "
        "has; here they see how a call of an unknown tool is answered: with a result that holds "
        "text, and one marked as an error.",
        "",
        "These do not apply. Most of them want something else that only the suite's own test server has.",
        "",
        "| scenario | why not |",
        "|---|---|",
        *(f"| {name} | {NOT_APPLICABLE[name]} |" for name in found if name in NOT_APPLICABLE),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the suite, then write the page."""
    with serving() as url:
        found = results(url)
    text = page(found)
    PAGE.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    failed = [name for name, (_, failures) in found.items() if failures and name not in NOT_APPLICABLE]
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
