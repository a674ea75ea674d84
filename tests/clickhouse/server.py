"""ClickHouse servers as processes of their own, which a test may stop, kill and start again."""

import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.clickhouse.library import library
from tests.support.lacking import lacking

ROOT = Path(__file__).parent.parent.parent
# A filter may have thousands of values, as docs/deploying.md says.
PROFILE = "<http_max_field_value_size>1048576</http_max_field_value_size>"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def user(name: str, password: str, more: str = "", profile: str = "default", quota: str = "default") -> str:
    """The XML of a user; `more` is what else it has, as its grants."""
    return (
        f"<{name}><password>{password}</password><networks><ip>127.0.0.1</ip></networks>"
        f"<profile>{profile}</profile><quota>{quota}</quota>{more}</{name}>"
    )


# Machine code for an expression takes longer to make than the tests' few rows to read.  The embedded store makes it.
INTERPRETED = "".join(
    f"<{name}>0</{name}>"
    for name in ("compile_expressions", "compile_aggregate_expressions", "compile_sort_description")
)
_ADMIN = user("default", "", "<access_management>1</access_management>")


@dataclass(frozen=True)
class Users:
    """What `users.xml` holds beside the default user, profile and quota, as XML.

    The default user has no password: the program itself works as it.  `settings` are more of the default profile.
    """

    users: str = ""
    profiles: str = ""
    quotas: str = ""
    settings: str = ""

    def __str__(self) -> str:
        return (
            f"<clickhouse><profiles><default>{PROFILE}{self.settings}</default>{self.profiles}</profiles>"
            f"<quotas><default/>{self.quotas}</quotas>"
            f"<users>{_ADMIN}{self.users}</users></clickhouse>"
        )


@dataclass
class ClickHouse:
    """One server; `path` is for its files, `data` for its tables where they are elsewhere.

    `shards` are the native ports of the cluster `two`, of which it is the one numbered `shard`; the cluster
    `first_of_two` is the first of them.  `core` is the only processor that it may use.  `config`
    is more of its configuration, as XML.
    """

    path: Path
    users: Users = field(default_factory=Users)
    data: Path | None = None
    shards: Sequence[int] = ()
    shard: int = 1
    core: int | None = None
    config: str = ""
    port: int = field(default_factory=free_port)
    native_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it answers.  Skips the test where there is no ClickHouse."""
        engine = library() or lacking("no ClickHouse: python -m tests.clickhouse.library brings it")
        self.path.mkdir(parents=True, exist_ok=True)
        self.set_users(self.users)
        config = self.path / "config.xml"
        config.write_text(self._config())
        command = [sys.executable, "-m", "tests.clickhouse", "--library", str(engine), "--config", str(config)]
        command += [
            "--path",
            str(self.data or self.path / "data"),
            "--http",
            str(self.port),
            "--tcp",
            str(self.native_port),
        ]
        pinned = [] if self.core is None else ["taskset", "--cpu-list", str(self.core)]
        self.process = subprocess.Popen([*pinned, *command], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        if self.process.stdout.readline() != b"ready\n":
            raise RuntimeError("ClickHouse did not start")

    def set_users(self, users: Users) -> None:
        """A server that runs takes them on within seconds."""
        self.users = users
        (self.path / "users.xml").write_text(str(users))

    def stop(self) -> None:
        """By SIGKILL, as a machine dies."""
        if self.process:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def url(self, database: str = "default", user: str = "") -> str:
        """`user` is USER or USER:PASSWORD."""
        return f"clickhouse://{user and f'{user}@'}127.0.0.1:{self.port}/{database}"

    def _config(self) -> str:
        shards = "".join(
            "<shard><internal_replication>true</internal_replication>"
            f"<replica><host>127.0.0.1</host><port>{port}</port></replica></shard>"
            for port in self.shards
        )
        first = shards[: shards.index("</shard>") + len("</shard>")] if shards else ""
        clusters = {"two": shards, "first_of_two": first} if shards else {}
        servers = "".join(f"<{name}><secret>loopback</secret>{each}</{name}>" for name, each in clusters.items())
        return (
            f"<clickhouse><users_config>{self.path / 'users.xml'}</users_config>"
            f"<remote_servers>{servers}</remote_servers>"
            f"<macros><shard>{self.shard}</shard><replica>1</replica></macros>"
            "<query_log><database>system</database><table>query_log</table>"
            f"<flush_interval_milliseconds>500</flush_interval_milliseconds></query_log>{self.config}</clickhouse>"
        )


def start_cluster(
    path: Path, servers: int = 2, users: Users | None = None, cores: Sequence[int] = ()
) -> list[ClickHouse]:
    """Servers that are one cluster, named `two`, a shard each."""
    ports = [free_port() for _ in range(servers)]
    made = [
        ClickHouse(
            path / str(place),
            users or Users(),
            shards=ports,
            shard=place + 1,
            core=cores[place] if cores else None,
            native_port=port,
        )
        for place, port in enumerate(ports)
    ]
    for each in made:
        each.start()
    return made
