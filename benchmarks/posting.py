"""How many CDRs a second a server takes that a switch posts one by one, on an empty embedded store.

The posters are a process of their own on the same cores; each keeps its connection and posts its next call once the
last is answered.  The calls are of FreeSWITCH in JSON, with the layout named, and of our own CSV.
"""

import asyncio
import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import quantiles

import orjson

from benchmarks.callers import served
from benchmarks.results import Section, Table
from benchmarks.store import empty
from gqlreports.directory.directory import Directory
from gqlreports.directory.principal import Role

POSTERS = (1, 16, 64, 200, 500)
SECONDS = 10
_HEADINGS = ["", "posters", "posts/s", "p50, ms", "p99, ms", "CPU of the server, ms a post", "errors"]


def measured(folder: Path, seconds: float = SECONDS) -> Section:
    home = empty(folder / "posting")
    directory = Directory(f"sqlite:///{(home.path / 'directory.db').absolute()}")
    key = directory.create_key("benchmark", Role.LOADER)
    directory.close()
    figures: dict[str, float] = {}
    rows = []
    with served(home) as (port, _, process):
        for name in _BODIES:
            for posters in POSTERS:
                before = _cpu(process)
                with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                    taken, wrong, spent = pool.submit(_posted, port, key, name, posters, seconds).result()
                cost = (_cpu(process) - before) * 1000 / len(taken)
                cuts = quantiles(taken * 2, n=100)
                figures[f"{name} {posters}"] = len(taken) / spent
                times = (f"{cuts[49]:.0f}", f"{cuts[98]:.0f}", f"{cost:.1f}")
                rows.append([name, str(posters), f"{len(taken) / spent:,.0f}", *times, str(wrong)])
    return Section(figures, [Table("CDRs posted one by one", _HEADINGS, rows)])


def _cpu(process: int) -> float:
    """The seconds of a processor that a process has taken, with its threads."""
    cells = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(cells[11]) + int(cells[12])) / os.sysconf("SC_CLK_TCK")


def _posted(port: int, key: str, name: str, posters: int, seconds: float) -> tuple[list[float], int, float]:
    return asyncio.run(_post(port, key, name, posters, seconds))


async def _post(port: int, key: str, name: str, posters: int, seconds: float) -> tuple[list[float], int, float]:
    address, body = _BODIES[name]
    taken: list[float] = []
    wrong = number = 0
    begun = time.perf_counter()

    async def post() -> None:
        nonlocal wrong, number
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (start := time.perf_counter()) < begun + seconds:
            number += 1
            content = body(f"{name}-{posters}-{number}")
            head = (
                f"POST {address} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: {len(content)}"
            )
            writer.write(f"{head}\r\n\r\n".encode() + content)
            answer = (await reader.readuntil(b"\r\n\r\n")).lower()
            told = await reader.readexactly(int(answer.partition(b"content-length: ")[2].split(b"\r\n", 1)[0]))
            taken.append((time.perf_counter() - start) * 1000)
            wrong += b'"loaded":1,' not in told
        writer.close()

    await asyncio.gather(*(post() for _ in range(posters)))
    return taken, wrong, time.perf_counter() - begun


_PLAIN = {
    "dt": "2025-11-02 06:00:00.125", "branch_idx": "0", "switch": "east-1", "customer_id": "1001", "account": "1001-A",
    "tech_prefix": "0044", "dest_cli": "12125550101", "dest_number": "12125550103", "lrn": "", "duration": "61.5",
    "customer_charge": "0.12", "customer_card_currency": "USD", "customer_card_dest_code": "1", "provider_card_id": "3",
    "provider_charge": "0.1", "provider_card_currency": "USD", "dtmf": "", "sip_code": "200",
}  # fmt: skip


def _csv(call: str) -> bytes:
    return f"callid,{','.join(_PLAIN)}\n{call},{','.join(_PLAIN.values())}\n".encode()


def _freeswitch(call: str) -> bytes:
    """A call with as many variables as FreeSWITCH posts."""
    told = {f"variable_{place}": f"some text of variable {place}" for place in range(150)}
    variables = {
        **told, "uuid": call, "accountcode": "1001", "start_uepoch": "1762063200125000", "billmsec": "61500",
        "answer_uepoch": "1762063205000000", "answer_epoch": "1762063205",
        "end_uepoch": "1762063266500000", "hangup_cause_q850": "16",
    }  # fmt: skip
    profile = {"ani": "12125550101", "caller_id_number": "12125550101", "destination_number": "12125550103"}
    return orjson.dumps(
        {
            "core-uuid": "1", "switchname": "fs1", "channel_data": {"state": "CS_REPORTING"}, "variables": variables,
            "callflow": [{"caller_profile": profile}],
        }
    )  # fmt: skip


_BODIES: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "CSV": ("/load/cdrs", _csv),
    "FreeSWITCH": ("/load/cdrs?layout=freeswitch-json", _freeswitch),
    "FreeSWITCH, layout not named": ("/load/cdrs", _freeswitch),
}
