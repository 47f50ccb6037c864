"""Files of media from a local host into a directory store: processor time and memory of the
worker, beside curl that writes the same files.

    media.py WORK FILES ROUNDS        (run by media.sh)

Both take turns, ROUNDS times each, and the median of each counts: what curl takes for the same files
differs by half from minute to minute on some machines.
"""

import http.client
import json
import os
import re
import resource
import socket
import subprocess
import sys
import time

# Each four listings of the test server have eight.
WORK, FILES, ROUNDS = sys.argv[1], (int(sys.argv[2]) + 7) // 8 * 8, int(sys.argv[3])
BYTES = 50000
TICKS = os.sysconf("SC_CLK_TCK")
NGINX = """
daemon on;
worker_processes 1;
pid {work}/nginx.pid;
error_log {work}/nginx.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  sendfile on;
  keepalive_requests 1000000;
  types {{ image/jpeg jpg; }}
  client_body_temp_path {work}/server; proxy_temp_path {work}/server;
  fastcgi_temp_path {work}/server; uwsgi_temp_path {work}/server; scgi_temp_path {work}/server;
  server {{ listen 127.0.0.1:{port}; root {work}/photos; }}
}}
"""


def sql(text):
    done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1"], input=text, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return done.stdout.strip()


def place(i):
    """Photos of a host are below folders, too."""
    return f"{i // 1000:03d}/{i:07d}.jpg"


def make_photos():
    sys.path.insert(0, WORK + "/server")
    import photos
    mark = b"the number of this one"
    whole = photos.jpeg(mark.decode(), BYTES)
    for i in range(FILES):
        os.makedirs(os.path.dirname(f"{WORK}/photos/{place(i)}"), exist_ok=True)
        with open(f"{WORK}/photos/{place(i)}", "wb") as out:
            out.write(whole.replace(mark, b"%*d" % (len(mark), i), 1))
    return len(whole) * FILES


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start_host():
    port = free_port()
    with open(WORK + "/nginx.conf", "w") as out:
        out.write(NGINX.format(work=WORK, port=port))
    subprocess.run(["nginx", "-p", WORK, "-c", WORK + "/nginx.conf"], check=True, stderr=subprocess.DEVNULL)
    return f"http://127.0.0.1:{port}"


def start_source(host):
    """The test server, whose media are at the host."""
    server = subprocess.Popen([sys.executable, "-B", WORK + "/server/mlsd.py", "--listings", str(FILES // 2), "--fields", "small",
                               "--die-with-stdin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    port = int(re.search(r"\d+", server.stdout.readline()).group())
    control = http.client.HTTPConnection("127.0.0.1", port)
    # A page of such a server costs a look at all that it has.
    control.request("POST", "/_control/option", json.dumps({"max_page": 20000}), {"Content-Type": "application/json"})
    control.getresponse().read()
    records = {"MD%08d" % i: {"MediaURL": f"{host}/{place(i)}", "MediaCategory": "Photo"} for i in range(FILES)}
    control.request("POST", "/_control/set", json.dumps({"resource": "Media", "records": records}), {"Content-Type": "application/json"})
    answer = control.getresponse()
    answer.read()
    if answer.status >= 300:
        sys.exit(f"set: {answer.status}")
    return server, port


def subscribe(port):
    sql(f"""
        CREATE EXTENSION mls_fdw;
        CREATE SERVER s FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'http://127.0.0.1:{port}/odata', schema_policy 'ignore', page_size '20000');
        CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (token 'static-token-value');
        CREATE SCHEMA s;
        CREATE FOREIGN TABLE s.media (media_key text OPTIONS (field 'MediaKey'), "order" integer OPTIONS (field 'Order'),
            media_url text OPTIONS (field 'MediaURL'), media_category text OPTIONS (field 'MediaCategory'),
            resource_name text OPTIONS (field 'ResourceName'), resource_record_key text OPTIONS (field 'ResourceRecordKey'),
            modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp'))
            SERVER s OPTIONS (resource 'Media', key 'MediaKey', timestamp 'ModificationTimestamp');
        SELECT mls_subscribe('s.media');""")
    sql("SELECT * FROM mls_sync('s')")


def new_store(number):
    """A store of its own for a round: nothing is known of its files."""
    os.mkdir(f"{WORK}/store/{number}")
    if number > 0:
        sql("SELECT mls_media_store_remove('s')")
    sql(f"""
        CREATE SERVER store{number} FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://{WORK}/store/{number}');
        SELECT mls_media_store('s', 'store{number}', transfers => 8, after_sync => false);""")
    sql("VACUUM ANALYZE")


def spent(*command):
    """Processor seconds of a program, user's and system's."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(WORK + "/server/programs.log", "a") as log:
        subprocess.run(command, check=True, stdout=log, stderr=log)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime


def curl(name):
    """What curl takes with eight connections, and what it takes more to have its files on disk: fsync of each.

    Its files stay until the end: a file system is slow to reuse what has just been removed."""
    os.mkdir(f"{WORK}/curl/{name}")
    with open(WORK + "/list", "w") as out:
        for i in range(FILES):
            out.write(f'url = "{HOST}/{place(i)}"\noutput = "{WORK}/curl/{name}/{i:07d}.jpg"\n')
    written = spent("curl", "-s", "-f", "-Z", "--parallel-max", "8", "-K", WORK + "/list")
    synced = spent("sh", "-c", f"find {WORK}/curl/{name} -type f -print0 | xargs -0 sync")
    return written, synced


def read(path):
    try:
        with open(path) as f:
            return f.read()
    except OSError:
        return None


def worker():
    """The child of our postmaster that says so; others may run on this machine."""
    parent = read(WORK + "/data/postmaster.pid").split("\n", 1)[0]
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if "mls_fdw media" in (read(f"/proc/{pid}/cmdline") or "") and f"PPid:\t{parent}\n" in (read(f"/proc/{pid}/status") or ""):
            return pid
    return None


def store():
    """Runs the process: what it has cost last, and its memory (all, and its own) on the way by share of the files."""
    running = subprocess.Popen(["psql", "-XAtq", "-c", "SELECT status, fetched, stored, failed FROM mls_media_sync('s')"],
                               stdout=subprocess.PIPE, text=True)
    pid, cost, memory, asked = None, (0, 0), {}, 0
    while running.poll() is None:
        pid = pid or worker()
        stat = read(f"/proc/{pid}/stat") if pid else None
        if stat:
            fields = stat.rsplit(")", 1)[1].split()
            cost = (int(fields[11]) / TICKS, int(fields[12]) / TICKS)
        if stat and time.monotonic() - asked > 0.3:
            asked = time.monotonic()
            status = read(f"/proc/{pid}/status") or ""
            used = [int(n) / 1024 for n in re.findall(r"(?:VmRSS|RssAnon):\s+(\d+)", status)]
            share = int(sql("SELECT coalesce(max(received), 0) FROM mls_progress") or 0) / FILES
            for mark in (0.1, 0.5, 1):
                if used and (mark not in memory and share >= mark or mark == 1):
                    memory[mark] = used
        time.sleep(0.01)
    said = running.stdout.read().strip()
    if running.returncode != 0 or said != f"finished|{FILES}|{FILES}|0":
        sys.exit(f"the run said: {said}")
    return cost, memory


def median(pairs):
    """Of several times, user's and system's, the one that took neither most nor least in all."""
    return sorted(pairs, key=sum)[len(pairs) // 2]


def main():
    global HOST
    total = make_photos()
    HOST = start_host()
    server, port = start_source(HOST)
    subscribe(port)
    written, synced, ours, memory = [], [], [], {}
    for number in range(ROUNDS):
        new_store(number)
        each = curl(number)
        written.append(each[0])
        synced.append(tuple(map(sum, zip(*each))))
        cost, memory = store()
        ours.append(cost)
    server.stdin.close()
    server.wait()
    print(f"{FILES} files, {total / 1e6:.0f} MB, fsync {sql('SHOW fsync')}; the median of {ROUNDS}")
    for name, all_times in (("curl", written), ("curl, and fsync of each file", synced), ("the worker", ours)):
        user, system = median(all_times)
        print(f"{name:28} {user + system:7.2f} s of processor ({user:.2f} user, {system:.2f} system), "
              f"{(user + system) / FILES * 1e6:5.0f} us a file, {total / 1e6 / (user + system):6.1f} MB for each second; "
              "all: " + " ".join(f"{sum(times):.2f}" for times in all_times))
    cost = sum(median(ours))
    print(f"bytes stored for each second of processor: {sum(median(written)) / cost:.2f} of curl (goal 0.6), "
          f"{sum(median(synced)) / cost:.2f} of curl with fsync")
    for mark, (rss, own) in sorted(memory.items()):
        print(f"memory at {mark:4.0%} of the files: {rss:.1f} MB, {own:.1f} MB of its own")


if __name__ == "__main__":
    main()
