"""Broken plugins are reported with what to do, and left out; the others work."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from portal import wiring
from portal.domain.errors import InvalidSpec, PermanentFailure
from portal.domain.job_state import JobState
from portal.domain.resources import Slot
from portal.services.running.launching import build
from portal.settings import Settings
from portal.spi import DeviceShape, DeviceType, JobKind
from portal.spi.registry import Registry, load_registry
from portal.testing import FakeCluster, FakeEvents, FakeQueue, a_job, a_spec
from portal.wiring.cluster import make_cluster

GROUP = "portal.device_types"


class Good(DeviceType):
    spi_version = 1
    name, title = "good", "GOOD"

    @property
    def shape(self) -> DeviceShape:
        return DeviceShape()

    @property
    def resource_name(self) -> str:
        return "acme.example/good"

    @property
    def node_labels(self) -> Mapping[str, str]:
        return {}

    def environment(self, slot: Slot) -> Mapping[str, str]:
        return {} if slot.devices else {"GOOD_VISIBLE": ""}


def variant(**members: Any) -> type[DeviceType]:
    """A plugin like the good one, but for some members."""
    return type("Variant", (Good,), {"name": "acme", **members})


def raising(error: BaseException) -> Any:
    def fails(*_: object) -> Any:
        raise error

    return fails


@pytest.fixture
def module() -> Iterator[ModuleType]:
    made = ModuleType("acme_plugin_of_tests")
    sys.modules[made.__name__] = made
    yield made
    del sys.modules[made.__name__]


@pytest.fixture
def loaded(module: ModuleType) -> Callable[..., Registry]:
    """The registry with a plugin ``acme`` and a good one."""

    def load(plugin: Any, settings: Mapping[str, Any] | None = None) -> Registry:
        module.Acme, module.Good = plugin, Good  # type: ignore[attr-defined]
        points = [
            EntryPoint("acme", f"{module.__name__}:Acme", GROUP),
            EntryPoint("good", f"{module.__name__}:Good", GROUP),
        ]
        return load_registry({"acme": settings or {}}, points)

    return load


def picky(self: Good, settings: Mapping[str, Any]) -> None:
    if settings:
        raise ValueError("colour: expected a number, got 'blue'")


BROKEN = {
    "not a class": (lambda: "a text", "not a class derived from portal.spi.DeviceType; derive it"),
    "another base": (lambda: dict, "not a class derived from portal.spi.DeviceType"),
    "a member is missing": (
        lambda: type("Half", (DeviceType,), {"name": "acme", "title": "A"}),
        "does not define environment, node_labels, resource_name, shape; define it",
    ),
    "an older interface": (
        lambda: variant(spi_version=0),
        "written for version 0 of the plugin interface, this portal has 1; install a matching",
    ),
    "no interface": (
        lambda: variant(spi_version=None),
        (
            "does not say for which version of the plugin interface it was written;"
            " add spi_version = 1"
        ),
    ),
    "labels that are none": (
        lambda: variant(node_labels=None),
        "node_labels is None, expected a mapping of labels to values",
    ),
    "notes that are none": (lambda: variant(notes=8), "notes is 8, expected a tuple of names"),
    "another name": (lambda: variant(name="acne"), "name is 'acne'; make them equal"),
    "no name": (lambda: variant(name=None), "name is None; make them equal"),
    "no title": (lambda: variant(title=None), "has no title; give it a short word"),
    "a refused setting": (
        lambda: variant(__init__=picky),
        "refused its settings: colour: expected a number, got 'blue'; correct plugins.acme in",
    ),
    "a constructor that fails": (
        lambda: variant(__init__=raising(RuntimeError("oh"))),
        "failed at its settings (plugins.acme in portal.yaml): RuntimeError: oh;",
    ),
    "a constructor that leaves": (
        lambda: variant(__init__=raising(SystemExit(3))),
        "SystemExit: 3;",
    ),
    "a shape that fails": (
        lambda: variant(shape=property(raising(KeyError("cards")))),
        "shape failed: KeyError: 'cards'; correct plugins.acme in portal.yaml",
    ),
    "a shape that is none": (
        lambda: variant(shape=8),
        "shape is 8, expected a DeviceShape; install a version of it that is mended",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_named_with_what_to_do(
    loaded: Callable[..., Registry], case: str
) -> None:
    make, words = BROKEN[case]
    registry = loaded(make(), {"colour": "blue"})
    assert set(registry.device_types) == {"good"}
    acme, good = registry.plugins
    assert (acme.name, acme.status, good.status) == ("acme", "failed", "ok")
    assert words in acme.reason
    assert "\n" not in acme.reason


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'; inst"),
        ("raise SystemExit('not today')", "SystemExit: not today; install what it lacks"),
        ("x = ", "SyntaxError: "),
        ("", "AttributeError: module 'acme_broken' has no attribute 'Acme'; install what"),
    ],
)
def test_a_module_that_cannot_be_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    (tmp_path / "acme_broken.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "acme_broken", raising=False)
    registry = load_registry({}, [EntryPoint("acme", "acme_broken:Acme", GROUP)])
    (acme,) = registry.plugins
    assert acme.status == "failed"
    assert "cannot be imported from acme_broken:Acme: " in acme.reason
    assert words in acme.reason


class Shadow(Distribution):
    """A package with an entry point of a built-in plugin's name."""

    def read_text(self, filename: str) -> str | None:
        return "Name: a-shadow\nVersion: 1\n" if filename == "METADATA" else None

    def locate_file(self, path: Any) -> Any:
        return Path(path)


def test_a_second_plugin_of_a_name_is_left_out_and_never_replaces_a_built_in_one(
    module: ModuleType,
) -> None:
    from importlib.metadata import entry_points

    module.Acme = variant(name="nvidia_gpu_amd64")  # type: ignore[attr-defined]
    shadow = EntryPoint("nvidia_gpu_amd64", f"{module.__name__}:Acme", GROUP)
    shadow = shadow._for(Shadow())  # type: ignore[attr-defined]
    registry = load_registry({}, [shadow, *entry_points(group=GROUP)])
    by_package = {p.distribution: p for p in registry.plugins if p.name == "nvidia_gpu_amd64"}
    assert by_package["aoli"].status == "ok"
    assert by_package["a-shadow"].reason == (
        "another plugin is named nvidia_gpu_amd64; uninstall one of the two packages"
    )
    assert registry.device_types["nvidia_gpu_amd64"].title == "GPU"


def test_what_is_left_out_is_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(data_dir=tmp_path, plugins={"nvidia_gpu_amd64": {"ring": 3}})
    with caplog.at_level(logging.ERROR):
        portal = wiring.connect(
            settings, cluster=FakeCluster(), queue=FakeQueue(), events=FakeEvents()
        )
    assert "nvidia_gpu_amd64" not in portal.registry.device_types
    (said,) = [record.getMessage() for record in caplog.records]
    assert said == (
        "plugin nvidia_gpu_amd64 (portal.device_types) is left out: refused its settings:"
        " ring: 3 does not divide devices_per_node (8);"
        " correct plugins.nvidia_gpu_amd64 in portal.yaml"
    )


def test_a_search_for_devices_that_fails_has_found_none(
    loaded: Callable[..., Registry], tmp_path: Path
) -> None:
    registry = loaded(variant(detect=raising(PermissionError("/dev/acme"))))
    cluster = make_cluster(Settings(data_dir=tmp_path), registry)
    assert [node.device_type for node in cluster.nodes()] == [None]


def launch(registry: Registry, **fields: Any) -> Any:
    job = a_job(
        JobState.SCHEDULING,
        spec=a_spec(kind="regular", **fields),
        placement=(Slot("n1", tuple(range(fields.get("devices", 0)))),),
    )
    whole = Registry(load_registry({}).job_kinds, registry.device_types, registry.plugins)
    return build(job, FakeCluster(), whole, "/dlwsdata", None)


def test_a_device_type_that_fails_at_work_stops_its_own_jobs_alone(
    loaded: Callable[..., Registry],
) -> None:
    registry = loaded(variant(environment=raising(TypeError("no"))))
    (replica,) = launch(registry, device_type="good", devices=1).replicas
    assert replica.resources == {"acme.example/good": 1}
    with pytest.raises(PermanentFailure, match="the device type acme failed: TypeError: no"):
        launch(registry, device_type="acme", devices=1)


def test_a_refusal_that_comes_too_late_ends_the_job(loaded: Callable[..., Registry]) -> None:
    """At the launch nobody can correct a field any more."""
    registry = loaded(variant(resources=raising(InvalidSpec("devices", "Not so many"))))
    with pytest.raises(PermanentFailure, match="InvalidSpec: devices: Not so many"):
        launch(registry, device_type="acme", devices=1)


def test_a_section_of_no_plugin_is_named_with_the_likely_one() -> None:
    registry = load_registry({"regluar": {}, "nvidia_gpu_amd64": {}, "weather": {}})
    wrong = {plugin.name: plugin for plugin in registry.plugins if plugin.status != "ok"}
    assert set(wrong) == {"regluar", "weather"}
    assert wrong["regluar"].reason == (
        "plugins.regluar in portal.yaml is of no installed plugin; did you mean plugins.regular?"
    )
    assert wrong["weather"].reason.endswith("install it or remove the section")


class Plain(JobKind):
    """A job kind to which members are added."""

    spi_version = 1
    name = title = "acme"

    def check(self, spec: Any, device_type: Any, limit: int) -> Any:
        return spec

    def workload(self, job: Any, placement: Any, host_of: Any) -> Any:
        return None


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"fields": "rounds"}, "fields is 'rounds', expected a tuple of names"),
        ({"fields": ("name",)}, "expected names that no job has already (not name)"),
        ({"fields": ("registry",)}, "expected names that no job has already (not registry)"),
        ({"fields": ("a b",)}, "expected names of a-z, 0-9 and _, a letter first (not 'a b')"),
        ({"fields": ("a", "a")}, "fields is ('a', 'a'), expected each name once"),
        ({"field_titles": None}, "field_titles is None, expected a mapping of fields to titles"),
        ({"field_titles": {"a": 1}}, "field_titles is {'a': 1}, expected a mapping"),
        ({"field_choices": {"a": ()}}, "expected a mapping of fields to a mapping of values"),
        ({"field_choices": {"a": {}}}, "expected a mapping of fields to a mapping of values"),
        ({"multi_node": "yes"}, "multi_node is 'yes', expected True or False"),
        ({"title": " "}, "title is ' ', expected a name"),
    ],
)
def test_an_optional_member_that_is_wrong_leaves_the_kind_out(
    module: ModuleType, members: dict[str, Any], words: str
) -> None:
    """It would break the page for everybody, who may not even want this kind."""
    module.Acme = type("Acme", (Plain,), members)  # type: ignore[attr-defined]
    group = "portal.job_kinds"
    registry = load_registry({}, [EntryPoint("acme", f"{module.__name__}:Acme", group)])
    assert registry.job_kinds == {}
    (status,) = registry.plugins
    assert status.status == "failed"
    assert words in status.reason


def test_what_no_job_has_already_is_taken(module: ModuleType) -> None:
    given = {"fields": ("rounds",), "field_titles": {"rounds": "Rounds"}}
    module.Acme = type("Acme", (Plain,), given)  # type: ignore[attr-defined]
    point = EntryPoint("acme", f"{module.__name__}:Acme", "portal.job_kinds")
    assert set(load_registry({}, [point]).job_kinds) == {"acme"}


def test_the_base_classes_do_not_say_the_version_for_the_plugin() -> None:
    assert not hasattr(JobKind, "spi_version")
    assert not hasattr(DeviceType, "spi_version")


def test_a_device_type_that_nobody_brings_is_said_and_the_portal_starts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counts = {"nvidia_gpu_amd64": 2, "acme": 8}
    settings = Settings(data_dir=tmp_path, local_devices=counts)
    with caplog.at_level(logging.ERROR):
        portal = wiring.connect(settings, queue=FakeQueue(), events=FakeEvents())
    (node,) = portal.cluster.nodes()
    assert (node.device_type, node.devices) == ("nvidia_gpu_amd64", 2)
    (status,) = [plugin for plugin in portal.registry.plugins if plugin.status != "ok"]
    said = (
        "AOLI_LOCAL_DEVICES names it and no package brings it; install it, or correct the setting"
    )
    assert (status.group, status.name, status.reason) == (GROUP, "acme", said)
    assert f"plugin acme (portal.device_types) is left out: {said}" in caplog.text
