"""An error that people make, as pyinfra tells it without the place in our code it comes from."""

from __future__ import annotations

import pyinfra
from pyinfra.api.exceptions import PyinfraError


def mistake(message: str) -> PyinfraError:
    """The error to raise: pyinfra's command line prints it as it is.

    Args:
        message: What is wrong, and the remedy.
    """
    if not pyinfra.is_cli:
        return PyinfraError(message)
    # Imported here only: the import makes gevent patch the whole process.
    from pyinfra_cli.exceptions import CliError  # noqa: PLC0415

    class MistakeError(CliError, PyinfraError):  # type: ignore[misc]  # pyinfra_cli has no types
        """Both: what a deploy file raises is told in one line if it is pyinfra's own, and without
        its place in the code if it is the command line's."""

    return MistakeError(message)
