"""The measurements of qobrix.sh: a tenant loaded into bronze, silver and gold, the same
pages fetched and thrown away, and the requests of an older pipeline, from the same
server in the same run, each once. Then a sync after some properties have changed."""
import http.client
import json
import os
import subprocess
import sys
import time
import urllib.request

SERVER, HERE = sys.argv[1], os.path.dirname(os.path.abspath(__file__))
USER, KEY = '11111111-1111-4111-8111-111111111111', 'header-key-value'
LATENCY_MS = int(os.environ.get('MLS_LATENCY_MS', '0'))
CHANGED = 150
PORTALS = ('bayut-locations', 'bazaraki-locations', 'spitogatos-locations', 'property-finder-a-e-locations')


os.environ['PGOPTIONS'] = '-c client_min_messages=warning'


def psql(sql):
    return subprocess.run(['psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-c', sql], stdout=subprocess.PIPE,
                          text=True, check=True).stdout.strip()


def control(name, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f'{SERVER}/_control/{name}', data)) as answer:
        return json.load(answer)


def say(what, requests, seconds, more=''):
    print(f'{what:<44}{requests:>8,} requests {seconds:>9.1f} s  {more}'.rstrip(), flush=True)


def ask(path):
    """One request of our own, so that the server has made its tenant before anything is timed."""
    headers = {'X-Api-User': USER, 'X-Api-Key': KEY}
    with urllib.request.urlopen(urllib.request.Request(f'{SERVER}/api/v2/{path}', headers=headers)) as answer:
        answer.read()


def prepare():
    ask('properties?limit=1')
    psql('CREATE EXTENSION mls_fdw')
    psql(f"CREATE SERVER bench FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'qobrix', url '{SERVER}/api/v2')")
    psql(f"CREATE USER MAPPING FOR CURRENT_USER SERVER bench OPTIONS (api_user '{USER}', api_key '{KEY}')")
    psql('CREATE SCHEMA bench')
    psql("IMPORT FOREIGN SCHEMA qobrix FROM SERVER bench INTO bench OPTIONS (expand 'media')")
    psql('SELECT mls_subscribe(ftrelid::regclass) FROM pg_foreign_table ORDER BY ftrelid')


def synced():
    """(requests, records, seconds, tables that were not due) of a sync that must not fail."""
    start = time.monotonic()
    report = psql("SELECT resource, status, requests, received FROM mls_sync()").splitlines()
    seconds = time.monotonic() - start
    rows = [line.split('|') for line in report]
    failed = [row for row in rows if row[1] != 'finished' and not (row[1] == 'skipped' and row[0] in PORTALS)]
    if failed:
        sys.exit(f'not synced: {failed}')
    late = sum(row[1] == 'skipped' for row in rows)
    return sum(int(row[2]) for row in rows), sum(int(row[3]) for row in rows), seconds, late


def check_counts():
    """Each record of the tenant must be in silver once; media of records in the bin are not."""
    counts = control('state')['counts']
    tables = psql("SELECT resource, silver::text FROM mls.subscription").splitlines()
    for resource, table in (line.split('|') for line in tables):
        have, wanted = int(psql(f'SELECT count(*) FROM {table}')), counts['qobrix/' + resource]
        if have > wanted or have < wanted * (0.99 if resource == 'media' else 1):
            sys.exit(f'{table} has {have} rows, the tenant {wanted}')
    return len(tables)


def fetch_again(entries):
    """The seconds one connection takes for the same addresses."""
    connection = http.client.HTTPConnection(SERVER.removeprefix('http://'))
    headers = {'X-Api-User': USER, 'X-Api-Key': KEY, 'Accept': 'application/json', 'Accept-Encoding': 'gzip'}
    start, size = time.monotonic(), 0
    for entry in entries:
        connection.request('GET', f'{entry["path"]}?{entry["query"]}'.rstrip('?'), headers=headers)
        size += len(connection.getresponse().read())
    return time.monotonic() - start, size


def old_pipeline():
    arguments = [sys.executable, '-B', f'{HERE}/old_pipeline.py', f'{SERVER}/api/v2', USER, KEY]
    return json.loads(subprocess.run(arguments, stdout=subprocess.PIPE, check=True).stdout)


def main():
    prepare()
    control('option', {'latency_ms': LATENCY_MS})
    requests, records, seconds, _ = synced()
    media = int(psql('SELECT count(*) FROM bronze.bench_media'))
    log = [entry for entry in control('requests') if entry['path'].startswith('/api/v2/')]
    sizes = psql("SELECT string_agg(format('%s %s', n, t), ', ' ORDER BY t) FROM ("
                 "SELECT 'properties' t, count(*) n FROM bronze.bench_properties UNION ALL "
                 "SELECT 'media', count(*) FROM bronze.bench_media UNION ALL "
                 "SELECT 'contacts', count(*) FROM bronze.bench_contacts) c")
    print(f'tenant of {sizes}; {check_counts()} tables; {LATENCY_MS} ms added to each answer')
    say('mls_sync into bronze, silver and gold', requests, seconds, f'{records:,} records')
    again, size = fetch_again(log)
    say('  the same pages fetched and thrown away', len(log), again, f'{size / 1e6:,.0f} MB')
    old = old_pipeline()
    if old['media']['made'] == old['media']['requests'] and old['media']['records'] != media:
        sys.exit(f'{media} media here, {old["media"]["records"]} by category')
    for name, cost in old.items():
        estimate = '' if cost['made'] == cost['requests'] else f', estimated from {cost["made"]:,} of them'
        say(f'older pattern: {name}', cost['requests'], cost['seconds'], f'{cost["bytes"] / 1e6:,.0f} MB{estimate}')
    total, spent = sum(cost['requests'] for cost in old.values()), sum(cost['seconds'] for cost in old.values())
    say('older pattern: all', total, spent, f'{total / requests:.0f} times the requests, {spent / seconds:.1f} times the time')
    untranslated = total - old['translations']['requests']
    say('  without the texts of another language', untranslated, spent - old['translations']['seconds'],
        f'{untranslated / requests:.0f} times the requests')
    control('update', {'resource': 'qobrix/properties', 'count': CHANGED, 'fields': {'list_selling_price_amount': 123456}})
    requests, records, seconds, late = synced()
    say(f'mls_sync after {CHANGED} properties have changed', requests, seconds,
        f'{records:,} records; {late} tables without a timestamp, read whole once a day, were not due')


main()
