"""``aoli template …`` and ``aoli job export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from house import GPU

if TYPE_CHECKING:
    from conftest import Shell

FIELDS = ("--image", "pytorch:2", "--name", "train", "--device", f"{GPU}=2", "--env", "LR=0.1")


def save(shell: Shell, name: str, *words: str) -> str:
    return shell.ok("template", "save", name, *words, *FIELDS, "--", "python train.py")


def test_keep_list_show_delete(shell: Shell) -> None:
    assert save(shell, "resnet") == "kept as user template resnet\n"
    assert "resnet" in shell.ok("template", "list")
    body = yaml.safe_load(shell.ok("template", "show", "resnet"))
    assert (body["image"], body["devices"], body["env"]) == ("pytorch:2", 2, {"LR": "0.1"})
    assert shell.json("template", "show", "resnet") == body
    assert shell.json("template", "list")["total"] == 1
    shell.ok("template", "delete", "resnet")
    assert shell.run("template", "show", "resnet").exit_code == 1


def test_none_is_replaced_unasked(shell: Shell) -> None:
    save(shell, "resnet")
    refused = shell.run("template", "save", "resnet", *FIELDS, "--", "echo other")
    assert refused.exit_code == 1
    assert "--replace" in refused.output
    save(shell, "resnet", "--replace")


def test_a_teams_template(shell: Shell) -> None:
    save(shell, "ours", "--team", "--vc", "vision")
    found = shell.json("template", "list", "--vc", "vision")["items"]
    assert [(item["scope"], item["vc"]) for item in found] == [("team", "vision")]
    assert "pytorch:2" in shell.ok("template", "show", "ours", "--team", "--vc", "vision")
    shell.ok("template", "delete", "ours", "--team", "--vc", "vision")
    assert shell.json("template", "list", "--vc", "vision")["items"] == []


def test_a_job_goes_out_and_in_again(shell: Shell, tmp_path: Path) -> None:
    words = ("job", "submit", "--vc", "vision", *FIELDS, "--mount", "work=runs", "--port", "40001")
    first = shell.json(*words, "--", "echo one\necho two")
    file = tmp_path / "job.yaml"
    file.write_text(shell.ok("job", "export", first["id"]))
    second = shell.json("job", "submit", "-f", str(file))
    for field in ("name", "vc", "image", "command", "devices", "env", "mounts", "kind"):
        assert second[field] == first[field], field
    assert second["interactive_ports"] == [40001]
    assert second["id"] != first["id"]


def test_a_template_goes_into_a_job(shell: Shell) -> None:
    save(shell, "resnet")
    text = shell.ok("template", "show", "resnet")
    result = shell.run("job", "submit", "-f", "-", "--json", stdin=text)
    assert result.exit_code == 0, result.output
    assert yaml.safe_load(result.stdout)["name"] == "train"


def test_what_a_template_does_not_keep_is_said(shell: Shell) -> None:
    words = ("--env", "HF_TOKEN=s3cret-a", "--secret-env", "MINE=s3cret-b")
    said = shell.run("template", "save", "resnet", *words, *FIELDS, "--", "python train.py")
    assert said.exit_code == 0, said.output
    assert "env.HF_TOKEN, env.MINE" in said.stderr
    assert "s3cret" not in shell.ok("template", "show", "resnet")


def test_a_secret_variable_goes_out_and_in_again(shell: Shell) -> None:
    words = ("job", "submit", *FIELDS, "--env", "A=x", "--secret-env", "A", "--", "true")
    made = shell.json(*words)
    assert (made["env"]["A"], made["secret_env"]) == ("x", ["A"])
    body = yaml.safe_load(shell.ok("job", "export", made["id"]))
    assert (body["env"]["A"], body["secret_env"]) == ("x", ["A"])
