"""Distributed jobs on two real nodes: names, data over the network, logins, rank table, ends.

The last tests of the folder: the rig keeps its second node in mind, stopped, and other tests
bring images to all of its nodes.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from portal.adapters.kubernetes import naming
from portal.adapters.kubernetes.client import KubernetesApi, Refusal
from portal.domain.job import AttemptRef
from portal.testing.waiting import eventually

from .conftest import Rig
from .site import DEADLINE_S, NPU, Site, opened

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]

RESOURCE = "huawei.com/Ascend910"
TORCH = os.environ.get("AOLI_TEST_TORCH", "")
"""A storage folder with ``storage/python``, where PyTorch is installed for the image's Python,
and ``storage/lib`` with what the image lacks for it (``libstdc++.so.6``)."""
ADDRESSES = {"node1": ["192.168.100.1"], "node2": ["192.168.100.2"]}
PLUGINS = {
    NPU: {"devices_per_node": 1, "counts": [1], "ring": 0, "device_addresses": ADDRESSES},
}
ALL_REDUCE = r"""
python3 - <<'END'
import json, os, socket, struct, time
rank, port = int(os.environ["AOLI_RANK"]), int(os.environ["MASTER_PORT"])
mine = [float((rank + 1) * i) for i in range(1000)]

def take(link):
    size = struct.unpack("!I", link.recv(4, socket.MSG_WAITALL))[0]
    return json.loads(link.recv(size, socket.MSG_WAITALL))

def give(link, values):
    text = json.dumps(values).encode()
    link.sendall(struct.pack("!I", len(text)) + text)

if rank == 0:
    door = socket.create_server(("0.0.0.0", port))
    link, peer = door.accept()
    total = [a + b for a, b in zip(mine, take(link))]
    give(link, total)
else:
    for _ in range(200):
        try:
            link = socket.create_connection((os.environ["MASTER_ADDR"], port), 5)
            break
        except OSError:
            time.sleep(0.1)
    give(link, mine)
    total = take(link)
assert total == [3.0 * i for i in range(1000)], total[:5]
print("sum", sum(total), "of", os.environ["PET_NNODES"], "nodes on", os.environ["AOLI_HOSTS"])
END
"""
RANK_TABLE = """
until grep -q completed "$RANK_TABLE_FILE"; do sleep 0.2; done; cat "$RANK_TABLE_FILE"
until [ -e /job/go ]; do sleep 0.2; done
"""
LAUNCHER = """
set -e
while read -r host slots; do
  ssh "$host" 'echo "$(hostname) has rank $AOLI_RANK of $PET_NNODES, $(cat /job/word)"' </dev/null
done <"$AOLI_HOSTFILE"
cat /job/hostfile
scp -q worker-1:/etc/hostname /tmp/theirs
cat /tmp/theirs
"""
TRAINING = """
export PYTHONPATH=/data/python LD_LIBRARY_PATH=/data/lib GLOO_SOCKET_IFNAME=eth0 OMP_NUM_THREADS=1
cat >/tmp/train.py <<'END'
import os, torch, torch.distributed as dist
dist.init_process_group("gloo")
rank, size = dist.get_rank(), dist.get_world_size()
torch.manual_seed(rank)
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(4, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
want = torch.tensor([[1.0], [-2.0], [3.0], [0.5]])
for step in range(200):
    x = torch.randn(32, 4)
    loss = torch.nn.functional.mse_loss(model(x), x @ want)
    optimizer.zero_grad(); loss.backward(); optimizer.step()
total = torch.tensor([float(rank + 1)])
dist.all_reduce(total)
print(f"rank {rank} of {size}: loss {loss.item():.6f} sum {total.item():.0f}", flush=True)
assert loss.item() < 1e-3
END
python3 -m torch.distributed.run /tmp/train.py
"""


@pytest.fixture(scope="module")
def two_nodes(rig: Rig, api: KubernetesApi) -> Iterator[None]:
    """Two real nodes, each with one (declared) NPU."""
    before = {node["metadata"]["name"] for node in api.pages("/api/v1/nodes", {})[0]}
    rig.kube("up", "--nodes", "2")
    for node in ("node1", "node2"):
        rig.kube("device", node, f"{RESOURCE}=1")
    yield
    rig.kube("device", "node1", f"{RESOURCE}=1", "--remove")
    if "node2" in before:
        rig.kube("device", "node2", f"{RESOURCE}=1", "--remove")
        return
    rig.kube("stop", "kubelet2", "containerd2")
    with contextlib.suppress(Refusal):
        api.call("DELETE", "/api/v1/nodes/node2")


@pytest.fixture(scope="module")
def site(
    rig: Rig, api: KubernetesApi, tmp_path_factory: pytest.TempPathFactory, two_nodes: None
) -> Iterator[Site]:
    """A portal that sees both."""
    folder = tmp_path_factory.mktemp("distributed")
    (folder / "config").mkdir()
    (folder / "config" / "portal.yaml").write_text(yaml.safe_dump({"plugins": PLUGINS}))
    storage = {"AOLI_STORAGE_ROOT": TORCH} if TORCH else {}
    with opened(rig, api, folder, **storage) as made:
        made.device_type = NPU
        eventually(lambda: made.quota() == 2, DEADLINE_S, what="both devices are seen")
        yield made


def test_two_replicas_on_two_nodes_add_up_over_the_network(site: Site) -> None:
    job_id = site.submit(RANK_TABLE + ALL_REDUCE, kind="distributed", nodes=2, devices=1)
    running = site.until(job_id, "running")
    pods = site.objects("pods", job_id)
    (Path(running["job_path"]) / "go").touch()
    job = site.ended(job_id, "finished")
    assert {replica["node"] for replica in job["replicas"]} == {"node1", "node2"}
    assert job["started_at"] >= max(replica["started_at"] for replica in job["replicas"])
    assert (job["exit_code"], job["attempts"]) == (0, 1)
    for replica in ("worker-0", "worker-1"):
        table, _, said = site.output(job_id, replica).partition("sum ")
        assert said.startswith(f"{3.0 * sum(range(1000))} of 2 nodes")
        found = json.loads(table)
        assert (found["status"], found["server_count"]) == ("completed", "2")
        chips = [chip for server in found["server_list"] for chip in server["device"]]
        assert [chip["rank_id"] for chip in chips] == ["0", "1"]
        assert {chip["device_ip"] for chip in chips} == {"192.168.100.1", "192.168.100.2"}
        addresses = {server["container_ip"] for server in found["server_list"]}
        assert addresses == {pod["status"]["podIP"] for pod in pods}


def test_the_first_replica_starts_processes_on_the_others(site: Site) -> None:
    command = f"echo shared >/job/word; {LAUNCHER}"
    fields = {"kind": "distributed", "nodes": 2, "devices": 1, "run_on": "first"}
    job_id = site.submit(command, **fields)
    job = site.ended(job_id, "finished")
    assert (job["exit_code"], job["attempts"]) == (0, 1)
    assert site.output(job_id, "worker-0").splitlines() == [
        "worker-0 has rank 0 of 2, shared",
        "worker-1 has rank 1 of 2, shared",
        "worker-0 slots=1",
        "worker-1 slots=1",
        "worker-1",
    ]
    assert site.output(job_id, "worker-1") == ""


def test_the_key_goes_with_its_attempt_and_is_never_shown(site: Site) -> None:
    job_id = site.submit("cat /etc/aoli/ssh/key; sleep 600", kind="distributed", nodes=2, devices=1)
    site.until(job_id, "running")
    (secret,) = site.objects("secrets", job_id)
    assert set(secret["data"]) == {"key", "key.pub", "config"}
    eventually(lambda: "END OPENSSH" in site.output(job_id, "worker-0"), DEADLINE_S, what="the key")
    key = site.output(job_id, "worker-0").splitlines()[1]
    assert key not in json.dumps(site.portal.call("GET", f"/jobs/{job_id}"))
    assert key not in site.portal.said()
    name = naming.pod_name(AttemptRef(job_id, 1), "worker-1")
    path = f"/api/v1/namespaces/{site.namespace}/pods/{name}"
    site.api.call("DELETE", path, body={"gracePeriodSeconds": 0})
    again = eventually(
        lambda: (job := site.until(job_id, "running"))["attempts"] == 2 and job,
        DEADLINE_S,
        what="the whole job is started again",
    )
    assert again["retries"] == 1
    (other,) = site.objects("secrets", job_id)
    assert other["metadata"]["labels"][naming.LABEL_ATTEMPT] == "2"
    assert other["data"]["key"] != secret["data"]["key"]
    attempts = {pod["metadata"]["labels"][naming.LABEL_ATTEMPT] for pod in site.pods()}
    assert attempts == {"2"}, "no replica of the first attempt is left"
    site.portal.call("POST", f"/jobs/{job_id}/kill")
    site.until(job_id, "killed")
    site.nothing_left(job_id)


def test_one_replicas_failure_ends_the_job_with_its_reason(site: Site) -> None:
    command = 'if [ "$AOLI_RANK" = 1 ]; then sleep 2; exit 5; fi; sleep 600'
    job_id = site.submit(command, kind="distributed", nodes=2, devices=1)
    job = site.ended(job_id, "failed")
    assert (job["exit_code"], job["reason"]["replica"]) == (5, "worker-1")


@pytest.mark.skipif(not TORCH, reason="AOLI_TEST_TORCH names no PyTorch")
def test_torchrun_trains_on_two_nodes(site: Site) -> None:
    job_id = site.submit(TRAINING, kind="distributed", nodes=2, devices=1)
    site.ended(job_id, "finished", deadline_s=280)
    for rank in range(2):
        said = site.output(job_id, f"worker-{rank}")
        print(said)
        assert f"rank {rank} of 2: loss 0.000" in said
        assert "sum 3" in said
