"""Sites with a Grafana, and Grafana's own way with what it reads, written down once more."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from plugins.model import Component, SiteError
from plugins.site import Site
from tests.unit.sites import Line, compiled, components, file, on

# As a vault hands it over, with everything that some format takes for its own.
HARD = 'pa$$w${HOME}$1rd#;`x\' "q" \\n=é'
PASSWORD = SecretStr("sentinel-admin")
ENVIRONMENT = {"HOME": "/wrong", "1": "wrong"}
BACKENDS = ("prometheus", "alertmanager", "blackbox", "loki", "jaeger")


def grafana_site(*others: Line, groups: tuple[str, ...] = BACKENDS, **said: Any) -> Site:
    """One host with a Grafana beside backends; ``said`` are Grafana's settings."""
    settings = {"admin_password": PASSWORD, **said}
    first = on("mon1", "grafana", *groups, address="10.0.0.1", grafana=settings)
    return compiled(first, *others, everyone={"site": {"name": "test"}})


def grafana(site: Site, host: str = "mon1") -> Component:
    """The Grafana of a host."""
    return components(site, host)["grafana"]


def refusals(site: Site) -> list[str]:
    """The problems of a Grafana that must not be rendered, as people see them."""
    with pytest.raises(SiteError) as error:
        grafana(site)
    return [str(problem) for problem in error.value.problems]


def _variables(text: str) -> str:
    """Go's ``os.ExpandEnv``."""
    found = re.compile(r"\$(?:\{([^}]*)\}|([A-Za-z_]\w*|[0-9*#$@!?-]))")
    return found.sub(lambda match: ENVIRONMENT.get(match[1] or match[2], ""), text)


def _files(text: str, files: Mapping[str, str]) -> str:
    """Grafana's expanders, in their order: the environment's variables, then files."""
    text = re.sub(r"\$(?:__env)?\{([^}]+)\}", lambda match: ENVIRONMENT.get(match[1], ""), text)
    return re.sub(r"\$__file\{([^}]+)\}", lambda match: files[match[1]].strip(), text)


def as_provisioned(text: str, files: Mapping[str, str] = {}) -> str:
    """A value of a provisioning file as Grafana takes it.

    https://github.com/grafana/grafana/blob/v12.4.2/pkg/services/provisioning/values/values.go
    """
    return "$".join(_variables(_files(part, files)) for part in text.split("$$"))


@dataclass(frozen=True)
class Ini:
    """A configuration as Grafana reads it.

    Attributes:
        component: The Grafana it is of.
    """

    component: Component

    def value(self, section: str, key: str) -> str:
        """One value, unquoted and expanded.

        https://github.com/grafana/grafana/blob/v12.4.2/pkg/setting/expanders.go
        """
        base = "/etc/stackwatch/grafana/live/"
        files = {f"{base}{each.path}": each.content for each in self.component.files}
        return _files(_unquoted(self._raw()[section][key]), files)

    def _raw(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for line in file(self.component, "grafana.ini").content.splitlines():
            if line.startswith("["):
                section = found.setdefault(line[1:-1], {})
            elif line and not line.startswith("#"):
                key, _, value = line.partition(" = ")
                assert key not in section, f"{key} stands twice"
                section[key] = value
        return found


def _unquoted(value: str) -> str:
    """A value as go-ini reads it: quoted as it is, else up to a comment."""
    for quote in ('"""', "`"):
        if value.startswith(quote):
            return value.removeprefix(quote).partition(quote)[0]
    assert not value.endswith("\\"), "the next line belongs to it"
    return re.split("[#;]", value)[0].strip().strip("\"'")


def provisioned(component: Component, name: str = "stackwatch") -> dict[str, Any]:
    """Datasources of a provisioning file by uid, as Grafana takes them."""
    content = yaml.safe_load(file(component, f"provisioning/datasources/{name}.yml").content)
    assert (content["apiVersion"], content["prune"]) == (1, True)
    return {each["uid"]: _taken(each) for each in content["datasources"]}


def _taken(value: Any) -> Any:
    if isinstance(value, str):
        return as_provisioned(value)
    if isinstance(value, dict):
        return {key: _taken(inner) for key, inner in value.items()}
    return [_taken(inner) for inner in value] if isinstance(value, list) else value
