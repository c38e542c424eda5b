"""The one rule of what tells of a secret, name by name."""

from __future__ import annotations

import time

import pytest

from portal.domain.secret_words import (
    REDACTED,
    emptied,
    redacted,
    tells_of_secret,
    without_secrets,
)

SECRET = """
PASSWORD password Password DB_PASSWORD db_passwd DB_PASSWD MYSQL_PWD DB_PWD DB_PW PASS MYSQL_PASS
PGPASSWORD SUDOPASSWORD SSHPASS PGPASS registry.password db.pwd spring.datasource.password
rootPassword dbPwd PASSWORD1 PASSWORD_2 SSH_PASSPHRASE passphrase WIFI_PASSCODE
SECRET SECRET_KEY CLIENT_SECRET client-secret clientSecret APPSECRET SECRETS AWS_SECRET_ACCESS_KEY
AWS_ACCESS_KEY_ID AWS_SESSION_TOKEN ACCESS_KEY accessKey S3_ACCESSKEY ACCESSKEY
TOKEN HF_TOKEN hf_token HFToken HUGGING_FACE_HUB_TOKEN GITHUB_TOKEN GH_TOKEN TOKEN2 token.value
GITHUBTOKEN authtoken bearerToken API_TOKENS ACCESS_TOKENS refresh_tokens MODAL_TOKEN_ID
WANDB_API_KEY APIKEY OPENAI_APIKEY apiKey api.key api-key --api-key API_KEYS API_KEY_2 KEY key_hash
SSH_KEY SSH_PRIVATE_KEY PRIVATEKEY privateKey ENCRYPTION_KEY MASTER_KEY STORAGE_ACCOUNT_KEY
GIT_PAT PAT AZURE_DEVOPS_EXT_PAT SENTRY_DSN dsn DSN SESSION_COOKIE COOKIE cookies
GOOGLE_APPLICATION_CREDENTIALS CREDENTIAL DB_CREDS DOCKER_AUTH_CONFIG HTTP_AUTH REDIS_AUTH
AUTHORIZATION Authorization OAUTH BEARER JWT MFA_OTP AZURE_STORAGE_CONNECTION_STRING AZURE_SAS
SLACK_WEBHOOK_URL KUBECONFIG NETRC --password --db-password MAX_TOKEN_SECRET
"""
PLAIN = """
LR EPOCHS PATH PYTHONPATH KEYBOARD MONKEY TURKEY COMPASS COMPASS_DIR BYPASS_CACHE BYPASS NUM_PASSES
PASSES PASSENGERS PASSTHROUGH TOKENIZERS_PARALLELISM TOKENIZER TOKENIZER_PATH tokenizer maxTokens
MAX_TOKENS max_tokens MAX_NEW_TOKENS NUM_TOKENS TOKENS TOTAL_TOKENS TOKENS_PER_STEP max-tokens
MAX_TOKEN_LENGTH PAD_TOKEN EOS_TOKEN PAD_TOKEN_ID TOKEN_LIMIT TOKEN_TYPE SORT_KEY SORT_KEYS KEYS
PRIMARY_KEY SSH_PUBLIC_KEY PUBLIC_KEY KEY_FRAME FORWARD_PASS LOW_PASS_FILTER PASS_RATE
AUTHOR AUTHORS AUTHORITY GIT_AUTHOR_NAME SECRETARY COOKIECUTTER COOKIE_NAME SESSION_COOKIE_SECURE
PATCH PATTERN PATIENCE DISPATCH DSNAME OMP_NUM_THREADS NCCL_DEBUG BATCH_SIZE WORLD USERNAME
PASSWORD_LENGTH SECRET_NAME TOKEN_TTL CUDA_VISIBLE_DEVICES WANDB_PROJECT HF_HOME KEYED
"""


@pytest.mark.parametrize("name", SECRET.split())
def test_a_name_that_tells_of_a_secret(name: str) -> None:
    assert tells_of_secret(name)


@pytest.mark.parametrize("name", [*PLAIN.split(), "", "_", "1"])
def test_a_name_that_tells_of_none(name: str) -> None:
    assert not tells_of_secret(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://u:p@h/db", "postgres://********@h/db"),
        ("postgres://u:p@ss@h/db", "postgres://********@h/db"),
        ("postgres://u:p/w@h/db", "postgres://********@h/db"),
        ("redis://:pw@h:6379/0", "redis://********@h:6379/0"),
        ("https://tok@host/x.git", "https://********@host/x.git"),
        ("git clone 'https://u:p@h/x'", "git clone 'https://********@h/x'"),
        ("ssh://git@host/x", "ssh://git@host/x"),
        ("https://host:8080/@scope/pkg", "https://host:8080/@scope/pkg"),
        ("https://host/path?mail=a@b", "https://host/path?mail=a@b"),
        ("https://$USER:$PW@host/x", "https://$USER:$PW@host/x"),
        ("https://h/?token=abc&n=1", "https://h/?token=********&n=1"),
        ("OPTS='--a=1 --token=abc'", "OPTS='--a=1 --token=********'"),
        ('{"api_key": "abc", "n": 1}', '{"api_key": ********, "n": 1}'),
        ("AccountName=a;AccountKey=zzz==;x", "AccountName=a;AccountKey=********;x"),
        ("run --token $HF_TOKEN", "run --token $HF_TOKEN"),
        ('run --token "${HF_TOKEN}"', 'run --token "${HF_TOKEN}"'),
        ("run --max-tokens 512 --sort-key a", "run --max-tokens 512 --sort-key a"),
        ("curl -u me:pw https://h", "curl -u ******** https://h"),
        ("docker run -u 1000:1000 x", "docker run -u 1000:1000 x"),
        ("sshpass -p hunter2 ssh h", "sshpass -p ******** ssh h"),
        ("echo AKIAABCDEFGHIJKLMNOP", "echo ********"),
        ("login hf_abcdefghijklmnopqrstuvwx", "login ********"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nrest",
            "********\nrest",
        ),
        ("run as Basic training-run1", "run as Basic training-run1"),
    ],
)
def test_credentials_inside_a_text(text: str, shown: str) -> None:
    assert without_secrets(text, mark=REDACTED) == shown


BODY = {
    "name": "train",
    "image": "python:3",
    "command": "pull https://tok@h/x && run --password 'a b' hunter22",
    "env": {"LR": "0.1", "DB_PWD": "pw12", "URL": "pg://u:p@h", "MINE": "hunter22", "E": ""},
    "secret_env": ["MINE", "E"],
    "registry": {"server": "r", "username": "u", "password": "x"},
    "max_tokens": 5,
    "api_token": "zzz",
    "deep": [{"token": "zzz", "lr": {"low": 1}}],
}


def test_a_body_to_look_at() -> None:
    body, names = redacted(BODY)
    assert body["env"] == {
        "LR": "0.1",
        "DB_PWD": REDACTED,
        "URL": f"pg://{REDACTED}@h",
        "MINE": REDACTED,
        "E": "",
    }
    assert body["command"] == f"pull https://{REDACTED}@h/x && run --password {REDACTED} {REDACTED}"
    assert (body["max_tokens"], body["api_token"]) == (5, REDACTED)
    assert body["deep"] == [{"token": REDACTED, "lr": {"low": 1}}]
    assert body["registry"] == {"server": "r", "username": "u"}
    assert names == [
        *("command", "env.DB_PWD", "env.URL", "env.MINE"),
        *("registry.password", "api_token", "deep"),
    ]


def test_a_body_to_start_from() -> None:
    body, names = emptied(BODY)
    assert body["env"] == {"LR": "0.1", "DB_PWD": "", "URL": "", "MINE": "", "E": ""}
    assert body["command"] == "pull https://h/x && run --password '' "
    assert body["api_token"] == ""
    assert REDACTED not in str(body)
    assert {"env.MINE", "env.URL", "command"} <= set(names)
    assert "env.E" not in names


@pytest.mark.parametrize(
    "unit", ["a", "a.", "--a ", "a=", "a='", "a:", 'x="', "://", "a:b", "u:", " ", "-u a"]
)
def test_a_long_text_takes_no_long_time(unit: str) -> None:
    text = (unit * 65536)[:65536]
    before = time.process_time()
    without_secrets(text, mark=REDACTED)
    assert time.process_time() - before < 10
