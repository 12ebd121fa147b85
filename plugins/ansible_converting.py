"""From a value of an Ansible collection's variable to settings of ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from plugins.layers import merge_native


class NoCounterpartError(Exception):
    """A value has none here; says why."""


class Sealed:
    """A text that ansible-vault encrypted; nothing here opens it."""


@dataclass(frozen=True)
class Found:
    """What a variable becomes.

    Attributes:
        settings: Dotted path of a setting to its value.
        remarks: What is left for a person to do.
    """

    settings: Mapping[str, Any]
    remarks: tuple[str, ...] = ()


Convert = Callable[[Any], Found]

_UNIT = "_SYSTEMD_UNIT="
_EVERYWHERE = frozenset({"0.0.0.0", "[::]", "::", "*"})  # noqa: S104  # compared, not bound
# Keys of Alertmanager's receivers that hold a secret and can be read from a file instead.
_RECEIVER_SECRETS = frozenset(
    {"api_key", "api_url", "auth_password", "bot_token", "password", "routing_key", "service_key"}
)
_SECRET = re.compile(
    r"(.*_)?(password|secret|secret_key|credentials|bearer_token|api_key|bot_token|token|"
    r"routing_key|service_key)"
)


def to(path: str) -> Convert:
    """The same value under another name."""
    return lambda value: Found({path: value})


def within(path: str, **moved: str) -> Convert:
    """A native section: some keys of it are settings of ours, the rest passes through.

    Args:
        path: Where the rest goes; empty drops it, since it is derived.
        moved: Key to the setting it is here.
    """

    def convert(value: Any) -> Found:
        section = _section(value)
        settings = {moved[key]: section[key] for key in moved if key in section}
        rest = {key: inner for key, inner in section.items() if key not in moved}
        if rest and path:
            settings[path] = rest
        dropped = f"{', '.join(rest)}: derived from the inventory"
        return Found(settings, (dropped,) if rest and not path else ())

    return convert


def _section(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise NoCounterpartError("is no dictionary")
    return value


def listen(role: str) -> Convert:
    """``address:port`` as the settings ``listen`` and ``port``."""

    def convert(value: Any) -> Found:
        if not isinstance(value, str) or not value.rpartition(":")[2].isdecimal():
            raise NoCounterpartError("is not one address:port")
        address, _, port = value.rpartition(":")
        settings: dict[str, Any] = {f"{role}.port": int(port)}
        if address and address not in _EVERYWHERE:
            settings[f"{role}.listen"] = address
        return Found(settings)

    return convert


def address(path: str) -> Convert:
    """An address to bind to; ours is empty for all."""
    return lambda value: Found({path: "" if value in _EVERYWHERE else value})


def flags(path: str) -> Convert:
    """A dictionary of flags as a list of them."""

    def convert(value: Any) -> Found:
        said = [f"--{k}" if v in (None, "") else f"--{k}={v}" for k, v in _section(value).items()]
        return Found({path: said})

    return convert


def flag(path: str, option: str) -> Convert:
    """One value as a flag; a yes as the flag alone."""

    def convert(value: Any) -> Found:
        if isinstance(value, bool):
            return Found({path: [option]} if value else {})
        return Found({path: [f"{option}={value}"]})

    return convert


def retention_size(value: Any) -> Found:
    """Prometheus' limit in bytes; no limit has no counterpart."""
    if str(value) == "0":
        raise NoCounterpartError("0 is no limit; here there is one, see retention_size")
    return Found({"prometheus.retention_size": value})


def scrape_configs(value: Any) -> Found:
    """Native jobs, but for those that follow from the inventory."""
    derived = ("prometheus", "node", "alertmanager", "blackbox")
    kept = [job for job in value if job.get("job_name") not in derived]
    gone = [job["job_name"] for job in value if job.get("job_name") in derived]
    remark = f"jobs {', '.join(gone)}: derived from the inventory"
    settings = {"prometheus.scrape_configs": kept} if kept else {}
    return Found(settings, (remark,) if gone else ())


def _to_vault(name: str) -> str:
    return f"put its value into a vault file, as `alertmanager: {{{name}: ...}}`"


def secret(path: str, name: str) -> Convert:
    """A secret: it moves into a vault file, and its key names a file."""
    return lambda _: Found({f"{path}_file": f"secret:{name}"}, (_to_vault(name),))


def smtp(value: Any) -> Found:
    """Mail settings of Alertmanager, the password by file."""
    settings: dict[str, Any] = {}
    remarks = []
    for key, inner in _section(value).items():
        if key in ("auth_password", "auth_secret"):
            settings[f"alertmanager.global.smtp_{key}_file"] = f"secret:smtp_{key}"
            remarks.append(_to_vault(f"smtp_{key}"))
        else:
            settings[f"alertmanager.global.smtp_{key}"] = inner
    return Found(settings, tuple(remarks))


def receivers(value: Any) -> Found:
    """Receivers, each secret in them by file."""
    remarks: list[str] = []

    def without(inner: Any, name: str) -> Any:
        if isinstance(inner, list):
            return [without(each, name) for each in inner]
        if not isinstance(inner, Mapping):
            return inner
        made = {}
        for key, said in inner.items():
            if key in _RECEIVER_SECRETS:
                made[f"{key}_file"] = f"secret:{name}_{key}"
                remarks.append(_to_vault(f"{name}_{key}"))
            else:
                made[key] = without(said, name)
        return made

    made = [without(each, re.sub(r"\W", "_", str(each.get("name", "")))) for each in value]
    return Found({"alertmanager.receivers": made}, tuple(dict.fromkeys(remarks)))


def route(value: Any) -> Found:
    """The root route, and what is below it."""
    root = dict(_section(value))
    below = root.pop("routes", [])
    settings = {"alertmanager.route": root, "alertmanager.routes": below}
    return Found({path: said for path, said in settings.items() if said})


def cluster(value: Any) -> Found:
    """The port of Alertmanager's cluster; its members are derived."""
    said = str(_section(value).get("listen-address") or "")
    if not said.rpartition(":")[2].isdecimal():
        raise NoCounterpartError("members are derived: every Alertmanager of the site")
    return Found({"alertmanager.cluster_port": int(said.rpartition(":")[2])})


def collectors(value: Any) -> Found:
    """node_exporter's collectors; options of one are flags."""
    names: list[str] = []
    options: list[str] = []
    settings: dict[str, Any] = {}
    for each in value:
        for name, said in (each if isinstance(each, Mapping) else {each: {}}).items():
            if name == "textfile":
                if folder := (said or {}).get("directory"):
                    settings["node_exporter.textfile"] = folder
                continue
            names.append(name)
            options += [f"--collector.{name}.{key}={inner}" for key, inner in (said or {}).items()]
    settings["node_exporter.collectors_on"] = names
    return Found(settings | ({"node_exporter.flags": options} if options else {}))


def ingestion(value: Any) -> Found:
    """Loki's limits; how long lines are kept goes by class here."""
    found = within(
        "loki.native.limits_config",
        reject_old_samples_max_age="loki.reject_older",
        ingestion_rate_mb="loki.ingestion_mb",
    )({k: v for k, v in _section(value).items() if not k.startswith("retention_")})
    kept = any(key.startswith("retention_") for key in value)
    remark = "retention_*: by class, site = {'log_retention': {...}}"
    return Found(found.settings, (remark,) if kept else ())


def _stage(job: Mapping[str, Any], name: str) -> Any:
    stages = [stage for stage in job.get("pipeline_stages") or () if isinstance(stage, Mapping)]
    return next((stage[name] for stage in stages if name in stage), None)


def _sources(job: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Log sources of one Promtail job."""
    how: dict[str, Any] = {}
    for kind in ("json", "logfmt"):
        if _stage(job, kind) is not None:
            how["format"] = kind
    first = (_stage(job, "multiline") or {}).get("firstline")
    if first:
        how["multiline"] = first
    for each in job.get("static_configs") or ():
        labels = each.get("labels") or {}
        if "__path__" in labels:
            name = labels.get("app") or labels.get("job") or job.get("job_name")
            # Promtail's {a,b} is two patterns here.
            source = {"name": str(name), "files": [labels["__path__"]]}
            if "__path_exclude__" in labels:
                source["exclude"] = [labels["__path_exclude__"]]
            yield source | how
    matches = str((job.get("journal") or {}).get("matches") or "").split()
    units = [word.removeprefix(_UNIT) for word in matches if word.startswith(_UNIT)]
    if units:
        yield {"name": str(job.get("job_name")), "units": units} | how


def sources(value: Any) -> Found:
    """Promtail's jobs as log sources; what cannot be one is told."""
    made: list[dict[str, Any]] = []
    remarks = []
    for job in value:
        found = list(_sources(job))
        braced = [s for s in found if any("{" in file for file in s.get("files", ()))]
        if not found:
            remarks.append(f"{job.get('job_name')}: neither files nor units; see docs/shippers.md")
        if braced:
            remarks.append(f"{job.get('job_name')}: write {{a,b}} in its path as two files")
        made += [source for source in found if source not in braced]
    return Found({"logs": made} if made else {}, tuple(remarks))


@dataclass
class Settings:
    """Settings of a whole site, filled variable by variable."""

    by_key: dict[str, Any] = field(default_factory=dict)

    def add(self, found: Found) -> None:
        """Merge in what one variable became."""
        for path, value in found.settings.items():
            nested = value
            for key in reversed(path.split(".")):
                nested = {key: nested}
            self.by_key = merge_native(self.by_key, nested)


def secrets_in(value: Any, key: str = "") -> Iterator[str]:
    """Keys that hold a secret in plain text."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from secrets_in(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from secrets_in(inner, key)
    elif isinstance(value, str) and value and _SECRET.fullmatch(key):
        yield key
