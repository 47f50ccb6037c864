"""The first load of one resource by one process and by several, from the same
server in the same run, with a latency added to each of its answers. Rounds of
all take turns; the best time of each counts."""
import json
import os
import subprocess
import sys
import time
import urllib.request

SERVER = sys.argv[1]
REPEATS = int(os.environ.get('MLS_REPEATS', '3'))
LATENCY_MS = int(os.environ.get('MLS_LATENCY_MS', '50'))
PAGE_SIZE = int(os.environ.get('MLS_PAGE_SIZE', '200'))
WORKERS = (1, 2, 4)


def psql(sql):
    return subprocess.run(['psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-c', sql], stdout=subprocess.PIPE,
                          text=True, check=True).stdout.strip()


def control(name, body):
    request = urllib.request.Request(f'{SERVER}/_control/{name}', json.dumps(body).encode())
    urllib.request.urlopen(request).read()


def load(workers):
    """(seconds, requests|received|digest) of a first load."""
    psql('SELECT mls_unsubscribe(foreign_table, true) FROM mls.subscription')
    psql(f"ALTER SERVER bench OPTIONS (SET workers '{workers}')")
    psql("SELECT mls_subscribe('bench.property')")
    start = time.monotonic()
    requests = psql('SELECT requests, received FROM mls_sync()')
    seconds = time.monotonic() - start
    digest = psql("SELECT md5(string_agg(key || record, '' ORDER BY key)) FROM bronze.bench_property")
    return seconds, requests, digest


def main():
    psql('CREATE EXTENSION mls_fdw')
    psql(f"CREATE SERVER bench FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '{SERVER}/odata', "
         f"auth 'none', page_size '{PAGE_SIZE}', workers '1')")
    psql('CREATE USER MAPPING FOR CURRENT_USER SERVER bench')
    psql('CREATE SCHEMA bench')
    psql('IMPORT FOREIGN SCHEMA reso LIMIT TO (property) FROM SERVER bench INTO bench')
    control('option', {'latency_ms': LATENCY_MS})
    best, requests, digests = {}, {}, set()
    for _ in range(REPEATS):
        for workers in WORKERS:
            seconds, requests[workers], digest = load(workers)
            best[workers] = min(best.get(workers, seconds), seconds)
            digests.add(digest)
    for workers in WORKERS:
        print(f'{workers} processes: {best[workers]:6.2f} s, {best[1] / best[workers]:.2f} times the speed of one; '
              f'requests|received {requests[workers]}', flush=True)
    if len(digests) != 1:
        sys.exit('the copies differ')


main()
