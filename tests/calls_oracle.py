"""Test oracle of calls: every column of a CDR, from the file that it was loaded from."""

from decimal import Decimal
from pathlib import Path

from tests.oracle import Cdr, Cells, Row, parse_number, read_cdr, records

TEXT_CELLS = {
    "direction": "direction", "sourceCli": "source_cli", "sourceDestNumber": "source_dest_number",
    "customerCardId": "customer_card_id", "customerCardDestName": "customer_card_dest_name",
    "providerId": "provider_id", "sipReason": "sip_reason", "releaseReason": "release_reason", "sourceIp": "source_ip",
}  # fmt: skip
SECONDS_CELLS = {
    "customerDuration": "customer_duration", "providerDuration": "provider_duration", "ringDuration": "ring_duration",
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
    text = {name: cells[snake] for name, snake in TEXT_CELLS.items()}
    seconds = {name: _milliseconds(cells, snake) for name, snake in SECONDS_CELLS.items()}
    return {
        **text,
        **seconds,
        "dt": cdr.dt, "callid": cdr.callid, "branchIdx": cdr.branch_idx, "switch": cdr.switch,
        "customerId": cdr.customer_id, "account": cdr.account, "techPrefix": cdr.tech_prefix, "destCli": cdr.dest_cli,
        "destNumber": cdr.dest_number, "lrn": cdr.lrn, "answered": cdr.answered, "duration": cdr.duration,
        "customerCharge": cdr.customer_charge, "customerCardCurrency": cdr.customer_currency,
        "customerCardDestCode": cdr.dest_code, "providerCardId": cdr.provider_card_id,
        "providerCharge": cdr.provider_charge, "providerCardCurrency": cdr.provider_currency, "dtmf": cdr.dtmf,
        "customerCardRate": parse_number(cells, "customer_card_rate", signed=True),
        "sipCode": int(cells["sip_code"] or 0), "pddOut": int(cells["pdd_out"]) if cells["pdd_out"] else None,
    }  # fmt: skip


def _milliseconds(cells: Cells, name: str) -> Decimal:
    return Decimal(int(parse_number(cells, name) * 1000)).scaleb(-3)
