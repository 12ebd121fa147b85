"""The shape of the lock file: one :class:`Entry` per artifact."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic import model_validator as validates

Architecture = Literal["amd64", "arm64"]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
# Stamps become one -ldflags word each; a space or a quote would split it.
Word = Annotated[str, StringConstraints(pattern=r"^[^\s'\"]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _File(_Strict):
    """One file to fetch. ``{version}`` and ``{architecture}`` stand in its texts."""

    sha256: dict[Architecture, Sha256 | None] = Field(
        description="Digest per architecture; null until `make lock` has filled it."
    )
    members: dict[Name, str] = Field(
        min_length=1,
        description="Program name to its path in the archive (or the file's own name).",
    )


class ReleaseFile(_File):
    """A file of the upstream release."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://")]


class PackageFile(_File):
    """A file of the distribution, relative to the root of its mirror."""

    path: Annotated[str, StringConstraints(pattern=r"^pool/")]


class Release(_Strict):
    """The upstream release; a site's mirror serves the same files."""

    files: tuple[ReleaseFile, ...] = Field(min_length=1)
    spelling: dict[Architecture, str] = Field(
        default={}, description="How upstream spells an architecture, for example x86_64."
    )
    note: str | None = None


class Package(_Strict):
    """The distribution's package, with the version it has."""

    version: str
    files: tuple[PackageFile, ...] = Field(min_length=1)
    spelling: dict[Architecture, str] = {}
    note: str | None = None


class Module(_Strict):
    """A build from the upstream Go module, as files/modules/<folder> locks it."""

    folder: Name
    packages: dict[Name, str] = Field(min_length=1, description="Program to its main package.")
    stamp: dict[Word, Word] = Field(default={}, description="Go variables to set; {version}.")
    tags: tuple[Word, ...] = ()
    note: str | None = None


class Entry(_Strict):
    """One artifact: programs that are installed together."""

    version: str
    programs: tuple[Name, ...] = Field(min_length=1)
    release: Release | None = None
    module: Module | None = None
    package: Package | None = None

    @validates(mode="after")
    def _every_source_has_every_program(self) -> Entry:
        provided: dict[str, list[str]] = {}
        for source in (self.release, self.package):
            if source is not None:
                names = [program for file in source.files for program in file.members]
                provided[type(source).__name__.lower()] = names
        if self.module is not None:
            provided["module"] = list(self.module.packages)
        if not provided:
            raise ValueError("no source: give it a release, a module or a package")
        for where, names in provided.items():
            if sorted(names) != sorted(self.programs):
                raise ValueError(
                    f"{where} provides {sorted(names)}, programs says {sorted(self.programs)}"
                )
        return self
