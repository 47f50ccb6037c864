# The life of mls_serve: whom it refuses to run as, load and locks, a database that goes and
# comes, changes while it serves, a standby, its end.
use strict;
use warnings;

use IO::Socket::INET;
use MlsServe;
use MlsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

need_serve();
my $node = empty_node('serve_life');
$node->append_conf('postgresql.conf', "wal_level = replica\nmax_wal_senders = 4\nhot_standby = on\n");
$node->append_conf('pg_hba.conf', "local replication all trust\nhost replication all 127.0.0.1/32 trust\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION mls_fdw');
my $mls = start_mls(listings => 60);
create_source($node, $mls, 'east', schema_check_interval => 0);

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

query(q{SELECT mls_subscribe(t::regclass) FROM unnest('{east.property,east.member}'::text[]) t});
is(query(q{SELECT count(*) FROM mls_sync() WHERE status <> 'finished'}), 0, 'synced');
query(q{
	UPDATE gold.property SET "InternetEntireListingDisplayYN" = true;
	CREATE ROLE web_anon;
	CREATE ROLE authenticator LOGIN NOINHERIT;
	SELECT mls_audience('web_anon', 'Property', '{City,ListPrice}');
	SELECT mls_audience('web_anon', 'Member', '{MemberFullName}');
	SELECT mls_serve_grant('authenticator')});
my %anonymous = (anonymous => 'web_anon', anonymous_rate => 100_000);
my $tmp = $PostgreSQL::Test::Utils::tmp_check;

# ---- whom it refuses to run as, and with what ----

query(q{
	CREATE ROLE boss LOGIN SUPERUSER;
	CREATE ROLE byp LOGIN NOINHERIT BYPASSRLS;
	CREATE ROLE heir LOGIN INHERIT; GRANT web_anon TO heir;
	CREATE ROLE maker LOGIN NOINHERIT CREATEROLE;
	CREATE ROLE owner; CREATE ROLE near LOGIN NOINHERIT; GRANT owner TO near;
	CREATE DATABASE bare});
like(serve_fails($node, %anonymous, user => 'boss'), qr/role "boss" is a superuser/, 'it is no superuser');
like(serve_fails($node, %anonymous, user => 'byp'), qr/bypasses row security/, 'nor one who bypasses row security');
like(serve_fails($node, %anonymous, user => 'maker'), qr/may make roles/, 'nor one who makes roles');
like(serve_fails($node, %anonymous, user => 'heir'), qr/inherits the rights of "web_anon"/, 'nor one who has rights without asking');
query(q{ALTER TABLE gold.member OWNER TO owner});
like(serve_fails($node, %anonymous, user => 'near'), qr/may become the owner of gold\.member/, 'nor one who can become the owner of gold');
query(q{ALTER TABLE gold.member OWNER TO CURRENT_USER});
query(q{ALTER TABLE gold.member DISABLE ROW LEVEL SECURITY});
like(serve_fails($node, %anonymous), qr/table gold\.member has no row security/, 'nor where all rows are shown to everybody');
is(start_serve($node, %anonymous, open_tables => '')->stop, 0, 'unless that is meant');
query(q{ALTER TABLE gold.member ENABLE ROW LEVEL SECURITY});
like(serve_fails($node, %anonymous, dbname => 'bare'), qr/no extension mls_fdw/, 'where there is nothing to serve it says so');
like(serve_fails($node), qr/nobody could be served/, 'and if there is nobody to serve');
like(serve_fails($node, %anonymous, threads => 0), qr/threads is a number from 1/, 'settings have limits');
like(serve_fails($node, %anonymous, listen => 'nowhere'), qr/no address with a port/, 'addresses have ports');
like(serve_fails($node, %anonymous, public_url => 'ftp://x'), qr/no public URL/, 'and a public one is of the web');
append_to_file("$tmp/keys", "k1 0123456789abcdef0123456789abcdef\n");
chmod 0644, "$tmp/keys";
like(serve_fails($node, jwt_secret_file => "$tmp/keys"), qr/may be read or written by others/, 'keys are nobody else\'s business');
chmod 0600, "$tmp/keys";
append_to_file("$tmp/short", "k1 tooshort\n");
chmod 0600, "$tmp/short";
like(serve_fails($node, jwt_secret_file => "$tmp/short"), qr/line 1: a secret has 32/, 'and long enough');

# ---- it serves ----

my %flags = (%anonymous, threads => 4, timeout => 4000, admin => "$tmp/admin.sock", trusted_proxies => '127.0.0.1');
my $serve = start_serve($node, %flags);

sub admin
{
	my ($path) = @_;
	my ($out) = run_command([ 'curl', '-sS', '--unix-socket', "$tmp/admin.sock", "http://localhost$path" ]);
	return $out;
}

sub metric
{
	my ($name) = @_;
	return admin('/metrics') =~ /^mls_serve_\Q$name\E(?:\{[^}]*\})? (-?\d+)$/m ? $1 : undef;
}

# As somebody else asks.
sub from
{
	my ($address) = @_;
	return (headers => { 'X-Forwarded-For' => $address });
}

is($serve->get('/Property/$count')->{body}, '60', 'it serves');
is(admin('/live'), 'live', 'who runs it sees that it lives');
is(admin('/ready'), 'ready', 'and is ready');
is(metric('database_connections'), 4, 'with so many connections');
is($serve->get($_)->{status}, 404, "$_ is not for everybody") for '/metrics', '/live', '/ready';
wait_until('no connection is left in a transaction', sub { query(q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'authenticator' AND state LIKE 'idle in%'}) == 0 });

# ---- a lock, and what waits for it ----

my $locker = $node->background_psql('postgres');
sub lock_property
{
	$locker->query_safe('BEGIN; LOCK TABLE gold.property IN ACCESS EXCLUSIVE MODE');
	return;
}

lock_property();
my $late = $serve->get('/Property?$top=1');
is($late->{status}, 503, 'what takes too long is ended');
is($late->{json}{error}{code}, 'QueryTimeout', 'and told so');
like($late->{headers}{'retry-after'}, qr/^\d+$/, 'with a time to come again');
$locker->query_safe('COMMIT');
is($serve->get('/Property?$top=1')->{status}, 200, 'the connection serves on');
wait_until('clean', sub { query(q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'authenticator' AND state LIKE 'idle in%'}) == 0 });
is(metric('database_connections'), 4, 'and is the same');

lock_property();
my @waiting = map { $serve->begin('/Property?$top=1', from('10.0.0.1')) } 1 .. 5;
wait_until('two of them are in the database', sub { query(q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'authenticator' AND wait_event_type = 'Lock'}) == 2 });
wait_until('the others wait', sub { metric('requests_queued') == 3 });
is($serve->get('/Member/$count', from('10.0.0.2'))->{status}, 200, 'who asks for something else is answered meanwhile');
is($serve->get('/$metadata', from('10.0.0.1'))->{status}, 200, 'and what needs no database');
$locker->query_safe('COMMIT');
is(join(' ', map { $serve->finish($_)->{status} } @waiting), '200 200 200 200 200', 'the others when they can');

lock_property();
# All at once: thirty programs would take longer to start than the first of them may wait.
sub ask_at_once
{
	my ($who) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => $serve->{place}) || die "no connection: $!";
	syswrite $socket, "GET /Property?\$top=1 HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 10.0.1.$who\r\nConnection: close\r\n\r\n";
	return $socket;
}
@waiting = map { ask_at_once($_) } 1 .. 4;
wait_until('four of them are in the database', sub { query(q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'authenticator' AND wait_event_type = 'Lock'}) == 4 });
push @waiting, map { ask_at_once($_) } 5 .. 30;
wait_until('the queue is full', sub { metric('refused_busy_total') >= 10 });
$locker->query_safe('COMMIT');
my @answers = map { my $socket = $_; local $/; scalar <$socket> } @waiting;
is(scalar(grep { /^HTTP\/1\.1 200 / } @answers), 20, 'four run, sixteen wait');
is(scalar(grep { /^HTTP\/1\.1 503 / && /^Retry-After: \d/m && /"code":"Busy"/ } @answers), 10, 'the others are to come again');

# ---- connections that say nothing ----

{
	my ($host, $port) = split /:/, $serve->{place};
	my @idle = grep { defined } map { IO::Socket::INET->new(PeerHost => $host, PeerPort => $port) } 1 .. 300;
	is(scalar @idle, 300, 'three hundred connections');
	print { $idle[$_] } "GET /Property HTTP/1.1\r\nHost: x\r\nX-Slow: " for 0 .. 99;
	$_->flush for @idle;
	shutdown $idle[$_], 1 for 100 .. 199;
	is($serve->get('/Property?$top=1')->{status}, 200, 'that say little or nothing harm nobody');
}

# ---- what is served changes while it serves ----

{
	my @storms = map { $serve->storm('/Property?$top=3', 400, from("10.1.0.$_")) } 1 .. 2;
	query(q{SELECT mls_audience('web_anon', 'Property', '{City,ListPrice,PostalCode}')});
	wait_until('a new field is served', sub { $serve->get('/Property?$select=PostalCode&$top=1')->{status} == 200 });
	like($serve->get('/$metadata')->{body}, qr/"PostalCode"/, 'and told');
	query(q{SELECT mls_audience('web_anon', 'Property', '{City,ListPrice}')});
	$serve->signal('HUP');
	wait_until('one that is taken back is not', sub { $serve->get('/Property?$select=PostalCode&$top=1')->{status} == 400 });
	unlike($serve->get('/$metadata')->{body}, qr/"PostalCode"/, 'nor told');
	for (1 .. 5)
	{
		query(q{SELECT mls_audience('web_anon', 'Member', '{MemberFullName,MemberMlsId}'); SELECT mls_audience('web_anon', 'Member', '{MemberFullName}')});
	}
	query(q{SELECT mls_audience('web_anon', 'Member', '{MemberMlsId}')});
	wait_until('of many changes the last counts', sub { $serve->get('/Member?$select=MemberMlsId&$top=1')->{status} == 200 });
	for my $storm (@storms)
	{
		my ($status, $wrong) = $serve->storm_end($storm);
		is($wrong, '', 'nothing is told wrong');
		is(join(' ', map { "$_:$status->{$_}" } sort keys %$status), '200:400', 'and no request fails');
	}
}

# ---- the database goes and comes ----

{
	my @storms = map { $serve->storm('/Property?$top=3&$select=City', 3000, from("10.2.0.$_")) } 1 .. 3;
	wait_until('they are being answered', sub { $serve->storm_so_far($storms[0]) > 50 });
	$node->restart;
	wait_until('it is right again by itself', sub { $serve->get('/Property?$top=1')->{status} == 200 });
	is(admin('/ready'), 'ready', 'and says so');
	my $all = 0;
	for my $storm (@storms)
	{
		my ($status, $wrong) = $serve->storm_end($storm);
		is($wrong, '', 'each is answered, with a time to come again where it must be');
		is(join(' ', grep { !/^(?:200|503)$/ } keys %$status), '', 'by 200 or 503');
		$all += $status->{503} // 0;
	}
	cmp_ok($all, '>', 0, 'some were told to come again');
	my $row = $serve->get('/Property?$top=1')->{json}{value}[0];
	is(join(' ', sort keys %$row), 'City ListPrice ListingKey', 'and afterwards it is the right role that asks');
	$locker->quit;
	$node->stop('fast');
	wait_until('without a database it is not ready', sub { admin('/ready') eq 'not ready' });
	my $none = $serve->get('/Property?$top=1');
	is($none->{status}, 503, 'requests are refused at once');
	like($none->{headers}{'retry-after'}, qr/^\d+$/, 'with a time to come again');
	is($serve->get('/$metadata')->{status}, 200, 'what is known is told');
	$node->start;
	wait_until('it is right again', sub { $serve->get('/Property?$top=1')->{status} == 200 });
	query(q{SELECT mls_audience('web_anon', 'Property', '{City,ListPrice,PostalCode}')});
	wait_until('and hears of changes', sub { $serve->get('/Property?$select=PostalCode&$top=1')->{status} == 200 });
}

# ---- a standby ----

{
	$node->backup('serve');
	my $standby = PostgreSQL::Test::Cluster->new('serve_standby');
	$standby->init_from_backup($node, 'serve', has_streaming => 1);
	$standby->start;
	my $second = start_serve($standby, %anonymous);
	is($second->get('/Property/$count')->{body}, '60', 'a standby serves');
	query(q{SELECT mls_audience('web_anon', 'Property', '{City,ListPrice,PostalCode,BedroomsTotal}')});
	wait_until('and follows', sub { $second->get('/Property?$select=BedroomsTotal&$top=1')->{status} == 200 });
	is($second->stop, 0, 'and ends');
	$standby->stop;
}

# ---- what it writes down ----

unlike($serve->log_text, qr/PostalCode|10\.1\.0/, 'its log has no queries');

# ---- its end ----

$locker = $node->background_psql('postgres');
lock_property();
my $running = $serve->begin('/Property?$top=1');
wait_until('a request runs', sub { metric('requests_in_flight') == 1 });
$serve->signal('TERM');
wait_until('it ends', sub { admin('/ready') eq 'draining' });
my $refused = $serve->get('/Property?$top=1');
is($refused->{status}, 0, 'no connection is taken any more');
$locker->query_safe('COMMIT');
is($serve->finish($running)->{status}, 200, 'what runs is answered');
is($serve->stop, 0, 'and it is gone');
wait_until('with its connections', sub { query(q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'authenticator'}) == 0 });

$locker->quit;
$mls->stop;
$node->stop;
done_testing();
