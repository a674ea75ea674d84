"""The single entry point for reports: everything that runs a report goes through `Door`.

A resolver, a repeated answer, an export and the shell take the same steps in the same order.  They check that there is
room for the reports, that the caller may run the report and see its customers, and that the range is within the limits.
Then they record the run in the audit.  The result is a `ReportAnswer`; nothing else creates one.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

from starlette.concurrency import run_in_threadpool

from gqlreports.backends.base import Backend, Customers
from gqlreports.directory import models
from gqlreports.directory.directory import Directory
from gqlreports.directory.principal import NOT_MASKED, Masking, Principal
from gqlreports.errors import InvalidInput, NotFound, StoreBusy, TooManyRequests
from gqlreports.limits import USUAL, RequestLimits
from gqlreports.plugins.contract import Dimension
from gqlreports.plugins.masking import PLAN_DIGITS, shows_integer
from gqlreports.plugins.registry import RegisteredReport, Registry
from gqlreports.plugins.types import TEXT
from gqlreports.schema.answer import ReportAnswer
from gqlreports.schema.plan.batch import FieldBatcher
from gqlreports.schema.plan.filters import columns
from gqlreports.schema.request import ReportRequest
from gqlreports.schema.stored_rows import StoredRows

PAUSE = 1
"""How long a caller should wait before it tries again if there was no room, in seconds."""
_DAY = timedelta(days=1)


@dataclass
class RunningReports:
    """Counts the reports of this process that run or wait for a free connection to the store.

    At most `at_once` reports are admitted for all keys together, and `for_one` for each key.
    """

    at_once: int = 400
    for_one: int = 100
    _running: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def room(self, key: str, reports: int) -> Iterator[None]:
        """Reserve room for a number of reports of a key while the context is open.

        Raises TooManyRequests if the key has too many reports, StoreBusy if all keys together have.
        """
        if (running := self._running[key] + reports) > self.for_one:
            raise TooManyRequests("concurrentReports", running, self.for_one, PAUSE)
        if self._running.total() + reports > self.at_once:
            raise StoreBusy("The store has too much to do; try again in a moment.")
        self._running[key] += reports
        try:
            yield
        finally:
            self._running[key] -= reports
            if not self._running[key]:
                del self._running[key]


@dataclass(frozen=True)
class Caller:
    """Who asks, and the audit of what they run.  `customers` are the customers looked up so far, by id."""

    principal: Principal
    audit: Callable[[ReportRequest], None]
    customers: dict[str, models.Customer] = field(default_factory=dict)

    def may_run(self, report: RegisteredReport) -> bool:
        return report.visible(self.principal.staff) and self.principal.runs(report.name)

    def report(self, registry: Registry, name: str) -> RegisteredReport:
        """The report with that name.  Raises NotFound if it does not exist or the caller may not run it."""
        reports = {each.name: each for each in registry.reports.values() if self.may_run(each)}
        if name.upper() not in reports:
            raise NotFound(f"There is no report {name[:64]!r}; there are {', '.join(reports)}.")
        return reports[name.upper()]


@dataclass(frozen=True)
class CustomerChoice:
    """Which customers a report is about: those of some ids, those of a group, or all that a caller sees."""

    ids: tuple[str, ...] = ()
    group: str | None = None
    all: bool = False

    @property
    def may_change(self) -> bool:
        """Whether it may mean other customers for another caller, or at another time."""
        return self.all or self.group is not None

    def customers(self, directory: Directory, principal: Principal) -> Customers:
        """The chosen customers at this moment; those of ids are not looked up.  Blocks.

        Raises NotFound for a group that the caller does not see, InvalidInput if there are no customers.
        """
        if self.all:
            found, none = directory.customer_ids(principal), "There is no customer that you see."
        elif self.group is not None:
            found, none = directory.groups.members(principal, self.group), f"The group {self.group} has no customers."
        else:
            found, none = list(self.ids), "Name one customer or more."
        if not found:
            raise InvalidInput(none)
        return Customers.of(*found)


@dataclass(frozen=True)
class Door:
    """Admits reports to a store; all callers share one.

    `stored` counts the rows in a range; without it only the length of a range is limited.  `masking` says from whom
    numbers are hidden.
    """

    directory: Directory
    backend: Backend
    limits: RequestLimits = USUAL
    stored: StoredRows | None = None
    running: RunningReports = field(default_factory=RunningReports)
    batcher: FieldBatcher | None = None
    masking: Masking = NOT_MASKED

    def room(self, caller: Caller, reports: int) -> AbstractContextManager[None]:
        """Reserve room for a number of reports of a caller.  Raises TooManyRequests and StoreBusy."""
        return self.running.room(caller.principal.key_id, reports)

    async def customer(self, caller: Caller, id: str) -> models.Customer:
        """The customer with that id; the data may be some seconds old.

        Raises NotFound if the caller may not see it.
        """
        found = self.directory.remembered_customer(caller.principal, id)
        if found is None:
            found = await run_in_threadpool(self.directory.customer, caller.principal, id)
        caller.customers[id] = found
        return found

    async def chosen(self, caller: Caller, choice: CustomerChoice) -> Customers:
        """The customers of a choice at this moment.  Raises the errors of `CustomerChoice.customers`."""
        return await run_in_threadpool(self.customers_of, caller, choice)

    def customers_of(self, caller: Caller, choice: CustomerChoice) -> Customers:
        """The same; blocks."""
        return choice.customers(self.directory, caller.principal)

    async def customers(self, caller: Caller, customers: Customers) -> list[models.Customer]:
        """Several customers, as `customer` gives one.  Raises NotFound if the caller may not see one of them.

        Raises LimitExceeded for more customers than a report may be about.
        """
        if not customers.several:
            return [await self.customer(caller, customers.ids[0])]
        self.limits.check("customers_per_report", len(customers.ids), "choose fewer customers")
        found = await run_in_threadpool(self.directory.customers_of, caller.principal, customers.ids)
        caller.customers.update({each.id: each for each in found})
        return found

    async def open(self, caller: Caller, request: ReportRequest) -> ReportAnswer:
        """Admit a report.

        Raises NotFound for a report that the caller may not run or a customer that it may not see.  Raises
        LimitExceeded for a range that is too long or holds more rows than a report may read, and for too many
        customers.
        """
        request = replace(request, masked=self.masking.of(caller.principal.role))
        await self.check(caller, request)
        await self._check_range(request)
        caller.audit(request)
        return ReportAnswer(request, self.backend, limits=self.limits, batcher=self.batcher)

    async def open_range(self, caller: Caller, request: ReportRequest) -> None:
        """Admit another range of an open report, to compare it with.  Raises LimitExceeded."""
        await self._check_range(request)
        caller.audit(request)

    async def open_again(
        self, caller: Caller, answers: Mapping[str, ReportAnswer], ranges: list[ReportRequest]
    ) -> dict[str, ReportAnswer]:
        """Admit the reports of a repeated operation, by their names, and the ranges that they are compared with.

        Raises the errors of `open`; in that case none of the reports is audited.
        """
        for answer in answers.values():
            await self.check(caller, answer.request)
        requests = [*(answer.request for answer in answers.values()), *ranges]
        for request in requests:
            await self._check_range(request)
        for request in requests:
            caller.audit(request)
        return {name: answer.again() for name, answer in answers.items()}

    async def check(self, caller: Caller, request: ReportRequest) -> list[models.Customer]:
        """Check that the caller may run a report, and return its customers.

        Raises NotFound and LimitExceeded.  Raises InvalidInput for a dimension that shows more of a number than the
        caller may see.
        """
        name = request.report.name
        if not caller.may_run(request.report):
            raise NotFound(f"There is no report {name} for this key; `reportTypes` lists those that there are.")
        if request.masked:
            _check_masked(request)
        return await self.customers(caller, request.customers)

    async def _check_range(self, request: ReportRequest) -> None:
        days = -((request.start - request.end) // _DAY)
        self.limits.check("range_days", days, "choose a shorter range")
        fact, most = request.report.report.fact, self.limits.rows_per_report
        if self.stored and await self.stored.in_all(fact) > most:
            rows = await self.stored.in_range(fact, request.customers, request.start, request.end)
            self.limits.check("rows_per_report", rows, "choose a shorter range")


def _check_masked(request: ReportRequest) -> None:
    """Refuse keys and conditions that show more of a number than the caller may see, and cannot be masked."""
    fact, shown = request.report.report.fact, PLAN_DIGITS - request.masked
    for each in (*request.dimensions, *columns(request.filter.tree)):
        assert isinstance(each, Dimension)
        fits = each.digits is not None and (each.type is TEXT or each.digits <= shown)
        if not fits and shows_integer(each.build(request.parameters), fact):
            raise InvalidInput(
                f"The last {request.masked} digits of numbers are hidden from you, so {request.report.name} is neither "
                f"grouped nor filtered by {each.constant_name}."
            )
