"""One server: `ready` is printed once it answers, and it serves until its standard input closes.

So it never outlives whoever started it.
"""

import argparse
import ctypes
import os
import sys
import threading
import time
import urllib.request
from pathlib import Path


def announce(port: int) -> None:
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=1).read()
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            return
        except OSError:
            time.sleep(0.02)


def close_behind_input(descriptor: int) -> None:
    sys.stdin.buffer.read()
    os.close(descriptor)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.clickhouse", description=__doc__)
    parser.add_argument("--library", required=True, type=Path)
    parser.add_argument("--config", required=True, type=Path)
    parser.add_argument("--path", required=True, type=Path)
    parser.add_argument("--http", required=True, type=int)
    parser.add_argument("--tcp", required=True, type=int)
    given = parser.parse_args()
    # The last statement reads a pipe that nobody writes to.  It ends, and the server with it, when standard input does.
    reading, writing = os.pipe()
    threading.Thread(target=close_behind_input, args=(writing,), daemon=True).start()
    threading.Thread(target=announce, args=(given.http,), daemon=True).start()
    wait = f"SELECT count() FROM file('/dev/fd/{reading}', 'LineAsString')"
    statements = f"SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; {wait}"
    arguments = ["clickhouse", "--config-file", str(given.config), "--path", str(given.path)]
    arguments += ["--listen_host", "127.0.0.1", "--http_port", str(given.http), "--tcp_port", str(given.tcp)]
    arguments += ["--query", statements]
    engine = ctypes.CDLL(str(given.library))
    engine.query_stable_v2.restype = ctypes.c_void_p
    engine.query_stable_v2(len(arguments), (ctypes.c_char_p * (len(arguments) + 1))(*map(str.encode, arguments), None))


main()
