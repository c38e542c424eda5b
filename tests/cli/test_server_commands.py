"""The server commands that end: database, accounts, settings, plugins."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def aoli(tmp_path: Path) -> Command:
    def run(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "portal.cli", *words],
            env={
                **{name: value for name, value in os.environ.items() if name[:5] != "AOLI_"},
                "AOLI_DATA_DIR": str(tmp_path),
                "AOLI_CONFIG_DIR": str(tmp_path),
                **settings,
            },
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run


def test_a_new_database_is_made_and_found_to_be_in_order(aoli: Command, tmp_path: Path) -> None:
    before = aoli("db", "check")
    assert before.returncode == 1
    assert "run aoli db upgrade" in before.stderr

    first = aoli("db", "upgrade", AOLI_DATA_DIR=str(tmp_path / "new"))
    assert first.returncode == 0, first.stderr
    assert "first administrator: admin" in first.stdout
    assert "password: " in first.stdout

    again = aoli("db", "upgrade", AOLI_DATA_DIR=str(tmp_path / "new"))
    assert again.stdout == "the database is up to date\n"
    assert aoli("db", "check", AOLI_DATA_DIR=str(tmp_path / "new")).returncode == 0


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_two_who_upgrade_at_once_make_one_database(
    aoli: Command, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    settings = {}
    if kind == "postgres":
        server = request.getfixturevalue("postgres")
        name = server.create()
        request.addfinalizer(lambda: server.drop(name))
        settings["AOLI_DATABASE_URL"] = server.url(name)
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda _: aoli("db", "upgrade", **settings), range(2)))
    assert [answer.returncode for answer in done] == [0] * 2, done
    assert sum("first administrator" in answer.stdout for answer in done) == 1
    assert sum("applied 0001_initial" in answer.stdout for answer in done) == 1
    assert aoli("db", "check", **settings).returncode == 0


def test_an_administrator_more_but_not_the_same_twice(aoli: Command) -> None:
    assert aoli("db", "upgrade").returncode == 0
    words = ("user", "create-admin", "--username", "second")
    made = aoli(*words, AOLI_ADMIN_PASSWORD="a long one")
    assert made.stdout == "second is an administrator\n", made.stderr
    refused = aoli(*words, AOLI_ADMIN_PASSWORD="a long one")
    assert refused.returncode == 1
    assert refused.stderr == "aoli: there is an account second already\n"


def test_the_settings_in_force_without_their_secrets(aoli: Command) -> None:
    shown = aoli(
        "config",
        "check",
        "--json",
        AOLI_DATABASE_URL="postgresql://aoli:opensesame@db/aoli",
        AOLI_REDIS_URL="redis://:opensesame@cache:6379/0",
        AOLI_SECRET_KEY="opensesame",
        AOLI_PORT="9001",
    )
    values = json.loads(shown.stdout)
    assert values["port"] == 9001
    assert values["database_url"] == "postgresql://aoli:***@db/aoli"
    assert "opensesame" not in shown.stdout


def test_secrets_in_queries_and_in_plugins_are_not_shown(aoli: Command, tmp_path: Path) -> None:
    (tmp_path / "portal.yaml").write_text(
        "plugins: {regular: {apiToken: opensesame, server: 'https://bob:opensesame@hub/x',"
        " nested: {credentials: {user: opensesame}, args: ['--password opensesame']}, size: 4}}"
    )
    for words in (("config", "check"), ("config", "check", "--json")):
        shown = aoli(
            *words,
            AOLI_DATABASE_URL="postgresql://aoli@db/aoli?sslmode=require&password=opensesame",
            AOLI_REDIS_URL="rediss://cache:6379/0?db=1&password=opensesame&health=3",
            AOLI_PROMETHEUS_URL="https://bob:open%40sesame@prom:9090/x?token=opensesame",
            AOLI_GRAFANA_URL="https://opensesame@boards/",
        )
        assert shown.returncode == 0, shown.stderr
        assert "sesame" not in shown.stdout
    values = json.loads(shown.stdout)
    assert values["database_url"] == "postgresql://aoli@db/aoli?sslmode=require&password=***"
    assert values["redis_url"] == "rediss://cache:6379/0?db=1&password=***&health=3"
    assert values["prometheus_url"] == "https://bob:***@prom:9090/x?token=***"
    assert values["plugins"]["regular"]["size"] == 4
    assert values["plugins"]["regular"]["nested"]["credentials"] == "********"


def test_a_log_in_that_stands_in_the_wrong_place_is_not_repeated(aoli: Command) -> None:
    for command in (("config", "check"), ("db", "check")):
        refused = aoli(*command, AOLI_SMTP_URL="smtps://aoli:opensesame@mail")
        assert refused.stderr.startswith("aoli: AOLI_SMTP_URL: smtp_url: Value error, no log-in")
        assert "opensesame" not in refused.stdout + refused.stderr


@pytest.mark.parametrize(
    ("variable", "address"),
    [
        ("AOLI_DATABASE_URL", "postgresql://aoli:open@ses/a:me@db/aoli"),
        ("AOLI_DATABASE_URL", "postgresql://aoli:open/sesame@db/aoli"),
        ("AOLI_REDIS_URL", "redis://:open@sesame@cache/0"),
        ("AOLI_REDIS_URL", "redis://:open?sesame@cache/0"),
        ("AOLI_DATABASE_URL", "postgresql://aoli:open?sesame@db/aoli"),
        ("AOLI_PROMETHEUS_URL", "https://bob:open#sesame@prom"),
    ],
)
def test_an_address_that_readers_would_take_apart_differently_is_refused(
    aoli: Command, variable: str, address: str
) -> None:
    refused = aoli("config", "check", **{variable: address})
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"aoli: {variable}: ")
    assert "write @ as %40, / as %2F" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert "ses" not in refused.stderr


def test_a_wrong_setting_is_one_line(aoli: Command) -> None:
    refused = aoli("config", "check", AOLI_PORT="none")
    assert refused.returncode == 1
    assert refused.stderr.startswith("aoli: AOLI_PORT: port: ")
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [("db", "check"), ("db", "upgrade"), ("up", "--port", "0")])
def test_a_database_that_does_not_answer_is_one_line(aoli: Command, words: tuple[str, ...]) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        url = f"postgresql://aoli@127.0.0.1:{nobody.getsockname()[1]}/aoli"
        refused = aoli(*words, AOLI_DATABASE_URL=url)
    assert refused.returncode == 1
    said = refused.stdout + refused.stderr
    assert "aoli: the database does not answer: connection to server at" in said
    assert "Traceback" not in said
    assert said.count("\n") == (2 if words[0] == "up" else 1)


def test_the_built_in_plugins_are_in_order(aoli: Command) -> None:
    rows = json.loads(aoli("plugins", "list", "--json").stdout)
    assert {"regular", "nvidia_gpu_amd64", "huawei_npu_arm64"} <= {row["name"] for row in rows}
    assert {row["status"] for row in rows} == {"ok"}
    assert aoli("plugins", "check").returncode == 0


def test_a_usage_error_has_its_own_exit_code(aoli: Command) -> None:
    assert aoli("up", "--port", "many").returncode == 2


def test_a_section_of_no_plugin_fails_the_checks(aoli: Command, tmp_path: Path) -> None:
    (tmp_path / "portal.yaml").write_text("plugins: {regluar: {}}\n")
    for words in (("config", "check"), ("config", "check", "--json"), ("plugins", "check")):
        checked = aoli(*words)
        assert checked.returncode == 1
        assert "plugins.regluar in portal.yaml is of no installed plugin" in checked.stderr
        assert checked.stderr.count("\n") == 1


def test_the_example_is_the_file_that_is_shipped(aoli: Command) -> None:
    shipped = Path(__file__).parents[2] / "config" / "portal.yaml"
    assert aoli("config", "example").stdout == shipped.read_text("utf-8")


def first_line(environment: dict[str, str], process: str, *words: str) -> str:
    """What a process that goes on says, up to the first line with one of ``words``."""
    kept = {name: value for name, value in os.environ.items() if name[:5] != "AOLI_"}
    with subprocess.Popen(
        [sys.executable, "-m", "portal.processes", process],
        env={**kept, "AOLI_PORT": "0", **environment},
        stderr=subprocess.STDOUT,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        lines = iter(running.stdout)
        said = next((line for line in lines if any(word in line for word in words)), "")
        running.kill()
    return said


@pytest.mark.parametrize("process", ["web", "worker", "scheduler"])
def test_a_process_with_another_key_says_so_at_its_start(
    aoli: Command, tmp_path: Path, process: str
) -> None:
    first, second = "the first machine's key of 32 bytes", "the second machine's key of 32 bytes"
    made = aoli("db", "upgrade", AOLI_SECRET_KEY=first)
    assert made.returncode == 0
    assert "secret key" not in made.stderr
    place = {"AOLI_DATA_DIR": str(tmp_path), "AOLI_CONFIG_DIR": str(tmp_path)}
    said = first_line({**place, "AOLI_SECRET_KEY": second}, process, "is not the portal's")
    assert "Give all machines the same AOLI_SECRET_KEY" in said
    adopted = aoli("db", "upgrade", AOLI_SECRET_KEY=second)
    assert "is not the portal's" in adopted.stderr
    assert aoli("db", "upgrade", AOLI_SECRET_KEY=second).stderr == ""


@pytest.mark.parametrize("process", ["web", "worker", "scheduler"])
def test_a_process_without_tables_says_so_at_its_start(tmp_path: Path, process: str) -> None:
    place = {"AOLI_DATA_DIR": str(tmp_path), "AOLI_CONFIG_DIR": str(tmp_path)}
    assert "run aoli db upgrade" in first_line(place, process, "the database lacks 0001_initial")


@pytest.mark.parametrize("process", ["web", "worker", "scheduler"])
def test_a_process_without_redis_says_so_at_its_start(
    aoli: Command, tmp_path: Path, process: str
) -> None:
    assert aoli("db", "upgrade").returncode == 0
    place = {"AOLI_DATA_DIR": str(tmp_path), "AOLI_CONFIG_DIR": str(tmp_path)}
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        place["AOLI_REDIS_URL"] = f"redis://:opensesame@127.0.0.1:{nobody.getsockname()[1]}/0"
        said = first_line(place, process, "Redis does not answer", "could not connect to Redis")
    assert "onnect" in said
    assert "opensesame" not in said


def test_web_says_where_it_listens(aoli: Command, tmp_path: Path) -> None:
    assert aoli("db", "upgrade").returncode == 0
    place = {"AOLI_DATA_DIR": str(tmp_path), "AOLI_CONFIG_DIR": str(tmp_path)}
    assert "http://127.0.0.1:" in first_line(place, "web", "serving at")


@pytest.mark.parametrize("words", [("db", "upgrade"), ("worker",), ("scheduler",), ("web",)])
def test_a_data_folder_that_cannot_be_is_one_line(
    aoli: Command, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "file").touch()
    refused = aoli(*words, AOLI_DATA_DIR=str(tmp_path / "file" / "data"))
    assert refused.returncode == 1
    said = [line for line in refused.stderr.splitlines() if line.startswith("aoli: ")]
    assert said
    assert f"{tmp_path}/file" in said[0]
    assert "Not a directory" in said[0]
    assert "Traceback" not in refused.stderr
