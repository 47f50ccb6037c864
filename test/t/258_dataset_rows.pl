# Long files: a sync that is killed in the middle of one goes on behind the rows that are here,
# whatever kind of file it is, and only if it is the same file; and a bad value near the end of very
# many rows is one NULL and one issue, in the memory of a page.
#
#   MLS_LONG=1    a million rows of twenty columns
use strict;
use warnings;

use IO::Compress::Gzip qw(gzip $GzipError);
use MlsBooks;
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = PostgreSQL::Test::Utils::tempdir;
my $node = new_node('rows', 'mls_fdw.file_directories' => "'$folder'", restart_after_crash => 'on');

sub sql { return scalar $node->safe_psql('postgres', $_[0]) }
sub sync { return sql("SELECT concat_ws(' ', status, received, inserted, updated, unchanged) FROM mls_sync('$_[0]')"); }

my $time = time - 100_000;
sub put
{
	my ($name, $bytes) = @_;
	open my $to, '>:raw', "$folder/.new" or die;
	print $to $bytes;
	close $to or die;
	$time += 10;
	utime $time, $time, "$folder/.new";
	rename "$folder/.new", "$folder/$name" or die "$name: $!";
	return;
}

# ---- Killed in the middle ----

my $count = 3000;
my $half = $count / 2;

# Rows K and V as a file of a kind; the first has this value.
sub bytes_of
{
	my ($kind, $first) = @_;
	my @rows = map { [ "k$_", $_ == 1 ? $first : $_ ] } 1 .. $count;
	my $bytes;
	if ($kind =~ /^csv/) { $bytes = "K,V\n" . join '', map { "$_->[0],$_->[1]\n" } @rows; }
	elsif ($kind eq 'ndjson') { $bytes = join '', map { qq({"K": "$_->[0]", "V": $_->[1]}\n) } @rows; }
	elsif ($kind eq 'json') { $bytes = '[' . join(', ', map { qq({"K": "$_->[0]", "V": $_->[1]}) } @rows) . ']'; }
	else { $bytes = plain_book(One => [ [qw(K V)], @rows ]); }
	return $bytes if $kind !~ /gz$/;
	gzip(\$bytes, \my $packed) or die $GzipError;
	return $packed;
}

# Has the sync of a source stand still once half of its rows are here; its process, and who holds it.
sub half_way
{
	my ($name) = @_;
	my $holder = $node->background_psql('postgres', on_error_die => 1);
	$holder->query_safe(qq{BEGIN; DO \$\$ BEGIN
		WHILE NOT EXISTS (SELECT FROM mls.run WHERE status = 'running' AND received >= $half) LOOP PERFORM pg_sleep(0.001); END LOOP;
		LOCK TABLE silver.${name}_x;
	END \$\$});
	return (sql(q{SELECT pid FROM mls.run WHERE status = 'running'}), $holder);
}

# Its process has ended, perhaps with the whole server.
sub let_go
{
	my ($holder) = @_;
	$holder->{run}->finish;
	return;
}

# Ends a sync when half of the rows are here, and waits until the server is there again.
sub break_off
{
	my ($name, $how) = @_;
	my $sync = start_psql($node, "SELECT * FROM mls_sync('$name')");
	my ($pid, $holder) = half_way($name);
	if ($how eq 'killed') { kill 'KILL', $pid; }
	elsif ($how eq 'terminated') { sql("SELECT pg_terminate_backend($pid)"); }
	else { $node->stop('immediate'); }
	end_psql($sync);
	let_go($holder);
	$node->start if $how eq 'stopped';
	$node->poll_query_until('postgres', q{SELECT NOT pg_is_in_recovery() AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type LIKE 'mls\_fdw %')}) or die;
	return sql("SELECT count(*) FROM silver.${name}_x");
}

my %how = (csv => 'killed', csv_gz => 'stopped', ndjson => 'killed', json => 'terminated', xlsx => 'killed');
for my $name (sort keys %how)
{
	my $kind = $name =~ s/_/./r;
	put("$name.$kind", bytes_of($kind, 1));
	sql(qq{CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$folder', files 'x=$name.$kind', page_size '5');
		CREATE SCHEMA $name; IMPORT FOREIGN SCHEMA files FROM SERVER $name INTO $name; SELECT mls_subscribe('$name.x')});
	my $here = break_off($name, $how{$name});
	cmp_ok($here, '>=', $half, "$kind: a sync is $how{$name} when half of it is here");
	cmp_ok($here, '<', $count, "$kind: and not more");
	is(sql("SELECT concat_ws(' ', state, rows, taken_rows, taken_sha256 = sha256) FROM mls.file WHERE name = '$name.$kind'"), "syncing $here $here t", "$kind: the place is kept with its rows");
	my $rest = $count - $here;
	is(sync($name), "finished $rest $rest 0 0", "$kind: the next one brings the rest alone");
	is(sql("SELECT count(*), count(DISTINCT k), sum(v) FROM silver.${name}_x"), join('|', $count, $count, $count * ($count + 1) / 2), "$kind: all rows are here, once");
	is(sql("SELECT concat_ws(' ', state, rows, rejected) FROM mls.file WHERE name = '$name.$kind'"), "synced $count 0", "$kind: as mls.file says");
	is(sync($name), 'finished 0 0 0 0', "$kind: and that is that");
}

# A file that is another meanwhile is read from its beginning; one that only has another time is not.
for my $case ([ touched => 1 ], [ changed => 4 ])
{
	my ($name, $first) = @$case;
	put("$name.csv", bytes_of('csv', 1));
	sql(qq{CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$folder', files 'x=$name.csv', page_size '5');
		CREATE SCHEMA $name; IMPORT FOREIGN SCHEMA files FROM SERVER $name INTO $name; SELECT mls_subscribe('$name.x')});
	my $here = break_off($name, 'terminated');
	put("$name.csv", bytes_of('csv', $first));
	my $rest = $count - $here;
	is(sync($name), $name eq 'touched' ? "finished $rest $rest 0 0" : join(' ', 'finished', $count, $rest, 1, $here - 1), "a file that is $name in the middle of a sync");
	is(sql("SELECT count(*), count(DISTINCT k), sum(v) FROM silver.${name}_x"), join('|', $count, $count, $count * ($count + 1) / 2 + $first - 1), 'is here as it is');
}

# A reading of everything goes on likewise.
my $sync = start_psql($node, q{SELECT * FROM mls_sync('touched', full => true)});
my ($reader, $holder) = half_way('touched');
sql("SELECT pg_terminate_backend($reader)");
end_psql($sync);
let_go($holder);
$node->poll_query_until('postgres', q{SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type LIKE 'mls\_fdw %')}) or die;
my $taken = sql(q{SELECT taken_rows FROM mls.file WHERE name = 'touched.csv'});
cmp_ok($taken, '>=', $half, 'a reading of everything is ended in the middle');
my $rest = $count - $taken;
is(sync('touched'), "finished $rest 0 0 $rest", 'and the next sync reads the rest of it');

# What a file has grown by likewise, also if it has another name then.
my $whole = bytes_of('csv', 1);
put('tail.csv', $whole =~ s/(\nk1000,1000\n).*/$1/sr);
sql(qq{CREATE SERVER tail FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$folder', files 'x=tail*.csv', page_size '5', mode 'append');
	CREATE SCHEMA tail; IMPORT FOREIGN SCHEMA files FROM SERVER tail INTO tail; SELECT mls_subscribe('tail.x')});
is(sync('tail'), 'finished 1000 1000 0 0', 'a file of append');
put('tail.csv', $whole);
my $so_far = break_off('tail', 'killed');
rename "$folder/tail.csv", "$folder/tail_2.csv" or die;
is(sync('tail'), join(' ', 'finished', ($count - $so_far) x 2, 0, 0), 'that has grown, is renamed while a part of that is here, and read on');
is(sql('SELECT count(*), count(DISTINCT k) FROM silver.tail_x'), "$count|$count", 'has its rows once');
is(sql(q{SELECT string_agg(name || ' ' || state || ' ' || rows, ', ' ORDER BY name) FROM mls.file WHERE name LIKE 'tail%'}), "tail.csv gone $so_far, tail_2.csv synced $count", 'as mls.file says');
is(sync('tail'), 'finished 0 0 0 0', 'and is known');

# ---- Many rows ----

my $rows = $ENV{MLS_LONG} ? 1_000_000 : 50_000;
my $bad = $rows / 10 * 9;
{
	open my $to, '>', "$folder/many.csv" or die;
	print $to join(',', 'Code', 'Price', map { "Column $_" } 3 .. 20) . "\n";
	print $to join(',', "C$_", ($_ == $bad ? 'on request' : "$_.50"), map { "value $_" } 3 .. 20) . "\n" for 1 .. $rows;
	close $to or die;
	utime $time, $time, "$folder/many.csv";
}
sql(qq{CREATE SERVER many FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$folder', files 'x=many.csv', key 'Code', schema_policy 'ignore');
	CREATE FOREIGN TABLE many (code text OPTIONS (field 'Code'), price numeric OPTIONS (field 'Price'), @{[ join ', ', map { qq(c$_ text OPTIONS (field 'Column $_')) } 3 .. 20 ]}) SERVER many OPTIONS (resource 'x', key 'Code');
	SELECT mls_subscribe('many')});
$sync = start_psql($node, q{SELECT status, inserted FROM mls_sync('many')}, timeout => 1200);
my $most = 0;
while ($sync->{handle}->pumpable)
{
	$sync->{handle}->pump_nb;
	my $pid = sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'mls_fdw sync'}) || next;
	my $status = -r "/proc/$pid/status" ? slurp_file("/proc/$pid/status") : '';
	$most = $1 if $status =~ /^RssAnon:\s+(\d+)/m && $1 > $most;
}
like(end_psql($sync), qr/^finished\|$rows$/m, "a bad value in row $bad of $rows does not keep the others away");
is(sql(q{SELECT bad_values FROM mls.run ORDER BY id DESC LIMIT 1}), 1, 'it is counted');
is(sql(qq{SELECT count(*), count(price), sum(price) FROM silver.many_x}), join('|', $rows, $rows - 1, sprintf '%.2f', $rows * ($rows + 1) / 2 + $rows / 2 - $bad - 0.5), 'its row is here without it');
is(sql(q{SELECT string_agg(concat_ws(' ', key, field, value, reason), ', ') FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription WHERE source = 'many' AND solved_at IS NULL}),
	qq(C$bad Price "on request" is not a number), 'and an issue says what it was');
cmp_ok($most, '>', 0, 'the worker was looked at');
cmp_ok($most, '<', 96 * 1024, 'and holds a page and the keys it has met, not the file') or diag("$most kB");
note("$most kB");
done_testing();
