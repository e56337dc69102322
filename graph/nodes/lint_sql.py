"""lint_sql: check the draft against the snapshot without running it."""

from graph.events import Linted
from graph.lint import lint
from graph.nodes.work import Work, last_attempt, with_last
from graph.state import State, Update


async def lint_sql(state: State, work: Work) -> Update:
    """Give the last attempt its findings and its verdict."""
    attempt = last_attempt(state)
    verdict = lint(
        attempt.sql,
        await work.snapshot(),
        cloud_policy=work.ports.cloud_policy,
        without=work.ports.settings.without,
    )
    work.detail = verdict.findings[0].message if verdict.findings else "nothing found"
    said = {"verdict": verdict.verdict, "findings": verdict.findings}
    work.emit(Linted(**work.fact(), attempt=attempt.number, **said))
    return {"attempts": with_last(state, **said)}
