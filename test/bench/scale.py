"""What a listing costs when there are many, and what partitions cost a load and save whoever leaves.

    scale.py PSQL SOCKET MLSD LISTINGS        (run by scale.sh)
"""

import os
import re
import subprocess
import sys
import time

from contest import cpu_seconds
from gold import LISTINGS, MLSD, REPEATS, sql

# How the tables are made: by one plain call, or with an argument.
KINDS = {"plain": "", "hash 8": ", partition => 'hash 8'", "source": ", partition => 'source'", "source, hash 8": ", partition => 'source, hash 8'"}
LARGE = int(os.environ.get("MLS_LARGE", "300000"))


def spent(work):
    """Seconds, and seconds of a processor of the server's processes that have ended."""
    began, cpu = time.monotonic(), cpu_seconds()
    work()
    # A session's process may end a moment later than its client.
    time.sleep(0.2)
    return time.monotonic() - began - 0.2, cpu_seconds() - cpu


def sizes():
    """Bytes of each layer: rows, what is stored beside them, indexes."""
    rows = sql("""
        SELECT n.nspname, sum(pg_relation_size(c.oid)), sum(coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0)), sum(pg_indexes_size(c.oid))
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname IN ('bronze', 'silver', 'gold') AND c.relkind = 'r' GROUP BY 1 ORDER BY 1""")
    return [line.split("|") for line in rows.splitlines()]


def load(port, listings, kind):
    """Processor time of a first load, its WAL, the sizes of its tables, and the cost of its end."""
    sql("DROP DATABASE IF EXISTS bench WITH (FORCE)", "postgres")
    sql("CREATE DATABASE bench", "postgres")
    sql(f"""
        CREATE EXTENSION mls_fdw;
        CREATE SERVER s FOREIGN DATA WRAPPER mls_fdw
          OPTIONS (protocol 'reso', url 'http://127.0.0.1:{port}/odata', schema_policy 'ignore', key_prefix 's-', workers '1');
        CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (token 'static-token-value');
        CREATE SCHEMA s;
        SET client_min_messages = error;
        IMPORT FOREIGN SCHEMA reso LIMIT TO (property) FROM SERVER s INTO s;
        SELECT mls_subscribe('s.property'{KINDS[kind]})""")
    wal = sql("SELECT pg_current_wal_lsn()")
    seconds, cpu = spent(lambda: sql("SELECT * FROM mls_sync('s')"))
    if int(sql("SELECT count(*) FROM gold.property")) != listings:
        sys.exit("records are missing")
    written = int(sql(f"SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '{wal}')"))
    # Without ANALYZE, which reads as many rows of each partition as of a whole table.
    sql("VACUUM")
    layers = sizes()
    end = spent(lambda: sql("SELECT mls_unsubscribe('s.property', drop_data => true)"))
    return seconds, cpu, written, layers, end


def report(listings, result):
    seconds, cpu, written, layers, _ = result
    print(f"{listings} listings: {cpu / listings * 1e6:.0f} microseconds of a processor each, {listings / seconds:.0f} a second", flush=True)
    print(f"  {'GB a million':14}{'rows':>8}{'beside':>8}{'indexes':>9}")
    for name, *parts in layers:
        print(f"  {name:14}" + "".join(f"{int(part) / listings / 1000:{width}.2f}" for part, width in zip(parts, (8, 8, 9))))
    print(f"  {'WAL':14}{written / listings / 1000:8.2f}")


def with_server(listings, work):
    server = subprocess.Popen([sys.executable, "-B", MLSD, "--listings", str(listings), "--page-size", "1000", "--die-with-stdin"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    port = int(re.search(r"\d+", server.stdout.readline()).group())
    result = work(port)
    server.stdin.close()
    server.wait()
    return result


def rounds(port):
    """The least of several, in turn; the first asks the server for its pages and counts not."""
    load(port, LISTINGS, "plain")
    found = {kind: [] for kind in KINDS}
    for _ in range(REPEATS):
        for kind in KINDS:
            found[kind].append(load(port, LISTINGS, kind))
            print(f"{kind}: load {found[kind][-1][1]:.2f} s of a processor, its end {found[kind][-1][4][1]:.2f} s", file=sys.stderr, flush=True)
    return {kind: min(results, key=lambda result: result[1]) for kind, results in found.items()}


def main():
    sql("ALTER SYSTEM SET autovacuum = off", "postgres")
    sql("ALTER SYSTEM SET max_wal_size = '8GB'", "postgres")
    sql("SELECT pg_reload_conf()", "postgres")
    found = with_server(LISTINGS, rounds)
    plain = found["plain"]
    report(LISTINGS, plain)
    print(f"\n{'partitions':16}{'load, processor':>18}{'goal':>8}{'its end, s':>12}{'processor':>11}")
    for kind, result in found.items():
        ratio = result[1] / plain[1]
        ends = result[4]
        print(f"{kind:16}{ratio:18.2f}{'' if kind == 'plain' else '<= 1.10':>8}{ends[0]:12.2f}{ends[1]:11.2f}", flush=True)
    if LARGE > LISTINGS:
        large = with_server(LARGE, lambda port: load(port, LARGE, "plain"))
        print()
        report(LARGE, large)
        ratio = large[1] / LARGE / (plain[1] / LISTINGS)
        print(f"cost of a listing at {LARGE} to that at {LISTINGS}: {ratio:.2f}, goal <= 1.10 {'reached' if ratio <= 1.1 else 'MISSED'}")


main()
