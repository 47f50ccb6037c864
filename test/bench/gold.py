"""Indexes of gold: what they cost a load, and what a page of 25 listings with their media gains.

    gold.py PSQL SOCKET MLSD LISTINGS        (run by gold.sh)
"""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request

PSQL, SOCKET, MLSD, LISTINGS = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
REPEATS = int(os.environ.get("MLS_REPEATS", "3"))
TABLES = ("property", "media", "open_house", "member", "office")


def sql(text, database="bench"):
    done = subprocess.run([PSQL, "-h", SOCKET, "-U", "postgres", "-d", database, "-XAtq", "-v", "ON_ERROR_STOP=1"],
                          input=text, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return done.stdout.strip()


def fresh(port, indexed):
    """A database with the source subscribed; the seconds its first load takes, and those of a load of changes."""
    sql("DROP DATABASE IF EXISTS bench WITH (FORCE)", "postgres")
    sql("CREATE DATABASE bench", "postgres")
    sql(f"ALTER DATABASE bench SET mls_fdw.index_gold = {'on' if indexed else 'off'}", "postgres")
    sql(f"""
        CREATE EXTENSION mls_fdw;
        CREATE SERVER s FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'http://127.0.0.1:{port}/odata');
        CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (token 'static-token-value');
        CREATE SCHEMA s;
        IMPORT FOREIGN SCHEMA reso FROM SERVER s INTO s;""")
    for table in TABLES:
        sql(f"SELECT mls_subscribe('s.{table}')")
    began = time.monotonic()
    sql("SELECT count(*) FROM mls_sync('s')")
    first = time.monotonic() - began
    # The rows of gold written anew, each with another time: what an update of every record costs gold at most.
    changed = timed("""UPDATE gold.property SET "ModificationTimestamp" = "ModificationTimestamp" + interval '1 second';""")
    sql("VACUUM ANALYZE")
    return first, changed


def timed(text):
    began = time.monotonic()
    sql(text)
    return time.monotonic() - began


PAGE = """SELECT json_agg(t) FROM (SELECT p."ListingKey", p."ListPrice", m.media FROM {schema}."Property" p
    LEFT JOIN LATERAL (SELECT json_agg(x) AS media FROM (SELECT "MediaKey", "MediaURL", "Order" FROM {schema}."Media"
      WHERE "ResourceRecordKey" = p."ListingKey" AND "ResourceName" = 'Property' ORDER BY "Order") x) m ON true
    ORDER BY p."ModificationTimestamp" DESC LIMIT 25) t"""


def page(schema, role=None):
    """Milliseconds of a page, the best of some."""
    explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {PAGE.format(schema=schema)}"
    plans = [json.loads(re.sub(r"^SET\n", "", sql((f"SET ROLE {role}; " if role else "") + explain))) for _ in range(REPEATS + 1)]
    return min(plan[0]["Planning Time"] + plan[0]["Execution Time"] for plan in plans)


def main():
    server = subprocess.Popen([sys.executable, "-B", MLSD, "--listings", str(LISTINGS), "--die-with-stdin"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    port = int(re.search(r"\d+", server.stdout.readline()).group())
    loads = {True: [], False: []}
    changes = {True: [], False: []}
    pages = {}
    for _ in range(REPEATS):
        for indexed in (False, True):
            first, changed = fresh(port, indexed)
            loads[indexed].append(first)
            changes[indexed].append(changed)
            if indexed in pages:
                continue
            role = f"reader_{'on' if indexed else 'off'}"
            sql(f"CREATE ROLE {role}; SELECT mls_audience('{role}', 'Property', condition => $$\"StandardStatus\" = 'Active'$$); "
                f"SELECT mls_audience('{role}', 'Media')")
            pages[indexed] = (page("reso"), page(role, role))
    counts = sql("SELECT (SELECT count(*) FROM gold.property) || ' listings, ' || (SELECT count(*) FROM gold.media) || ' media'")
    sizes = sql("SELECT pg_size_pretty(sum(pg_relation_size(indexrelid))) FROM pg_index i WHERE indrelid IN "
                "(SELECT gold FROM mls.gold_relation) AND NOT indisprimary")
    server.stdin.close()
    server.wait()
    print(counts)
    print(f"first load        without {min(loads[False]):7.2f} s   with indexes {min(loads[True]):7.2f} s   "
          f"{min(loads[True]) / min(loads[False]):.2f} times as long; indexes {sizes}")
    print(f"every row changed without {min(changes[False]):7.2f} s   with indexes {min(changes[True]):7.2f} s   "
          f"{min(changes[True]) / min(changes[False]):.2f} times as long (gold.property alone)")
    for name, i in (("page of 25", 0), ("as an audience", 1)):
        print(f"{name:17} without {pages[False][i]:7.1f} ms  with indexes {pages[True][i]:7.1f} ms  "
              f"{pages[False][i] / pages[True][i]:.0f} times as fast")


if __name__ == "__main__":
    main()
