"""Public SSH keys: what is taken, in which form it is kept, what is told of the rest."""

from __future__ import annotations

import base64
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from house import actor
from public_keys import key_line, line_of

from portal.domain.errors import Conflict, InvalidSpec, NotFound, WrongValue
from portal.models import AuditRow
from portal.models.db import session
from portal.services.people import ssh_keys
from portal.services.people.ssh_key_text import read_public_key


@pytest.fixture(scope="module")
def keys() -> dict[str, str]:
    return {
        "ed25519": key_line(),
        "nistp256": line_of(ec.generate_private_key(ec.SECP256R1())),
        "nistp384": line_of(ec.generate_private_key(ec.SECP384R1())),
        "nistp521": line_of(ec.generate_private_key(ec.SECP521R1())),
        "rsa2048": line_of(rsa.generate_private_key(65537, 2048)),
    }


def refused(text) -> str:
    try:
        taken = read_public_key(text)
    except WrongValue as error:
        return str(error)
    raise AssertionError(f"it was taken: {taken}")


@pytest.mark.parametrize("kind", ["ed25519", "nistp256", "nistp384", "nistp521", "rsa2048"])
def test_a_key_is_kept_without_its_comment(keys, kind):
    assert read_public_key(f"  {keys[kind]} alice@laptop \n").line == keys[kind]


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs OpenSSH")
@pytest.mark.parametrize("kind", ["ed25519", "nistp256", "rsa2048"])
def test_the_fingerprint_is_openssh_s(keys, kind, tmp_path):
    file = tmp_path / "key.pub"
    file.write_text(keys[kind] + "\n")
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(file)], capture_output=True, text=True, check=True
    )
    assert read_public_key(keys[kind]).fingerprint == shown.stdout.split()[1]


def test_a_weak_rsa_key_is_refused():
    assert "this one has 1024" in refused(line_of(rsa.generate_private_key(65537, 1024)))


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_dsa_is_refused():
    key = dsa.generate_private_key(1024).public_key()
    numbers = key.public_numbers()
    parts = [numbers.parameter_numbers.p, numbers.parameter_numbers.q]
    parts += [numbers.parameter_numbers.g, numbers.y]
    packed = [b"ssh-dss", *(n.to_bytes(n.bit_length() // 8 + 1, "big") for n in parts)]
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in packed)
    assert "type ed25519, ecdsa or rsa" in refused(f"ssh-dss {base64.b64encode(blob).decode()}")


def test_a_private_key_is_refused_with_a_word_of_warning():
    key = ed25519.Ed25519PrivateKey.generate()
    text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    assert "This is a private key" in refused(text)


def test_what_is_no_key_is_refused(keys):
    kind, body = keys["ed25519"].split()
    for text in (
        "nonsense",
        f'command="rm -rf /" {keys["ed25519"]}',
        f"{keys['ed25519']} a\n{keys['nistp256']} b",
        "ssh-ed25519 " + "A" * 9000,
    ):
        assert "Enter one line" in refused(text), text
    for text in (
        f"{kind} {body[:-12]}",
        f"ssh-rsa {body}",
        f"{kind} {base64.b64encode(base64.b64decode(body) + b'more').decode()}",
    ):
        assert "not a whole SSH key" in refused(text), text
    for text in ("", "  ", None, 3, ["x"]):
        assert refused(text) == "Required"


def test_adding_listing_and_deleting(house, keys):
    with session():
        first = ssh_keys.add(actor("alice"), " laptop ", keys["ed25519"], house.now)
        second = ssh_keys.add(actor("alice"), "desk", keys["rsa2048"], house.now)
        mine = ssh_keys.listed(actor("alice").user_id)
        assert [key.name for key in mine] == ["desk", "laptop"]
        assert mine[1] == first
        assert ssh_keys.listed(actor("bob").user_id) == []
        with pytest.raises(NotFound):
            ssh_keys.remove(actor("bob"), second.id, house.now)
        ssh_keys.remove(actor("alice"), second.id, house.now)
        assert [key.name for key in ssh_keys.listed(actor("alice").user_id)] == ["laptop"]
        noted = [(row.action, row.object) for row in AuditRow.select().order_by(AuditRow.id)]
        assert noted == [
            ("ssh_key.create", "laptop"),
            ("ssh_key.create", "desk"),
            ("ssh_key.delete", "desk"),
        ]


def test_one_has_a_key_once_whatever_its_comment(house, keys):
    with session():
        ssh_keys.add(actor("alice"), "one", keys["ed25519"], house.now)
        with pytest.raises(Conflict, match="already"):
            ssh_keys.add(actor("alice"), "two", f"{keys['ed25519']} other", house.now)
        ssh_keys.add(actor("bob"), "one", keys["ed25519"], house.now)
        assert AuditRow.select().count() == 2


def test_there_is_a_most(house):
    with session():
        for number in range(ssh_keys.MOST):
            key = key_line(number + 1)
            ssh_keys.add(actor("alice"), str(number), key, house.now)
        key = key_line(ssh_keys.MOST + 1)
        with pytest.raises(Conflict, match="delete one first"):
            ssh_keys.add(actor("alice"), "more", key, house.now)


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\nb", "a\x00b", None, 3])
def test_a_name_is_one_line(house, keys, name):
    with session(), pytest.raises(InvalidSpec) as caught:
        ssh_keys.add(actor("alice"), name, keys["ed25519"], house.now)
    assert list(caught.value.errors) == ["name"]
