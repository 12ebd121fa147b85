"""The shape of the lock file: one :class:`Entry` per artifact."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic import model_validator as validates

Architecture = Literal["amd64", "arm64"]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
# A program of a tree is called by its path in it; no part begins with a dot.
Program = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]*(/[a-z0-9][a-z0-9_.-]*)*$")
]
Top = Annotated[str, StringConstraints(pattern=r"^[\w{*][\w{}.*-]*(/[\w{*][\w{}.*-]*)*$")]
# Stamps become one -ldflags word each; a space or a quote would split it.
Word = Annotated[str, StringConstraints(pattern=r"^[^\s'\"]*$")]

Folder = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_.-]*)*$")]
Interpreter = Annotated[str, StringConstraints(pattern=r"^3\.[0-9]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceFile(_Strict):
    """One file to fetch. ``{version}`` and ``{architecture}`` stand in its texts."""

    sha256: dict[Architecture, Sha256 | None] = Field(
        description="Digest per architecture; null until `make lock` has filled it."
    )
    members: dict[Name, str] = Field(
        default={},
        description="Program name to its path in the archive (or the file's own name).",
    )
    tree: Top | None = Field(
        default=None,
        description="Instead of members: a folder of the archive, taken whole, paths kept; `*` "
        "stands for any characters. Programs are called by their paths below it.",
    )

    @property
    def where(self) -> str:
        """Its place as the lock says it."""
        raise NotImplementedError

    @validates(mode="after")
    def _either_members_or_a_tree(self) -> Self:
        if bool(self.members) == bool(self.tree):
            raise ValueError("give it either members or a tree")
        return self


class _Source(_Strict):
    """What holds for a build of any source."""

    note: str | None = None
    lacks: tuple[Name, ...] = Field(
        default=(), description="Features that this source's build has not; roles ask for them."
    )


class ReleaseFile(SourceFile):
    """A file of the upstream release."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://")]

    @property
    def where(self) -> str:
        """See :attr:`SourceFile.where`."""
        return self.url


class PackageFile(SourceFile):
    """A file of the distribution, relative to the root of its mirror."""

    path: Annotated[str, StringConstraints(pattern=r"^pool/")]

    @property
    def where(self) -> str:
        """See :attr:`SourceFile.where`."""
        return self.path


class ImageFile(SourceFile):
    """What is taken out of upstream's image; its sha256 are the digests of its manifests."""

    reference: Annotated[
        str,
        StringConstraints(
            # The registry is named: with a dot, or a port.
            pattern=r"^(localhost|[a-z0-9-]+(\.[a-z0-9-]+)+|[a-z0-9-]+:[0-9]+)(:[0-9]+)?"
            r"(/[a-z0-9]+([._-]+[a-z0-9]+)*)+:[\w{][\w{}.-]*$"
        ),
    ] = Field(description="Registry, repository and tag: `docker.io/grafana/grafana:{version}`.")

    @property
    def where(self) -> str:
        """See :attr:`SourceFile.where`."""
        return self.reference


class Release(_Source):
    """The upstream release; a site's mirror serves the same files."""

    files: tuple[ReleaseFile, ...] = Field(min_length=1)
    spelling: dict[Architecture, str] = Field(
        default={}, description="How upstream spells an architecture, for example x86_64."
    )


class Package(_Source):
    """The distribution's package, or one of upstream's apt repository, with the version it has."""

    version: str
    repository: Annotated[str, StringConstraints(pattern=r"^https?://.*[^/]$")] | None = Field(
        default=None, description="Upstream's own repository; default: the distribution's mirrors."
    )
    files: tuple[PackageFile, ...] = Field(min_length=1)
    spelling: dict[Architecture, str] = {}


class Image(_Source):
    """Upstream's image, whose files are taken; nothing of how it starts is."""

    files: tuple[ImageFile] = Field(description="One, with all programs.")
    spelling: dict[Architecture, str] = {}


class Module(_Source):
    """A build from the upstream Go module, as files/modules/<folder> locks it."""

    folder: Name
    packages: dict[Name, str] = Field(
        min_length=1,
        description="Program to its main package; `.` is the folder's own source.",
    )
    stamp: dict[Word, Word] = Field(default={}, description="Go variables to set; {version}.")
    tags: tuple[Word, ...] = ()


class Python(_Source):
    """A program of our own in Python, packed with its dependencies into one executable file."""

    projects: tuple[Folder, ...] = Field(
        min_length=1, description="Folders beside the lock, each with src/ and pyproject.toml."
    )
    requirements: Folder = Field(description="File beside the lock: exact versions with hashes.")
    entry: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")] = Field(
        description="Module that `python -m` would run."
    )
    interpreters: tuple[Interpreter, ...] = Field(
        min_length=1, description="Versions of Python that hosts may have."
    )


class Entry(_Strict):
    """One artifact: programs that are installed together."""

    version: str
    programs: tuple[Program, ...] = Field(min_length=1)
    release: Release | None = None
    image: Image | None = None
    module: Module | None = None
    package: Package | None = None
    python: Python | None = None

    def fetched(self, source: str) -> Release | Image | Package | None:
        """What files a source fetches, if it is one that does and there is one."""
        kinds = {"mirror": self.release, "release": self.release, "image": self.image}
        return self.package if source == "package" else kinds.get(source)

    def offered(self, source: str) -> Release | Image | Package | Module | Python | None:
        """What a source gives of this artifact, if it does."""
        built = {"module": self.module, "python": self.python}
        return self.fetched(source) or built.get(source)

    @validates(mode="after")
    def _every_source_has_every_program(self) -> Entry:
        provided: dict[str, list[str]] = {}
        for source in (self.release, self.image, self.package):
            if source is not None:
                where = type(source).__name__.lower()
                provided[where] = [program for file in source.files for program in file.members]
                if any(file.tree for file in source.files):
                    if len(source.files) > 1:
                        raise ValueError(f"{where} has a tree: that is the only file of its source")
                    # Whether they are in it is seen when it is unpacked.
                    provided[where] = list(self.programs)
        if self.module is not None:
            provided["module"] = list(self.module.packages)
        if self.python is not None:
            provided["python"] = list(self.programs[:1])  # one entry is one program
        if not provided:
            raise ValueError(
                "no source: give it a release, an image, a module, a package or python"
            )
        for where, names in provided.items():
            if sorted(names) != sorted(self.programs):
                raise ValueError(
                    f"{where} provides {sorted(names)}, programs says {sorted(self.programs)}"
                )
        return self
