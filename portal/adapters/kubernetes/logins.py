"""How an attempt's replicas log in to each other: a key, a server, a client's settings. Pure
but for the key, which is made anew for every attempt and lives in a Secret of its own.

One key pair is both the server's and the client's: who has it is a replica of this attempt.
Every replica runs the *door* before its command: where the image has an SSH server, it is
started as the container's own user; where it has none, nothing happens. Sessions find the
environment that the command has, which a server of SSH does not give by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PORT = 19022
"""Of the replicas' SSH servers; the container's own may have 22."""
PORT_VARIABLE = "AOLI_SSH_PORT"
_AT = "/tmp/.aoli-ssh"  # noqa: S108 - in the container, with modes that SSH accepts


@dataclass(frozen=True, slots=True)
class LoginKey:
    """Both halves in OpenSSH's format."""

    private: str
    public: str


def new_key() -> LoginKey:
    """A key that nobody has."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    return LoginKey(private.decode(), f"{public.decode()}\n")


def client_settings(names: Iterable[str]) -> str:
    """What ``ssh`` must know of the hosts in ``names`` (patterns); others are left alone."""
    return f"""\
Host {" ".join(names)}
  Port {PORT}
  IdentityFile {_AT}/key
  IdentitiesOnly yes
  UserKnownHostsFile {_AT}/known_hosts
  StrictHostKeyChecking yes
  CheckHostIP no
  BatchMode yes
  LogLevel ERROR
  ConnectTimeout 10
  ConnectionAttempts 60
"""


def door(folder: str) -> str:
    """The script that opens a replica to its peers; ``folder`` holds the Secret's files.

    ``$0`` is the shell that it runs in.
    """
    return f"""\
umask 077
mkdir -p {_AT} && cat {folder}/key >{_AT}/key && cat {folder}/key.pub >{_AT}/key.pub || exit
printf '* %s\\n' "$(cat {_AT}/key.pub)" >{_AT}/known_hosts
if [ "$(id -u)" = 0 ]; then
  mkdir -p /etc/ssh && cat {folder}/config >>/etc/ssh/ssh_config
else
  aoli_home=$(eval echo "~$(id -un)")
  mkdir -p "$aoli_home/.ssh" && cat {folder}/config >>"$aoli_home/.ssh/config"
fi
aoli_sshd=$(PATH=$PATH:/usr/sbin:/usr/local/sbin:/sbin; command -v sshd) || exit
mkdir -p /run/sshd
(unset PWD OLDPWD SHLVL; export -p) >{_AT}/environment
cat >{_AT}/session <<END
#!$0
. {_AT}/environment
if [ -n "\\$SSH_ORIGINAL_COMMAND" ]; then exec $0 -c "\\$SSH_ORIGINAL_COMMAND"; fi
exec $0 -l
END
chmod 700 {_AT}/session
cat >{_AT}/sshd_config <<END
Port {PORT}
HostKey {_AT}/key
AuthorizedKeysFile {_AT}/key.pub
PidFile {_AT}/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
X11Forwarding no
PrintMotd no
UseDNS no
MaxStartups 1000
MaxSessions 1000
LogLevel ERROR
ForceCommand {_AT}/session
END
for aoli_sftp in /usr/lib/openssh /usr/lib/ssh /usr/libexec/openssh /usr/libexec; do
  if [ -x $aoli_sftp/sftp-server ]; then
    echo "Subsystem sftp $aoli_sftp/sftp-server" >>{_AT}/sshd_config
    break
  fi
done
"$aoli_sshd" -f {_AT}/sshd_config
"""
