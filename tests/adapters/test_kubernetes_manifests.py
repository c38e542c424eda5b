"""From a launch to Kubernetes objects: whole objects, as they are sent."""

from __future__ import annotations

import base64
import json

from portal.adapters.kubernetes.logins import LoginKey, new_key
from portal.adapters.kubernetes.manifests import BLOT, Target, blotted, build
from portal.adapters.kubernetes.naming import dns_label, label_value, pod_name
from portal.adapters.kubernetes.shell import container_command, literal
from portal.domain.job import AttemptRef, RegistryLogin
from portal.domain.launch import HostMount, SharedFile
from portal.domain.resources import Slot
from portal.testing.builders import a_launch, a_replica

REF = AttemptRef("job1", 2)
KEY = LoginKey("private-half", "public-half\n")
TARGET = Target("jobs", "main", ({"key": "nvidia.com/gpu", "operator": "Exists"},))
LABELS = {
    "app.kubernetes.io/managed-by": "aoli",
    "aoli/instance": "main",
    "aoli/job": "job1",
    "aoli/attempt": "2",
}
ONLY_NODE_1 = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [
                {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-1"]}]}
            ]
        }
    }
}


def test_a_small_job_is_one_pod() -> None:
    launch = a_launch("echo hello", ref=REF, grace_s=7)
    assert build(launch, TARGET, KEY) == [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "aoli-job1-2-worker-0",
                "namespace": "jobs",
                "labels": {**LABELS, "aoli/replica": "worker-0"},
                "annotations": {
                    "aoli/replica-name": "worker-0",
                    "aoli/rank": "0",
                    "aoli/devices": "",
                    "aoli/job-name": "train",
                    "aoli/user": "alice",
                },
            },
            "spec": {
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 7,
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "containers": [
                    {
                        "name": "replica",
                        "image": "python:3.11",
                        "command": [literal(word) for word in container_command("echo hello")],
                        "env": [],
                        "resources": {"limits": {}},
                        "volumeMounts": [{"name": "shared-memory", "mountPath": "/dev/shm"}],
                    }
                ],
                "volumes": [{"name": "shared-memory", "emptyDir": {"medium": "Memory"}}],
                "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
                "affinity": ONLY_NODE_1,
            },
        }
    ]


def test_devices_labels_mounts_ports_and_environment() -> None:
    replica = a_replica(
        "train",
        slot=Slot("node-1", (4, 5)),
        resources={"nvidia.com/gpu": 2},
        node_labels={"accelerator": "a100"},
        ports=(40000, 40001),
        env={"GREETING": "hi $(NAME)"},
        mounts=(
            HostMount("work", "/dlwsdata/work/alice", "/work", sub_path="test"),
            HostMount("driver", "/usr/local/Ascend", "/driver", read_only=True, create=False),
        ),
    )
    launch = a_launch(ref=REF, replicas=(replica,), labels={"vc": "vision team", "x/y": "z"})
    (pod,) = build(launch, TARGET, KEY)
    spec = pod["spec"]
    container = spec["containers"][0]
    assert pod["metadata"]["annotations"]["aoli/devices"] == "4,5"
    assert pod["metadata"]["labels"] == {
        **LABELS,
        "aoli/replica": "worker-0",
        "aoli/vc": "vision-team",
        "x/y": "z",
    }
    assert spec["nodeSelector"] == {"accelerator": "a100"}
    assert spec["affinity"] == ONLY_NODE_1
    assert container["resources"] == {"limits": {"nvidia.com/gpu": "2"}}
    assert container["ports"] == [{"containerPort": 40000}, {"containerPort": 40001}]
    assert container["env"] == [{"name": "GREETING", "value": "hi $$(NAME)"}]
    assert container["volumeMounts"] == [
        {"name": "work", "mountPath": "/work", "subPath": "test"},
        {"name": "driver", "mountPath": "/driver", "readOnly": True},
        {"name": "shared-memory", "mountPath": "/dev/shm"},
    ]
    assert spec["volumes"] == [
        {"name": "work", "hostPath": {"path": "/dlwsdata/work/alice", "type": "DirectoryOrCreate"}},
        {"name": "driver", "hostPath": {"path": "/usr/local/Ascend"}},
        {"name": "shared-memory", "emptyDir": {"medium": "Memory"}},
    ]


def test_shared_memory_is_left_to_a_mount_of_the_job() -> None:
    replica = a_replica(mounts=(HostMount("shm", "/mnt/shm", "/dev/shm"),))
    (pod,) = build(a_launch(replicas=(replica,)), TARGET, KEY)
    assert [volume["name"] for volume in pod["spec"]["volumes"]] == ["shm"]
    assert [m["name"] for m in pod["spec"]["containers"][0]["volumeMounts"]] == ["shm"]


def test_a_job_without_a_place_has_no_affinity() -> None:
    (pod,) = build(a_launch(node=""), TARGET, KEY)
    assert "affinity" not in pod["spec"]


def test_peers_have_a_service_and_host_names() -> None:
    replicas = tuple(a_replica(name=f"worker-{i}", rank=i, host=f"worker-{i}") for i in (0, 1))
    service, *pods = build(a_launch(ref=REF, replicas=replicas, peers=True), TARGET, KEY)
    assert service == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "aoli-job1-2", "namespace": "jobs", "labels": LABELS},
        "spec": {"clusterIP": "None", "selector": LABELS, "publishNotReadyAddresses": True},
    }
    assert [pod["spec"]["hostname"] for pod in pods] == ["worker-0", "worker-1"]
    assert {pod["spec"]["subdomain"] for pod in pods} == {"aoli-job1-2"}
    assert pods[0]["spec"]["dnsConfig"] == {"searches": ["aoli-job1-2.jobs.svc.cluster.local"]}


def test_a_login_is_made_first_and_never_shown() -> None:
    login = RegistryLogin("registry.example.com", "bob", "s3cr3t")
    launch = a_launch(ref=REF, registry=login, env={"API_TOKEN": "t0k3n", "TOKENIZERS": "4"})
    made = build(launch, TARGET, KEY)
    secret, pod = made
    assert secret == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "aoli-job1-2-registry", "namespace": "jobs", "labels": LABELS},
        "type": "kubernetes.io/dockerconfigjson",
        "data": secret["data"],
    }
    config = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))
    auth = base64.b64encode(b"bob:s3cr3t").decode()
    entry = {"username": "bob", "password": "s3cr3t", "auth": auth}
    assert config == {"auths": {"registry.example.com": entry}}
    assert pod["spec"]["imagePullSecrets"] == [{"name": "aoli-job1-2-registry"}]
    shown = blotted(made)
    assert shown[0]["data"] == {".dockerconfigjson": BLOT}
    assert shown[1]["spec"]["containers"][0]["env"] == [
        {"name": "API_TOKEN", "value": BLOT},
        {"name": "TOKENIZERS", "value": "4"},
    ]
    assert made[0]["data"] != shown[0]["data"], "the blot is only on the copy"


def test_docker_hub_is_looked_up_by_its_own_name() -> None:
    for server in ("docker.io", "https://docker.io/", ""):
        (secret, _) = build(a_launch(registry=RegistryLogin(server, "bob", "x")), TARGET, KEY)
        config = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))
        assert list(config["auths"]) == ["https://index.docker.io/v1/"]


def test_names_keep_within_dns() -> None:
    assert dns_label("worker-0") == "worker-0"
    for text in ("Worker 0", "x" * 80, "ü", "--", "worker_0"):
        made = dns_label(text)
        assert len(made) <= 63
        assert made.strip("-") == made
        assert made.replace("-", "").isalnum()
        assert made.isascii()
    assert dns_label("a b") != dns_label("a-b") != dns_label("a_b")
    assert pod_name(REF, "w" * 80).startswith("aoli-job1-2-www")
    assert label_value("a b/c!") == "a-b-c"
    assert len(label_value("x" * 80)) == 63


def test_shared_files_are_a_config_map_that_every_replica_sees() -> None:
    files = (SharedFile("hostfile", "worker-0 slots=1\n", ("AOLI_HOSTFILE", "OTHER")),)
    replicas = (a_replica(env={"OTHER": "mine"}), a_replica(name="worker-1", serves=True))
    shared, first, second = build(a_launch(ref=REF, replicas=replicas, files=files), TARGET, KEY)
    assert shared == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "aoli-job1-2-files", "namespace": "jobs", "labels": LABELS},
        "data": {"hostfile": "worker-0 slots=1\n"},
    }
    for pod in (first, second):
        assert {
            "name": "aoli-shared",
            "projected": {
                "defaultMode": 0o444,
                "sources": [{"configMap": {"name": "aoli-job1-2-files"}}],
            },
        } in pod["spec"]["volumes"]
        (container,) = pod["spec"]["containers"]
        seen = {"name": "aoli-shared", "mountPath": "/etc/aoli", "readOnly": True}
        assert seen in container["volumeMounts"]
    env = {one["name"]: one["value"] for one in first["spec"]["containers"][0]["env"]}
    assert env == {"AOLI_HOSTFILE": "/etc/aoli/hostfile", "OTHER": "mine"}
    assert "aoli/serves" not in first["metadata"]["annotations"]
    assert second["metadata"]["annotations"]["aoli/serves"] == "true"


def test_the_key_of_logins_is_a_secret_and_never_shown() -> None:
    names = ("worker-0", "worker-1")
    launch = a_launch(
        ref=REF, peers=True, logins=True, replicas=[a_replica(name=name) for name in names]
    )
    made = build(launch, TARGET, KEY)
    secret, service, pod, _ = made
    assert (secret["kind"], service["kind"]) == ("Secret", "Service")
    assert secret["metadata"]["name"] == "aoli-job1-2-login"
    texts = {name: base64.b64decode(data).decode() for name, data in secret["data"].items()}
    assert (texts["key"], texts["key.pub"]) == (KEY.private, KEY.public)
    assert texts["config"].startswith("Host worker-0 worker-1 *.aoli-job1-2*\n")
    assert "private-half" not in json.dumps(made[1:])
    assert set(blotted(made)[0]["data"].values()) == {BLOT}
    (container,) = pod["spec"]["containers"]
    assert {"name": "AOLI_SSH_PORT", "value": "19022"} in container["env"]
    (volume,) = [one for one in pod["spec"]["volumes"] if one["name"] == "aoli-shared"]
    assert [source["secret"]["name"] for source in volume["projected"]["sources"]] == [
        "aoli-job1-2-login"
    ]


def test_every_attempt_has_a_key_of_its_own() -> None:
    one, other = new_key(), new_key()
    assert one.private != other.private
    assert one.private.startswith("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    assert one.public.startswith("ssh-ed25519 ")
    assert one.public.endswith("\n")


def test_a_marked_variable_is_redacted_in_the_preview() -> None:
    launch = a_launch(env={"MINE": "hunter22", "MAX_TOKENS": "5"}, concealed=("MINE",))
    pod = blotted(build(launch, TARGET, KEY), launch.concealed)[-1]
    shown = {one["name"]: one["value"] for one in pod["spec"]["containers"][0]["env"]}
    assert (shown["MINE"], shown["MAX_TOKENS"]) == (BLOT, "5")
