# Parquet, read by a program of its own with the library of DuckDB: refusals always, all else where
# MLS_DUCKDB_LIBRARY names that library.
use strict;
use warnings;

use MlsFiles;
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

my $folder = PostgreSQL::Test::Utils::tempdir;
mkdir "$folder/$_" or die for qw(srv srv/all srv/bad srv/mixed srv/many srv/grow srv/peers srv/names);
my $node = new_node('parquet', 'mls_fdw.file_directories' => "'$folder/srv'", restart_after_crash => 'on');
my $library = $ENV{MLS_DUCKDB_LIBRARY};

sub sql { return scalar $node->safe_psql('postgres', $_[0]) }
sub fails { my ($sql, $expected, $name) = @_; return like(sql_error($node, $sql), $expected, $name); }
sub sync { return sql("SELECT concat_ws(' ', status, received, inserted, updated, unchanged) FROM mls_sync('$_[0]')"); }
sub files { return sql("SELECT string_agg(name || ' ' || state || ' ' || rows, ', ' ORDER BY name) FROM mls.file f JOIN mls.subscription s ON s.id = f.subscription WHERE s.source = '$_[0]'"); }
sub server { my ($name, $url, $options) = @_; return sql("CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url '$url'" . ($options // '') . "); CREATE SCHEMA $name"); }
sub import_all { return sql("IMPORT FOREIGN SCHEMA files FROM SERVER $_[0] INTO $_[0]; SELECT mls_subscribe(ftrelid::regclass) FROM pg_foreign_table t JOIN pg_foreign_server s ON s.oid = t.ftserver WHERE srvname = '$_[0]'"); }
sub named { return sql("LOAD 'mls_fdw'; ALTER SYSTEM SET mls_fdw.duckdb_library = '$_[0]'; SELECT pg_reload_conf()"); }
sub named_is { named($_[0]); return $node->poll_query_until('postgres', "SELECT current_setting('mls_fdw.duckdb_library') = '$_[0]'") || die 'not reloaded'; }

my $time = time - 3600;
sub settled { my ($path) = @_; $time += 10; utime $time, $time, "$folder/srv/$path" or die "$path: $!"; return; }
sub put
{
	my ($name, $text) = @_;
	open my $to, '>:raw', "$folder/srv/$name" or die;
	print $to $text;
	close $to or die;
	return settled($name);
}

# No process is left: each that was started has this process of the server as its parent.
sub programs { return scalar grep { /mls_parquet/ } map { my $name = eval { slurp_file("$_/cmdline") } // ''; $name } glob '/proc/[0-9]*'; }
sub none_left { my ($name) = @_; my $until = time + 60; Time::HiRes::sleep(0.05) while programs() && time < $until; return is(programs(), 0, $name); }

# ---- What is refused, with or without the library ----

my $small = slurp_file("$ENV{MLS_TREE}/test/parquet/hyparquet.parquet");
put('bad/whole.parquet', $small);
put('bad/cut.parquet', substr $small, 0, -20);
put('bad/text.parquet', "Id,Name\n1,Ann\n");
put('bad/tiny.parquet', 'PAR1');
put('bad/leads.csv', "Id,Name\n1,Ann\n");
server('bad', "file://$folder/srv/bad");
sub findings { return sql(q{SELECT string_agg(remark, E'\n' ORDER BY remark) FROM mls_dataset_inspect('bad') WHERE resource IS NULL}); }
like(findings(), qr/file "whole\.parquet" of source "bad": Parquet is read with DuckDB, and no library of it is named/, 'without a library Parquet is not read, and that is said');
is(sql(q{SELECT string_agg(DISTINCT resource, ' ') FROM mls_dataset_inspect('bad')}), 'leads', 'other files are');
fails(q{LOAD 'mls_fdw'; SET mls_fdw.duckdb_library = 'libduckdb.so'}, qr/"libduckdb\.so" is not an absolute path/, 'the library is named by its path');
sql(q{CREATE ROLE ann LOGIN});
fails(q{LOAD 'mls_fdw'; SET ROLE ann; SET mls_fdw.duckdb_library = '/tmp/x.so'}, qr/permission denied to set parameter/, 'by a superuser');
for my $case ([ '/nowhere/libduckdb.so', qr/cannot be loaded: .*No such file/ ], [ '/etc/passwd', qr/cannot be loaded: .*(?:invalid ELF header|file too short)/ ], [ (glob '/usr/lib/*/libz.so.1')[0], qr/is not that of DuckDB, or an old one: it lacks duckdb_create_config/ ])
{
	named_is($case->[0]);
	like(findings(), qr/"whole\.parquet" of source "bad": The library .*$case->[1]/, "a library that is none: $case->[0]");
}
like(findings(), qr/"cut\.parquet".*It is cut: Parquet ends with "PAR1"/, 'half a file');
like(findings(), qr/"text\.parquet".*It is no Parquet, which begins with "PAR1"/, 'a file that is none');
like(findings(), qr/"tiny\.parquet".*It is no Parquet/, 'nor is this');

# A library that a file has taken over.
my %said = (
	1 => qr/: environment empty; socket refused; local refused; file refused; process refused; program refused; server spared; in any way; its limits kept; memory limited; descriptors 0123$/m,
	2 => qr/The program that reads Parquet was ended by signal 11/, 4 => qr/does not keep to its rules/, 5 => qr/does not keep to its rules/, 6 => qr/The program that reads Parquet ended with status 3/,
	7 => qr/"whole\.parquet" of source "bad": \?\? broken/, 9 => qr/A column of it has a name that is no text|The program that reads Parquet ended/);
sql(q{ALTER SERVER bad OPTIONS (ADD max_answer_bytes '1MB')});
for my $kind (1 .. 9)
{
	system(qw(cc -shared -fPIC -o), "$folder/hostile$kind.so", "-DKIND=$kind", "$ENV{MLS_TREE}/test/parquet/hostile.c") == 0 or die 'no compiler';
	named_is("$folder/hostile$kind.so");
	if ($said{$kind}) { like(findings(), $said{$kind}, "a hostile library: $kind"); }
	else { like(sql_error($node, q{SET statement_timeout = '2s'; SELECT * FROM mls_dataset_inspect('bad')}), qr/canceling statement due to statement timeout/, "a hostile library, which is waited for no longer than a query may take: $kind") if $kind == 3; }
}
named_is("$folder/hostile8.so");
like(findings(), qr/"whole\.parquet".*Its rows are longer than \d+ bytes/, 'rows without an end have one');
sql(q{ALTER SERVER bad OPTIONS (DROP max_answer_bytes)});
# What a kernel has from Linux 5.13 on.
SKIP:
{
	skip 'the kernel has no Landlock', 1 if syscall(444, 0, 0, 1) < 1;
	system(qw(cc -shared -fPIC -o), "$folder/hostile10.so", '-DKIND=10', "$ENV{MLS_TREE}/test/parquet/hostile.c") == 0 or die 'no compiler';
	named_is("$folder/hostile10.so");
	like(findings(), qr/"whole\.parquet" of source "bad": the file opened; another refused$/m, 'no other file can be opened when the file is read');
}
none_left('no process is left');
my $program = sql('SELECT setting FROM pg_config WHERE name = $$BINDIR$$') . '/mls_parquet';
isnt(system("'$program' 2>/dev/null"), 0, 'the program is started by nobody else');

if (!$library)
{
	note 'MLS_DUCKDB_LIBRARY names no library of DuckDB: the rest is left out';
	$node->stop;
	done_testing();
	exit 0;
}
named_is($library);

# Statements of DuckDB make files, by name in a directory.
sub duck
{
	my ($place, @statements) = @_;
	my ($out, $error) = ('', '');
	IPC::Run::run([ 'python3', '-B', "$ENV{MLS_TREE}/test/parquet/duck.py", $library, "$folder/srv/$place" ], '<', \join('', map { s/\n\s*/ /gr . "\n" } @statements), '>', \$out, '2>', \$error) or die $error;
	return;
}

# ---- Each type, exactly ----

duck('all', q{SET TimeZone = 'America/New_York'}, q{COPY (SELECT * FROM (VALUES
	(1::TINYINT, 200::UTINYINT, 60000::USMALLINT, 1::INTEGER, 4000000000::UINTEGER, 9223372036854775807::BIGINT, 18446744073709551615::UBIGINT, 0.00::DECIMAL(5,2), 12345678901234567890123456789.012345678::DECIMAL(38,9),
		0.1::FLOAT, 0.30000000000000004::DOUBLE, true, 'Ann "the" ü\x', DATE '2024-02-29', TIME '23:59:59.999999', TIMESTAMP '2024-01-31 14:05:00.123456', TIMESTAMPTZ '2024-01-31 14:05:00.5-05', '\xDE\xAD\x00'::BLOB,
		uuid '00000000-0000-0000-0000-00000000000a', [1.10, NULL, 2.00]::DECIMAL(5,2)[], {'a': 1.50::DECIMAL(4,2), 'b': ['x','y'], 't': TIMESTAMPTZ '2024-01-31 12:00:00Z', 'x': '\xFF'::BLOB}, MAP {'k': 1, 'l': NULL}, '007', 5),
	(NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL),
	(-1, 0, 0, -3, 0, -9223372036854775808, 0, -0.05, -0.000000001, 'inf'::FLOAT, 1e300, false, '', DATE '1900-01-01', TIME '00:00:00', TIMESTAMP '1969-12-31 23:59:59.999999', TIMESTAMPTZ '1969-12-31 23:59:59.999999Z', ''::BLOB,
		uuid 'ffffffff-ffff-ffff-ffff-ffffffffffff', [], {'a': NULL, 'b': [], 't': NULL, 'x': NULL}, MAP {}, '', NULL))
	AS t("tiny", u8, u16, i, u32, b, u, d, big, f, x, yes, s, "day", "at", stamp, instant, bytes, id, list, thing, map, zip, "_file")) TO 'all.parquet' (FORMAT parquet)});
settled('all/all.parquet');
server('everything', "file://$folder/srv/all");
is(sql(q{SELECT string_agg(field || ' ' || type, ', ' ORDER BY n) FROM mls_dataset_inspect('everything') WITH ORDINALITY AS i(resource, field, type, written, is_key, samples, remark, n) WHERE field IS NOT NULL}),
	'tiny smallint, u8 smallint, u16 integer, i integer, u32 bigint, b bigint, u numeric, d numeric, big numeric, f real, x double precision, yes boolean, s text, day date, at time without time zone, stamp timestamp without time zone, '
	. 'instant timestamp with time zone, bytes bytea, id uuid, list jsonb, thing jsonb, map jsonb, zip text, _file_2 integer, _file text, _line bigint', 'types are those that the file says, never guessed');
is(sql(q{SELECT remark FROM mls_dataset_inspect('everything') WHERE field IS NULL}), 'all.parquet (3 rows): Parquet', 'how it is read');
is(sql(q{SELECT samples FROM mls_dataset_inspect('everything') WHERE field = 'd'}), '{0.00,-0.05}', 'samples are shown');
import_all('everything');
my $first = '1|200|60000|1|4000000000|9223372036854775807|18446744073709551615|0.00|12345678901234567890123456789.012345678|0.1|0.30000000000000004|t|Ann "the" ü\x|2024-02-29|23:59:59.999999|2024-01-31 14:05:00.123456|2024-01-31 19:05:00.5+00|\xdead00|'
  . '00000000-0000-0000-0000-00000000000a|[1.10, null, 2.00]|{"a": 1.50, "b": ["x", "y"], "t": "2024-01-31T12:00:00Z", "x": "\\\\xff"}|{"k": 1, "l": null}|007|5|all.parquet|1';
my $last = '-1|0|0|-3|0|-9223372036854775808|0|-0.05|-0.000000001|Infinity|1e+300|f||1900-01-01|00:00:00|1969-12-31 23:59:59.999999|1969-12-31 23:59:59.999999+00|\x|ffffffff-ffff-ffff-ffff-ffffffffffff|[]|{"a": null, "b": [], "t": null, "x": null}|{}|||all.parquet|3';
utf8::encode($first) if utf8::is_utf8($first);
is(sql('SET timezone = $$UTC$$; SELECT * FROM everything."all" WHERE line IN (1, 3) ORDER BY line'), "$first\n$last", 'each value is what the file has, to its last digit');
is(sql(q{SELECT count(*) FROM everything."all" WHERE line = 2 AND num_nonnulls("tiny", u8, u16, i, u32, b, u, d, big, f, x, yes, s, "day", "at", stamp, instant, bytes, id, list, thing, map, zip, file_2) = 0}), 1, 'NULL is NULL');
is(sql(q{SELECT count(*) FROM everything."all"}), 3, 'rows are counted');
is(sql(q{SELECT zip, d FROM everything."all" WHERE i = 1}), '007|0.00', 'and some columns of them read');
is(sql(q{SELECT file_2, file FROM everything."all" WHERE line = 1}), '5|all.parquet', 'also one that has a name of ours');
is(sync('everything'), 'finished 3 3 0 0', 'a sync');
is(sql('SET timezone = $$UTC$$; SELECT * FROM silver.everything_all WHERE line IN (1, 3) ORDER BY line'), "$first\n$last", 'brings the same');
is(sql('SELECT count(*) FROM mls.issue WHERE solved_at IS NULL'), 0, 'nothing did not fit');
is(sync('everything'), 'finished 0 0 0 0', 'a second one reads nothing');
is(sql(q{SELECT status, missing FROM mls_purge('everything')}), 'finished|0', 'nor is anything gone');
none_left('no process is left behind queries and syncs');

# ---- Other writers, other places, other kinds beside ----

for my $peer (qw(hyparquet parquetjs))
{
	my $bytes = slurp_file("$ENV{MLS_TREE}/test/parquet/$peer.parquet");
	put("peers/$peer.parquet", $bytes);
}
duck('peers', q{COPY (SELECT * FROM (VALUES (1::INTEGER, 'Ann', 1.5::DOUBLE, true, TIMESTAMPTZ '2024-01-31 12:00:00Z'), (2, 'Bob', NULL, false, NULL)) AS t(id, name, score, active, since)) TO 'duckdb.parquet' (FORMAT parquet)});
settled('peers/duckdb.parquet');
server('peers', "file://$folder/srv/peers", q{, files 'peers=duckdb.parquet, peers=hyparquet.parquet, older=parquetjs.parquet'});
import_all('peers');
is(sql(q{SET timezone = 'UTC'; SELECT string_agg(file || ' ' || n, ', ' ORDER BY file) FROM (SELECT file, string_agg(concat_ws(' ', id, name, coalesce(score::text, '-'), active, coalesce(since::text, '-')), '; ' ORDER BY line) AS n FROM peers.peers GROUP BY 1) p}),
	join(', ', map { "$_.parquet 1 Ann 1.5 t 2024-01-31 12:00:00+00; 2 Bob - f -" } qw(duckdb hyparquet)), 'files of two writers are read alike');
is(sql(q{SELECT string_agg(concat_ws(' ', id, name, coalesce(score::text, '-'), active, coalesce(since::text, '-')), '; ' ORDER BY line) FROM peers.older}), '1 Ann 1.5 t 2024-01-31 12:00:00; 2 Bob - f -', 'so is that of a third, which does not say that its times are of UTC');
is(sql(q{SELECT string_agg(status || ' ' || inserted, ', ' ORDER BY resource) FROM mls_sync('peers')}), 'finished 2, finished 4', 'and synced');
put('mixed/a.csv', "id,name\n1,Ann\n2000000000000,Bob\n");
duck('mixed', q{COPY (SELECT 3::INTEGER AS id, 'Eve' AS name, 1.5::DECIMAL(3,1) AS more) TO 'b.parquet' (FORMAT parquet)});
settled('mixed/b.parquet');
server('mixed', "file://$folder/srv/mixed", q{, files 'm=*', ids_as_text 'false'});
is(sql(q{SELECT string_agg(field || ' ' || type, ', ' ORDER BY n) FROM mls_dataset_inspect('mixed') WITH ORDINALITY AS i(resource, field, type, written, is_key, samples, remark, n) WHERE field IS NOT NULL}), 'id bigint, name text, more numeric, _file text, _line bigint', 'beside CSV a column has the type of both');
import_all('mixed');
is(sql(q{SELECT string_agg(id || name, ' ' ORDER BY id) FROM mixed.m}), '3Eve 1Ann 2000000000000Bob' =~ s/3Eve 1Ann/1Ann 3Eve/r, 'and their rows are together');
my $cabinet = start_cabinet();
my $bytes = slurp_file("$folder/srv/peers/duckdb.parquet");
$cabinet->put('/p/roster.parquet', $bytes, tag => '"p"');
server('web', $cabinet->url . '/p/roster.parquet', q{, retries '0'});
import_all('web');
is(sync('web'), 'finished 2 2 0 0', 'at an address');
$cabinet->put('/export', $bytes, tag => '"p"');
server('unnamed', $cabinet->url . '/export', q{, retries '0'});
is(sql(q{SELECT DISTINCT resource FROM mls_dataset_inspect('unnamed')}), 'export', 'it is known by its first bytes');
server('inbox', 'upload:');
is(sql(q{SELECT total FROM mls_upload('inbox', 'roster.parquet', '\x} . unpack('H*', $bytes) . q{')}), length $bytes, 'it is uploaded');
import_all('inbox');
is(sync('inbox'), 'finished 2 2 0 0', 'and read from there');
is(sql('SELECT name FROM silver.inbox_roster WHERE id = 2'), 'Bob', 'each row');
is(sql('SELECT count(*) FROM pg_ls_tmpdir()'), 0, 'no temporary file is left');
my @open = split /\n/, sql(join '', map { q{SELECT count(*) FROM inbox.roster; SELECT 'open ' || count(*) FROM pg_ls_dir('/proc/self/fd');} } 1 .. 20);
my @counts = map { /^open (\d+)/ ? $1 : () } @open;
is($counts[-1], $counts[2], 'nor is a descriptor');

# ---- Many rows: columns that are asked for, cancel, kill, limits ----

duck('many', q{COPY (SELECT i AS id, 'name ' || i AS name, repeat('x', 200) || i AS wide FROM range(150000) r(i)) TO 'many.parquet' (FORMAT parquet)});
settled('many/many.parquet');
server('many', "file://$folder/srv/many", q{, key 'id', page_size '2000'});
import_all('many');
is(sql('SELECT count(*), sum(id), count(DISTINCT name) FROM many.many'), '150000|11249925000|150000', 'many rows');
like(sql(q{EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT sum(id) FROM many.many}), qr/files of "many"/, 'EXPLAIN');
is(sql(q{SELECT id FROM many.many LIMIT 1}), 0, 'a query that ends early');
none_left('ends its process');
my $query = start_psql($node, q{SELECT sum(length(wide)) FROM many.many a, generate_series(1, 100)});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'SELECT sum(length(wide))%' AND state = 'active'}) or die;
Time::HiRes::sleep(0.01) until programs() || !sql(q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT sum(length(wide))%' AND state = 'active'});
cmp_ok(programs(), '>', 0, 'a query has a process of its own');
sql(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT sum(length(wide))%'});
end_psql($query);
none_left('that ends when it is cancelled');
my $killed = start_psql($node, q{SELECT * FROM mls_sync('many')});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM mls.run WHERE status = 'running' AND pages >= 5}) or die 'no page came';
kill 'KILL', sql(q{SELECT pid FROM mls.run WHERE status = 'running'});
end_psql($killed);
$node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die;
none_left('and when its server process is killed');
like(files('many'), qr/^many\.parquet syncing \d+$/, 'a part of the file is here');
my $here = sql('SELECT count(*) FROM silver.many_many');
my ($again) = sync('many') =~ /^finished (\d+) \d+ 0 0$/;
is($again, 150000 - $here, 'the next sync goes on behind it');
is(sql('SELECT count(*), count(DISTINCT id) FROM silver.many_many'), '150000|150000', 'and has each row once');
# The library crashes: an error of the file, and the server goes on.
my $started = sql('SELECT pg_postmaster_start_time()');
my $crash = start_psql($node, q{SELECT sum(length(wide)) FROM many.many a, generate_series(1, 100)});
Time::HiRes::sleep(0.01) until programs();
for my $of (glob '/proc/[0-9]*') { my $name = eval { slurp_file("$of/cmdline") } // ''; kill 'SEGV', $of =~ s{.*/}{}r if $name =~ /mls_parquet/; }
like(scalar(end_psql($crash) . slurp_file($node->logfile)), qr/could not read file "many\.parquet".*The program that reads Parquet was ended by signal 11/s, 'a crash of the library is an error of the file');
is(sql('SELECT pg_postmaster_start_time()'), $started, 'and none of the server');
sql(q{ALTER SERVER many OPTIONS (ADD max_answer_bytes '12MB')});
fails('SELECT sum(id), max(wide) FROM many.many', qr/could not read file "many\.parquet".*Its rows are longer than 12\d* bytes.*max_answer_bytes/s, 'what comes out of a file is limited');
is(sql('SELECT sum(id) FROM many.many'), 11249925000, 'of columns that nobody asks for nothing comes out');
sql(q{ALTER SERVER many OPTIONS (SET max_answer_bytes '300kB')});
fails('SELECT sum(id) FROM many.many', qr/It says that it has 150000 rows, which are longer than \d+ bytes/s, 'so is what it says it has');

# Files that are damaged, and a small one of many rows.
my $damaged = $small;
substr($damaged, 8, 40) = "\xff" x 40;
put('bad/damaged.parquet', $damaged);
my $footer = unpack 'V', substr $small, -8, 4;
put('bad/footer.parquet', substr($small, 0, -8 - $footer) . ("\x15" x $footer) . substr($small, -8));
put('bad/huge_footer.parquet', substr($small, 0, -8) . pack('V', 0x7fffffff) . 'PAR1');
duck('bad', q{COPY (SELECT 1 AS n FROM range(40000000)) TO 'bomb.parquet' (FORMAT parquet)});
settled('bad/bomb.parquet');
cmp_ok(-s "$folder/srv/bad/bomb.parquet", '<', 3_000_000, 'a small file of many rows');
sql(q{ALTER SERVER bad OPTIONS (ADD max_answer_bytes '100MB', ADD files 'damaged.parquet, footer.parquet, huge_footer.parquet, bomb.parquet, whole.parquet, text.parquet, cut.parquet')});
sql(q{SET client_min_messages = error; IMPORT FOREIGN SCHEMA files FROM SERVER bad INTO bad});
like(findings(), qr/"$_\.parquet".*(?:DuckDB cannot read it|The program that reads Parquet)/, "a broken file is refused: $_") for qw(footer huge_footer);
fails('SELECT count(*) FROM bad.bomb', qr/"bomb\.parquet".*It says that it has 40000000 rows, which are longer than \d+ bytes.*max_answer_bytes/s, 'as are more rows than may come');
is(sql('SELECT count(*) FROM bad.whole'), 2, 'others are read');
like(findings(), qr/"text\.parquet".*It is no Parquet.*/, 'what is no Parquet is not');

# ---- Names that give way ----

duck('names', q{COPY (SELECT 1 AS "_file_2") TO 'alone.parquet' (FORMAT parquet)}, q{COPY (SELECT 2 AS "_file", 3 AS "_file_2", 4 AS "_file_2_2") TO 'all.parquet' (FORMAT parquet)}, q{COPY (SELECT 5 AS "id", 6 AS "_line_2") TO 'line.parquet' (FORMAT parquet)});
put('names/list.json', '[{"_file": 2, "_file_2": 3, "_file_2_2": 4}]');
settled("names/$_.parquet") for qw(alone all line);
server('names', "file://$folder/srv/names");
sql(q{ALTER SERVER names OPTIONS (ADD files 'alone.parquet, all.parquet, line.parquet, list.json')});
import_all('names');
is(sql('SELECT file_2_2 FROM names.alone'), 1, 'a name that one of ours gets, gives way as well');
is(sql('SELECT file_2, file_2_2, file_2_2_2 FROM names."all"'), '2|3|4', 'so that none is taken for another');
is(sql('SELECT id, line_2_2, line FROM names.line'), '5|6|1', 'of whatever field');
is(sql('SELECT file_2, file_2_2, file_2_2_2 FROM names.list'), '2|3|4', 'and JSON does the same');

# ---- A file that changes ----

duck('grow', q{COPY (SELECT 1::INTEGER AS id, 'Ann' AS name) TO 'g.parquet' (FORMAT parquet)});
settled('grow/g.parquet');
server('grow', "file://$folder/srv/grow", q{, key 'id'});
import_all('grow');
is(sync('grow'), 'finished 1 1 0 0', 'a file');
duck('grow', q{COPY (SELECT * FROM (VALUES (1::INTEGER, 'Ann', 7::BIGINT), (2, 'Bob', 8)) t(id, name, more)) TO 'g.parquet' (FORMAT parquet)});
settled('grow/g.parquet');
sql(q{ALTER SERVER grow OPTIONS (ADD schema_check_interval '0 s')});
is(sync('grow'), 'finished 2 1 1 0', 'that has changed, and has a column more');
is(sql(q{SELECT string_agg(name || more, ' ' ORDER BY id), pg_typeof(max(more)) FROM silver.grow_g}), 'Ann7 Bob8|bigint', 'which is added as it is said');
duck('grow', q{COPY (SELECT 1::INTEGER AS id) TO 'g.parquet' (FORMAT parquet)});
settled('grow/g.parquet');
sync('grow');
like(sql(q{SELECT reading FROM mls.file WHERE name = 'g.parquet'}), qr/^Parquet; its header lacks "name", "more"$/, 'one that lacks columns says so');
none_left('in the end no process is left');

$node->stop;
done_testing();
