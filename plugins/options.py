"""What the command line may say of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from plugins.settings import Settings


def _intact(path: str | None) -> str | None:
    """A damaged backup is refused before any host is touched."""
    # Late: no other run has a use for it.
    from plugins.backup import folder  # noqa: PLC0415

    try:
        if path is not None:
            folder.read(Path(path))
    except folder.BackupError as error:
        raise ValueError(str(error)) from error
    return path


def _words(value: object) -> object:
    """What pyinfra took for a number is a title all the same."""
    return str(value) if type(value) is int else value


class Options(Settings):
    """What `--data KEY=VALUE` may say of a run (beside overriding settings)."""

    prove: Literal["auto", "quick", "deep", "off"] = Field(
        "auto",
        description="checks after a deploy: quick ones always and deep ones after a change "
        "(auto), quick, deep, or off",
    )
    junit: str | None = Field(None, description="write the checks as JUnit XML to this file")
    report: str | None = Field(
        None, description="write the run as JSON to this file: hosts, changes, checks, differences"
    )
    hours: float = Field(
        1, gt=0, le=24 * 366, description="dashboard_check.py and preview.py: how far back to look"
    )
    preview: str | None = Field(
        None, description="preview.py: the file to write; None is `build/preview/SITE.html`"
    )
    png: bool = Field(
        False, description="preview.py: a picture of each dashboard beside the file, by Chromium"
    )
    component: str | None = Field(None, description="remove.py: the component to remove")
    purge: str | None = Field(
        None, description="remove.py: data folder to remove with it, by its full path"
    )
    backup_dir: str = Field("backups", description="backup.py: the folder of all backups")
    keep: int | None = Field(
        None,
        ge=1,
        description="backup.py: how many whole backups of the site to keep; older ones are removed",
    )
    from_: Annotated[str | None, AfterValidator(_intact)] = Field(
        None, alias="from", description="restore.py: the folder of the backup"
    )
    overwrite: bool = Field(
        False, description="restore.py: replace dashboards that differ from the backup"
    )
    dashboard: Annotated[str | None, BeforeValidator(_words)] = Field(
        None,
        description="dashboard_check.py, preview.py: uid of the only dashboard to look at; "
        "pull_dashboard.py: uid or title of the one to pull",
    )

    @classmethod
    def names(cls) -> frozenset[str]:
        """The keys that `--data` may have."""
        return frozenset(field.alias or name for name, field in cls.model_fields.items())
