"""What an operator sees of a running server: log lines, metrics and spans, and what must be in none of them."""

import re
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.sites import Engine
from tests.support.waiting import PATIENCE
from tests.web.test_server import COMMAND, RANGE, Server, environment_of, free_port, loaded, wait_until_it_answers

pytestmark = pytest.mark.processes

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SECRET = "5550199"
REPORT = f"""query Monthly($filter: [String!]) {{
  one: customReport(customer: "5001", type: GROUP_BY_TECH_PREFIX, {RANGE}) {{
    ... on GroupByTechPrefixReport {{ rows(where: {{techPrefix: {{in: $filter}}}}) {{ techPrefix }} rowCount }}
  }}
  two: customReport(customer: "05001", type: DTMF, {RANGE}) {{ ... on DtmfReport {{ rows(first: -1) {{ route }} }} }}
}}"""


@dataclass
class Collector:
    """Takes spans as OpenTelemetry's own collector does."""

    spans: list[Span] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        spans = self.spans

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    spans.extend(span for scope in resource.scope_spans for span in scope.spans)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                """Nothing to tell."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@dataclass
class Seen:
    server: Server
    log: Path
    metrics_port: int
    collector: Collector

    def ask(self, body: dict[str, Any], **headers: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.server.key}", **headers}
        return httpx2.post(f"{self.server.url}/graphql", json=body, headers=headers, timeout=60)

    def lines(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.log.read_bytes().splitlines()]

    def line(self, request_id: str) -> dict[str, Any]:
        """The one line of a request; it is written once the answer is out."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if found := [line for line in self.lines() if line.get("request_id") == request_id]:
                [line] = found
                return line
            time.sleep(0.02)
        raise AssertionError(f"no line of {request_id}")

    def metrics(self) -> str:
        return httpx2.get(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=PATIENCE).text


@pytest.fixture(scope="module")
def seen(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    home = tmp_path_factory.mktemp("home")
    key, port, metrics_port, collector = loaded(home, engine), free_port(), free_port(), Collector()
    settings = {
        "GQLREPORTS_METRICS_PORT": str(metrics_port),
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    log = home / "log"
    with log.open("a") as stderr:
        process = subprocess.Popen(
            [*COMMAND, "serve", "--port", str(port)],
            env=environment_of(home) | settings,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            text=True,
        )
    made = Server(f"http://127.0.0.1:{port}", key, process, home)
    try:
        wait_until_it_answers(made)
        # The first line tells where to find the API.
        log.write_text("")
        yield Seen(made, log, metrics_port, collector)
    finally:
        process.kill()
        process.wait()
        collector.close()


def test_a_line_for_each_request(seen: Seen) -> None:
    body = {"query": REPORT, "variables": {"filter": ["0044", SECRET]}}
    answer = seen.ask(body, **{"X-Request-Id": "monthly-1"}).json()
    assert answer["data"]["one"] is not None
    line = seen.line("monthly-1")
    assert line["level"] == "info"
    assert line["operation"] == "Monthly"
    assert line["status"] == 200
    assert line["code"] == "BAD_USER_INPUT"
    assert line["key_id"]
    assert re.fullmatch("[0-9a-f]{32}", line["trace_id"])
    reports = {report["type"]: report for report in line["reports"]}
    assert {name: (report["customer"], report["code"]) for name, report in reports.items()} == {
        "GROUP_BY_TECH_PREFIX": ("5001", "OK"),
        "DTMF": ("05001", "BAD_USER_INPUT"),
    }
    statistics = answer["extensions"]["statistics"]["one"]
    assert reports["GROUP_BY_TECH_PREFIX"]["rows_read"] == statistics["rowsRead"] > 0
    assert reports["GROUP_BY_TECH_PREFIX"]["bytes_read"] == statistics["bytesRead"] > 0
    assert line["rows"] == len(answer["data"]["one"]["rows"]) + 1
    assert line["parse_ms"] > 0.1
    assert line["total_ms"] >= line["parse_ms"] + line["plan_ms"] + line["store_ms"] > 0


@pytest.mark.parametrize(
    ("request_id", "body", "headers", "code", "status"),
    [
        ("none", {"query": "{ viewer { name } }"}, {"Authorization": "Bearer gqlr_nobody_knows"}, "HTTP_401", 401),
        ("syntax", {"query": f"{{ {SECRET}"}, {}, "GRAPHQL_PARSE_FAILED", None),
        ("unknown", {"query": f'{{ secret(x: "{SECRET}") }}'}, {}, "GRAPHQL_VALIDATION_FAILED", None),
        ("forged", {"query": "{ viewer { name } }", "operationName": f'"\n{{"{SECRET}'}, {}, None, None),
    ],
)
def test_a_line_for_what_fails(
    seen: Seen, request_id: str, body: dict[str, Any], headers: dict[str, str], code: str | None, status: int | None
) -> None:
    seen.ask(body, **headers, **{"X-Request-Id": request_id})
    line = seen.line(request_id)
    assert code is None or line["code"] == code
    assert status is None or line["status"] == status
    assert line["operation"] is None
    assert line["reports"] == []


def test_a_line_for_an_export(seen: Seen) -> None:
    span = {"customer": "5001", "from": "2025-10-20T00:00:00Z", "to": "2025-11-20T00:00:00Z"}
    key = seen.server.key
    headers = {"Authorization": f"Bearer {key}", "X-Request-Id": "export-1"}
    assert (
        httpx2.get(f"{seen.server.url}/export/DTMF.csv", params=span, headers=headers, timeout=PATIENCE).status_code
        == 200
    )
    line = seen.line("export-1")
    assert line["key_id"] == key.split("_")[1]
    [report] = line["reports"]
    assert (report["type"], report["customer"], report["code"], report["statements"]) == ("DTMF", "5001", "OK", 1)
    query = 'customReport(customer: "5001", type: DTMF, from: "2025-10-20T00:00:00Z", to: "2025-11-20T00:00:00Z")'
    rows = "... on DtmfReport { rows(first: 10000) { route digits } }"
    answer = seen.ask({"query": f"{{ {query} {{ {rows} }} }}"}).json()
    assert line["rows"] == len(answer["data"]["customReport"]["rows"]) > 0
    assert line["rows_read"] == report["rows_read"] == answer["extensions"]["statistics"]["customReport"]["rowsRead"]
    assert line["bytes_read"] == report["bytes_read"] > 0
    assert report["store_ms"] > 0
    found = seen.metrics()
    assert 'gqlreports_reports_total{code="OK",report="DTMF"}' in found
    read = re.search(r'^gqlreports_report_rows_read_total{report="DTMF"} (\S+)$', found, re.MULTILINE)
    assert read
    assert float(read[1]) >= report["rows_read"]


def test_a_line_for_an_export_that_is_refused(seen: Seen) -> None:
    span = {"customer": "nobody", "from": "2025-10-20T00:00:00Z", "to": "2025-11-20T00:00:00Z"}
    headers = {"Authorization": f"Bearer {seen.server.key}", "X-Request-Id": "export-2"}
    url = f"{seen.server.url}/export/DTMF.csv"
    assert httpx2.get(url, params=span, headers=headers, timeout=PATIENCE).status_code == 404
    line = seen.line("export-2")
    assert (line["code"], line["reports"]) == ("HTTP_404", [])


def test_no_line_holds_a_key_or_what_documents_hold(seen: Seen) -> None:
    for place, query in enumerate((REPORT, f'{{ customer(id: "{SECRET}") {{ name }} }}', f"{{ a{SECRET} }}")):
        seen.ask({"query": query, "variables": {"filter": [SECRET]}}, **{"X-Request-Id": f"quiet-{place}"})
        seen.line(f"quiet-{place}")
    text = seen.log.read_text()
    assert SECRET not in text
    assert seen.server.key not in text
    assert "Bearer" not in text


def test_a_repeated_query_is_told_as_the_first_was(seen: Seen) -> None:
    body = {
        "query": 'query Repeated { customReport(customer: "5001", type: DID_AS_CLI, from: "2025-10-20T00:00:00Z", '
        'to: "2025-11-20T00:00:00Z") { ... on DidAsCliReport { rows { account count } } } }'
    }
    lines = []
    for name in ("repeated-1", "repeated-2"):
        assert "errors" not in seen.ask(body, **{"X-Request-Id": name}).json()
        lines.append(seen.line(name))
    first, again = lines
    same = ("operation", "status", "code", "key_id", "rows", "method")
    assert {name: first[name] for name in same} == {name: again[name] for name in same}
    assert first["operation"] == "Repeated"
    took = ("rows_read", "bytes_read", "store_ms", "cached")
    [before], [behind] = first["reports"], again["reports"]
    assert {name: value for name, value in before.items() if name not in took} == {
        name: value for name, value in behind.items() if name not in took
    }
    assert [before["cached"], *(before[name] > 0 for name in took[:3])] == [0, True, True, True]
    assert [behind["cached"], *(behind[name] for name in took[:3])] == [1, 0, 0, 0]
    answered = [line for line in seen.metrics().splitlines() if line.startswith("gqlreports_answers_")]
    assert any(line.startswith('gqlreports_answers_total{by="cache"}') for line in answered)
    assert any(line.startswith("gqlreports_answers_bytes") and float(line.split()[1]) > 0 for line in answered)


def test_metrics_have_no_label_of_a_caller(seen: Seen) -> None:
    seen.ask({"query": REPORT, "variables": {"filter": ["0044"]}}, **{"X-Request-Id": "counted"})
    seen.line("counted")
    text = seen.metrics()
    assert 'gqlreports_reports_total{code="OK",report="GROUP_BY_TECH_PREFIX"}' in text
    assert 'gqlreports_reports_total{code="BAD_USER_INPUT",report="DTMF"}' in text
    assert "gqlreports_request_seconds_bucket" in text
    labels = set(re.findall(r"(\w+)=\"", text))
    assert labels == {"code", "report", "le", "by"}
    assert "5001" not in text
    assert httpx2.get(f"{seen.server.url}/metrics", timeout=PATIENCE).status_code == 404


def test_spans_of_the_callers_trace(seen: Seen) -> None:
    header = f"00-{TRACE}-00f067aa0ba902b7-01"
    seen.ask({"query": REPORT, "variables": {"filter": [SECRET]}}, traceparent=header, **{"X-Request-Id": "traced"})
    assert seen.line("traced")["trace_id"] == TRACE
    deadline, spans = time.monotonic() + 10, dict[str, Span]()
    while not {"POST request", "fetch"} <= set(spans) and time.monotonic() < deadline:
        time.sleep(0.05)
        spans = {span.name: span for span in seen.collector.spans if span.trace_id.hex() == TRACE}
    request, fetch = spans["POST request"], spans["fetch"]
    assert request.parent_span_id.hex() == "00f067aa0ba902b7"
    assert fetch.parent_span_id == request.span_id
    assert {each.key for each in request.attributes} >= {"graphql.operation.name", "gqlreports.reports"}
    told = str(seen.collector.spans)
    assert SECRET not in told
    assert seen.server.key not in told
