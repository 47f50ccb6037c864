# No secret shows anywhere: server log at DEBUG2, messages, EXPLAIN, activity, tables of ours.

use strict;
use warnings;

use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $mls = start_mls(listings => 40);
my $node = new_node('secrets', 'log_min_messages' => 'debug2', 'log_statement' => "'none'");
my %secrets = (
	'client secret' => 's3cret-demo-value',
	'token' => 'static-token-value',
	'password' => 'basic-pass-value',
	'api key' => 'header-key-value',
	'refused secret' => 'wrong-secret-value',
	'authorization header' => 'Authorization:',
	'bearer header' => 'Bearer ');
my $root = 'http://127.0.0.1:' . $mls->{port};
my $seen = '';

# Runs SQL, keeps everything a client sees.
sub run
{
	my ($sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	$seen .= $out . $err;
	return;
}

my %mappings = (
	oauth => "client_id 'demo', client_secret 's3cret-demo-value'",
	bearer => "token 'static-token-value'",
	basic => "username 'agent', password 'basic-pass-value'",
	keyed => "api_key 'header-key-value'",
	refused => "client_id 'demo', client_secret 'wrong-secret-value'");
for my $name (sort keys %mappings)
{
	my $extra = $name eq 'keyed' ? ", auth 'header', header_name 'X-Api-Key'" : '';
	$node->safe_psql('postgres', qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw
		  OPTIONS (protocol 'reso', url '$root/odata', token_url '$root/oauth/token', retries '0' $extra);
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS ($mappings{$name});
		CREATE SCHEMA $name});
	run("SELECT * FROM mls_check('$name')");
	run("IMPORT FOREIGN SCHEMA reso LIMIT TO (office, member) FROM SERVER $name INTO $name");
	run("EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM $name.office");
	next if $name eq 'refused';
	is($node->safe_psql('postgres', "SELECT count(*) > 0 FROM $name.office"), 't', "$name: logs in");
	for my $fault ({ kind => 'status', status => 500 }, { kind => 'status', status => 401, times => 2 },
		{ kind => 'truncate' }, { kind => 'html200' }, { kind => 'close' })
	{
		$mls->fault(%$fault, match => 'Office');
		run("SELECT * FROM $name.office");
		$mls->reset;
	}
	run("SELECT mls_subscribe('$name.office')");
	run("SELECT * FROM mls_sync('$name')");
}
run(q{SELECT * FROM pg_stat_activity});
run(q{SELECT * FROM mls_status});
run(q{SELECT * FROM mls_status_detail});
run(q{SELECT query_to_xml(format('SELECT * FROM %s', c.oid::regclass), true, false, '')
	FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
	WHERE relkind = 'r' AND nspname IN ('mls', 'bronze', 'silver', 'gold')});
$node->stop;

like($seen, qr/credentials/, 'refused credentials were met');
my $log = slurp_file($node->logfile);
# The log level must be at work, or its silence proves nothing.
like($log, qr/DEBUG:/, 'the log is at debug level');
for my $name (sort keys %secrets)
{
	ok(index($seen, $secrets{$name}) < 0, "no $name in what clients see")
	  or diag(substr($seen, index($seen, $secrets{$name}) - 200, 300));
	ok(index($log, $secrets{$name}) < 0, "no $name in the server log")
	  or diag(substr($log, index($log, $secrets{$name}) - 200, 300));
}
$mls->stop;
done_testing();
