"""Send one of every signal for real, and find it where it belongs.

An alert travels through an Alertmanager back to this process (:mod:`plugins.delivery`); a log
line and a trace travel from their host through its shipper into their store, which the host
itself then asks. They leave nothing behind but themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256

from pyinfra.api import FactBase, Host

from plugins.checks import CheckResult
from plugins.delivery import Inbox, deliver_alert
from plugins.logs import SMOKE_FOLDER, SMOKE_SERVICE
from plugins.model import Check, CheckKind
from plugins.runtimes.rendered import Rendered
from plugins.scripts import assigned, script

_DEADLINE_SECONDS = 45


class StackwatchSignal(FactBase[str]):
    """
    Returns how long a signal took to be found, in milliseconds, or why it was not found.

    + signal: which script of :mod:`plugins.scripts` sends and finds it
    + variables: what the script is told
    """

    default: Callable[[], str] = staticmethod(str)

    def command(self, signal: str, variables: Mapping[str, str]) -> str:
        """The script with its variables in front."""
        # What was seen is an answer, whatever it is.
        return f"{assigned(variables)}({script('found')}{script(signal)})\ntrue"

    def process(self, output: list[str]) -> str:
        """The script's words."""
        return "\n".join(output).strip()


def _done(host: Host, check: Check, name: str, variables: Mapping[str, str]) -> CheckResult:
    """Run one of the scripts on a host and judge its words."""
    given = {**variables, "url": check.endpoint.url, "deadline": str(_DEADLINE_SECONDS)}
    # A fact and no bare command: it runs as the user that everything else runs as.
    words = host.get_fact(StackwatchSignal, signal=name, variables=given)
    ok = words.isdigit()
    seen = f"found after {int(words) / 1000:.1f} s" if ok else words or "nothing, see above"
    wanted = f"found within {_DEADLINE_SECONDS} s"
    # The shipper's check, whoever stores it.
    component = check.expected[0]
    return CheckResult(host.name, component, check.name, ok, check.endpoint.url, wanted, seen)


def find_line(host: Host, inbox: Inbox, rendered: Rendered, check: Check) -> CheckResult:
    """Write a line with a secret into a log file and find it in its store, without the secret.

    Args:
        host: A connected host with a shipper.
        inbox: Its token marks the line of this run.
        rendered: The shipper.
        check: Its endpoint answers log queries; ``expected`` holds the shipper's name.
    """
    query = f'{{service="{SMOKE_SERVICE}", host="{host.name}"}} | requestId="{inbox.token}"'
    variables = {
        "folder": SMOKE_FOLDER,
        "token": inbox.token,
        "secret": f"secret{inbox.token}",
        "query": query,
    }
    return _done(host, check, "log_line", variables)


def find_trace(host: Host, inbox: Inbox, rendered: Rendered, check: Check) -> CheckResult:
    """Hand a span to the collector of a host and find its trace in the store.

    Args:
        host: A connected host with a collector.
        inbox: Its token makes the trace's id.
        rendered: The shipper.
        check: Its endpoint answers for traces by id; ``expected`` holds the collector's name and
            the URL that takes spans.
    """
    _, url = check.expected
    seed = f"{inbox.token}{host.name}"
    digest = sha256(seed.encode()).hexdigest()
    variables = {
        "service": SMOKE_SERVICE,
        "trace": digest[:32],
        "span": digest[32:48],
        "collector": url,
    }
    return _done(host, check, "trace", variables)


SIGNALS: Mapping[CheckKind, Callable[[Host, Inbox, Rendered, Check], CheckResult]] = {
    CheckKind.DELIVERY: deliver_alert,
    CheckKind.LOG_LINE: find_line,
    CheckKind.TRACE: find_trace,
}
