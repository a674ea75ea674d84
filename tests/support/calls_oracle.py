"""Test oracle of calls: every column of a CDR, from the file that it was loaded from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.oracle import Cdr, Cells, Row, parse_number, parse_thousandths, read_cdr, records

TEXT_CELLS = {
    "direction": "direction", "sourceCli": "source_cli", "sourceDestNumber": "source_dest_number",
    "customerCardId": "customer_card_id", "sipReason": "sip_reason", "sourceIp": "source_ip",
}  # fmt: skip


def raw_cells(path: Path) -> dict[tuple[str, str, int], Cells]:
    """The cells of each CDR that a file brings, by (switch, callid, branch_idx)."""
    found: dict[tuple[str, str, int], Cells] = {}
    for _, cells in records(path):
        try:
            cdr = read_cdr(cells or {})
        except ValueError:
            continue
        found.setdefault((cdr.switch, cdr.callid, cdr.branch_idx), cells or {})
    return found


def call_row(cdr: Cdr, cells: Cells) -> Row:
    """All columns of a CDR: those that reports use from the CDR, the rest from the cells it was loaded from."""
    return {
        **{name: cells[snake] for name, snake in TEXT_CELLS.items()},
        "dt": cdr.dt, "callid": cdr.callid, "branchIdx": cdr.branch_idx, "switch": cdr.switch,
        "customerId": cdr.customer_id, "account": cdr.account, "techPrefix": cdr.tech_prefix, "destCli": cdr.dest_cli,
        "destNumber": cdr.dest_number, "lrn": cdr.lrn, "answered": cdr.answered, "duration": cdr.duration,
        "customerDuration": cdr.customer_duration, "customerCharge": cdr.customer_charge,
        "customerCardRate": parse_number(cells, "customer_card_rate", signed=True),
        "customerCardCurrency": cdr.customer_currency, "customerCardDestCode": cdr.dest_code,
        "customerCardDestName": cdr.dest_name, "providerId": cdr.provider_id, "providerCardId": cdr.provider_card_id,
        "providerDuration": cdr.provider_duration, "providerCharge": cdr.provider_charge,
        "providerCardCurrency": cdr.provider_currency, "pddOut": cdr.pdd, "dtmf": cdr.dtmf, "sipCode": cdr.sip_code,
        "ringDuration": parse_thousandths(cells, "ring_duration"), "releaseReason": cdr.release_reason,
    }  # fmt: skip


def cdr_of(call: Mapping[str, Any]) -> Cdr:
    """A CDR from its columns as the API names them."""
    return Cdr(
        dt=call["dt"], callid=call["callid"], branch_idx=call["branchIdx"], switch=call["switch"],
        customer_id=call["customerId"], account=call["account"], tech_prefix=call["techPrefix"],
        dest_cli=call["destCli"], dest_number=call["destNumber"], lrn=call["lrn"], answered=call["answered"],
        duration=call["duration"], customer_charge=call["customerCharge"],
        customer_currency=call["customerCardCurrency"], customer_duration=call["customerDuration"],
        dest_code=call["customerCardDestCode"], dest_name=call["customerCardDestName"],
        provider_id=call["providerId"], provider_card_id=call["providerCardId"],
        provider_charge=call["providerCharge"], provider_currency=call["providerCardCurrency"],
        provider_duration=call["providerDuration"], pdd=call["pddOut"], sip_code=call["sipCode"],
        release_reason=call["releaseReason"], dtmf=call["dtmf"],
    )  # fmt: skip
