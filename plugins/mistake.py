"""An error that people make, as pyinfra tells it without the place in our code it comes from."""

from __future__ import annotations

import pyinfra
from pyinfra.api.exceptions import PyinfraError


def mistake(message: str) -> Exception:
    """The error to raise: pyinfra's own, which its command line prints as it is.

    Args:
        message: What is wrong, and the remedy.
    """
    if not pyinfra.is_cli:
        return PyinfraError(message)
    # Imported here only: the import makes gevent patch the whole process.
    from pyinfra_cli.exceptions import CliError  # noqa: PLC0415

    error: Exception = CliError(message)
    return error
