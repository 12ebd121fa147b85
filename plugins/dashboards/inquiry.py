"""Ask what the panels of a site's dashboards ask, of its datasources themselves, in rounds.

Values of variables come first, those that need others after them; then the panels; then what
tells why some are empty. One round is one command a host, whatever the number of dashboards.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from plugins.answers import Answer
from plugins.dashboards import promql
from plugins.dashboards.document import Dashboard, named
from plugins.dashboards.drop_ins import BUILT_IN
from plugins.dashboards.queries import parse, path_of, questions
from plugins.dashboards.results import Question, Result
from plugins.dashboards.substitution import Value, Window
from plugins.dashboards.variables import Choice, asked, given, learned, rounds
from plugins.datasources import uid_of
from plugins.durations import milliseconds
from plugins.endpoint import Endpoint, EndpointKind
from plugins.site import Site
from plugins.wiring import nearest

# A command is one argument of a shell, which Linux limits to 128 KiB.
_COMMAND_BYTES = 64_000
_FIRING = 'ALERTS{alertstate="firing"}'


def datasource(site: Site, kind: str, uid: str) -> Endpoint | None:
    """Where a datasource of a site answers; None where it is no component of the site.

    Args:
        site: The site.
        kind: Its type.
        uid: Its uid or name, as a panel has it; a variable, or nothing, is the default.
    """
    found = {
        name: endpoint
        for placement in site.placements
        if (declared := placement.role.datasource) and declared.name == kind
        for endpoint in placement.endpoints
        if endpoint.kind is EndpointKind.API
        for name in (uid_of(kind, endpoint.host), f"{declared.title} {endpoint.host}")
    }
    if is_chosen(uid):
        return found.get(uid)
    # The default is what is nearest to whoever shows it.
    shown = (p.host for p in site.placements if p.role.shows_datasources)
    return nearest(found.values(), next(shown, next(iter(site.hosts.values()))))


def is_chosen(uid: str) -> bool:
    """Whether a panel asks one datasource and no other, by its uid or name."""
    return bool(uid) and not named(uid) and uid not in BUILT_IN


def scrape_seconds(site: Site) -> int:
    """How often the site's targets are scraped, at the slowest."""
    said = (getattr(p.settings, "scrape_interval", None) for p in site.placements)
    return max((milliseconds(each) // 1000 for each in said if each), default=15) or 1


@dataclass
class Inquiry:
    """What is asked of a site in one run, and what was answered so far.

    Attributes:
        site: The site.
        boards: Its dashboards.
        window: The span of time.
        values: Uid to the values of its variables.
        choices: Uid and variable to what was answered for it.
        results: Panels' questions to what was answered.
        alive: Uid to names of metrics, of those that it names, that have series.
        silent: Selectors that were looked for and have no series.
    """

    site: Site
    boards: Sequence[Dashboard]
    window: Window
    values: dict[str, dict[str, Value]] = field(default_factory=dict)
    choices: dict[tuple[str, str], Choice] = field(default_factory=dict)
    results: dict[Question, Result] = field(default_factory=dict)
    alive: dict[str, frozenset[str]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.values = {board.uid: given(board) for board in self.boards}

    @property
    def rounds(self) -> int:
        """How many rounds the variables take."""
        return max(map(rounds, self.boards), default=0)

    def endpoint(self, question: Question) -> Endpoint | None:
        """Where a question is asked; None for a datasource that the site does not have."""
        return datasource(self.site, question.datasource, question.uid)

    # What a round asks.

    def for_variables(self) -> tuple[Question, ...]:
        """For the variables whose turn it is."""
        return tuple(
            question
            for board in self.boards
            for question in asked(board, self.values[board.uid], self.window)
        )

    def for_panels(self) -> tuple[Question, ...]:
        """For every panel."""
        window = self.window
        return tuple(
            question
            for board in self.boards
            for question in questions(
                board, self.values[board.uid], window.start, window.end, window.step
            )
        )

    def for_alerts(self) -> tuple[Question, ...]:
        """For the panels that list alerts, which have no query of their own."""
        return tuple(
            self._asks(board.uid, panel.id, _FIRING, "")
            for board in self.boards
            for panel in board.panels
            if panel.type == "alertlist"
        )

    def for_names(self) -> tuple[Question, ...]:
        """Which of the metrics that dashboards name have series at all."""
        made = []
        for board in self.boards:
            for uid, names in sorted(self._names(board).items()):
                expr = f'count by (__name__) ({{__name__=~"{"|".join(sorted(names))}"}})'
                made.append(self._asks(board.uid, 0, expr, uid))
        return tuple(made)

    def for_reasons(self) -> tuple[Question, ...]:
        """Which selectors of queries that found nothing have no series."""
        empty = {
            (q.dashboard, selector, q.uid): q
            for q, result in self.results.items()
            if q.datasource == "prometheus" and result.empty and not result.error
            for selector in _selectors(q.expr)
        }
        return tuple(
            self._asks(question.dashboard, question.panel, f"count({selector})", uid)
            for (_, selector, uid), question in empty.items()
        )

    def _asks(self, board: str, panel: int, expr: str, uid: str) -> Question:
        path = path_of("/api/v1/query", query=expr, time=self.window.end)
        return Question(board, panel, "", "prometheus", expr, path, "instant", uid=uid)

    def _names(self, board: Dashboard) -> Mapping[str, frozenset[str]]:
        """Names of metrics that a dashboard's queries select, by datasource as written."""
        found: dict[str, frozenset[str]] = defaultdict(frozenset)
        for question in self.results:
            if question.dashboard == board.uid and question.datasource == "prometheus":
                found[question.uid] |= metric_names(question.expr)
        return {uid: names for uid, names in found.items() if names}

    # What was answered.

    def hear_variables(self, answers: Iterable[tuple[Question, Answer]]) -> None:
        """Keep values of variables."""
        boards = {board.uid: board for board in self.boards}
        for question, answer in answers:
            board = boards[question.dashboard]
            choice = learned(board, question, answer.status, answer.body)
            self.choices[board.uid, choice.name] = choice
            self.values[board.uid][choice.name] = choice.value

    def hear_panels(self, answers: Iterable[tuple[Question, Answer]]) -> None:
        """Keep what panels were answered."""
        for question, answer in answers:
            self.results[question] = parse(question, answer.status, answer.body)

    def close(self) -> None:
        """Say of every question that was not asked why."""
        for question in self.for_panels():
            if not question.path:
                self.results[question] = Result(question)
            elif question not in self.results:
                endpoint = self.endpoint(question)
                why = f"the site has no {question.datasource}"
                if endpoint:
                    why = f"{endpoint.host} is not in this run, or failed"
                self.results[question] = Result(question, error=f"not asked: {why}")

    def hear_names(self, answers: Iterable[tuple[Question, Answer]]) -> None:
        """Keep which metrics have series."""
        for question, answer in answers:
            series = parse(question, answer.status, answer.body).series
            names = frozenset(each.labels["__name__"] for each in series)
            self.alive[question.dashboard] = self.alive.get(question.dashboard, names) | names

    def hear_reasons(self, answers: Iterable[tuple[Question, Answer]]) -> None:
        """Keep which selectors have no series."""
        for question, answer in answers:
            result = parse(question, answer.status, answer.body)
            if result.empty and not result.error:
                self.silent.add(question.expr.removeprefix("count(").removesuffix(")"))


def _selectors(expression: str) -> tuple[str, ...]:
    return () if promql.fault(expression) else promql.selectors(expression)


def metric_names(expression: str) -> frozenset[str]:
    """Names of metrics in a query; none if it does not parse."""
    return frozenset() if promql.fault(expression) else promql.metrics(expression)


def batches(urls: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """URLs in as many commands as they need, each once.

    Args:
        urls: To be read on one host.
    """
    made: list[list[str]] = []
    size = _COMMAND_BYTES
    for url in dict.fromkeys(urls):
        cost = len(url) + len("body  ")
        if size + cost > _COMMAND_BYTES:
            made.append([])
            size = 0
        made[-1].append(url)
        size += cost
    return tuple(map(tuple, made))
