"""mls_serve beside PostgREST (where there is one) and beside plain SQL.

    serve.py WORK LISTINGS        (run by serve.sh)

Rates are those of wrk over 16 connections, processor time is that of a program and its processes
of the database.  Sides take turns; of rates and latencies the median of the rounds counts, of
processor time for one large answer the least.
"""

import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
import urllib.request

WORK, LISTINGS = sys.argv[1], int(sys.argv[2])
REPEATS = int(os.environ.get("MLS_REPEATS", "5"))
SECONDS = int(os.environ.get("MLS_SECONDS", "3"))
ONLY = os.environ.get("MLS_ONLY", "").split()
SOCKET = f"{WORK}/data"
COLUMNS = 200
MEDIA = 10
CONNECTIONS = 4
TOWNS = 40
FIVE = ["ListingKey", "StandardStatus", "ListPrice", "City", "ModificationTimestamp"]
CLAIMS = '{"sources": ["bench"]}'
# What mls_serve asks its connections for, so that plain SQL is as well off.
OPTIONS = "-c plan_cache_mode=force_generic_plan -c jit=off"


def sql(text, user="postgres"):
    done = subprocess.run(["psql", "-h", SOCKET, "-U", user, "-d", "postgres", "-XAtq", "-v", "ON_ERROR_STOP=1"],
                          input=text, capture_output=True, text=True, env=dict(os.environ, PGOPTIONS="-c client_min_messages=warning"))
    if done.returncode != 0:
        sys.exit(done.stderr)
    return done.stdout.strip()


# ---- Processor time and memory ----

def cpu_of(pid):
    """Seconds on a processor of a process, all of its threads."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/schedstat") as file:
                total += int(file.read().split()[0])
        except FileNotFoundError:
            pass
    return total / 1e9


def memory_of(pid):
    """Kilobytes of its own."""
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"RssAnon:\s+(\d+)", file.read()).group(1))


class Psql:
    """One session as plain SQL: the role of an audience with its claims, statements prepared."""

    name = "plain SQL"

    def __init__(self):
        self.process = subprocess.Popen(["psql", "-h", SOCKET, "-U", "authenticator", "-d", "postgres", "-XAtq", "-v", "ON_ERROR_STOP=1"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ, PGOPTIONS=OPTIONS))
        self.prepared = {}
        self.pid = int(self.ask("SELECT pg_backend_pid();"))
        self.ask(f"SELECT set_config('request.jwt.claims', '{CLAIMS}', false), set_config('role', 'idx', false);")

    def ask(self, text):
        self.process.stdin.write(text + "\n\\echo done\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line == "done\n":
                return "".join(lines).strip()
            lines.append(line)
        sys.exit("psql ended")

    def get(self, query):
        if query not in self.prepared:
            self.prepared[query] = f"q{len(self.prepared)}"
            self.ask(f"PREPARE {self.prepared[query]} AS {query};")
        return self.ask(f"EXECUTE {self.prepared[query]};")

    def cpu(self):
        return cpu_of(self.pid)


class Server:
    """A program that answers over HTTP, and its processes of the database."""

    def __init__(self, name, process, port, application, accept, root):
        self.name, self.process, self.port, self.application, self.accept, self.root = name, process, port, application, accept, root
        self.connection = None

    def backends(self):
        return [int(pid) for pid in sql(f"SELECT pid FROM pg_stat_activity WHERE application_name LIKE '{self.application}%' AND usename = 'authenticator'").split()]

    def cpu(self):
        return cpu_of(self.process.pid) + sum(cpu_of(pid) for pid in self.pids)

    def settle(self):
        self.pids = self.backends()
        # One that was idle for long has been closed.
        self.connection = None

    def get(self, target, token=None):
        if not self.connection:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        self.connection.request("GET", self.root + target, headers={"Authorization": "Bearer " + (token or TOKENS[0]), "Accept": self.accept})
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            sys.exit(f"{self.name}: {target}: {answer.status} {body[:300]}")
        return body

    def rate(self, targets, seconds=None, connections=16, tokens=None, seed=1):
        """Requests, seconds, the 99th of 100 latencies in ms, and processor time of one request in ms."""
        environment = dict(os.environ, MLS_TARGETS="\n".join(self.root + t for t in targets), MLS_TOKENS="\n".join(tokens or TOKENS[:2]),
                           MLS_LISTINGS=str(LISTINGS), MLS_ACCEPT=self.accept, MLS_SEED=str(seed))
        self.settle()
        before = self.cpu()
        done = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds or SECONDS}s", "--timeout", "60s", "-s", f"{WORK}/serve.lua",
                               f"http://127.0.0.1:{self.port}"], capture_output=True, text=True, env=environment)
        try:
            spent = self.cpu() - before
        except FileNotFoundError:
            # It has changed a connection meanwhile.
            return self.rate(targets, seconds, connections, tokens, seed)
        found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)", done.stdout)
        if not found or int(found.group(3)) or int(found.group(4)):
            sys.exit(f"{self.name}: {targets}: {done.stdout} {done.stderr}")
        requests = int(found.group(1))
        return requests, int(found.group(2)) / 1e6, int(found.group(5)) / 1000, spent * 1000 / requests


# ---- What there is to read ----

def fill():
    server = subprocess.Popen([sys.executable, "-B", f"{WORK}/server/mlsd.py", "--listings", "20", "--die-with-stdin"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    port = int(re.search(r"\d+", server.stdout.readline()).group())
    sql(f"""
        CREATE EXTENSION mls_fdw;
        CREATE SERVER bench FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'http://127.0.0.1:{port}/odata');
        CREATE USER MAPPING FOR CURRENT_USER SERVER bench OPTIONS (token 'static-token-value');
        CREATE SCHEMA bench;
        IMPORT FOREIGN SCHEMA reso FROM SERVER bench INTO bench;
        SELECT mls_subscribe(t::regclass) FROM unnest('{{bench.property,bench.media,bench.member,bench.office}}'::text[]) t;
        SELECT mls_sync('bench');
        TRUNCATE gold.property, gold.media;""")
    server.stdin.close()
    server.wait()
    # Property gets fields of the dictionary until an audience sees so many.
    sql(f"""
        SET client_min_messages = warning;
        CREATE TEMP VIEW shown AS SELECT f.* FROM mls.dd_field f
         WHERE f.resource = 'Property' AND NOT f.is_expansion
           AND NOT EXISTS (SELECT FROM mls.dd_private p WHERE p.resource = 'Property' AND f.field ~ ('^(' || p.fields || ')$'));
        SELECT format('ALTER TABLE gold.property DROP COLUMN %I CASCADE', attname) FROM pg_attribute a
         WHERE attrelid = 'gold.property'::regclass AND attnum > 0 AND NOT attisdropped AND attname ~ '^X_' \\gexec
        SELECT format('ALTER TABLE gold.property ADD COLUMN %I %s', field, CASE WHEN is_collection THEN 'text[]' ELSE sql END)
          FROM (SELECT f.field, f.is_collection, t.sql FROM shown f
                  JOIN (VALUES ('Edm.String', 'text'), ('Edm.Decimal', 'numeric(14,2)'), ('Edm.Boolean', 'boolean'), ('Edm.Int64', 'bigint'),
                               ('Edm.Int32', 'integer'), ('Edm.Int16', 'integer'), ('Edm.Date', 'date'), ('Edm.DateTimeOffset', 'timestamptz')) t (type, sql)
                    ON t.type = f.type OR t.type = 'Edm.String' AND f.type !~ '^Edm'
                 WHERE f.field NOT IN (SELECT attname FROM pg_attribute WHERE attrelid = 'gold.property'::regclass)
                 ORDER BY f.field IN ('{"','".join(FIVE)}') DESC, md5(f.field)
                 LIMIT greatest(0, {COLUMNS} - (SELECT count(*) FROM shown JOIN pg_attribute ON attrelid = 'gold.property'::regclass AND attname = field))) x \\gexec
        ALTER TABLE gold.property SET (toast_tuple_target = 8160);
        SELECT format('INSERT INTO gold.property (%s) SELECT %s FROM generate_series(1, {LISTINGS}) n', string_agg(quote_ident(attname), ', '), string_agg(value, ', '))
          FROM (SELECT attname, CASE
                 WHEN attname = 'ListingKey' OR attname = 'mls_source_key' THEN $$'K' || lpad(n::text, 7, '0')$$
                 WHEN attname = 'mls_source' THEN $$'bench'$$ WHEN attname = 'mls_origin' THEN $$'Property'$$
                 WHEN attname = 'StandardStatus' THEN $$CASE WHEN n % 3 = 0 THEN 'Closed' ELSE 'Active' END$$
                 WHEN attname = 'City' THEN $$'Town ' || n % {TOWNS}$$
                 WHEN attname = 'ListPrice' THEN '100000 + n::bigint * 7919 % 1000000'
                 WHEN attname = 'ModificationTimestamp' THEN $$timestamptz '2024-01-01Z' + n * interval '61.001 seconds'$$
                 WHEN attname IN ('InternetEntireListingDisplayYN', 'InternetAddressDisplayYN') THEN 'true'
                 WHEN attname ~ '^mls_' THEN NULL
                 ELSE format('CASE WHEN (n * 7 + %1$s * 13) %% 100 >= 45 THEN %2$s END', attnum, CASE format_type(atttypid, NULL)
                     WHEN 'text' THEN format($$'Value of %s in ' || n$$, attnum)
                     WHEN 'text[]' THEN $$ARRAY['First value', 'Second "value"', 'v' || n]$$
                     WHEN 'numeric' THEN '(n % 9999 * 1.25)' WHEN 'boolean' THEN 'n % 2 = 0'
                     WHEN 'bigint' THEN 'n % 100' WHEN 'integer' THEN 'n % 100'
                     WHEN 'date' THEN $$date '2020-01-01' + n % 1000$$
                     WHEN 'timestamp with time zone' THEN $$timestamptz '2024-01-01Z' + n * interval '1.001 seconds'$$ END) END AS value
                  FROM pg_attribute WHERE attrelid = 'gold.property'::regclass AND attnum > 0 AND NOT attisdropped) x WHERE value IS NOT NULL \\gexec
        INSERT INTO gold.media ("MediaKey", "ResourceRecordKey", "ResourceName", "MediaURL", "Order", "ModificationTimestamp", mls_source, mls_origin, mls_source_key)
        SELECT 'm' || n || '-' || o, 'K' || lpad(n::text, 7, '0'), 'Property', 'https://media.example.com/' || n || '/' || o || '.jpg', o,
               timestamptz '2024-01-01Z' + n * interval '61 seconds', 'bench', 'Media', 'm' || n || '-' || o
          FROM generate_series(1, {LISTINGS}) n, generate_series(1, {MEDIA}) o;
        CREATE INDEX ON gold.property ("City", "ListingKey");
        CREATE INDEX ON gold.property ("ListPrice" mls.numeric_ops, "ListingKey");""")
    sql("VACUUM ANALYZE gold.property, gold.media")


def audiences():
    sql("""
        CREATE ROLE idx; CREATE ROLE waiting; CREATE ROLE authenticator LOGIN NOINHERIT;
        SELECT mls_protect('idx', 'idx', r) FROM unnest('{Property,Media,Member}'::text[]) r;
        SELECT mls_audience('waiting', 'Office', condition => '(SELECT pg_sleep(1)::text) = ''''');
        SELECT mls_serve_grant('authenticator');
        CREATE FUNCTION idx."Media"(idx."Property") RETURNS SETOF idx."Media" LANGUAGE sql STABLE
          AS $$ SELECT * FROM idx."Media" WHERE "ResourceRecordKey" = $1."ListingKey" AND "ResourceName" = 'Property' $$;""")
    return [sql(f"SELECT client_id, secret FROM mls_consumer_add('{name}', '{role}', '{CLAIMS}')").split("|")
            for name, role in (("first", "idx"), ("second", "idx"), ("third", "idx"), ("slow", "waiting"))]


def start_mls_serve():
    with open(f"{WORK}/server/keys", "w") as file:
        os.chmod(file.name, 0o600)
        file.write("bench " + "k" * 40 + "\n")
    process = subprocess.Popen(["mls_serve", "--listen", "127.0.0.1:0", "--database", f"host={SOCKET} user=authenticator dbname=postgres",
                                "--jwt-secret-file", file.name, "--threads", str(CONNECTIONS), "--public-url", "https://api.example.com/odata"],
                               stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        found = re.search(r"listening on [^ ]*:(\d+) ", line)
        if found:
            threading.Thread(target=process.stderr.read, daemon=True).start()
            STARTED.append(Server("mls_serve", process, int(found.group(1)), "mls_serve", "application/json", "/odata"))
            return STARTED[-1]
    sys.exit("mls_serve does not start")


def start_postgrest():
    if not os.path.exists(f"{WORK}/postgrest"):
        return None
    with open(f"{WORK}/server/postgrest.conf", "w") as file:
        file.write(f"""
db-uri = "host={SOCKET} user=authenticator dbname=postgres application_name=postgrest"
db-schemas = "idx,waiting"
db-pool = {CONNECTIONS}
jwt-secret = "{'k' * 40}"
jwt-cache-max-lifetime = 3600
server-host = "127.0.0.1"
server-port = 18231
log-level = "crit"
""")
    log = open(f"{WORK}/server/postgrest.log", "w")
    process = subprocess.Popen([f"{WORK}/postgrest", file.name], stdout=log, stderr=log)
    server = Server("PostgREST", process, 18231, "postgrest", "application/json", "")
    STARTED.append(server)
    # It reads the schema first.
    for _ in range(300):
        try:
            with urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:18231/Property?limit=1", headers={"Authorization": "Bearer " + TOKENS[0]})):
                return server
        except OSError:
            time.sleep(0.1)
    sys.exit("PostgREST does not start: " + open(log.name).read())


def token_of(server, client_id, secret):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", "/odata/oauth/token", f"grant_type=client_credentials&client_id={client_id}&client_secret={secret}",
                       {"Content-Type": "application/x-www-form-urlencoded"})
    return json.loads(connection.getresponse().read())["access_token"]


# ---- Figures ----

def wanted(name):
    return not ONLY or any(word in name for word in ONLY)


def in_turn(sides, measure):
    """What each side measures, so many rounds, in turn."""
    found = {side.name: [] for side in sides}
    for n in range(REPEATS):
        for side in sides if n % 2 == 0 else reversed(sides):
            found[side.name].append(measure(side, n))
    return found


def ratio(ours, theirs, goal, more=True):
    value = ours / theirs
    good = value >= goal if more else value <= goal
    return f"{value:.2f} (goal {'>=' if more else '<='} {goal:.2f}{'' if good else ', MISSED'})"


class PgBench:
    """The same SQL without HTTP: one pipeline a request, statements prepared."""

    name = "plain SQL"

    def rate(self, query, seed):
        script = f"{WORK}/server/pgbench.sql"
        with open(script, "w") as file:
            file.write(f"\\set n random(1, {LISTINGS})\n\\startpipeline\nBEGIN READ ONLY;\n"
                       f"SELECT set_config('request.jwt.claims', '{CLAIMS}', true), set_config('statement_timeout', '15000', true), set_config('role', 'idx', true);\n"
                       f"{query};\nCOMMIT;\n\\endpipeline\n")
        done = subprocess.run(["pgbench", "-h", SOCKET, "-U", "authenticator", "-n", "-M", "prepared", "-f", script, "-c", str(CONNECTIONS), "-j", "1",
                               "-T", str(SECONDS), "--random-seed", str(seed), "postgres"], capture_output=True, text=True, env=dict(os.environ, PGOPTIONS=OPTIONS + " -c role=idx"))
        found = re.search(r"tps = ([\d.]+)", done.stdout)
        if not found or not re.search(r"number of failed transactions: 0 ", done.stdout):
            sys.exit(done.stdout + done.stderr)
        return float(found.group(1)), 1.0, 0.0, float("nan")


def rates(serve, postgrest):
    fields = ",".join(FIVE)
    quoted = ", ".join(f'"{f}"' for f in FIVE)
    page = "$filter=StandardStatus%20eq%20'Active'%20and%20City%20eq%20'Town%20{town}'&$top=25"
    of_postgrest = "StandardStatus=eq.Active&City=eq.Town%20{town}&order=ListingKey&limit=25"
    in_sql = "SELECT {what} FROM idx.\"Property\" WHERE \"StandardStatus\" = 'Active' AND \"City\" = 'Town ' || (:n::integer % {towns})::text ORDER BY \"ListingKey\" LIMIT 25"
    towns = range(TOWNS)
    cases = {
        "key lookup, whole row": (["/Property('{key}')"], ["/Property?ListingKey=eq.{key}"],
                                  "SELECT coalesce(json_agg(t), '[]') FROM (SELECT * FROM idx.\"Property\" WHERE \"ListingKey\" = 'K' || lpad(:n::text, 7, '0')) t"),
        "key lookup, five fields": ([f"/Property('{{key}}')?$select={fields}"], [f"/Property?ListingKey=eq.{{key}}&select={fields}"],
                                    f"SELECT coalesce(json_agg(t), '[]') FROM (SELECT {quoted} FROM idx.\"Property\" WHERE \"ListingKey\" = 'K' || lpad(:n::text, 7, '0')) t"),
        "page of 25, five fields": ([f"/Property?$select={fields}&" + page.replace("{town}", str(t)) for t in towns],
                                    [f"/Property?select={fields}&" + of_postgrest.replace("{town}", str(t)) for t in towns],
                                    f"SELECT coalesce(json_agg(t), '[]') FROM ({in_sql.format(what=quoted, towns=TOWNS)}) t"),
        "page of 25, whole rows": (["/Property?" + page.replace("{town}", str(t)) for t in towns],
                                   ["/Property?" + of_postgrest.replace("{town}", str(t)) for t in towns],
                                   f"SELECT coalesce(json_agg(t), '[]') FROM ({in_sql.format(what='*', towns=TOWNS)}) t"),
    }
    for name, (ours, theirs, query) in cases.items():
        if not wanted(name):
            continue
        sides = [serve] + ([postgrest] if postgrest else []) + [PgBench()]
        of_side = {"mls_serve": ours, "PostgREST": theirs, "plain SQL": query}
        found = in_turn(sides, lambda side, n: side.rate(of_side[side.name], seed=n + 1))
        rate = {side: statistics.median(r[0] / r[1] for r in rounds) for side, rounds in found.items()}
        cpu = {side: statistics.median(r[3] for r in rounds) for side, rounds in found.items()}
        text = f"{name:24} mls_serve {rate['mls_serve']:6.0f}/s, {cpu['mls_serve']:.3f} ms of processor"
        if postgrest:
            text += f"; PostgREST {rate['PostgREST']:6.0f}/s, {cpu['PostgREST']:.3f} ms; {ratio(rate['mls_serve'], rate['PostgREST'], 1.5)} times the rate, {cpu['mls_serve'] / cpu['PostgREST']:.2f} of the processor time"
        print(text + f"; plain SQL {rate['plain SQL']:6.0f}/s, {rate['mls_serve'] / rate['plain SQL']:.2f} of it")


def cost(side, request, times):
    """Processor time of a request in ms; what it takes the client is not in it."""
    if isinstance(side, Server):
        side.settle()
    side.get(request)
    before = side.cpu()
    for _ in range(times):
        side.get(request)
    return (side.cpu() - before) * 1000 / times


def costs(serve, postgrest):
    five_media = "MediaKey,MediaURL,Order"
    cases = {
        "1,000 rows of 200 columns": ("/Property?$top=1000", "/Property?order=ListingKey&limit=1000",
                                      'SELECT coalesce(json_agg(t), \'[]\') FROM (SELECT * FROM idx."Property" ORDER BY "ListingKey" LIMIT 1000) t', 1 / 3, None),
        "10,000 media expanded": ("/Property?$select=ListingKey&$expand=Media&$top=1000", "/Property?select=ListingKey,Media(*)&order=ListingKey&limit=1000",
                                  'SELECT coalesce(json_agg(t), \'[]\') FROM (SELECT p."ListingKey", m.media FROM idx."Property" p LEFT JOIN LATERAL '
                                  '(SELECT json_agg(m) AS media FROM idx."Media" m WHERE m."ResourceRecordKey" = p."ListingKey" AND m."ResourceName" = \'Property\') m ON true '
                                  'ORDER BY p."ListingKey" LIMIT 1000) t', None, 60),
        "the same, three fields": (f"/Property?$select=ListingKey&$expand=Media($select={five_media})&$top=1000", f"/Property?select=ListingKey,Media({five_media})&order=ListingKey&limit=1000",
                                   'SELECT coalesce(json_agg(t), \'[]\') FROM (SELECT p."ListingKey", m.media FROM idx."Property" p LEFT JOIN LATERAL '
                                   '(SELECT json_agg(m) AS media FROM (SELECT "MediaKey", "MediaURL", "Order" FROM idx."Media" m WHERE m."ResourceRecordKey" = p."ListingKey" AND m."ResourceName" = \'Property\') m) m ON true '
                                   'ORDER BY p."ListingKey" LIMIT 1000) t', None, None),
    }
    for name, (ours, theirs, query, goal, most) in cases.items():
        if not wanted(name):
            continue
        plain = Psql()
        sides = [serve] + ([postgrest] if postgrest else []) + [plain]
        of_side = {"mls_serve": ours, "PostgREST": theirs, "plain SQL": query}
        serve.settle()
        size = len(serve.get(ours))
        # The least of each: what else runs on the machine only adds.
        found = {side: min(values) for side, values in in_turn(sides, lambda side, n: cost(side, of_side[side.name], 3)).items()}
        ms = found["mls_serve"]
        text = f"{name:26} {size / 1e6:.1f} MB: mls_serve {ms:.1f} ms of processor"
        if most:
            text += f" (goal <= {most}{'' if ms <= most else ', MISSED'})"
        text += f"; json_agg by plain SQL {found['plain SQL']:.1f} ms, "
        text += ratio(ms, found["plain SQL"], goal, more=False) if goal else f"{ms / found['plain SQL']:.2f} of it"
        if postgrest:
            text += f"; PostgREST {found['PostgREST']:.1f} ms, {ms / found['PostgREST']:.2f} of it"
        print(text)


def price_range():
    address = "Property?$filter=ListPrice%20ge%20500000%20and%20ListPrice%20lt%20505000&$orderby=ListPrice&$top=25"
    done = subprocess.run(["mls_serve", "--database", f"host={SOCKET} user=authenticator dbname=postgres", "--role", "idx", "--sql", address.replace("%20", " ")],
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    plan = json.loads(done.stdout)["rows"]
    params = "(" + ", ".join("'" + p.replace("'", "''") + "'" for p in plan["params"]) + ")" if plan["params"] else ""
    took = {"idx": [], "none": []}
    for _ in range(REPEATS * 4):
        for role in took:
            before = f"SELECT set_config('request.jwt.claims', '{CLAIMS}', false);" + (" SET ROLE idx;" if role == "idx" else "")
            text = sql(f"SET plan_cache_mode = force_generic_plan; SET jit = off; {before} PREPARE q AS {plan['sql']}; EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE q{params}; EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE q{params}")
            took[role].append(json.loads(text[text.rindex("[\n  {\n    \"Plan\""):])[0]["Execution Time"])
    behind, without = statistics.median(took["idx"]), statistics.median(took["none"])
    print(f"price range                behind row security {behind:.2f} ms, without {without:.2f} ms: {behind - without:.2f} ms more (goal <= 5{'' if behind - without <= 5 else ', MISSED'})")


def neighbours(server, slow_target, slow_token, at_once=8):
    """The 99th latency of two consumers alone, and beside one that asks for what is slow."""
    stop = threading.Event()
    answered = [0]

    def ask():
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        while not stop.is_set():
            try:
                connection.request("GET", server.root + slow_target, headers={"Authorization": "Bearer " + slow_token, "Accept": server.accept, **({} if server.name == "mls_serve" else {"Accept-Profile": "waiting"} if "Office" in slow_target else {})})
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                continue
            answered[0] += 1
            # It is told to come again; it comes soon.
            if answer.status != 200:
                stop.wait(0.2)

    target = ["/Property('{key}')" if server.name == "mls_serve" else "/Property?ListingKey=eq.{key}"]
    alone, beside = [], []
    for n in range(REPEATS):
        alone.append(server.rate(target, connections=4, seed=n + 1)[2])
        stop.clear()
        threads = [threading.Thread(target=ask) for _ in range(at_once)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        beside.append(server.rate(target, connections=4, seed=n + 1)[2])
        stop.set()
        for thread in threads:
            thread.join()
    return statistics.median(alone), statistics.median(beside), answered[0]


def slow_ones(serve, postgrest):
    scan = {"mls_serve": "/Property/$count?$filter=contains(City,'nowhere')%20or%20contains(City,'elsewhere')", "PostgREST": "/Property?or=(City.like.*nowhere*,City.like.*elsewhere*)"}
    wait = {"mls_serve": "/Office/$count", "PostgREST": "/Office?limit=1"}
    for name, of_side, token in (("waits", wait, TOKENS[3]), ("computes", scan, TOKENS[2])):
        if not wanted("neighbours"):
            continue
        for server in [serve] + ([postgrest] if postgrest else []):
            alone, beside, answered = neighbours(server, of_side[server.name], token)
            goal = f" (goal <= 2.00{'' if beside <= 2 * alone else ', MISSED'})" if server is serve else ""
            print(f"p99 beside one who {name:9} {server.name}: alone {alone:.1f} ms, beside {beside:.1f} ms, {beside / alone:.2f} times{goal}; the slow one was answered {answered} times")


def memory(serve):
    fields = ",".join(FIVE)
    targets = ["/Property('{key}')", f"/Property('{{key}}')?$select={fields}", f"/Property?$select={fields}&$filter=City%20eq%20'Town%20{{n}}'&$top=25", "/Property/$count?$filter=ListPrice%20lt%20{n}",
               f"/Property?$select={fields}&$filter=ListPrice%20gt%20{{n}}&$orderby=ListPrice&$top=5&$count=true&$expand=Media($top=2)", "/Property('{key}')/Media", "/Media?$filter=ResourceRecordKey%20eq%20'{key}'&$orderby=Order",
               "/Property('{key}')/City", "/$metadata", "/Property?$top=30", "/Member?$top=5"]
    counted, seen = 0, {}
    for upto in (10_000, 40_000, 100_000):
        while counted < upto:
            counted += serve.rate(targets, seconds=min(10, 1 + (upto - counted) // 1000), seed=counted + 1)[0]
        backends = serve.backends()
        seen[upto] = (counted, memory_of(serve.process.pid), {pid: memory_of(pid) for pid in backends})
    first, last = seen[10_000], seen[100_000]
    kept = [pid for pid in last[2] if pid in first[2]]
    grown = max([last[2][pid] / first[2][pid] for pid in kept] + [last[1] / first[1]])
    print(f"memory                     mls_serve {first[1] / 1024:.1f} MB after {first[0]} requests, {seen[40_000][1] / 1024:.1f} MB after {seen[40_000][0]}, {last[1] / 1024:.1f} MB after {last[0]}; "
          f"its processes of the database {', '.join(f'{first[2][pid] / 1024:.1f} -> {last[2][pid] / 1024:.1f} MB' for pid in kept)}: "
          f"at most {grown:.2f} times (goal <= 1.10{'' if grown <= 1.10 else ', MISSED'})")


STARTED = []
fill()
CONSUMERS = audiences()
try:
    serve = start_mls_serve()
    TOKENS = [token_of(serve, *consumer) for consumer in CONSUMERS]
    postgrest = start_postgrest()
    columns = len(json.loads(serve.get("/Property?$top=1"))["value"][0])
    print(f"{LISTINGS} listings of {columns} fields, {LISTINGS * MEDIA} media; {'PostgREST ' + subprocess.run([WORK + '/postgrest', '--version'], capture_output=True, text=True).stdout.split()[-1] if postgrest else 'PostgREST is not there: beside plain SQL alone'}; "
          f"{CONNECTIONS} connections to the database each; {REPEATS} rounds")
    rates(serve, postgrest)
    costs(serve, postgrest)
    if wanted("price range"):
        price_range()
    slow_ones(serve, postgrest)
    if wanted("memory"):
        memory(serve)
finally:
    for server in STARTED:
        server.process.terminate()
