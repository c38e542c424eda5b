"""What tells of a secret, and texts without them."""

from __future__ import annotations

import pytest

from portal.domain.secret_words import tells_of_secret, without_secrets


@pytest.mark.parametrize(
    "name",
    [
        *("PASSWORD", "db_passwd", "MYSQL_PWD", "WANDB_API_KEY", "HF_TOKEN", "APIKEY", "SSH_KEY"),
        *("AWS_SECRET_ACCESS_KEY", "GITHUB_PAT", "MYSQL_PASS", "--password", "client-secret"),
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert tells_of_secret(name)


@pytest.mark.parametrize("name", ["LR", "KEYBOARD", "PATH", "COMPASS_DIR", "MONKEY", "PYTHONPATH"])
def test_names_of_other_things(name: str) -> None:
    assert not tells_of_secret(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("export HF_TOKEN=abc123 && run", "export HF_TOKEN=(hidden) && run"),
        ("login --password 'two words' -u me", "login --password (hidden) -u me"),
        ("--api-key=abc", "--api-key=(hidden)"),
        ("git clone https://u:p@git.example/x", "git clone https://(hidden)@git.example/x"),
        (
            "curl -H 'Authorization: Bearer abcdefghijk'",
            "curl -H 'Authorization: (hidden) (hidden)'",
        ),
        ("the password is long", "the password is long"),
        ("python train.py --lr 0.1", "python train.py --lr 0.1"),
        ("--token --verbose", "--token --verbose"),
    ],
)
def test_texts(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


def test_values_are_hidden_wherever_they_are_but_not_in_every_word() -> None:
    assert without_secrets("say hunter2, hunter22", ["hunter2", "a", "hunter22"]) == (
        "say (hidden), (hidden)"
    )
