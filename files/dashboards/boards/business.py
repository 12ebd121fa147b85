"""Business: what people do with the application, and what comes of it."""

from files.dashboards.model import Board, Panel, Query, Row
from files.dashboards.pages import APPLICATION, ENTITIES, EXPERIENCE
from files.dashboards.panels import duration, errors, floors, gauge, limits, lines, stat
from files.dashboards.promql import increase, share
from files.dashboards.variables import ENVIRONMENT, NAMESPACE

OF = '{environment=~"$environment"}'
FAILED = '{environment=~"$environment",status="failure"}'
BUSINESS, JOBS, AI, FEEDBACK = ("business",), ("jobs",), ("ai",), ("feedback",)


def named(family: str) -> str:
    """A family of the chosen application."""
    return f"${{namespace}}_{family}"


def hourly(title: str, about: str, family: str, needs: tuple[str, ...]) -> Panel:
    """What an hour brought, as it went well or not."""
    return lines(
        title,
        about,
        increase(named(family) + OF, "status", window="1h"),
        "{{status}}",
        minimum=0.0,
        decimals=0,
        stacked=True,
        needs=needs,
        width=6,
    )


HOUR = Row(
    "By the hour",
    (
        hourly(
            "Characters created per hour",
            "Characters created within the last hour, and failed ones.",
            "characters_created_total",
            JOBS,
        ),
        hourly(
            "Level-ups per hour",
            "Characters levelled up within the last hour, and failed ones.",
            "level_ups_total",
            JOBS,
        ),
        hourly(
            "AI queries per hour",
            "Questions to AI providers within the last hour. Alert: none for 10 min.",
            "ai_requests_total",
            AI,
        ),
        hourly(
            "Exports per hour",
            "Exports made within the last hour, and failed ones.",
            "exports_total",
            JOBS,
        ),
    ),
)

PEOPLE = Row(
    "People",
    (
        gauge(
            "Active users",
            "Users with a request within the last minutes, of 1000 there is room for: "
            "from 500 on watch, from 800 on add to it.",
            f"sum(active_users_current{OF})",
            "active users",
            minimum=0.0,
            maximum=1000.0,
            steps=limits(500, 800),
            height=8,
            needs=BUSINESS,
        ),
        stat(
            "Sessions",
            "Sessions that are open.",
            f"sum(active_sessions_current{OF})",
            height=8,
            needs=BUSINESS,
        ),
        lines(
            "Users and their average of 7 days",
            "Active users against 80 % of their average. Alert: below it for 30 min.",
            (
                Query(f"sum(active_users_current{OF})", "active users"),
                Query(f"0.8 * sum(avg_over_time(active_users_current{OF}[7d]))", "80 % of 7 days"),
            ),
            minimum=0.0,
            width=14,
            needs=BUSINESS,
        ),
    ),
)

WORK = Row(
    "Processes and workflows",
    (
        lines(
            "Processes per hour",
            "Processes created within the last hour, by type. Alert: none for 2 h.",
            increase(f"{named('processes_created_total')}{OF}", "type", window="1h"),
            "{{type}}",
            minimum=0.0,
            decimals=0,
            stacked=True,
            width=8,
            needs=BUSINESS,
        ),
        lines(
            "Workflows per hour",
            "Workflows ended within the last hour, by outcome.",
            increase(f"{named('workflows_total')}{OF}", "workflow", "status", window="1h"),
            "{{workflow}} {{status}}",
            minimum=0.0,
            decimals=0,
            stacked=True,
            width=8,
            needs=JOBS,
        ),
        duration(
            "Workflow duration",
            "95 of 100 workflows of a kind take less.",
            named("workflow_duration_seconds"),
            OF,
            "workflow",
            quantiles=(0.95,),
            width=8,
            needs=JOBS,
        ),
        lines(
            "Tasks per hour",
            "Tasks of workflows ended within the last hour, by outcome.",
            increase(f"{named('tasks_total')}{OF}", "task", "status", window="1h"),
            "{{task}} {{status}}",
            minimum=0.0,
            decimals=0,
            stacked=True,
            width=8,
            needs=JOBS,
        ),
        errors(
            "Tasks that fail",
            "Share of tasks that failed, by task. Alert: 10 % for 10 min.",
            named("tasks_total") + FAILED,
            named("tasks_total") + OF,
            "task",
            steps=limits(0.05, 0.1),
            width=8,
            needs=JOBS,
        ),
        lines(
            "Agents",
            "Agents running now, and runs ended within the last hour.",
            (
                Query(f"sum({named('agents_active')}{OF})", "running"),
                Query(
                    increase(f"{named('agent_runs_total')}{OF}", "agent", "status", window="1h"),
                    "{{agent}} {{status}} per hour",
                ),
            ),
            minimum=0.0,
            decimals=0,
            width=8,
            needs=JOBS,
        ),
    ),
)

STARTED = increase(f"{named('onboarding_started_total')}{OF}", window="24h")
COMPLETED = increase(f"{named('onboarding_completed_total')}{OF}", window="24h")

VOICE = Row(
    "What they say and how they start",
    (
        gauge(
            "NPS",
            "Net promoter score: the share that would recommend it, less the share that would not.",
            f"avg({named('nps_score')}{OF})",
            "NPS",
            minimum=-100.0,
            maximum=100.0,
            steps=floors(0, 30),
            height=8,
            needs=FEEDBACK,
        ),
        stat(
            "Onboarding completed",
            "Share of the people who began within a day and came to the end.",
            share(COMPLETED, STARTED),
            unit="percentunit",
            steps=floors(0.4, 0.7),
            width=6,
            height=8,
            needs=FEEDBACK,
            empty="nobody began within a day",
        ),
        lines(
            "Onboarding",
            "People who began and who came to the end, within a day.",
            (Query(STARTED, "began"), Query(COMPLETED, "came to the end")),
            minimum=0.0,
            decimals=0,
            needs=FEEDBACK,
        ),
    ),
)

BOARD = Board(
    uid="stackwatch-business",
    title="Business",
    about="Characters, level-ups, questions, exports, people, processes, workflows and feedback.",
    folder="Applications",
    needs=("business|jobs|ai|feedback",),
    variables=(NAMESPACE, ENVIRONMENT),
    links=(APPLICATION, ENTITIES, EXPERIENCE),
    since="now-6h",
    rows=(HOUR, PEOPLE, WORK, VOICE),
)
