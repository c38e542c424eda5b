"""The jobs of the showcase: six days of work, then one of each state, some waiting."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from house import GPU, NPU, House, body

from portal.domain.permission import Actor
from portal.models.db import session

LOG = [
    *(f"epoch: 61 step: {i}, loss is {1.5 - i / 9000:.4f}" for i in range(1000, 1250, 10)),
    "[WARNING] HCCL(1742) allreduce took 1.84 s, median 0.21 s; slow peer: rank 5",
    "\x1b[32mcheckpoint saved 195.1 MiB in 2.31 s\x1b[0m",
    "[ERROR] MD(1751) decode failed: /data/imagenet2012/train/n02105855_2933.JPEG",
]
TRACE = [
    "Traceback (most recent call last):",
    '  File "/work/train.py", line 88, in <module>',
    "    batch = next(loader)",
    "[ERROR] RuntimeError: HCCL timeout after 1800 s, rank 9 did not answer",
]
OLD = ("gpu_test", "dataset_shard_0412", "wmt_transformer", "bert_pretrain_zh", "tokenizer_test")
HOUR, MINUTE = 3600, 60


class Story:
    """Submits and moves jobs; ``ids`` by name, the last one of a name stays."""

    def __init__(self, house: House, people: Mapping[str, Actor]) -> None:
        self.house = house
        self._people = people
        self.ids: dict[str, str] = {}

    def submit(self, who: str, name: str, vc: str = "platform", **fields: Any) -> str:
        """Submit a job; the workers have seen it."""
        given = body(name=name, vc=vc, **{"image": "mindspore/mindspore:2.4.1", **fields})
        with session():
            job = self.house.portal.jobs.submit(self._people[who], given)
        self.ids[name] = str(job["id"])
        self.house.work()
        return self.ids[name]

    def run(self, who: str, name: str, **fields: Any) -> str:
        """Submit a job and bring it to ``running``."""
        job_id = self.submit(who, name, **fields)
        self.house.advance(150)
        self.house.cluster.run(self.house.ref(job_id))
        self.house.look()
        return job_id

    def act(self, who: str, name: str, action: str) -> None:
        """What a user does with a job; the workers have seen it."""
        with session():
            self.house.portal.jobs.act(self._people[who], self.ids[name], action)
        self.house.work()
        if self.house.cluster.stops_at_once:
            self.house.look()

    def until(self, at: datetime) -> None:
        """Let time pass until ``at``."""
        self.house.advance(max(0, (at - self.house.now).total_seconds()))


def fill(house: House, people: Mapping[str, Actor]) -> dict[str, str]:
    """Write the story; the ids of the jobs by name. The house's time ends at the real one."""
    story = Story(house, people)
    end = datetime.now(UTC)
    _past(story, end - timedelta(hours=30))
    _ended(story)
    story.until(end - timedelta(hours=8))
    _present(story)
    story.until(end - timedelta(minutes=27))
    _waiting(story)
    story.until(end - timedelta(seconds=20))
    _in_between(story)
    _templates(story, people)
    story.until(end)
    with session():
        house.portal.watch_handler.nodes_changed(house.cluster.nodes())
    return story.ids


def _past(story: Story, until: datetime) -> None:
    """Days of ordinary work of several people, for lists, hours and charts."""
    users = ("mei", "liang", "priya", "mei", "kenji", "tomas")
    number = 0
    while story.house.now < until:
        for who in users[: 2 + number % 4]:
            name = OLD[number % len(OLD)]
            kind, devices = ((NPU, 4), (GPU, 2), (GPU, 1), (NPU, 8), (NPU, 2))[number % 5]
            story.run(who, name, device_type=kind, devices=devices)
            story.house.advance(40 * MINUTE)
            number += 1
            story.house.end(story.ids[name])
        story.house.advance((2 + number % 5) * HOUR)


def _ended(story: Story) -> None:
    """One of each way to end."""
    house = story.house
    job_id = story.run("mei", "horovod_sweep", kind="distributed", nodes=2, device_type=NPU)
    house.write_log(job_id, *LOG, *TRACE, replica="worker-0")
    house.advance(17 * MINUTE)
    house.end(job_id, exit_code=1)
    story.run("mei", "notebook_eval", device_type=GPU, devices=1, preemptible=True)
    house.advance(5 * HOUR)
    story.act("mei", "notebook_eval", "kill")
    story.submit("mei", "wmt_big", device_type=NPU, devices=8, priority=200, image="wmt:latest")
    house.advance(2 * MINUTE)
    house.cluster.fail_pull(house.ref(story.ids["wmt_big"]), "manifest for wmt:latest not found")
    house.look()
    story.run("mei", "tokenizer_build", preemptible=True)
    house.advance(20 * MINUTE)
    story.act("mei", "tokenizer_build", "pause")
    story.run("mei", "resnet50_baseline", device_type=NPU, devices=8)
    house.write_log(story.ids["resnet50_baseline"], *LOG[:-1])
    house.advance(8 * HOUR)
    house.end(story.ids["resnet50_baseline"])


def _present(story: Story) -> None:
    """What runs now; two of the nodes are full."""
    big = {"endpoints": ["ssh", "jupyter"], "interactive_ports": [40080, 42000]}
    job_id = story.run(
        "mei",
        "npu_test_8npu",
        device_type=NPU,
        devices=8,
        priority=200,
        env={"GLOG_v": "2", "HCCL_CONNECT_TIMEOUT": "600"},
        command="cd /work/mindspore/resnet\nbash run_train.sh --data_url /data/imagenet2012",
        **big,
    )
    story.house.write_log(job_id, *LOG)
    story.run("liang", "resnet50_imagenet", device_type=NPU, devices=4)
    story.run("mei", "bert_finetune_zh", device_type=NPU, devices=4, preemptible=True, priority=60)
    story.run("priya", "wav2vec_asr", device_type=GPU, devices=2)
    story.house.advance(HOUR)
    story.run("mei", "gpu_test", device_type=GPU, devices=2, image="pytorch/pytorch:2.9.1")
    story.run("tomas", "yolov5_coco", vc="vision", device_type=GPU, devices=4)
    story.run("kenji", "segformer_city", vc="vision", device_type=GPU, devices=2, preemptible=True)
    story.run("mei", "ablation_lr_3e4", device_type=GPU, devices=1, preemptible=True, priority=40)


def _waiting(story: Story) -> None:
    story.submit(
        "liang", "ssd_mobilenet", device_type=NPU, devices=4, priority=150, preemptible=True
    )
    story.house.advance(7 * MINUTE)
    story.submit("mei", "horovod", kind="distributed", nodes=2, device_type=NPU)


def _in_between(story: Story) -> None:
    """Pausing, killing, scheduling: states that pass."""
    story.house.cluster.stops_at_once = False
    story.act("mei", "bert_finetune_zh", "pause")
    story.act("mei", "ablation_lr_3e4", "kill")
    story.submit("mei", "llama_lora_sft", device_type=GPU, devices=2)


def _templates(story: Story, people: Mapping[str, Actor]) -> None:
    templates = story.house.portal.templates
    given = body(name="horovod", device_type=NPU, devices=8, env={"GLOG_v": "2"})
    with session():
        for who, scope, name in (
            ("mei", "user", "resnet50 8 NPU"),
            ("liang", "team", "horovod base"),
            ("priya", "team", "wav2vec fine-tune"),
        ):
            templates.put(people[who], scope, name, "platform", given, overwrite=False)
