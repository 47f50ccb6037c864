"""The measurements of run.sh: paired with their baselines, in one run.

Pages are served from the test server's cache in every measurement (a first,
uncounted pass fills it), so that the clients are compared and not Python.
"""
import json
import subprocess
import sys
import threading
import time
import urllib.request

ROOT = sys.argv[1]
FIRST = ROOT + '/Property?$orderby=ModificationTimestamp,ListingKey'
HEADERS = ['-H', 'Accept: application/json', '-H', 'Prefer: odata.maxpagesize=1000']


def psql(sql, **variables):
    """Runs SQL and returns its output, unaligned."""
    command = ['psql', '-XqAt', '-v', 'ON_ERROR_STOP=1']
    for name, value in variables.items():
        command += ['-v', f'{name}={value}']
    return subprocess.run(command, input=sql, text=True, check=True, stdout=subprocess.PIPE).stdout


def timed(work):
    start = time.monotonic()
    result = work()
    return time.monotonic() - start, result


def page_addresses():
    """The addresses of all pages, found by following the links once; this also warms the server."""
    addresses, url = [], FIRST.replace(' ', '%20')
    while url:
        addresses.append(url)
        request = urllib.request.Request(url, headers={'Prefer': 'odata.maxpagesize=1000'})
        url = json.load(urllib.request.urlopen(request)).get('@odata.nextLink')
    return addresses


def curl(addresses, output):
    """One curl, one connection, all pages one after another, gzip as everybody uses it."""
    config = '\n'.join(f'url = "{address}"' for address in addresses)
    return subprocess.Popen(['curl', '-sS', '--compressed', '--globoff', *HEADERS, '-K', '-'],
                            stdin=subprocess.PIPE, stdout=output), config


def download(addresses):
    process, config = curl(addresses, subprocess.DEVNULL)
    process.communicate(config.encode())


def records_of(text):
    """(record, its own text) of all pages printed one after another."""
    decoder = json.JSONDecoder()
    position = text.find('"value":')
    while position >= 0:
        position = text.index('[', position) + 1
        while text[position] != ']':
            if text[position] in ', \n':
                position += 1
                continue
            record, end = decoder.raw_decode(text, position)
            yield record, text[position:end]
            position = end
        position = text.find('"value":', position)


def copy_rows(stream, sink):
    """Splits the pages that curl prints and writes lines for COPY."""
    for record, body in records_of(stream.read().decode()):
        body = body.replace('\\', '\\\\')
        sink.write(f"{record['ListingKey']}\t{record['ModificationTimestamp']}\t{body}\n".encode())


def copy_pages(addresses):
    """The baseline of the initial load; pages go through in groups, as a pipe would pass them."""
    psql('CREATE TABLE plain (key text, modified timestamptz, record jsonb)')
    loader = subprocess.Popen(['psql', '-Xq', '-c', 'COPY plain FROM STDIN'], stdin=subprocess.PIPE)
    for first in range(0, len(addresses), 5):
        process, config = curl(addresses[first:first + 5], subprocess.PIPE)
        threading.Thread(target=lambda p=process, c=config: (p.stdin.write(c.encode()),
                                                             p.stdin.close())).start()
        copy_rows(process.stdout, loader.stdin)
        process.wait()
    loader.stdin.close()
    loader.wait()


class PeakMemory(threading.Thread):
    """Highest private resident size (MB) of PostgreSQL processes whose title holds a word."""

    def __init__(self, word):
        super().__init__(daemon=True)
        self.word, self.peak, self.stop = word, 0.0, threading.Event()

    def run(self):
        while not self.stop.wait(0.05):
            found = subprocess.run(['pgrep', '-f', self.word], stdout=subprocess.PIPE, text=True)
            for pid in found.stdout.split():
                self.peak = max(self.peak, anonymous_mb(pid))


def anonymous_mb(pid):
    try:
        with open(f'/proc/{pid}/status') as status:
            for line in status:
                if line.startswith('RssAnon:'):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def set_up():
    psql('''
CREATE EXTENSION mls_fdw;
CREATE SERVER bench FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url :'url', auth 'none');
CREATE USER MAPPING FOR CURRENT_USER SERVER bench;
CREATE SCHEMA bench;
IMPORT FOREIGN SCHEMA reso LIMIT TO (property) FROM SERVER bench INTO bench;
''', url=ROOT)


def scan_all():
    """Reads every column of every row and throws the rows away."""
    psql("BEGIN; DECLARE c NO SCROLL CURSOR FOR SELECT * FROM bench.property;"
         "MOVE FORWARD ALL IN c; COMMIT")


def ratio(label, ours, baseline, goal):
    print(f'{label:34} ours {ours:7.2f} s   baseline {baseline:7.2f} s   '
          f'speed ratio {baseline / ours:6.2f}   (goal {goal})', flush=True)


def main():
    set_up()
    addresses = page_addresses()
    download(addresses)
    curl_time, _ = timed(lambda: download(addresses))
    scan_time, _ = timed(scan_all)
    memory = PeakMemory('postgres: postgres postgres')
    memory.start()
    second_scan, _ = timed(scan_all)
    memory.stop.set()
    ratio('live full scan / curl download', min(scan_time, second_scan), curl_time, '>= 0.50')
    print(f'{"backend, peak private memory":34} {memory.peak:7.1f} MB', flush=True)
    copy_time, _ = timed(lambda: copy_pages(addresses))
    # Once uncounted: the server has to make the pages of these requests, too.
    psql("SELECT mls_subscribe('bench.property')")
    psql('SELECT received FROM mls_sync()')
    psql("SELECT mls_unsubscribe('bench.property', true); SELECT mls_subscribe('bench.property')")
    memory = PeakMemory('postgres: mls')
    memory.start()
    load_time, rows = timed(lambda: psql('SELECT received, inserted FROM mls_sync()'))
    memory.stop.set()
    ratio('initial load / curl | COPY', load_time, copy_time, '>= 0.33')
    listings = int(rows.split('|')[0])
    print(f'{"":34} {listings / load_time:.0f} listings/s through three layers', flush=True)
    print(f'{"worker, peak private memory":34} {memory.peak:7.1f} MB', flush=True)
    psql('SELECT received FROM mls_sync()')
    again_time, rows = timed(lambda: psql('SELECT requests, received FROM mls_sync()'))
    ratio('second sync / initial load', again_time, load_time, '>= 100')
    print(f'{"":34} requests|received: {rows.strip()}', flush=True)


main()
