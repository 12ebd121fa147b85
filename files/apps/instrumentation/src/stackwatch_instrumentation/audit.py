"""Audit events: who did what to which data, and whether it was allowed.

They are ordinary log entries with a field `audit`, by which shippers send them to the class that
is kept for a year.
"""

from __future__ import annotations

import logging
from typing import Literal

from stackwatch_instrumentation import context

Outcome = Literal["success", "failure"]

_LOG = logging.getLogger("audit")


def authentication(user_id: str, *, outcome: Outcome, method: str, **details: object) -> None:
    """Somebody proved who they are, or failed to."""
    _write(
        "authentication",
        outcome,
        f"{method} of {user_id}",
        subject=user_id,
        method=method,
        **details,
    )


def authorisation_failure(user_id: str, *, action: str, resource: str, **details: object) -> None:
    """Somebody known asked for what they may not do."""
    message = f"{user_id} may not {action} {resource}"
    _write("authorisation_failure", "failure", message, action=action, resource=resource, **details)


def data_access(
    resource: str, *, action: str = "read", outcome: Outcome = "success", **details: object
) -> None:
    """Data that belongs to somebody was read, changed or removed."""
    message = f"{action} of {resource}"
    _write("data_access", outcome, message, action=action, resource=resource, **details)


def configuration_change(
    setting: str, *, before: object, after: object, outcome: Outcome = "success", **details: object
) -> None:
    """A setting got another value; values of secret settings are redacted by their name."""
    changed = {setting: {"before": before, "after": after}}
    _write("configuration_change", outcome, f"change of {setting}", changed=changed, **details)


def _write(event: str, outcome: Outcome, message: str, **details: object) -> None:
    request = context.current()
    fields: dict[str, object] = {"audit": event, "outcome": outcome}
    if request is not None and request.user_id is not None:
        fields["actor"] = request.user_id
    # Fields of one's own stand apart: they can neither hide an entry's own field nor fail.
    fields["details"] = details
    level = logging.INFO if outcome == "success" else logging.WARNING
    _LOG.log(level, "audit: %s: %s: %s", event, outcome, message, extra=fields)
