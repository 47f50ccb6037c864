# Tenants: each reads its own places and no other's, takes no more than its limits allow, is told
# of its own alone, and is tried again later and later.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = PostgreSQL::Test::Utils::tempdir;
mkdir "$folder/$_" or die for qw(srv srv/open srv/tenants srv/tenants/north srv/tenants/north/deep srv/tenants/southmark srv/tenants/north2);
my $node = new_node('tenants', 'mls_fdw.file_directories' => "'$folder/srv'");

sub query { return scalar $node->safe_psql('postgres', $_[0]) }

# What a role is told, errors with their SQLSTATE included.
sub as
{
	my ($user, $sql) = @_;
	my (undef, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql", on_error_stop => 1, extra_params => [ '-U', $user ]);
	return $out . $err;
}

my $time = time - 3600;
sub put
{
	my ($name, $text) = @_;
	open my $to, '>:raw', "$folder/srv/$name" or die "$name: $!";
	print $to $text;
	close $to or die;
	$time += 10;
	utime $time, $time, "$folder/srv/$name" or die;
	return;
}

query(q{
	CREATE ROLE north LOGIN; CREATE ROLE southmark LOGIN; CREATE ROLE other LOGIN; CREATE ROLE helper LOGIN IN ROLE north;
	SELECT mls_grant(r::regrole) FROM unnest('{north,southmark,other,helper}'::text[]) r;
	GRANT USAGE ON FOREIGN DATA WRAPPER mls_fdw TO north, southmark, other, helper;
	GRANT EXECUTE ON FUNCTION mls_dataset_inspect(text) TO north, southmark, other, helper;
	GRANT CREATE ON DATABASE postgres TO north, southmark, other, helper});
put('tenants/north/roster.csv', "Id,Name\n1,Ann\n2,Bob\n");
put('tenants/north/deep/inner.csv', "Id,Name\n1,Ann\n");
put('tenants/north2/list.csv', "Id,Name\n1,Ann\n");
put('tenants/southmark/southmark_leads.csv', "Id,Name\n1,southmark_person\n");
put('open/all.csv', "Id,Name\n1,Ann\n");

sub server { my ($role, $name, $place, $options) = @_; return as($role, qq{CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$folder/srv/$place'@{[ $options // '' ]})}); }
sub inspects { my ($role, $server) = @_; return as($role, "SELECT string_agg(DISTINCT resource, ' ') FROM mls_dataset_inspect('$server')"); }

# ---- Who says so ----

like(as($_, q{SELECT mls_tenant('other', '{}')}), qr/42501: permission denied for function mls_tenant/, "$_ makes no tenant") for qw(north other);
like(as($_, q{INSERT INTO mls.tenant (role) VALUES ('other')}), qr/42501: permission denied for table tenant/, "nor writes its row: $_") for qw(north other);
query(qq{SELECT mls_tenant('north', '{file://$folder/srv/tenants/north/}'), mls_tenant('southmark', '{file://$folder/srv/tenants/southmark,s3://south-bucket/in}')});
for my $bad ([ 'no address', '{/srv/x}' ], [ 'a way out', "{file://$folder/srv/../x}" ], [ 'https', '{https://example.com/}' ])
{
	like(sql_error($node, "SELECT mls_tenant('other', '$bad->[1]')"), qr/22023.*is no place of files/s, "no place: $bad->[0]");
}
for my $taken ('tenants/north', 'tenants/north/deep', 'tenants')
{
	like(sql_error($node, "SELECT mls_tenant('other', '{file://$folder/srv/$taken}')"), qr/42710.*is of tenant "north" already|42710.*is of tenant "southmark" already/s, "taken: $taken");
}
like(sql_error($node, q{SELECT mls_tenant('postgres', '{}')}), qr/22023.*no superuser/s, 'a superuser is none');
like(sql_error($node, q{SELECT mls_tenant('other', '{}', file_bytes => 0)}), qr/22023.*above zero/s, 'limits are above zero');
like(sql_error($node, q{SELECT mls_tenant_remove('other')}), qr/42704/, 'who is none is not removed');
is(as('north', 'SELECT role, places FROM mls_tenants'), "north|{file://$folder/srv/tenants/north}", 'a tenant sees itself');
is(as('helper', 'SELECT role FROM mls_tenants'), 'north', 'so does its member');
is(as('other', 'SELECT count(*) FROM mls_tenants'), 0, 'others see nothing');
is(query('SELECT count(*) FROM mls_tenants'), 2, 'a superuser sees all');

# ---- Places ----

my $number = 0;
my %cases = (
	north => [ [ 'tenants/north', 'roster' ], [ 'tenants/north/deep', 'inner' ], 'tenants/southmark', 'tenants/north2', 'tenants', 'open' ],
	helper => [ [ 'tenants/north', 'roster' ], 'tenants/southmark', 'open' ],
	southmark => [ [ 'tenants/southmark', 'southmark_leads' ], 'tenants/north', 'tenants/north/deep' ],
	other => [ [ 'open', 'all' ], [ 'tenants/north2', 'list' ], 'tenants/north', 'tenants/southmark', 'tenants/north/deep' ]);
for my $role (sort keys %cases)
{
	for my $case (@{ $cases{$role} })
	{
		my ($place, $found) = ref $case ? @$case : $case;
		my $name = 's' . ++$number;
		is(server($role, $name, $place), '', "$role names $place");
		if ($found) { is(inspects($role, $name), $found, 'and reads it'); }
		else { like(inspects($role, $name), qr/42501: permission denied for the place of server "$name".*mls_tenant\(\)/s, 'and does not read it'); }
	}
}
like(as('other', qq{CREATE SERVER scheme FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'FILE://$folder/srv/tenants/north'); SELECT * FROM mls_dataset_inspect('scheme')}), qr/permission denied for the place/, 'however it is written');
is(query(q{SELECT count(*) > 0 FROM mls_dataset_inspect('s1')}), 't', 'a superuser reads all');
# A server of one, used by another: it is the reader's rights that count.
query(q{GRANT USAGE ON FOREIGN SERVER s1 TO other});
like(inspects('other', (map { "s$_" } grep { query("SELECT srvowner::regrole = 'north'::regrole AND srvoptions::text ~ 'tenants/north}' FROM pg_foreign_server WHERE srvname = 's$_'") eq 't' } 1 .. $number)[0]), qr/42501/, 'a server that is lent opens nothing');
# Stores are places as well.
like(as('other', qq{CREATE SERVER store FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$folder/srv/tenants/north'); SELECT mls_store_list('store')}), qr/42501: permission denied for the place of server "store"/, 'nor may a store be there');
like(as('other', q{CREATE SERVER bucket FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 's3://south-bucket'); CREATE USER MAPPING FOR other SERVER bucket OPTIONS (access_key 'a', secret_key 'b'); SELECT mls_store_list('bucket')}),
	qr/42501: permission denied for the place of server "bucket"/, 'nor one that has a tenant\'s prefix in it');
# Tables and queries.
is(server('north', 'n', 'tenants/north', q{, files 'roster.csv, bad.csv, more_*.csv'}) . as('north', q{SET client_min_messages = warning; CREATE SCHEMA n; IMPORT FOREIGN SCHEMA files FROM SERVER n INTO n; SET mls_fdw.bronze_schema = bronze_north; SELECT 1}), 1, 'a dataset');
is(as('north', 'SELECT name FROM n.roster ORDER BY id'), "Ann\nBob", 'is queried live');
as('north', 'GRANT USAGE ON SCHEMA n TO other; GRANT SELECT ON n.roster TO other');
query('GRANT USAGE ON FOREIGN SERVER n TO other');
like(as('other', 'SELECT * FROM n.roster'), qr/42501: permission denied for the place of server "n"/, 'but not by whom the place is closed to');

# ---- Schemas of one's own, limits ----

query(q{ALTER ROLE north SET mls_fdw.bronze_schema = 'bronze_north'; ALTER ROLE north SET mls_fdw.silver_schema = 'silver_north'; ALTER ROLE north SET mls_fdw.gold_schema = 'gold_north'; ALTER ROLE north SET mls_fdw.reso_schema = 'reso_north'});
like(as('north', q{SELECT bronze, silver FROM mls_subscribe('n.roster')}), qr/bronze_north\.n_roster\|silver_north\.n_roster/, 'tables in schemas of its own');
is(as('north', q{SELECT status, inserted FROM mls_sync('n')}), 'finished|2', 'it is replicated');
is(as('north', q{SELECT files_today, bytes_today, rows_today FROM mls_tenants}), '1|20|2', 'and counted');
my $limits = sub { query("SELECT mls_tenant('north', '{file://$folder/srv/tenants/north}'@{[ map { ', ' . $_ } @_ ]})") };
sub state { return query(q{SELECT state || coalesce(' ' || error, '') FROM mls.file WHERE name = 'roster.csv'}); }
put('tenants/north/roster.csv', "Id,Name\n1,Ann\n2,Bob\n3,Eve\n");
$limits->('file_bytes => 25');
like(as('north', q{SELECT * FROM mls_sync('n')}), qr/1 file of resource "roster" of source "n" could not be read.*It has 26 bytes, and a file of tenant "north" may have 25 \(limit file_bytes\)/s, 'too long');
like(state(), qr/^failed file "roster\.csv" of source "n" is not taken: It has 26 bytes/, 'is a file that failed');
is(as('north', q{SELECT count(*) FROM silver_north.n_roster}), 2, 'nothing of it is here');
$limits->('file_rows => 2');
like(as('north', q{SELECT * FROM mls_sync('n')}), qr/It has 3 rows, and a file of tenant "north" may have 2 \(limit file_rows\)/, 'too many rows');
$limits->('files_per_day => 1');
like(as('north', q{SELECT * FROM mls_sync('n')}), qr/Tenant "north" may take 1 file a day \(limit files_per_day\), and has/, 'too many files');
$limits->('bytes_per_day => 45');
like(as('north', q{SELECT * FROM mls_sync('n')}), qr/With its 26 bytes tenant "north" would have taken 46 today, and may take 45 \(limit bytes_per_day\)/, 'too much');
$limits->('rows_per_day => 4');
like(as('north', q{SELECT * FROM mls_sync('n')}), qr/With its 3 rows tenant "north" would have taken 5 today, and may take 4 \(limit rows_per_day\)/, 'too many rows of a day');
is(as('north', q{SELECT files_today, bytes_today, rows_today FROM mls_tenants}), '1|20|2', 'what was refused is not counted');

# ---- Later and later ----

my @waits;
for my $failures (5 .. 6)
{
	my $minutes = 5 * 2 ** ($failures - 1);
	is(query(qq{SELECT failures, next_attempt_at - now() BETWEEN interval '1 minute' * $minutes * 0.85 AND interval '1 minute' * $minutes FROM mls.subscription WHERE source = 'n'}), "$failures|t", "after $failures failures it waits $minutes minutes") if $failures == 5;
	like(as('north', q{SELECT status, message FROM mls_sync(due => true)}), qr/^skipped\|next attempt at .*, after 5 failures/, 'and is not tried before') if $failures == 5;
}
query(q{UPDATE mls.subscription SET failures = 0, next_attempt_at = NULL WHERE source = 'n'});
for my $minutes (5, 10, 20, 40)
{
	as('north', q{SELECT * FROM mls_sync('n')});
	is(query(qq{SELECT next_attempt_at - now() BETWEEN interval '1 minute' * $minutes * 0.85 AND interval '1 minute' * $minutes FROM mls.subscription WHERE source = 'n'}), 't', "the next attempt is $minutes minutes away");
}
$limits->('rows_per_day => 5');
is(as('north', q{SELECT status, inserted, unchanged FROM mls_sync('n')}), 'finished|1|2', 'with room again it is taken');
is(as('north', q{SELECT rows_today FROM mls_tenants}), 5, 'to the last row');
utime $time + 5, $time + 5, "$folder/srv/tenants/north/roster.csv" or die;
is(as('north', q{SELECT status, inserted FROM mls_sync('n')}), 'finished|0', 'what is here is not counted again');
is(query(q{SELECT state, failures FROM mls.file WHERE name = 'roster.csv'}), 'synced|0', 'and has not failed');
query(q{UPDATE mls.tenant_day SET day = day - 1});
put('tenants/north/roster.csv', "Id,Name\n1,Ann\n2,Bob\n4,Ivy\n");
is(as('north', q{SELECT status, received FROM mls_sync('n')}), 'finished|3', 'the next day is another');
query(q{UPDATE mls.tenant_day SET day = day - 40 WHERE day < (now() AT TIME ZONE 'UTC')::date});
put('tenants/north/roster.csv', "Id,Name\n1,Ann\n2,Bob\n4,Eva\n");
$limits->();
as('north', q{SELECT * FROM mls_sync('n')});
is(query(q{SELECT count(*) FROM mls.tenant_day}), 1, 'days are forgotten');

# ---- Nothing of another ----

query(q{ALTER ROLE southmark SET mls_fdw.bronze_schema = 'bronze_southmark'; ALTER ROLE southmark SET mls_fdw.silver_schema = 'silver_southmark'; ALTER ROLE southmark SET mls_fdw.gold_schema = 'gold_southmark'; ALTER ROLE southmark SET mls_fdw.reso_schema = 'reso_southmark'});
server('southmark', 'southmark_server', 'tenants/southmark', q{, files 'southmark_leads=*.csv'});
as('southmark', q{CREATE SCHEMA southmark; IMPORT FOREIGN SCHEMA files FROM SERVER southmark_server INTO southmark; SELECT mls_subscribe('southmark.southmark_leads'); SELECT * FROM mls_sync()});
put('tenants/southmark/southmark_more.csv', qq{Id,Name\n2,"southmark_broken\n});
put('tenants/southmark/southmark_odd.csv', "Other\nsouthmark_value\n");
like(as('southmark', q{SELECT * FROM mls_sync()}), qr/southmark_more\.csv/, 'the other has files that fail');
query(q{SELECT mls_tenant('southmark', places, file_rows => 987654321) FROM mls.tenant WHERE role = 'southmark'::regrole});
is(query(q{SELECT count(*) FROM mls.file f JOIN mls.subscription s ON s.id = f.subscription WHERE s.source = 'southmark_server'}), 3, 'and is known');
query('CREATE ROLE an_audience');
as('southmark', q{CREATE SERVER southmark_inbox FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'upload:'); SELECT mls_upload('southmark_inbox', 'southmark_sent.csv', convert_to(E'Id,Name\n1,southmark_sent_person\n', 'UTF8'));
	IMPORT FOREIGN SCHEMA files FROM SERVER southmark_inbox INTO southmark; SELECT mls_subscribe('southmark.southmark_sent'); SELECT mls_serve_dataset('southmark.southmark_sent', 'an_audience'); SELECT mls_consumer_add('southmark_consumer', 'an_audience');
	SELECT * FROM mls_sync('southmark_inbox')});
is(query(q{SELECT count(*) FROM mls.upload WHERE name ~ 'southmark'}), 1, 'with what was sent');
cmp_ok(query(q{SELECT count(*) FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription WHERE s.source = 'southmark_server'}), '>', 0, 'with issues');

# All that the extension shows, read by its neighbour: each view and table of it, each function that
# can be called without knowing anything, and what is said to wrong names.
my @relations = split /\n/, query(q{
	SELECT c.oid::regclass FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
	 WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'e' AND c.relkind IN ('r', 'v')
	   AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'mls_fdw') ORDER BY 1});
my @functions = split /\n/, query(q{
	SELECT p.oid::regproc FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
	 WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e' AND p.pronargs = p.pronargdefaults AND p.prorettype <> 'trigger'::regtype AND p.prokind = 'f'
	   AND NOT EXISTS (SELECT FROM pg_foreign_data_wrapper w WHERE w.fdwhandler = p.oid)
	   AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'mls_fdw') ORDER BY 1});
cmp_ok(scalar @relations, '>', 80, 'there are views and tables');
cmp_ok(scalar @functions, '>', 20, 'and functions');
my @asked = ((map { "SELECT * FROM $_" } @relations), (map { "SELECT * FROM $_()" } @functions),
	map({ my $name = $_; map { "SELECT * FROM $_" } "mls_sync('$name')", "mls_purge('$name')", "mls_reconcile('$name')", "mls_count('$name')", "mls_verify('$name')", "mls_quota('$name')", "mls_check('$name')", "mls_schema_check('$name')", "mls_find('$name')",
		"mls_dataset_inspect('$name')", "mls.find_subscriptions('$name')", "mls.missing_subscription_hint('$name', 'x')", "mls_schedule('$name', sync => '* * * * *')", "mls_feed_sync('$name')", "mls_publish_sync('$name')", "mls_tenant_remove('$name')" } qw(nothing south)));
my @told;
like(query('SELECT m FROM mls_metrics() m'), qr/southmark_leads/, 'who sees all is told');
for my $role (qw(north other helper))
{
	my (undef, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSET client_min_messages = debug1;\n" . join('', map { "\\echo == $_\n\\warn == $_\n$asked[$_];\n" } 0 .. $#asked), on_error_stop => 0, extra_params => [ '-U', $role ]);
	my $question = '';
	for my $line (split /\n/, "$out\n$err")
	{
		if ($line =~ /^== (\d+)/) { $question = $asked[$1]; next; }
		# What it has written into servers of its own it knows.
		next if $line =~ /^SELECT mls\.configure\('server', '\w+', '\{"owner": "(?:$role|@{[ $role eq 'helper' ? 'north' : $role ]})"/;
		push @told, "$role: $question: $line" if $line =~ /southmark|south-bucket|987654321/;
	}
	is(scalar(() = $out =~ /^== /mg), scalar @asked, "$role has asked all of it");
}
# That there is a role is PostgreSQL's to tell.
is(join("\n", @told), '', 'nothing of what is another\'s is told');
my $listener = $node->background_psql('postgres', extra_params => [ '-U', 'north' ]);
$listener->query_safe('LISTEN mls');
put('tenants/southmark/southmark_odd.csv', "Id,Name\n7,x\n");
as('southmark', q{SELECT * FROM mls_sync()});
unlike($listener->query_safe('SELECT 1') . $listener->query_safe('SELECT 2'), qr/southmark|Asynchronous/, 'nor to who listens');
$listener->quit;
is(query(q{SELECT mls_tenant_remove('southmark'); SELECT count(*) FROM mls.tenant}), "\n1", 'a tenant is removed');
server('other', 'once_closed', 'tenants/southmark');
like(inspects('other', 'once_closed'), qr/southmark_leads/, 'and its place open as before');
query('DROP OWNED BY southmark CASCADE');
$node->stop;
done_testing();
