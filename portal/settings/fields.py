"""Every setting: its name, type, bounds and default, and what follows from several."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from portal.domain.mail import MAX_RECEIVERS, is_address
from portal.domain.mail_server import server_of
from portal.settings.places import default_config_dir

_ADDRESSES = {
    "database_url": ("sqlite:///", "postgresql://", "postgresql+psycopg2://"),
    "redis_url": ("redis://", "rediss://", "unix://"),
}
"""How an address begins; those not named are of the web."""


_WITH_LOGIN = ("postgresql", "redis:", "rediss:", "http:", "https:")
_AUTHORITY = re.compile(
    r"[\w+]+://(?:[^:/?#@]*(?::[^/?#@]*)?@)?(?:\[[^]/?#@]*\]|[^:/?#@]*)(?::\d*)?"
    r"(?:/(?P<name>[^?#@]*))?(?:\?[^#]*)?"
)
"""An address whose log-in, host and path every reader takes apart alike."""
_QUOTE = (
    "expected SCHEME://USER:PASSWORD@HOST/NAME; in user name and password write"
    " @ as %40, / as %2F, ? as %3F, # as %23, % as %25"
)


class Settings(BaseSettings):
    """All settings. Times are in seconds unless the name says otherwise.

    ``Settings(…)`` is what it is given and the defaults; environment and file are read by
    :func:`portal.settings.load_settings` alone.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", validate_default=True, case_sensitive=True, env_prefix="AOLI_"
    )

    data_dir: Path = Field(default=Path("~/.aoli"), description="Embedded database, logs, keys")
    config_dir: Path = Field(
        default_factory=default_config_dir, description="Folder of the *.yaml files"
    )
    database_url: str = Field(default="", description="Empty: SQLite below data_dir")
    redis_url: str = Field(default="", description="Empty: embedded Valkey below data_dir")
    cluster: Literal["local", "kubernetes"] = "local"
    cluster_name: str = Field(default="", description="Shown to users; empty: the machine's name")
    kubeconfig: str = Field(default="", description="Empty: KUBECONFIG, then in-cluster")
    namespace: str = "aoli"
    storage_root: str = Field(default="", description="Empty: /dlwsdata, local: below data_dir")
    log_dir: str = Field(default="", description="Kept job output; empty: data_dir/logs")
    prometheus_url: str = ""
    grafana_url: str = ""
    public_url: str = Field(default="", description="Address users see, for links and redirects")
    secret_key: SecretStr = Field(
        default=SecretStr(""),
        description="One, or several with commas between, newest first; empty: made at first start",
    )
    admin_username: str = "admin"
    admin_password: SecretStr = SecretStr("")
    local_devices: Annotated[dict[str, int], NoDecode] = Field(default_factory=dict)
    local_uid_base: int = Field(
        default=1_900_000_000,
        ge=0,
        lt=2**31 - 1,
        description="Started as root, a user's jobs have this user id + the user's number; 0: root",
    )
    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=8420, ge=0, le=65535)
    web_workers: int = Field(default=1, ge=1, le=64)
    web_threads: int = Field(default=32, ge=2, le=512)
    max_streams: int = Field(default=200, ge=1, description="Open live streams per web process")
    request_head_s: float = Field(default=10, gt=0, description="Time to send a request's headers")
    request_body_s: float = Field(default=60, gt=0, description="Time to send a request's body")
    max_half_open: int = Field(default=256, ge=1, description="Requests still being sent")
    session_lifetime_s: int = Field(default=12 * 3600, ge=60)
    trusted_proxies: int = Field(
        default=0, ge=0, le=8, description="Reverse proxies in front, each adding X-Forwarded-*"
    )
    secure_cookies: bool = Field(default=False, description="Set true behind TLS")
    development: bool = Field(default=False, description="Show the page /_components")
    sign_up: bool | None = Field(
        default=None,
        description="Whether people may make their own account; empty: not where jobs run on"
        " the portal's machine and host is not of this machine alone",
    )
    sign_in_devices: bool = Field(
        default=False, description="Whether the page to sign in shows the devices in use"
    )
    password_min_length: int = Field(default=8, ge=1, le=128)
    password_classes: int = Field(default=1, ge=1, le=4)
    wechat_app_id: str = Field(default="", description="Empty: no sign-in with WeChat")
    wechat_app_secret: SecretStr = SecretStr("")
    wechat_page_url: str = "https://open.weixin.qq.com"
    wechat_api_url: str = "https://api.weixin.qq.com"
    microsoft_client_id: str = Field(default="", description="Empty: no sign-in with Microsoft")
    microsoft_client_secret: SecretStr = SecretStr("")
    microsoft_tenant: str = Field(default="common", description="Directory id, or common")
    microsoft_url: str = "https://login.microsoftonline.com"
    smtp_url: str = Field(default="", description="Mail server, host:port; empty: no mail")
    smtp_security: Literal["auto", "tls", "starttls", "plain"] = "auto"
    smtp_login: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_sender: str = Field(default="", description="Address that mails come from")
    support_receivers: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Who gets calls for help"
    )
    preemptible_scope: Literal["vc", "cluster"] = "vc"
    starvation_guard_minutes: int = Field(default=10, ge=1)
    stop_grace_s: int = Field(default=30, ge=0, le=3600)
    admit_tick_s: float = Field(default=5, gt=0)
    full_pass_s: float = Field(default=60, gt=0)
    leader_ttl_s: float = Field(default=6, gt=0)
    node_lost_after_s: int = Field(default=30, ge=0)
    unschedulable_after_s: int = Field(default=60, ge=1)
    plugins: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Nothing but the arguments."""
        return (init_settings,)

    @field_validator("local_devices", mode="before")
    @classmethod
    def _parse_devices(cls, value: object) -> object:
        """``nvidia_gpu_amd64=8,huawei_npu_arm64=8`` or a mapping."""
        if not isinstance(value, str):
            return value
        pairs = [item.partition("=") for item in value.split(",") if item.strip()]
        if any(not sep for _, sep, _ in pairs):
            raise ValueError("expected NAME=COUNT,NAME=COUNT")
        return {name.strip(): count.strip() for name, _, count in pairs}

    @field_validator("secret_key", mode="before")
    @classmethod
    def _join_keys(cls, value: object) -> object:
        """``new,old``, lines of a file, or a list."""
        if isinstance(value, list) and all(isinstance(key, str) for key in value):
            return ",".join(value)
        return value

    @field_validator("smtp_url", mode="after")
    @classmethod
    def _check_server(cls, value: str) -> str:
        if value:
            server_of(value)
        return value

    @field_validator("support_receivers", mode="before")
    @classmethod
    def _parse_addresses(cls, value: object) -> object:
        """``a@example.org,b@example.org`` or a list."""
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator("support_receivers", "smtp_sender", mode="after")
    @classmethod
    def _check_addresses(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for address in (value,) if isinstance(value, str) else value:
            if address and not is_address(address):
                raise ValueError(f"{address} is no mail address such as ops@example.org")
        if len(value) > MAX_RECEIVERS and isinstance(value, tuple):
            raise ValueError(f"at most {MAX_RECEIVERS} addresses")
        return value

    @field_validator("database_url", "redis_url", "prometheus_url", "grafana_url", "public_url")
    @classmethod
    def _check_address(cls, value: str, field: ValidationInfo) -> str:
        """A mistyped address is better refused now than looked for later."""
        starts = _ADDRESSES.get(str(field.field_name), ("http://", "https://"))
        if value and not value.startswith(starts):
            raise ValueError(f"expected {' or '.join(f'{start}…' for start in starts)}")
        if value.startswith(_WITH_LOGIN) and not _AUTHORITY.fullmatch(value):
            raise ValueError(_QUOTE)
        if value.startswith("postgresql") and not _AUTHORITY.fullmatch(value)["name"]:  # type: ignore[index]
            raise ValueError("the database's name is missing: …HOST/NAME")
        return value

    @field_validator("config_dir", mode="before")
    @classmethod
    def _choose_folder(cls, value: object) -> object:
        return value if value not in ("", None) else default_config_dir()

    @field_validator("data_dir", "config_dir", mode="after")
    @classmethod
    def _expand(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @property
    def beyond_loopback(self) -> bool:
        """Whether other machines reach the address that the portal listens on."""
        if self.host == "localhost":
            return False
        try:
            return not ip_address(self.host).is_loopback
        except ValueError:
            return True

    @property
    def may_sign_up(self) -> bool:
        """Whether people may make their own account: as set, else as the place allows."""
        if self.sign_up is not None:
            return self.sign_up
        return not (self.cluster == "local" and self.beyond_loopback)

    @property
    def database(self) -> str:
        """The database's URL, SQLite below ``data_dir`` by default."""
        return self.database_url or f"sqlite:///{self.data_dir / 'aoli.db'}"

    @property
    def storage(self) -> str:
        """The storage root that is in force."""
        if self.storage_root:
            return self.storage_root
        return str(self.data_dir / "storage") if self.cluster == "local" else "/dlwsdata"

    @property
    def logs(self) -> str:
        """The folder of kept output that is in force."""
        return self.log_dir or str(self.data_dir / "logs")
