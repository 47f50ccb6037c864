"""Pages of keys that another source has, or could have, beside those of a source alone.

    contest.py PSQL SOCKET MLSD LISTINGS        (run by contest.sh)
"""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request

from gold import LISTINGS, MLSD, REPEATS, SOCKET, sql

# What each source is told beside its address; "b" is measured, "a" was there before.
CASES = {
    "alone": (None, ""),
    "prefixes apart": ("key_prefix 'A-'", "key_prefix 'B-'"),
    "could have its keys": ("key_prefix 'A-'", "key_prefix 'A-B-'"),
    "has its keys, loses": ("priority '0'", "priority '1'"),
    "has its keys, wins": ("priority '1'", "priority '0'"),
}


def cpu_seconds():
    """Of all processes of the server that have ended, as the sync of each measurement has."""
    with open(os.path.join(os.path.dirname(SOCKET), "data", "postmaster.pid"), encoding="ascii") as file:
        pid = int(file.readline())
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def measured_sync(name):
    began, spent = time.monotonic(), cpu_seconds()
    rows = sql(f"SELECT received FROM mls_sync('{name}')")
    if int(rows) != LISTINGS:
        sys.exit(f"a sync of {name} received {rows} records")
    return time.monotonic() - began, cpu_seconds() - spent


def source(port, name, options):
    options = f", {options}" if options else ""
    sql(f"""
        CREATE SERVER {name} FOREIGN DATA WRAPPER mls_fdw
          OPTIONS (protocol 'reso', url 'http://127.0.0.1:{port}/odata', schema_policy 'ignore'{options});
        CREATE USER MAPPING FOR CURRENT_USER SERVER {name} OPTIONS (token 'static-token-value');
        CREATE SCHEMA {name};
        SET client_min_messages = error;
        IMPORT FOREIGN SCHEMA reso LIMIT TO (property) FROM SERVER {name} INTO {name};
        SELECT mls_subscribe('{name}.property')""")


def change_all(port):
    body = json.dumps({"resource": "Property", "count": LISTINGS, "fields": {"City": f"City {time.time_ns()}"}}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/_control/update", body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request).read()


def play(port, first, second):
    """Time and processor time of the first load of "b", and of a sync in which every record has changed."""
    sql("DROP DATABASE IF EXISTS bench WITH (FORCE)", "postgres")
    sql("CREATE DATABASE bench", "postgres")
    sql("CREATE EXTENSION mls_fdw")
    if first is not None:
        source(port, "a", first)
        measured_sync("a")
    source(port, "b", second)
    load = measured_sync("b")
    sql("VACUUM ANALYZE")
    change_all(port)
    return load + measured_sync("b")


def main():
    server = subprocess.Popen([sys.executable, "-B", MLSD, "--listings", str(LISTINGS), "--die-with-stdin"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    port = int(re.search(r"\d+", server.stdout.readline()).group())
    figures = {name: [] for name in CASES}
    for _ in range(REPEATS):
        for name, options in CASES.items():
            figures[name].append(play(port, *options))
    server.stdin.close()
    server.wait()
    best = {name: [min(column) for column in zip(*rows)] for name, rows in figures.items()}
    print(f"{LISTINGS} listings; times of a source alone are 1")
    print(f"{'the other source':22}{'first load':>12}{'processor':>12}{'all changed':>14}{'processor':>12}")
    for name, row in best.items():
        ratios = [value / alone for value, alone in zip(row, best["alone"])]
        print(f"{name:22}{ratios[0]:12.2f}{ratios[1]:12.2f}{ratios[2]:14.2f}{ratios[3]:12.2f}")
    print(f"alone: {best['alone'][0]:.2f} s, {best['alone'][1]:.2f} s of a processor; "
          f"all changed {best['alone'][2]:.2f} s, {best['alone'][3]:.2f} s")


if __name__ == "__main__":
    main()
