"""The settings tables of the READMEs: what they say, and that the committed ones are current."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr

from plugins import tables
from plugins.role import all_roles
from plugins.settings import LATER_EXTENDS, Duration, Labels, Native, Port, Settings, Size
from plugins.tables import StaleError, filled, main, stale, table, wanted


class Inner(Settings):
    name: str = Field(description="a name")


class Sample(Settings):
    """One field a kind of type."""

    port: Port = Field(9090, description="port")
    duration: Duration = Field("15s", description="duration")
    size: Size = Field("50GB", description="size")
    labels: Labels = Field({}, description="labels")
    native: Native = Field({}, description="native")
    text: str = Field(description="text")
    count: int = Field(3, ge=1, le=9, description="count")
    share: float = Field(0.5, description="share")
    on: bool = Field(False, description="on")
    choice: Literal["a", "b"] = Field("a", description="choice")
    maybe: str | None = Field(None, description="maybe")
    either: int | str = Field(1, description="either")
    limited: Annotated[int, Field(ge=2)] = Field(2, description="limited")
    secrets: dict[str, SecretStr] = Field({}, description="secrets")
    inner: list[Inner] = Field([], description="inner", json_schema_extra=LATER_EXTENDS)
    made: list[str] = Field(default_factory=lambda: ["x"], description="made")
    global_: Native = Field({}, alias="global", description="a|b")


@pytest.mark.parametrize(
    "row",
    [
        "| `port` | port | `9090` | port |",
        '| `duration` | duration | `"15s"` | duration |',
        '| `size` | size | `"50GB"` | size |',
        "| `labels` | labels | `{}` | labels |",
        "| `native` | native | `{}` | native |",
        "| `text` | text | **required** | text |",
        "| `count` | whole number, at least 1, at most 9 | `3` | count |",
        "| `share` | number | `0.5` | share |",
        "| `on` | yes or no | `False` | on |",
        '| `choice` | `a` or `b` | `"a"` | choice |',
        "| `maybe` | text or `None` | `None` | maybe |",
        "| `either` | whole number or text | `1` | either |",
        "| `limited` | whole number, at least 2 | `2` | limited |",
        "| `secrets` | secret by name | `{}` | secrets |",
        "| `inner` | list of `Inner`, extended | `[]` | inner |",
        '| `made` | list of text | `["x"]` | made |',
        "| `global` | native | `{}` | a\\|b |",
    ],
)
def test_a_row_says_name_type_default_and_description(row: str) -> None:
    assert row in table(Sample).splitlines()


def test_a_table_has_a_row_a_setting() -> None:
    assert len(table(Sample).splitlines()) == 2 + len(Sample.model_fields)


class NoDescription(BaseModel):
    silent: str = "x"


class OddType(BaseModel):
    odd: complex = Field(1j, description="odd")


@pytest.mark.parametrize(
    ("model", "what"),
    [(NoDescription, "silent has no description"), (OddType, "no words for the type")],
)
def test_what_cannot_be_told_is_refused(model: type[BaseModel], what: str) -> None:
    with pytest.raises(TypeError, match=what):
        table(model)


def block(name: str, body: str = "") -> str:
    return f"<!-- settings:{name} -->\n{body}<!-- /settings -->\n"


BLOCKS = {"one": lambda: "1\n", "two": lambda: "2\n"}


@pytest.mark.parametrize("body", ["", "old\n", "1\n"])
def test_only_what_stands_between_the_markers_is_replaced(body: str) -> None:
    text = f"# Title\n\n{block('one', body)}\nmiddle\n{block('two', body)}end\n"
    new = filled(Path("README.md"), text, BLOCKS)
    assert (
        new
        == f"# Title\n\n{block('one', '1' + chr(10))}\nmiddle\n{block('two', '2' + chr(10))}end\n"
    )
    assert filled(Path("README.md"), new, BLOCKS) == new


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (block("one"), "README.md: the table 'two' is missing"),
        (block("one") + block("two") + block("one"), "README.md: the table 'one' stands twice"),
        (block("one") + block("two") + block("three"), "README.md: unknown table 'three'"),
        (block("one") + "<!-- settings:two -->\n", "README.md: the table 'two' is missing"),
    ],
)
def test_a_readme_without_the_right_places_is_refused(text: str, what: str) -> None:
    with pytest.raises(StaleError) as caught:
        filled(Path("README.md"), text, BLOCKS)
    assert str(caught.value).startswith(what)


def readmes(root: Path) -> None:
    for relative, blocks in wanted().items():
        (root / relative).parent.mkdir(parents=True, exist_ok=True)
        (root / relative).write_text("".join(map(block, blocks)))


def test_check_names_stale_files_and_writing_makes_them_current(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readmes(tmp_path)
    assert main(["--check"], tmp_path) == 1
    told = capsys.readouterr().err
    for relative in wanted():
        assert f"{relative}: its settings tables are stale. Run `make format`" in told
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
    spoilt = tmp_path / "roles" / "prometheus" / "README.md"
    spoilt.write_text(spoilt.read_text().replace("`9090`", "`9091`"))
    capsys.readouterr()
    assert main(["--check"], tmp_path) == 1
    assert capsys.readouterr().err.count("stale") == 1


def test_a_missing_readme_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readmes(tmp_path)
    (tmp_path / "roles" / "blackbox" / "README.md").unlink()
    assert main([], tmp_path) == 1
    assert "roles/blackbox/README.md: no such file" in capsys.readouterr().err


def test_every_role_has_its_table_and_every_exporter_a_section() -> None:
    files = wanted()
    roles = all_roles()
    own = {name for name, role in roles.items() if "exporters" not in role.settings.__module__}
    assert {Path("roles", name, "README.md") for name in own} < set(files)
    text = files[tables.EXPORTERS]["exporters"]()
    assert {f"### {name}" for name in set(roles) - own} <= set(text.splitlines())


def test_the_committed_tables_are_current() -> None:
    assert [str(path) for path, _ in stale(tables.ROOT)] == []
