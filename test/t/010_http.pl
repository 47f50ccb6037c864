# The transport: connections kept, logins, retries, the quota over all processes, and where
# the server may connect to.

use strict;
use warnings;

use IPC::Run ();
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

my $mls = start_mls(listings => 40, fields => 'small');
my $node = new_node('http', 'mls_fdw.allowed_hosts' => "'127.0.0.1, localhost'");
create_source($node, $mls, 'demo', tables => 'office', retries => 3, page_size => 1000);
my $scan = 'SELECT count(office_name) >= 0 FROM demo.office';

# Requests for records since the last reset.
sub pages
{
	return grep { $_->{path} =~ m{/odata/Office} } $mls->requests;
}

sub server_option
{
	my ($options) = @_;
	$node->safe_psql('postgres', "ALTER SERVER demo OPTIONS ($options)");
	return;
}

# Connections.
$mls->reset;
$node->safe_psql('postgres', "$scan; BEGIN; $scan; ROLLBACK; $scan;");
my %connections = map { $_->{connection} => 1 } pages();
is(scalar(keys %connections), 1, 'statements and transactions of a session share a connection');
my ($first) = pages();
like($first->{headers}{'Accept-Encoding'}, qr/gzip/, 'compression is asked for');

# Retries.
$mls->reset;
$mls->fault(kind => 'status', status => 500, times => 2, match => 'Office');
is($node->safe_psql('postgres', $scan), 't', 'a source that fails twice is asked a third time');
is(scalar(pages()), 3, 'and not more often');

sub http_date
{
	my @at = gmtime(shift);
	return sprintf '%s, %02d %s %d %02d:%02d:%02d GMT', (qw(Sun Mon Tue Wed Thu Fri Sat))[$at[6]], $at[3],
		(qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec))[$at[4]], $at[5] + 1900, @at[2, 1, 0];
}
for my $form ('seconds', 'date')
{
	my $until = time + 2;
	my $after = $form eq 'date' ? http_date($until) : 1;
	$mls->reset;
	$mls->fault(kind => 'status', status => 429, match => 'Office', headers => { 'Retry-After' => $after });
	is($node->safe_psql('postgres', $scan), 't', "Retry-After in $form is waited for");
	my @pages = pages();
	if ($form eq 'date') { cmp_ok(time, '>=', $until, 'at least so long') }
	else { cmp_ok($pages[1]{time} - $pages[0]{time}, '>=', 0.9, 'at least so long') }
}

$mls->reset;
$mls->fault(kind => 'status', status => 429, match => 'Office', headers => { 'Retry-After' => '3000' });
like(sql_error($node, $scan), qr/53400.*wants no requests.*50 min/s, 'a long Retry-After is an error that says when');
is(scalar(pages()), 1, 'and nothing is asked meanwhile');
like(sql_error($node, $scan), qr/53400.*wants no requests.*50 min/s, 'by another session neither');
$node->restart;
like(sql_error($node, $scan), qr/53400.*wants no requests/s, 'nor after a restart');
is(scalar(pages()), 1, 'not even once');
unlink glob($node->data_dir . '/mls_fdw/*.quota');

$mls->reset;
$mls->fault(kind => 'status', status => 503, times => -1, match => 'Office', headers => { 'Retry-After' => '100' });
my $from = Time::HiRes::time();
like(sql_error($node, "SET statement_timeout = 300; $scan"), qr/57014/, 'the wait between attempts is cancelled');
cmp_ok(Time::HiRes::time() - $from, '<', 5, 'at once');
unlink glob($node->data_dir . '/mls_fdw/*.quota');

# Silence.
server_option('SET retries \'0\', timeout_ms \'500\'');
$mls->reset;
$mls->fault(kind => 'stall', times => -1, match => 'Office');
like(sql_error($node, $scan), qr/HV00N.*timed out.*waiting for the answer \d+ ms/s, 'a silent source times out and the phases are told');
$mls->reset;
$mls->fault(kind => 'drip', bytes => 100, delay_ms => 50, match => 'Office');
is($node->safe_psql('postgres', $scan), 't', 'a slow one does not');
server_option('SET retries \'3\', SET timeout_ms \'60000\'');

# Logins.
$node->safe_psql('postgres', q{ALTER USER MAPPING FOR CURRENT_USER SERVER demo OPTIONS
	(DROP token, ADD client_id 'demo', ADD client_secret 's3cret-demo-value')});
server_option("auth 'oauth2', token_url '" . ($mls->url =~ s{/odata$}{/oauth/token}r) . "'");
sub logins
{
	return scalar(grep { $_->{path} =~ m{/oauth/token} } $mls->requests);
}
$mls->reset;
$node->safe_psql('postgres', "$scan; $scan;");
is(logins(), 1, 'one login serves a session');
$mls->reset;
$mls->fault(kind => 'token_expired', match => 'Office', skip => 1);
is($node->safe_psql('postgres', "$scan; $scan;"), "t\nt", 'an expired token is renewed');
is(logins(), 2, 'by one more login');
$mls->reset;
$mls->fault(kind => 'status', status => 401, times => -1, match => 'Office');
like(sql_error($node, $scan), qr/28000.*client_id and client_secret/s, 'a new token that is refused is an error');
is(logins(), 2, 'after one more login');
$mls->reset;
is($node->safe_psql('postgres', "$scan; ALTER USER MAPPING FOR CURRENT_USER SERVER demo OPTIONS (SET client_id 'demo '); ALTER USER MAPPING FOR CURRENT_USER SERVER demo OPTIONS (SET client_id 'demo'); $scan;"),
	"t\nt", 'a changed mapping is noticed');
$node->safe_psql('postgres', q{ALTER USER MAPPING FOR CURRENT_USER SERVER demo OPTIONS (SET client_secret 'wrong-secret-value')});
my $error = sql_error($node, $scan);
like($error, qr/28000.*token endpoint answered 401 \(invalid_client\)/s, 'refused credentials are told');
unlike($error, qr/wrong-secret/, 'without showing them');
$node->safe_psql('postgres', q{ALTER USER MAPPING FOR CURRENT_USER SERVER demo OPTIONS (DROP client_id, DROP client_secret, ADD token 'static-token-value')});
server_option("SET auth 'bearer', DROP token_url");

$node->safe_psql('postgres', 'CREATE ROLE stranger; GRANT USAGE ON SCHEMA demo TO stranger; GRANT SELECT ON demo.office TO stranger');
like(sql_error($node, "SET ROLE stranger; $scan"), qr/42704.*CREATE USER MAPPING FOR stranger/s, 'who has no user mapping is told so');
$node->safe_psql('postgres', q{CREATE SERVER bare FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '} . $mls->url . q{', retries '0');
	CREATE FOREIGN TABLE bare (office_key text OPTIONS (field 'OfficeKey')) SERVER bare OPTIONS (resource 'Office')});
like(sql_error($node, 'SELECT * FROM bare'), qr/28000.*use CREATE USER MAPPING/s, 'also where the kind of login is not known');

# A link to an allowed host is followed, but takes no credentials along.
$mls->reset;
server_option("SET page_size '1'");
(my $elsewhere = $mls->url) =~ s/127\.0\.0\.1/localhost/;
$mls->fault(kind => 'foreign_link', match => 'Office', to => "$elsewhere/Office");
like(sql_error($node, $scan), qr/28000.*answered 401/s, 'a link to an allowed host is followed');
my @pages = pages();
is_deeply([ map { $_->{auth} ne 'none' ? 'with' : 'without' } @pages ], ['with', 'without'], 'without credentials');
$mls->reset;
server_option("SET page_size '1000'");

# Where the server may connect to.
$error = sql_error($node, "SET mls_fdw.allowed_hosts = ''; $scan");
like($error, qr/42501.*plain http.*mls_fdw\.allowed_hosts/s, 'plain http needs a listed host');
(my $https = $mls->url) =~ s/^http/https/;
server_option("SET url '$https'");
like(sql_error($node, "SET mls_fdw.allowed_hosts = ''; $scan"), qr/42501.*127\.0\.0\.1 is not public/s, 'a loopback address is refused');
server_option("SET url 'https://[::ffff:127.0.0.1]:1/odata'");
like(sql_error($node, $scan), qr/42501.*not public/s, 'in its IPv6 spelling too');
server_option("SET url 'https://169.254.169.254/odata'");
like(sql_error($node, $scan), qr/42501.*not public/s, 'and so is a cloud\'s metadata');
server_option("SET url '" . $mls->url . "'");
like(sql_error($node, q{LOAD 'mls_fdw'; SET mls_fdw.allowed_hosts = 'http://x'}), qr/host, host:port/, 'the setting is checked');
my ($status, $out, $err) = $node->psql('postgres',
	q{CREATE ROLE reader; LOAD 'mls_fdw'; SET ROLE reader; SET mls_fdw.allowed_hosts = '10.0.0.1'});
like($err, qr/permission denied/, 'and for superusers only');
is($node->safe_psql('postgres', q{SET ROLE reader; SET mls_fdw.allowed_hosts = '10.0.0.1'; RESET ROLE; LOAD 'mls_fdw'; SHOW mls_fdw.allowed_hosts}),
	'127.0.0.1, localhost', 'also before the library is loaded');

# The quota, over processes.
server_option("requests_per_second '2'");
$mls->reset;
my @sessions = map {
	IPC::Run::start(['psql', '-XAtq', '-d', $node->connstr('postgres'), map { ('-c', $scan) } 1 .. 4],
		'>', '/dev/null', IPC::Run::timeout(60))
} 1 .. 2;
$_->finish for @sessions;
my @times = sort { $a <=> $b } map { $_->{time} } pages();
is(scalar(@times), 8, 'two sessions have asked');
my $worst = 0;
for my $i (0 .. $#times)
{
	my $within = grep { $_ >= $times[$i] && $_ < $times[$i] + 1 } @times;
	$worst = $within if $within > $worst;
}
cmp_ok($worst, '<=', 2, 'never more than two in any second');

server_option("DROP requests_per_second, requests_per_hour '12'");
$mls->reset;
$node->safe_psql('postgres', "BEGIN READ ONLY; $scan; $scan; COMMIT;");
$node->stop('immediate');
$node->start;
$node->psql('postgres', "$scan; $scan;");
$error = sql_error($node, "$scan; $scan;");
like($error, qr/53400.*12 requests per hour.*possible in/s, 'the hour\'s requests are counted through read-only transactions and a crash');
cmp_ok(scalar(pages()), '<=', 4, 'and not exceeded');

done_testing();
