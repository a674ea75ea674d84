"""Run it: see the package."""

import argparse

import uvicorn

from tests.clickhouse.app import App


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--path", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--password", help="USER:PASSWORD to ask of clients")
    given = parser.parse_args()
    app = App(given.path, given.password)
    uvicorn.run(app, host="127.0.0.1", port=given.port, log_level="warning", access_log=False, lifespan="off")


main()
