"""``deploy/``: the image and the manifests name what there is, and nothing newer than 1.20."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from portal.cli.main import cli
from portal.settings import SHORT_NAMES, Settings, load_settings

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "deploy" / "kubernetes"
RECIPE = (ROOT / "deploy" / "Containerfile").read_text("utf-8")
SERVED_BY_1_20 = {
    "v1": {
        "Namespace",
        "ServiceAccount",
        "ConfigMap",
        "Secret",
        "Service",
        "PersistentVolumeClaim",
    },
    "apps/v1": {"Deployment"},
    "batch/v1": {"Job"},
    "rbac.authorization.k8s.io/v1": {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"},
}
VARIABLES = {f"AOLI_{name.upper()}" for name in Settings.model_fields} | set(SHORT_NAMES)


def objects(*names: str) -> list[dict[str, Any]]:
    files = [MANIFESTS / name for name in names] or sorted(MANIFESTS.glob("*.yaml"))
    found = [thing for path in files for thing in yaml.safe_load_all(path.read_text("utf-8"))]
    return [thing for thing in found if thing["kind"] != "Kustomization"]


def only(kind: str, name: str) -> dict[str, Any]:
    (found,) = [o for o in objects() if (o["kind"], o["metadata"]["name"]) == (kind, name)]
    return found


WORKLOADS = {o["metadata"]["name"]: o for o in objects() if o["kind"] in ("Deployment", "Job")}


def pod(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = WORKLOADS[name]["spec"]["template"]["spec"]
    return spec


def containers(name: str) -> Iterator[dict[str, Any]]:
    yield from pod(name).get("initContainers", [])
    yield from pod(name)["containers"]


def test_all_of_it_is_applied_but_the_example_of_secrets() -> None:
    listed = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text("utf-8"))["resources"]
    there = {path.name for path in MANIFESTS.glob("*.yaml")}
    assert set(listed) == there - {"kustomization.yaml", "secrets.example.yaml"}
    assert len(objects(*listed)) == len(objects()) - 1


def test_every_kind_is_served_by_kubernetes_1_20() -> None:
    for thing in objects():
        assert thing["kind"] in SERVED_BY_1_20[thing["apiVersion"]]
        if thing["kind"] not in ("Namespace", "ClusterRole", "ClusterRoleBinding"):
            assert thing["metadata"]["namespace"] == "aoli"


def test_the_processes() -> None:
    assert set(WORKLOADS) == {"aoli-web", "aoli-worker", "aoli-scheduler", "aoli-migrate"}
    assert WORKLOADS["aoli-scheduler"]["spec"]["replicas"] == 2
    assert [c["args"] for c in pod("aoli-migrate")["containers"]] == [["db", "upgrade"]]


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_a_workload_names_what_there_is(name: str) -> None:
    spec, things = pod(name), {(o["kind"], o["metadata"]["name"]) for o in objects()}
    labels = WORKLOADS[name]["spec"]["template"]["metadata"]["labels"]
    if WORKLOADS[name]["kind"] == "Deployment":
        assert WORKLOADS[name]["spec"]["selector"]["matchLabels"] == labels
    assert ("ServiceAccount", spec["serviceAccountName"]) in things
    # A Service named aoli would set AOLI_PORT to an address.
    assert spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert f"USER {spec['securityContext']['runAsUser']}:" in RECIPE
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    for volume in volumes.values():
        assert ("ConfigMap", volume.get("configMap", {}).get("name", "aoli-settings")) in things
        claim = volume.get("persistentVolumeClaim", {}).get("claimName", "aoli-logs")
        assert ("PersistentVolumeClaim", claim) in things
    for container in containers(name):
        check_container(container, things, set(volumes))


def check_container(container: dict[str, Any], things: set[Any], volumes: set[str]) -> None:
    command: Any = cli
    for word in container["args"]:
        command = command.commands[word]
    assert container["image"] == "aoli"
    for source in container["envFrom"]:
        assert ("Secret", source["secretRef"]["name"]) in things
    assert {variable["name"] for variable in container["env"]} <= VARIABLES
    assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
    rights = container["securityContext"]
    assert rights["readOnlyRootFilesystem"]
    assert not rights["allowPrivilegeEscalation"]
    assert rights["capabilities"] == {"drop": ["ALL"]}


def test_the_settings_are_good_and_the_volumes_are_where_they_say(tmp_path: Path) -> None:
    file = only("ConfigMap", "aoli-settings")["data"]["portal.yaml"]
    (tmp_path / "portal.yaml").write_text(file)
    secrets = only("Secret", "aoli-secrets")["stringData"]
    assert set(secrets) <= VARIABLES
    settings = load_settings({**secrets, "AOLI_CONFIG_DIR": str(tmp_path)})
    assert (settings.cluster, settings.secure_cookies) == ("kubernetes", True)
    for name in ("aoli-web", "aoli-worker", "aoli-scheduler"):
        paths = {m["mountPath"] for c in pod(name)["containers"] for m in c["volumeMounts"]}
        assert {settings.logs, settings.storage} <= paths


def test_web_is_asked_where_it_answers(web_house: Any) -> None:
    (web,) = pod("aoli-web")["containers"]
    ports = {port["name"]: port["containerPort"] for port in web["ports"]}
    file = yaml.safe_load(only("ConfigMap", "aoli-settings")["data"]["portal.yaml"])
    assert ports == {"http": file["port"]}
    assert file["host"] == "0.0.0.0"
    client = web_house.app.test_client()
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert web[probe]["httpGet"]["port"] == "http"
        assert client.get(web[probe]["httpGet"]["path"]).status_code == 200
    service = only("Service", "aoli-web")["spec"]
    assert service["ports"][0]["targetPort"] == "http"
    labels = WORKLOADS["aoli-web"]["spec"]["template"]["metadata"]["labels"]
    assert service["selector"] == labels


def test_the_rights_are_those_of_the_page() -> None:
    page = (ROOT / "docs" / "kubernetes.md").read_text("utf-8")
    documented = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[-1]
    assert objects("rights.yaml") == list(yaml.safe_load_all(documented))


def test_the_image_is_made_of_what_there_is() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", RECIPE, re.MULTILINE)
    sources = {source for line in copied for source in line.split()}
    assert all((ROOT / source).exists() for source in sources), sources
    assert "--require-hashes -r requirements/runtime.lock" in RECIPE
    assert "ENTRYPOINT" in RECIPE
    assert "tini" in RECIPE
    assert set(re.findall(r"\bAOLI_[A-Z_]+", RECIPE)) <= VARIABLES
    packages = re.search(r"include=\[(.*?)\]", (ROOT / "setup.py").read_text())
    assert packages
    assert set(re.findall(r'"(\w+)"', packages[1])) <= sources


def test_what_is_installed_from_the_tree_is_whole(tmp_path: Path) -> None:
    """As the recipe does it: not in the tree itself, so that nothing is found by chance."""
    source, site = tmp_path / "source", tmp_path / "site"
    left_out = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in ("portal", "plugins", "device_plugins", "alert_rules"):
        shutil.copytree(ROOT / name, source / name, ignore=left_out)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "config/portal.yaml"):
        (source / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    options = ["--quiet", "--no-build-isolation", "--no-deps", "--no-index", "--target", str(site)]
    run(tmp_path, "pip", "install", "--disable-pip-version-check", *options, str(source))

    def files(folder: Path) -> set[str]:
        return {
            str(path.relative_to(folder))
            for name in ("portal", "plugins", "device_plugins", "alert_rules")
            for path in (folder / name).rglob("*")
            if path.is_file() and path.suffix not in (".pyc", ".po", ".pot")
        }

    missing = sorted(name for name in files(source) - files(site) if not name.endswith(".cfg"))
    assert missing == []
    made = run(tmp_path, "portal.cli", "db", "upgrade")
    assert "the database is up to date" in made
    shown = run(tmp_path, "portal.cli", "plugins", "list")
    assert "regular" in shown
    example = run(tmp_path, "portal.cli", "config", "example")
    assert example == (ROOT / "config" / "portal.yaml").read_text("utf-8")
    where = run(tmp_path, "", code="import portal; print(portal.__path__[0])")
    assert where.strip() == str(site / "portal")


def run(folder: Path, module: str, *words: str, code: str = "") -> str:
    command = ["-c", code] if code else ["-m", module, *words]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if name[:5] != "AOLI_"},
            "PYTHONPATH": str(folder / "site"),
            "AOLI_DATA_DIR": str(folder / "data"),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_any_wsgi_server_can_serve_it(tmp_path: Path) -> None:
    made = subprocess.run(
        [
            sys.executable,
            "-c",
            "import wsgi; print(wsgi.application.test_client().get('/healthz').status_code)",
        ],
        cwd=ROOT,
        env={**os.environ, "AOLI_DATA_DIR": str(tmp_path), "AOLI_CONFIG_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert made.stdout == "200\n", made.stderr
