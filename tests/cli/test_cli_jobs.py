"""``aoli job …`` and ``aoli vc …`` against a running portal."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from house import GPU, actor

from portal.cli import client_logs
from portal.models import JobRow
from portal.models.db import session
from portal.services.logs import streams as log_streams
from portal.testing import eventually

if TYPE_CHECKING:
    from conftest import Shell

SUBMIT = ("job", "submit", "--image", "python:3.11", "--name", "train", "--vc", "vision")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_streams, "POLL_S", 0.005)
    monkeypatch.setattr(log_streams, "LOOK_S", 0.01)


def test_submit_prints_the_id(shell: Shell) -> None:
    job_id = shell.ok(*SUBMIT, "--", "echo hello").strip()
    job = shell.json("job", "show", job_id)
    assert (job["id"], job["user"], job["command"]) == (job_id, "alice", "echo hello")
    assert job["vc"] == "vision"


def test_every_option(shell: Shell) -> None:
    made = shell.json(
        *SUBMIT,
        *("--device", f"{GPU}=2", "--preemptible", "--priority", "7"),
        *("--port", "40001", "--port", "40002", "--ssh", "--tensorboard"),
        *("--env", "LR=0.1", "--env", "EMPTY=", "--env", "EQ=a=b"),
        *("--mount", "work=runs/1", "--no-mount", "data"),
        *("--", "python", "train.py", "--name", "a b"),
    )
    assert (made["device_type"], made["devices"]) == (GPU, 2)
    assert (made["preemptible"], made["priority"]) == (True, 7)
    assert made["interactive_ports"] == [40001, 40002]
    assert made["endpoints"] == ["ssh", "tensorboard"]
    assert made["env"] == {"LR": "0.1", "EMPTY": "", "EQ": "a=b"}
    assert made["mounts"]["work"] == {"enabled": True, "sub_path": "runs/1"}
    assert made["mounts"]["data"]["enabled"] is False
    assert made["mounts"]["job"]["enabled"] is True
    assert made["command"] == "python train.py --name 'a b'"


def test_a_file_and_options_over_it(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(
        f"name: from-file\nvc: vision\nimage: python:3.11\ncommand: |\n  echo one\n  echo two\n"
        f"device_type: {GPU}\ndevices: 1\nenv: {{A: '1', B: '2'}}\nendpoints: [ssh]\n"
        "mounts: {data: {enabled: false}}\n"
    )
    words = ("-f", str(file), "--name", "mine", "--env", "B=3", "--jupyter", "--no-mount", "job")
    made = shell.json("job", "submit", *words)
    assert (made["name"], made["command"]) == ("mine", "echo one\necho two\n")
    assert (made["device_type"], made["devices"]) == (GPU, 1)
    assert made["env"] == {"A": "1", "B": "3"}
    assert made["endpoints"] == ["ssh", "jupyter"]
    enabled = {name: choice["enabled"] for name, choice in made["mounts"].items()}
    assert enabled == {"work": True, "data": False, "job": False}
    again = shell.run("job", "submit", "-f", "-", stdin=json.dumps({"name": "x"}))
    assert again.exit_code == 1
    assert "image: Required" in again.stderr


def test_type_and_number_under_the_names_of_the_fields(shell: Shell) -> None:
    made = shell.json(*SUBMIT, "--device-type", GPU, "--devices", "2", "--", "x")
    assert (made["device_type"], made["devices"]) == (GPU, 2)


def test_a_registry_login_from_standard_input(shell: Shell) -> None:
    words = ("--registry-server", "registry.example", "--registry-username", "u")
    shell.ok(*SUBMIT, *words, "--registry-password-stdin", "--", "x", stdin="s3cret\n")
    shell.house.work()
    login = shell.house.cluster.launches[0].registry
    assert login is not None
    assert (login.server, login.username, login.password) == ("registry.example", "u", "s3cret")
    refused = shell.run(*SUBMIT, *words, "--", "x")
    assert refused.exit_code == 1
    assert "registry.password: Required" in refused.stderr
    shell.ok(*SUBMIT, *words, "--", "x", AOLI_REGISTRY_PASSWORD="p")


def test_wrong_fields_are_printed_each(shell: Shell) -> None:
    words = ("--port", "5", "--env", "1X=", "--priority", "0", "--mount", "work=../x")
    result = shell.run(*SUBMIT, *words, "--", "x")
    assert result.exit_code == 1
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert lines[0] == "aoli: 4 fields are wrong"
    fields = {line.partition(":")[0].strip() for line in lines[1:]}
    assert fields == {"interactive_ports", "env.1X", "priority", "mounts.work.sub_path"}


@pytest.mark.parametrize(
    "words",
    [
        ("job", "submit", "--port", "x"),
        ("job", "submit", "--env", "novalue"),
        ("job", "submit", "--device", "gpu=many"),
        ("job", "submit", "--device", "gpu=1", "--devices", "2"),
        ("job", "submit", "-f", "/does/not/exist"),
        ("job", "submit", "--nonsense"),
        ("job", "list", "--status", "dancing"),
        ("job", "show"),
        ("job", "show", "abc"),
        ("job", "pause"),
        ("job", "logs", "--tail", "-1", "abcdef"),
        ("job", "explode"),
        ("vc",),
    ],
)
def test_usage_errors_are_2(shell: Shell, words: tuple[str, ...]) -> None:
    assert shell.run(*words).exit_code == 2


def test_a_file_that_is_no_submission(shell: Shell) -> None:
    for text in ("- a\n- b\n", "just text", "a: [", "", "name: a\nname: b\n"):
        assert shell.run("job", "submit", "-f", "-", stdin=text).exit_code == 2


def test_preview(shell: Shell) -> None:
    assert shell.ok(*SUBMIT, "--preview", "--", "x").strip() == "would start now"
    shell.house.run(device_type=GPU, devices=4)
    seen = shell.ok(*SUBMIT, "--preview", "--device", f"{GPU}=1", "--", "x")
    assert seen.startswith("would wait at place 1: The virtual cluster's quota is in use")
    assert shell.json(*SUBMIT, "--preview", "--", "x")["starts_now"] is True
    assert shell.json("job", "list")["total"] == 1


def test_list(shell: Shell) -> None:
    shell.house.run(name="训练 one", device_type=GPU, devices=2)
    shell.house.advance(1)
    shell.house.submit(name="two")
    head, first, second = shell.ok("job", "list").splitlines()
    assert head.split()[:4] == ["ID", "NAME", "STATUS", "DEVICES"]
    assert first.split()[1:4] == ["two", "queued", "0"]
    assert "running" in second
    # 训练 takes four places on a terminal and two letters.
    assert second.index("running") == first.index("queued") - 2 == head.index("STATUS") - 2
    assert shell.json("job", "list", "--status", "running")["total"] == 1
    names = [item["name"] for item in shell.json("job", "list", "--sort", "name")["items"]]
    assert names == ["two", "训练 one"]
    assert "\x1b" not in first


def test_list_between_two_times_and_as_csv(shell: Shell) -> None:
    shell.house.submit(name="old")
    shell.house.advance(7200)
    shell.house.submit(name="new")
    noon = shell.house.now.isoformat()
    after = shell.json("job", "list", "--submitted-after", noon)
    before = shell.json("job", "list", "--submitted-before", noon)
    assert [[item["name"] for item in page["items"]] for page in (after, before)] == [
        ["new"],
        ["old"],
    ]
    text = shell.ok("job", "list", "--csv", "--submitted-before", noon)
    assert [line.split(",")[1] for line in text.splitlines()] == ["Name", "old"]
    refused = shell.run("job", "list", "--submitted-after", "soon")
    assert refused.exit_code == 2
    assert "soon is no time such as" in refused.stderr


def test_long_lists_take_several_pages(shell: Shell) -> None:
    ids = [shell.house.submit(name=f"job {number}") for number in range(230)]
    whole = shell.json("job", "list", "--limit", "1000")
    assert sorted(item["id"] for item in whole["items"]) == sorted(ids)
    assert whole["next_cursor"] is None
    part = shell.run("job", "list", "--limit", "205")
    assert len(part.stdout.splitlines()) == 206
    assert "205 of 230" in part.stderr


def test_everyones_jobs_need_the_permission(shell: Shell) -> None:
    result = shell.run("job", "list", "--all")
    assert result.exit_code == 1
    assert "View all users jobs" in result.stderr


def test_show(shell: Shell) -> None:
    job_id = shell.house.run(command="echo one\necho two", device_type=GPU, devices=2)
    shell.house.end(job_id, exit_code=3)
    text = shell.ok("job", "show", job_id[:8])
    assert f"id               {job_id}" in text
    assert "command          echo one\n                 echo two\n" in text
    assert f"devices          2 {GPU}" in text
    assert "The command ended with exit code 3." in text
    assert [word in text for word in ("queued", "scheduling", "running", "failed")] == [True] * 4


def test_beginnings_of_ids(shell: Shell) -> None:
    job_id = shell.house.submit()
    assert shell.json("job", "show", job_id[:8])["id"] == job_id
    assert shell.json("job", "show", job_id[:8].upper())["id"] == job_id
    his = shell.house.submit("bob")
    unknown = shell.run("job", "show", his[:8])
    assert unknown.exit_code == 1
    assert f"there is no job {his[:8]}" in unknown.stderr
    for alike in ("aaaaaaaa-1111", "aaaaaaaa-2222"):
        with session():
            JobRow.update(id=alike).where(JobRow.id == shell.house.submit()).execute()
    several = shell.run("job", "kill", "aaaaaaaa")
    assert several.exit_code == 1
    assert "several ids: aaaaaaaa-1111, aaaaaaaa-2222" in several.stderr
    assert shell.json("job", "show", "aaaaaaaa-2")["id"] == "aaaaaaaa-2222"


def test_jobs_of_others_by_the_beginning_of_their_id(shell: Shell, web_house: Any) -> None:
    ended = shell.house.run("alice")
    shell.house.end(ended)
    seen = shell.run("job", "show", ended[:8], "--json", AOLI_API_KEY=web_house.token("vera"))
    assert json.loads(seen.stdout)["id"] == ended


def test_pause_resume_kill(shell: Shell) -> None:
    first, second = shell.house.submit(), shell.house.submit()
    out = shell.ok("job", "pause", first[:8], second)
    assert out.splitlines() == [f"{first} paused", f"{second} paused"]
    assert shell.ok("job", "resume", first).strip() == f"{first} queued"
    result = shell.run("job", "kill", first, second)
    assert result.exit_code == 0
    again = shell.run("job", "kill", first, second)
    assert again.exit_code == 1
    assert f"aoli: {first}: The job is killed" in again.stderr
    assert [
        item["ok"] for item in json.loads(shell.run("job", "pause", first, "--json").stdout)
    ] == [False]


def test_priority(shell: Shell) -> None:
    job_id = shell.house.submit()
    assert "priority 7" in shell.ok("job", "priority", job_id, "7")
    wrong = shell.run("job", "priority", job_id, "0")
    assert wrong.exit_code == 1
    assert "priority: Must be from 1 to 1000" in wrong.stderr


def test_logs(shell: Shell) -> None:
    job_id = shell.house.run()
    shell.house.write_log(job_id, "\x1b[1mone\x1b[0m", "10%\r20%", "中文")
    said = shell.run("job", "logs", job_id[:8]).stdout_bytes.decode()
    assert said == "\x1b[1mone\x1b[0m\n20%\n中文\n"
    assert shell.ok("job", "logs", job_id, "--plain") == "one\n20%\n中文\n"
    assert shell.ok("job", "logs", job_id, "--pod", "*", "--plain") == "one\n20%\n中文\n"
    assert shell.ok("job", "logs", job_id, "--tail", "1") == "中文\n"
    assert shell.ok("job", "logs", job_id, "--tail", "1", "--timestamps").startswith("2026-11-02T")
    assert shell.json("job", "logs", job_id)["lines"][1:] == ["20%", "中文"]
    assert shell.run("job", "logs", job_id, "--pod", "x").exit_code == 1


def test_following(shell: Shell) -> None:
    job_id = shell.house.run()
    shell.house.write_log(job_id, "one")
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(shell.run("job", "logs", "-f", job_id)))
    thread.start()
    shell.house.write_log(job_id, "10%\r20%", "two")
    shell.house.end(job_id, exit_code=3)
    thread.join(20)
    assert not thread.is_alive()
    assert results[0].stdout_bytes.decode() == "one\n20%\ntwo\n"
    assert results[0].stderr == "aoli: failed with exit code 3\n"
    assert results[0].exit_code == 0


class Terminal(io.TextIOWrapper):
    """A standard output that somebody looks at."""

    def isatty(self) -> bool:
        return True


def test_a_bar_is_seen_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = {"event": "redraw", "data": b'{"text": "43%"}'}
    told = [{"data": b"begun"}, drawn, {"data": b"100%"}]
    monkeypatch.setattr(client_logs, "_all_events", lambda *_: iter(told))
    for kind, expected in (
        (Terminal, b"\r\x1b[Kbegun\n\r\x1b[K43%\r\x1b[K100%\n"),
        (io.TextIOWrapper, b"begun\n100%\n"),
    ):
        raw = io.BytesIO()
        monkeypatch.setattr("sys.stdout", kind(raw))
        client_logs.print_logs(cast(Any, None), "a", {}, follow=True, as_json=False)
        assert raw.getvalue() == expected


@pytest.mark.parametrize(
    ("ending", "code"), [("finished", 0), ("failed", 3), ("error", 1), ("killed", 1)]
)
def test_wait_exits_as_the_job_did(shell: Shell, ending: str, code: int) -> None:
    house = shell.house
    job_id = house.run()
    results: list[Any] = []
    words = ("job", "wait", job_id[:8], "--interval", "0.01")
    thread = threading.Thread(target=lambda: results.append(shell.run(*words)))
    thread.start()
    if ending == "error":
        house.cluster.fail_pull(house.ref(job_id))
        house.look()
    elif ending == "killed":
        with session():
            house.portal.jobs.act(actor("alice"), job_id, "kill")
        house.look()
    else:
        house.end(job_id, exit_code=code)
    eventually(lambda: results)
    thread.join()
    assert results[0].exit_code == code
    assert f"{job_id} {ending}" in results[0].stdout


def test_wait_waits_for_the_last_lines(shell: Shell) -> None:
    """Whoever asks for the output afterwards gets all of it."""
    house = shell.house
    job_id = house.run()
    house.cluster.finish(house.ref(job_id))
    with session():
        house.portal.driver.observed(house.cluster.observe(house.ref(job_id)))
    assert house.state(job_id) == "finished"
    early = shell.run("job", "wait", job_id, "--timeout", "0", "--interval", "0")
    assert (early.exit_code, early.stdout) == (1, "")
    house.work()
    assert shell.run("job", "wait", job_id).exit_code == 0


def test_wait_gives_up(shell: Shell) -> None:
    job_id = shell.house.submit()
    result = shell.run("job", "wait", job_id, "--timeout", "0", "--interval", "0")
    assert result.exit_code == 1
    assert "has not ended within 0 s" in result.stderr


def test_virtual_clusters(shell: Shell) -> None:
    shell.house.run(device_type=GPU, devices=2)
    head, platform, vision = shell.ok("vc", "list").splitlines()
    assert head.split() == ["NAME", "USED/QUOTA", "PERMISSION"]
    assert platform.startswith("*  platform")
    assert f"2/4 {GPU}" in vision
    assert shell.ok("vc", "select", "vision").strip() == "working in vision"
    assert shell.json("whoami")["current_vc"] == "vision"
    assert shell.run("vc", "select", "no/where").exit_code == 1
    current = [item["name"] for item in shell.json("vc", "list")["items"] if item["current"]]
    assert current == ["vision"]
