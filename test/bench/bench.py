"""The measurements of run.sh: paired with their baselines, in one run.

Beside the time of the clock stands the processor time of the server's processes, which other
work on the machine changes less.

Every measurement is taken with the server's pages warm: an uncounted pass asks
for them first (and is where memory is watched), and the baselines fetch the very
addresses that our side has asked for, as the server's log has them.  Times are
the best of several, ours and the baseline in turn.
"""
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

SERVER, DATA = sys.argv[1:3]
REPEATS = int(os.environ.get('MLS_REPEATS', '3'))
HEADERS = ['-H', 'Accept: application/json', '-H', 'Prefer: odata.maxpagesize=1000']
MEMORY_LIMIT_MB = 64


def psql(sql, **variables):
    """Runs SQL and returns its output, unaligned."""
    command = ['psql', '-XqAt', '-v', 'ON_ERROR_STOP=1']
    for name, value in variables.items():
        command += ['-v', f'{name}={value}']
    return subprocess.run(command, input=sql, text=True, check=True, stdout=subprocess.PIPE).stdout


def timed(work):
    start = time.monotonic()
    work()
    return time.monotonic() - start


def best(*works):
    """The shortest time of each of several works, done in turn."""
    times = [[timed(work) for work in works] for _ in range(REPEATS)]
    return [min(column) for column in zip(*times)]


# ---- the server's log ----

def requests():
    with urllib.request.urlopen(f'{SERVER}/_control/requests') as answer:
        log = json.load(answer)
    return log if isinstance(log, list) else log['requests']


def addresses_of(work):
    """The addresses of the pages that some work asks for."""
    before = max((entry['id'] for entry in requests()), default=0)
    work()
    return [f'{SERVER}{entry["path"]}?{entry["query"]}'.replace(' ', '%20') for entry in requests()
            if entry['id'] > before and entry['path'].endswith('/Property')]


# ---- baselines ----

def start_download(addresses):
    """One curl, one connection, all pages one after another, gzip as everybody uses it."""
    curl = subprocess.Popen(['curl', '-sS', '--compressed', '--globoff', *HEADERS, '-K', '-'],
                            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    curl.stdin.write('\n'.join(f'url = "{address}"' for address in addresses).encode())
    curl.stdin.close()
    return curl


def download(addresses):
    assert start_download(addresses).wait() == 0


def lines_for_copy(addresses):
    """(key, timestamp, record) of all records in a file, in COPY's text format."""
    lines = tempfile.NamedTemporaryFile('w', encoding='utf-8')
    for address in addresses:
        request = urllib.request.Request(address, headers={'Prefer': 'odata.maxpagesize=1000'})
        with urllib.request.urlopen(request) as answer:
            records = json.load(answer)['value']
        for record in records:
            body = json.dumps(record, ensure_ascii=False, separators=(',', ':')).replace('\\', '\\\\')
            lines.write(f"{record['ListingKey']}\t{record['ModificationTimestamp']}\t{body}\n")
    lines.flush()
    return lines


def download_and_copy(addresses, lines):
    """curl | COPY as it would be if splitting pages into records cost nothing."""
    psql('SET client_min_messages = warning; DROP TABLE IF EXISTS plain;'
         'CREATE TABLE plain (key text, modified timestamptz, record jsonb)')
    with open(lines.name, 'rb') as rows:
        loader = subprocess.Popen(['psql', '-Xq', '-c', 'COPY plain FROM STDIN'], stdin=rows)
        download(addresses)
        assert loader.wait() == 0


# ---- memory ----

def anonymous_mb(pid):
    """Private memory of a process; shared buffers do not count."""
    try:
        with open(f'/proc/{pid}/status') as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith('RssAnon:'))
    except (OSError, StopIteration):
        return 0.0


class PeakMemory(threading.Thread):
    """Watches the children of our postmaster whose title holds a word, while a work runs."""

    def __init__(self, word):
        super().__init__(daemon=True)
        self.word, self.samples, self.stop = word, [], threading.Event()
        with open(f'{DATA}/postmaster.pid') as file:
            self.postmaster = file.readline().strip()

    def run(self):
        while not self.stop.wait(0.05):
            found = subprocess.run(['pgrep', '-P', self.postmaster, '-f', self.word], stdout=subprocess.PIPE, text=True)
            self.samples.append(max(map(anonymous_mb, found.stdout.split()), default=0.0))

    def watch(self, work):
        """(peak in the first quarter of the time, peak)"""
        self.start()
        work()
        self.stop.set()
        self.join()
        return max(self.samples[:max(len(self.samples) // 4, 1)]), max(self.samples)


def idle_memory():
    """Of a backend that has done next to nothing."""
    session = subprocess.Popen(['psql', '-XqAt'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    session.stdin.write('SELECT pg_backend_pid();\n')
    session.stdin.flush()
    memory = anonymous_mb(session.stdout.readline().strip())
    session.communicate()
    return memory


# ---- what is measured ----

def set_up():
    psql('''
CREATE EXTENSION mls_fdw;
CREATE SERVER bench FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url :'url', auth 'none');
CREATE USER MAPPING FOR CURRENT_USER SERVER bench;
CREATE SCHEMA bench;
IMPORT FOREIGN SCHEMA reso LIMIT TO (property) FROM SERVER bench INTO bench;
''', url=f'{SERVER}/odata')


def scan():
    """Reads every column of every row and throws the rows away."""
    psql('BEGIN; DECLARE c NO SCROLL CURSOR FOR SELECT * FROM bench.property; MOVE FORWARD ALL IN c; COMMIT')


def control(name, **body):
    request = urllib.request.Request(f'{SERVER}/_control/{name}', json.dumps(body).encode())
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def processor_seconds():
    """Of the processes of our server that have ended, as those of a sync have."""
    with open(f'{DATA}/postmaster.pid') as file:
        postmaster = file.readline().strip()
    with open(f'/proc/{postmaster}/stat') as file:
        fields = file.read().rpartition(')')[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf('SC_CLK_TCK')


def spent(work):
    """(seconds, processor seconds) of a work that starts its own processes."""
    before = processor_seconds()
    seconds = timed(work)
    return seconds, processor_seconds() - before


def subscribe():
    psql("SELECT mls_unsubscribe(foreign_table, true) FROM mls.subscription; SELECT mls_subscribe('bench.property')")


def sync():
    return psql('SELECT requests, received, inserted + updated FROM mls_sync()').strip()


def figure(name, value, goal, reached, detail):
    print(f'{name:44} {value:>10}   goal {goal:8} {"reached" if reached else "MISSED ":7}   {detail}', flush=True)


def measure_scan(idle):
    scan()
    addresses = addresses_of(scan)
    download(addresses)
    curl_time, scan_time = best(lambda: download(addresses), scan)
    ratio = curl_time / scan_time
    figure('live scan, speed to curl', f'{ratio:.2f}', '>= 0.80', ratio >= 0.8,
           f'scan {scan_time:.2f} s, curl {curl_time:.2f} s, {len(addresses)} pages')
    report_memory('memory of the backend', *PeakMemory('postgres: postgres').watch(scan), idle)


def workers(number):
    psql(f"ALTER SERVER bench OPTIONS (SET workers '{number}')")


def measure_sync(idle):
    psql("ALTER SERVER bench OPTIONS (ADD workers '1')")
    subscribe()
    memory = PeakMemory('postgres: mls_fdw').watch(sync)
    subscribe()
    addresses = addresses_of(sync)
    lines = lines_for_copy(addresses)
    listings = int(psql('SELECT count(*) FROM bronze.bench_property'))
    load_times, shared_times, copy_times = [], [], []
    for _ in range(REPEATS):
        copy_times.append(timed(lambda: download_and_copy(addresses, lines)))
        for number, times in ((1, load_times), (0, shared_times)):
            workers(number)
            subscribe()
            times.append(spent(sync))
    (load_time, load_cpu), copy_time = min(load_times), min(copy_times)
    for name, (time, cpu), goal in (('initial load by one process', min(load_times), 1.0), ('initial load as it comes', min(shared_times), 2.0)):
        ratio = copy_time / time
        figure(f'{name}, to curl | COPY', f'{ratio:.2f}', f'>= {goal}', ratio >= goal,
               f'load {time:.2f} s ({listings / time:.0f} listings/s), {cpu / listings * 1e6:.0f} us of processor a listing, '
               f'curl | COPY {copy_time:.2f} s')
    report_memory('memory of the worker', *memory, idle)
    first = sync()
    again_time, = best(sync)
    part = again_time / load_time
    figure('sync of nothing, part of the load', f'{part:.2%}', '< 1 %', part < 0.01,
           f'{again_time * 1000:.0f} ms; requests|received|written {first}, {sync()}')


def measure_changes():
    """
    A sync after 5 % have changed, and a purge after 1 % have gone, by processor time: by the clock they take as
    long as the test server needs for pages that it does not have in its cache any more.
    """
    listings = int(psql('SELECT count(*) FROM bronze.bench_property'))
    first = spent(lambda: (subscribe(), sync()))[1]
    changed, gone = listings // 20, listings // 100
    control('update', resource='Property', count=changed, fields={'PublicRemarks': 'Another text.'})
    seconds, cpu = spent(sync)
    share = cpu / first
    figure('sync of 5 % changed, processor, to the load', f'{share:.2%}', '<= 10 %', share <= 0.1,
           f'{changed} listings in {seconds:.2f} s, {cpu / changed * 1e6:.0f} us of processor each')
    control('delete', resource='Property', count=gone)
    seconds, cpu = spent(lambda: psql('SELECT deleted FROM mls_purge()'))
    share = cpu / first
    figure('purge of 1 %, processor, to the load', f'{share:.2%}', '<= 10 %', share <= 0.1,
           f'{gone} of {listings} listings in {seconds:.2f} s, {cpu / listings * 1e6:.1f} us of processor a key')


def report_memory(name, early, peak, idle):
    above = peak - idle
    figure(name, f'{above:.1f} MB', f'<= {MEMORY_LIMIT_MB} MB', above <= MEMORY_LIMIT_MB,
           f'above an idle backend ({idle:.1f} MB); {early - idle:.1f} MB in the first quarter')


def main():
    set_up()
    idle = idle_memory()
    measure_scan(idle)
    measure_sync(idle)
    measure_changes()


if __name__ == '__main__':
    main()
