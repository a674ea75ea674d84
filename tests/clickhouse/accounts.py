"""The users that a page of the manual makes by SQL, as the XML of a server that takes none."""

import re
from dataclasses import dataclass
from xml.sax.saxutils import escape

from tests.clickhouse.server import Users, user

PASSWORD = "of-this-user"
_PROFILE = re.compile(r"CREATE SETTINGS PROFILE (\w+) SETTINGS (.+)", re.DOTALL)
_SETTING = re.compile(r"(\w+) = (\S+)(?: MIN (\S+))?(?: MAX (\S+))?")
_USER = re.compile(r"CREATE USER (\w+) IDENTIFIED BY '...'(?: SETTINGS PROFILE '(\w+)')?")
_GRANT = re.compile(r"GRANT (.+) ON (\S+) TO (\w+)")
_POLICY = re.compile(r"CREATE ROW POLICY \w+ ON (.+?)\s+USING (.+) TO (?:ALL EXCEPT )?(\w+)", re.DOTALL)


@dataclass(frozen=True)
class Grant:
    """One right of a user."""

    right: str
    on: str
    to: str

    def __str__(self) -> str:
        return f"GRANT {self.right} ON {self.on}"


@dataclass(frozen=True)
class Setting:
    """A setting of a profile, and the least and the most that a query may set it to."""

    name: str
    value: str
    least: str | None
    most: str | None

    @property
    def constraint(self) -> str:
        bounds = "".join(
            f"<{name}>{bound}</{name}>" for name, bound in (("min", self.least), ("max", self.most)) if bound
        )
        return f"<{self.name}>{bounds}</{self.name}>"


@dataclass(frozen=True)
class Accounts:
    """`users` are their names, with that of the profile of each."""

    profiles: dict[str, list[Setting]]
    users: dict[str, str]
    grants: list[Grant]

    def profile(self, name: str, more: str = "", **others: str) -> str:
        """The XML of a profile, with other values for some of its settings, and `more` of them."""
        settings = self.profiles.get(name, [])
        values = "".join(f"<{each.name}>{others.get(each.name, each.value)}</{each.name}>" for each in settings)
        constraints = "".join(each.constraint for each in settings)
        return f"{values}{more}<constraints>{constraints}</constraints>"

    def granted(self, name: str) -> list[Grant]:
        return [each for each in self.grants if each.to == name]

    def xml(self, more: str = "", profiles: str = "", quotas: str = "") -> Users:
        """All of them, with `more` users, profiles and quotas."""
        own = "".join(user_with(name, self.granted(name), profile) for name, profile in self.users.items())
        of_users = "".join(f"<{name}>{self.profile(name)}</{name}>" for name in self.profiles)
        return Users(own + more, of_users + profiles, quotas)


def user_with(name: str, grants: list[Grant], profile: str = "default", quota: str = "default", more: str = "") -> str:
    """The XML of a user who has these grants alone."""
    queries = "".join(f"<query>{each}</query>" for each in grants)
    return user(name, PASSWORD, f"<grants>{queries}</grants>{more}", profile, quota)


def accounts(page: str) -> Accounts:
    """Those of a page's SQL.  Raises ValueError for a statement that makes none and is not of those left out."""
    made = Accounts({}, {}, [])
    for statement in _statements(page):
        if found := _PROFILE.fullmatch(statement):
            made.profiles[found[1]] = [_setting(each) for each in re.split(r",\s+", found[2])]
        elif found := _USER.fullmatch(statement):
            made.users[found[1]] = found[2] or "default"
        elif found := _GRANT.fullmatch(statement):
            made.grants.extend(Grant(right, found[2], found[3]) for right in found[1].split(", "))
        elif not statement.startswith(("CREATE DATABASE ", "CREATE ROW POLICY ")):
            raise ValueError(statement)
    return made


def policies(page: str, database: str) -> dict[str, str]:
    """The row policies of a page, as XML by the user whom each is for, or, the last, whom alone it is not for."""
    found = [_POLICY.fullmatch(each) for each in _statements(page) if each.startswith("CREATE ROW POLICY ")]
    made = {}
    for policy in found:
        assert policy is not None
        filters = "".join(
            f"<{table}><filter>{escape(policy[2])}</filter></{table}>"
            for table in policy[1].replace(f"{database}.", "").split(", ")
        )
        name = f"not {policy[3]}" if "EXCEPT" in policy[0] else policy[3]
        made[name] = f"<databases><{database}>{filters}</{database}></databases>"
    return made


def _statements(page: str) -> list[str]:
    blocks = re.findall(r"^```sql\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    return [each.strip() for block in blocks for each in block.split(";") if each.strip()]


def _setting(text: str) -> Setting:
    found = _SETTING.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    return Setting(found[1], found[2], found[3], found[4])
