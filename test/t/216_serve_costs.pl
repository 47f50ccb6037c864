# What requests of mls_serve cost, counted and not timed: a page far behind reads what the first
# one does, who guesses is refused after the same work whatever he guesses, and one consumer
# who waits for much leaves threads and places to others.
use strict;
use warnings;

use IO::Socket::INET;
use JSON::PP;
use MIME::Base64 qw(encode_base64url decode_base64url);
use MlsServe;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

need_serve();
my $node = new_node('serve_costs', log_statement => 'none');
my $mls = start_mls(listings => 20);
create_source($node, $mls, 'east', schema_check_interval => 0);
my $tmp = $PostgreSQL::Test::Utils::tmp_check;

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

query(q{SELECT mls_subscribe(t::regclass) FROM unnest('{east.property,east.member}'::text[]) t});
is(query(q{SELECT count(*) FROM mls_sync() WHERE status <> 'finished'}), 0, 'synced');
query(q{
	TRUNCATE gold.property;
	INSERT INTO gold.property ("ListingKey", "ListPrice", "City", "ModificationTimestamp", "InternetEntireListingDisplayYN", mls_source, mls_origin, mls_source_key)
	SELECT 'K' || lpad(n::text, 6, '0'), CASE WHEN n % 5 > 0 THEN n * 7919 % 100000 END, 'Town ' || n % 7, timestamptz '2024-01-01Z' + n / 3 * interval '1 minute', true, CASE WHEN n % 10 = 0 THEN 'west' ELSE 'east' END, 'Property', n
	  FROM generate_series(1, 8000) n;
	CREATE INDEX ON gold.property ("ListPrice" mls.numeric_ops, "ListingKey");
	CREATE INDEX ON gold.property ("ModificationTimestamp", "ListingKey");
	CREATE ROLE idx; CREATE ROLE authenticator LOGIN NOINHERIT;
	SELECT mls_protect('idx', 'idx', r, sources => '{east}') FROM unnest('{Property,Member}'::text[]) r;
	SELECT mls_serve_grant('authenticator')});
$node->safe_psql('postgres', 'VACUUM ANALYZE gold.property');
append_to_file("$tmp/keys", 'k1 ' . 'k' x 40 . "\n");
chmod 0600, "$tmp/keys";
my %flags = (jwt_secret_file => "$tmp/keys", anonymous => 'idx', anonymous_rate => 100_000, trusted_proxies => '127.0.0.1', threads => 4, timeout => 60_000, admin => '127.0.0.1:0');
my $serve = start_serve($node, %flags);

# ---- page 1,000 (what it reads, as PostgreSQL counts it) ----

# Pages of the database and rows that the statement of an address takes, as its role.
sub reads
{
	my ($address) = @_;
	my $database = 'host=' . $node->host . ' port=' . $node->port . ' dbname=postgres user=authenticator';
	my ($line, $err) = run_command([ "$ENV{MLS_BIN}/mls_serve", '--database', $database, '--role', 'idx', '--page-size', '5', '--sql', $address ]);
	die "$address: $line $err" unless $line =~ /^\{/;
	my $plan = decode_json($line)->{rows};
	my $params = join ', ', map { (my $p = $_) =~ s/'/''/g; "'$p'" } @{ $plan->{params} };
	my $out = query("SET plan_cache_mode = force_generic_plan; SET ROLE idx; PREPARE q AS $plan->{sql}; EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT JSON) EXECUTE q" . ($params ne '' ? "($params)" : ''));
	my $top = decode_json($out)->[0]{Plan};
	my $rows = 0;
	my @nodes = ($top);
	while (my $one = shift @nodes)
	{
		push @nodes, @{ $one->{Plans} || [] };
		$rows += $one->{'Actual Loops'} * ($one->{'Actual Rows'} + ($one->{'Rows Removed by Filter'} || 0)) if $one->{'Node Type'} =~ /Scan/ && $one->{'Relation Name'};
	}
	return { pages => $top->{'Shared Hit Blocks'} + $top->{'Shared Read Blocks'}, rows => $rows };
}

# A token of a page says how long pages are: the same place in pages of five.
sub of_five
{
	my ($token) = @_;
	my @field = split /;/, decode_base64url($token) =~ s/;[0-9a-f]{16}\z//r;
	$field[4] = 5;
	my $text = join ';', @field;
	use integer;
	my $hash = -3750763034362895579;    # 14695981039346656037
	$hash = ($hash ^ $_) * 1099511628211 for unpack('C*', $text), 0;
	return encode_base64url(sprintf '%s;%016x', $text, $hash);
}

for my $order ('', 'ListPrice', 'ListPrice desc', 'ModificationTimestamp', 'ModificationTimestamp desc')
{
	my $options = '$select=ListingKey' . ($order ? '&$orderby=' . $order : '');
	my $target = '/Property?' . $options =~ s/ /%20/gr;
	for (1 .. 5)
	{
		my $answer = $serve->get($target, headers => { Prefer => 'odata.maxpagesize=1000' });
		is(scalar @{ $answer->{json}{value} }, 1000, 'a thousand records') or diag($answer->{body});
		$target = $answer->{json}{'@odata.nextLink'} =~ s{^\Q$serve->{root}\E}{/}r;
	}
	my ($token) = $target =~ /skiptoken=([^&]+)/;
	my $first = reads("Property?$options");
	my $far = reads("Property?$options&\$skiptoken=" . of_five($token));
	my $skipped = reads("Property?$options&\$skip=5000");
	my $what = $order || 'no order';
	note("$what: $first->{rows} rows, $first->{pages} pages; page 1,000: $far->{rows} rows, $far->{pages} pages; skipped: $skipped->{rows} rows, $skipped->{pages} pages");
	cmp_ok($far->{rows}, '<=', 1.5 * $first->{rows} + 5, "page 1,000 reads as many rows as the first: $what");
	cmp_ok($far->{pages}, '<=', 1.5 * $first->{pages} + 5, 'and as many pages of the database');
	cmp_ok($skipped->{rows}, '>', 5000, 'to skip is to read');
}

# ---- who guesses ----

my %of = map { my ($name, $more) = @$_; my ($id, $secret) = split /\|/, query("SELECT client_id, secret FROM mls_consumer_add('$name', 'idx')"); query($more) if $more; $name => { id => $id, secret => $secret } }
  [ 'one secret', '' ], [ 'two secrets', q{SELECT mls_consumer_rotate('two secrets', keep => '1 day')} ], [ 'an old secret', q{SELECT mls_consumer_rotate('an old secret', keep => '0')} ], [ 'locked out', q{SELECT mls_consumer_alter('locked out', active => false)} ];
my $unknown = { id => 'nobody-at-all-there-is', secret => 'x' };

# The functions that a login calls, and how often each.
sub work_of
{
	my ($id, $secret) = @_;
	return query("BEGIN; SET LOCAL track_functions = 'all'; SELECT count(*) FROM mls.serve_login('authenticator'::regrole, '$id', '$secret');"
		  . q{SELECT string_agg(format('%s %s', funcname, calls), ', ' ORDER BY funcname) FROM pg_stat_xact_user_functions; COMMIT});
}

my $expected = work_of($unknown->{id}, 'a guess');
like($expected, qr/^0\n.*secret_matches 2/, 'who is unknown is checked against two secrets');
is(work_of($of{$_}{id}, 'a guess'), $expected, "as is who has $_") for sort keys %of;
is(work_of($of{'locked out'}{id}, $of{'locked out'}{secret}), $expected, 'and who is locked out, with his secret');
is(work_of($of{'an old secret'}{id}, $of{'an old secret'}{secret}), $expected, 'and one with a secret that ended');
is(work_of($of{'one secret'}{id}, $of{'one secret'}{secret}), $expected =~ s/^0/1/r, 'even who has the right one');
is(work_of($of{'two secrets'}{id}, $of{'two secrets'}{secret}), $expected =~ s/^0/1/r, 'or one of two');

query(q{ALTER ROLE authenticator SET log_statement = 'all'});
$serve->stop;
$serve = start_serve($node, %flags);

# What a token that is asked for makes the program say to the database, and how it is answered.
sub asked_for
{
	my ($id, $secret) = @_;
	my $offset = -s $node->logfile;
	my $answer = $serve->get('/oauth/token', form => { grant_type => 'client_credentials', client_id => $id, client_secret => $secret }, headers => { 'X-Forwarded-For' => '10.9.' . int(rand 256) . '.' . int(rand 256) });
	my @said = slurp_file($node->logfile, $offset) =~ /\] mls_serve LOG:  execute \w+: (.*)/g;
	my %headers = %{ $answer->{headers} };
	delete $headers{date};
	return join "\n", "$answer->{status} $answer->{body}", (map { "$_: $headers{$_}" } sort keys %headers), @said;
}

asked_for($unknown->{id}, 'first');
$expected = asked_for($unknown->{id}, 'a guess');
like($expected, qr/^401 .*invalid_client/, 'who is unknown is refused');
is(scalar(() = $expected =~ /mls\.serve_login/g), 1, 'after one question to the database');
is(asked_for($of{$_}{id}, 'a guess'), $expected, "in the same words, after the same statements, as who has $_") for sort keys %of;
query(q{ALTER ROLE authenticator RESET log_statement});
$serve->stop;
$serve = start_serve($node, %flags);

# ---- one who waits for much ----

sub from
{
	my ($address) = @_;
	return (headers => { 'X-Forwarded-For' => $address });
}

# Asks for listings as somebody, and does not wait for the answer.
sub ask_from
{
	my ($who) = @_;
	my ($root) = $serve->{url} =~ m{^http://[^/]+(.*)};
	my $socket = IO::Socket::INET->new(PeerAddr => $serve->{place}) || die "no connection: $!";
	syswrite $socket, "GET $root/Property?\$top=1 HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 10.0.0.$who\r\nConnection: close\r\n\r\n";
	return $socket;
}

my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK TABLE gold.property IN ACCESS EXCLUSIVE MODE');
# Who come at once find as many places as the connections have not taken anybody from yet.
sub asked_first
{
	my (@who) = @_;
	my @sockets = map { ask_from($_) } @who;
	wait_until('the first are with the database', sub {
		query(q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'authenticator' AND wait_event_type = 'Lock'}) == @who });
	return @sockets;
}
my @waiting = (asked_first(1, 1), map { ask_from(1) } 1 .. 28);
wait_until('some are told to come again', sub { ($serve->metric('refused_busy_total') // 0) >= 12 });
is($serve->metric('refused_busy_total'), 12, 'one who wants all has two connections and all places');
is($serve->metric('requests_queued'), 16, 'as long as nobody else is there');
is(query(q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'authenticator' AND wait_event_type = 'Lock'}), 2, 'of four connections he has two');
is(join(' ', map { $serve->get('/Member/$count', from("10.0.0.$_"))->{status} } 2 .. 21), join(' ', (200) x 20), 'others are answered, each of them');
is($serve->metric('requests_queued'), 15, 'for which one of his made room');
$locker->query_safe('COMMIT');
my @answers = map { my $socket = $_; local $/; scalar <$socket> } @waiting;
is(scalar(grep { /^HTTP\/1\.1 200 / } @answers), 17, 'those who waited have their answers');
is(scalar(grep { /^HTTP\/1\.1 503 / && /^Retry-After: \d/m && /"code":"Busy"/ } @answers), 13, 'the others a time to come again');

# ---- many who wait for much ----

$locker->query_safe('BEGIN; LOCK TABLE gold.property IN ACCESS EXCLUSIVE MODE');
my $before = $serve->metric('refused_busy_total');
@waiting = (asked_first(1, 1, 2, 2), map { ask_from($_) } (1) x 16, (2) x 16, (3) x 18);
my @from = ((1, 1, 2, 2), (1) x 16, (2) x 16, (3) x 18);
wait_until('most of them are told', sub { $serve->metric('refused_busy_total') - $before >= 34 });
is($serve->metric('refused_busy_total') - $before, 34, 'four connections and sixteen places, and no more');
$locker->query_safe('COMMIT');
my %answered;
for my $i (0 .. $#waiting)
{
	my $socket = $waiting[$i];
	local $/;
	$answered{ $from[$i] }++ if <$socket> =~ /^HTTP\/1\.1 200 /;
}
is(join(' ', map { ($answered{$_} // 0) >= 5 && $answered{$_} <= 8 ? 'some' : $answered{$_} } 1 .. 3), 'some some some', 'each has a share of them') or diag(join ' ', map { $answered{$_} // 0 } 1 .. 3);

is($serve->stop, 0, 'it ends as it should');
$mls->stop;
$node->stop;
done_testing();
