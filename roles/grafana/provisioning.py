"""Grafana's provisioning formats, typed: what is rendered must be what Grafana reads.

https://grafana.com/docs/grafana/latest/administration/provisioning/
"""

# ruff: noqa: N815  # the names are Grafana's

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, ValidationError

from plugins.problem import Problem, suggestion
from plugins.settings import PlainUrl, SealedSecret, Settings
from roles.grafana.ini import plain_secret
from roles.grafana.options import OPTIONS, Options

# A key this near to a known one is a slip, not an option of a later Grafana.
_NEAR = 0.8
Uid = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]


class Entry(Settings):
    """A datasource as its provisioning file has it."""

    name: str = Field(description="its name, unique", min_length=1)
    type: str = Field(description="its type, as `elasticsearch`", min_length=1)
    uid: Uid | None = Field(None, description="its uid; default: made of type and name")
    url: PlainUrl = Field("", description="its URL, without a password")
    access: Literal["proxy", "direct"] = Field("proxy", description="who asks it")
    user: str = Field("", description="user, for databases")
    database: str = Field("", description="database; newer types have it in jsonData")
    basicAuth: bool = Field(False, description="whether it asks for a login")
    basicAuthUser: str = Field("", description="user of that login")
    withCredentials: bool = Field(False, description="whether cookies are sent along")
    isDefault: bool = Field(False, description="whether it is the default, instead of ours")
    editable: Literal[False] = Field(False, description="what is provisioned is not edited")
    orgId: int = Field(1, ge=1, description="its organisation")
    version: int = Field(1, ge=1, description="its version")
    correlations: list[dict[str, Any]] = Field([], description="native correlations")
    jsonData: dict[str, Any] = Field({}, description="options of its type")
    secureJsonData: dict[str, str] = Field({}, description="secrets of its type")


class NativeEntry(Entry):
    """A datasource that people declare: its secrets come from a vault."""

    secureJsonData: dict[str, SealedSecret] = Field(  # type: ignore[assignment]
        {}, description="secrets of its type, from a vault"
    )


class DatasourcesFile(Settings):
    """``provisioning/datasources/*.yml``"""

    apiVersion: Literal[1]
    prune: bool
    datasources: list[Entry]


class ProviderOptions(Settings):
    """Where a provider finds its dashboards."""

    path: str
    foldersFromFilesStructure: bool = False


class Provider(Settings):
    """Where dashboards come from."""

    name: str
    orgId: int = 1
    type: Literal["file"]
    folder: str = ""
    folderUid: str = ""
    disableDeletion: bool = False
    updateIntervalSeconds: int = 10
    allowUiUpdates: bool = False
    options: ProviderOptions


class ProvidersFile(Settings):
    """``provisioning/dashboards/*.yml``"""

    apiVersion: Literal[1]
    providers: list[Provider]


def refusals(model: type[BaseModel], content: object, where: str) -> Iterator[Problem]:
    """What Grafana would not understand of something that was rendered.

    Args:
        model: What it should be.
        content: What it is.
        where: What people find it by.
    """
    try:
        model.model_validate(content)
    except ValidationError as error:
        # Not the value: it may be a secret.
        for detail in error.errors(include_input=False, include_context=False):
            path = ".".join(map(str, detail["loc"]))
            what, remedy = detail["msg"], "Correct it; Grafana's documentation has the format"
            if detail["type"] == "extra_forbidden":
                what, remedy = "unknown key", suggestion(path, _known(model), "keys")
            yield Problem(f"{where}: {path}", what[:1].lower() + what[1:], remedy)


def _known(model: type[BaseModel]) -> Iterable[str]:
    return model.model_fields


def _slips(options: type[Options], given: Mapping[str, Any], where: str) -> Iterator[Problem]:
    for key in given.keys() - options.model_fields.keys():
        near = difflib.get_close_matches(key, options.model_fields, n=1, cutoff=_NEAR)
        # Numbered keys are series of their own: httpHeaderName2 follows httpHeaderName1.
        if near and key.rstrip("0123456789") != near[0].rstrip("0123456789"):
            yield Problem(f"{where}: {key}", "unknown option", f"Did you mean {near[0]!r}?")


def _leads_to(value: object) -> Iterator[str]:
    """Uids that options refer to."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in ("datasourceUid", "alertmanagerUid") and isinstance(inner, str) and inner:
                yield inner
            else:
                yield from _leads_to(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leads_to(inner)


def _readable(value: object, key: str = "") -> Iterator[str]:
    """Where a secret stands among options, which everybody can read."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _readable(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _readable(inner, key)
    elif isinstance(value, str | int | float) and plain_secret(key, value):
        yield key


def _twice(entries: Iterable[Entry], key: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for entry in entries:
        value = str(getattr(entry, key))
        if value in seen:
            where = f"grafana.datasources: {entry.name}"
            yield Problem(where, f"there are two with the {key} {value!r}", "Rename one of them")
        seen.add(value)


def datasource_problems(entries: Iterable[Entry]) -> Iterator[Problem]:
    """What is wrong with the datasources of one Grafana, taken together.

    Args:
        entries: All of them, each with a uid.
    """
    entries = tuple(entries)
    uids = {entry.uid for entry in entries}
    yield from _twice(entries, "uid")
    yield from _twice(entries, "name")
    defaults = [entry.name for entry in entries if entry.isDefault]
    if len(defaults) > 1:
        what = f"{' and '.join(map(repr, defaults))} are both the default"
        yield Problem("grafana.datasources: isDefault", what, "Say it of one of them")
    for entry in entries:
        where = f"grafana.datasources: {entry.name}: jsonData"
        options = OPTIONS.get(entry.type, Options)
        yield from refusals(options, entry.jsonData, where)
        yield from _slips(options, entry.jsonData, where)
        for key in _readable(entry.jsonData):
            remedy = "Write it into secureJsonData, from a vault"
            yield Problem(f"{where}: {key}", "is a secret in plain text", remedy)
        for uid in _leads_to(entry.jsonData):
            if uid not in uids:
                remedy = suggestion(uid, filter(None, uids), "uids")
                yield Problem(where, f"leads to {uid!r}, which is no datasource here", remedy)
