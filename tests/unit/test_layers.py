"""Layers: merge order, and blaming the file that holds a mistake."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field, SecretStr

from plugins.layers import Layer, merge_native, merge_settings, validate
from plugins.problem import suggestion
from plugins.settings import LATER_EXTENDS, AppService, Labels, SealedSecret, Settings


class Sample(Settings):
    """Settings of every shape there is."""

    port: int = Field(9000, description="a number")
    names: list[str] = Field([], description="replaced")
    flags: list[str] = Field([], description="extended", json_schema_extra=LATER_EXTENDS)
    labels: Labels = Field({}, description="merged")
    native: dict[str, Any] = Field({}, description="merged at any depth")
    services: list[AppService] = Field([], description="models", json_schema_extra=LATER_EXTENDS)
    secrets: dict[str, SecretStr] = Field({}, description="never shown")
    sealed: dict[str, SealedSecret] = Field({}, description="from a vault alone")
    needed: str = Field("", description="a text")


@pytest.mark.parametrize(
    ("layers", "merged"),
    [
        ([{"port": 1}, {"port": 2}, {"port": 3}], {"port": 3}),
        ([{"port": 1}, {"needed": "x"}], {"port": 1, "needed": "x"}),
        ([{"names": ["a"]}, {"names": ["b"]}], {"names": ["b"]}),
        ([{"flags": ["a"]}, {"flags": ["b"]}, {"flags": ["c"]}], {"flags": ["a", "b", "c"]}),
        (
            [{"labels": {"a": "1", "b": "1"}}, {"labels": {"b": "2"}}],
            {"labels": {"a": "1", "b": "2"}},
        ),
        (
            [{"native": {"x": {"y": {"a": 1}}}}, {"native": {"x": {"y": {"b": 2}, "z": 3}}}],
            {"native": {"x": {"y": {"a": 1, "b": 2}, "z": 3}}},
        ),
        ([{"native": {"list": [1]}}, {"native": {"list": [2]}}], {"native": {"list": [1, 2]}}),
        ([{"labels": {"a": "1"}}, {"labels": None}], {"labels": None}),
        ([{"flags": ["a"]}, {"flags": "b"}], {"flags": "b"}),
    ],
)
def test_later_layers_win_merge_or_extend(
    layers: list[dict[str, Any]], merged: dict[str, Any]
) -> None:
    assert merge_settings(Sample, layers) == merged


def test_merging_leaves_the_layers_as_they_were() -> None:
    first: dict[str, Any] = {"flags": ["a"], "native": {"x": {"y": 1}}}
    merge_settings(Sample, [first, {"flags": ["b"], "native": {"x": {"z": 2}}}])
    assert first == {"flags": ["a"], "native": {"x": {"y": 1}}}


@pytest.mark.parametrize(
    ("base", "over", "merged"),
    [
        (1, 2, 2),
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"b": 1, "c": 1}}, {"a": {"c": 2}}, {"a": {"b": 1, "c": 2}}),
        ([1], [2, 3], [1, 2, 3]),
        ({"a": [1]}, {"a": [2]}, {"a": [1, 2]}),
        ({"a": [1]}, {"a": {"b": 2}}, {"a": {"b": 2}}),
        ({"a": 1}, {"a": None}, {"a": None}),
    ],
)
def test_native_merge(base: Any, over: Any, merged: Any) -> None:
    assert merge_native(base, over) == merged


ALL, GROUP, HOST = "group_data/all.py", "group_data/web.py", "inventory.py: web1"


def faults(*layers: tuple[str, dict[str, Any]]) -> list[str]:
    """The problems of settings that stand under the key ``sample``."""
    stack = tuple(Layer(origin, {"sample": said}) for origin, said in layers)
    merged = merge_settings(Sample, [layer.values["sample"] for layer in stack])
    settings, problems = validate(Sample, merged, stack, "sample")
    assert settings is None
    return [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("layers", "where"),
    [
        ([(ALL, {"port": "1"})], f"{ALL}: sample.port"),
        ([(ALL, {"port": "1"}), (GROUP, {"needed": "x"})], f"{ALL}: sample.port"),
        ([(ALL, {"port": 1}), (GROUP, {"port": "2"})], f"{GROUP}: sample.port"),
        (
            [(ALL, {"port": "1"}), (GROUP, {"port": 2}), (HOST, {"port": "3"})],
            f"{HOST}: sample.port",
        ),
        ([(GROUP, {"flags": ["ok", 5]}), (HOST, {"flags": ["b"]})], f"{GROUP}: sample.flags.1"),
        ([(GROUP, {"flags": ["ok"]}), (HOST, {"flags": [5]})], f"{HOST}: sample.flags.1"),
        ([(ALL, {"labels": {"a": 1}}), (HOST, {"labels": {"b": "2"}})], f"{ALL}: sample.labels.a"),
        ([(ALL, {"labels": {"a": "1"}}), (HOST, {"labels": {"b": 2}})], f"{HOST}: sample.labels.b"),
        (
            [(ALL, {"labels": {"a-b": "1"}}), (HOST, {"labels": {"b": "2"}})],
            f"{ALL}: sample.labels",
        ),
        ([(ALL, {"labels": {"a": 1}}), (HOST, {"labels": {"a": 2}})], f"{HOST}: sample.labels.a"),
    ],
)
def test_blames_the_layer_that_holds_the_mistake(
    layers: list[tuple[str, dict[str, Any]]], where: str
) -> None:
    (fault,) = faults(*layers)
    assert fault.startswith(f"{where}: ")


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (
            {"prot": 1},
            f"{ALL}: sample.prot: unknown setting. Did you mean 'port'? Known settings: "
            "flags, labels, names, native, needed, port, sealed, secrets, services",
        ),
        (
            {"zzz": 1},
            f"{ALL}: sample.zzz: unknown setting. Known settings: "
            "flags, labels, names, native, needed, port, sealed, secrets, services",
        ),
        (
            {"services": [{"name": "shop", "port": 80, "helth": "/"}]},
            f"{ALL}: sample.services.0.helth: unknown setting. Did you mean 'health'? "
            "Known settings: exposes, health, kind, labels, metrics, name, port, scheme",
        ),
        (
            {"services": [{"name": "shop"}]},
            f"{ALL}: sample.services.0.port: required setting is missing. Add it",
        ),
        (
            {"port": "9000"},
            f"{ALL}: sample.port: input should be a valid integer, got '9000'. Correct the value",
        ),
        (
            {"labels": {"a-b": "c"}},
            f"{ALL}: sample.labels: 'a-b' is no label name (letters, digits, _; not __...). "
            "Correct the value",
        ),
    ],
)
def test_says_what_is_wrong_and_what_to_do(said: dict[str, Any], fault: str) -> None:
    assert faults((ALL, said)) == [fault]


@pytest.mark.parametrize("key", ["secrets", "sealed"])
@pytest.mark.parametrize("secrets", [{"token": 4711}, "4711", {"token": ["4711"]}])
def test_a_secret_of_the_wrong_type_is_not_shown(key: str, secrets: Any) -> None:
    (fault,) = faults((ALL, {key: secrets}))
    assert "4711" not in fault
    assert fault.startswith(f"{ALL}: sample.{key}")


def test_reports_several_at_once_each_with_its_own_file() -> None:
    found = faults((ALL, {"port": "1", "nedded": "x"}), (HOST, {"flags": "x"}))
    assert sorted(fault.split(": sample.")[0] for fault in found) == [ALL, ALL, HOST]


def test_settings_at_the_top_level_have_no_prefix() -> None:
    layers = (Layer(ALL, {"port": "1"}),)
    _, problems = validate(Sample, {"port": "1"}, layers, "")
    assert [problem.where for problem in problems] == [f"{ALL}: port"]


def test_valid_settings_come_back_without_problems() -> None:
    settings, problems = validate(Sample, {"port": 1}, (Layer(ALL, {}),), "")
    assert (settings, problems) == (Sample(port=1), [])


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("promteheus", "Did you mean 'prometheus'? Known roles: loki, prometheus"),
        ("x", "Known roles: loki, prometheus"),
    ],
)
def test_suggestion(word: str, remedy: str) -> None:
    assert suggestion(word, ["prometheus", "loki"], "roles") == remedy
