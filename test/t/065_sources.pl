# What sources do: keys now numbers and now strings, clocks that are an hour off,
# tokens that end in the middle.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use POSIX 'strftime';
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('sources');
my $mls = start_mls(listings => 400, fields => 'small');

# A key is the same whether it comes as a number or as a string
subscribe_property($node, $mls, 'keys', page_size => 100);
$node->safe_psql('postgres', q{SELECT * FROM mls_sync('keys')});
for my $value (70012, '70012', 70012)
{
	$mls->control('clock', { advance => 3600 });
	$mls->control('touch', { resource => 'Property', key => 'LK00000005' });
	$mls->fault(kind => 'bad_value', resource => 'Property', field => 'ListingKey', value => $value, record => 0, times => 1);
	is(sync_row($node, 'keys', 'status'), 'finished', 'a record with a numeric key is stored');
	$mls->reset;
}
is($node->safe_psql('postgres', q{
	SELECT count(*), (SELECT count(*) FROM silver.keys_property WHERE listing_key = '70012'),
	       (SELECT count(*) FROM gold.property WHERE "ListingKey" = '70012')
	FROM bronze.keys_property WHERE key = '70012'}), '1|1|1', 'once, whether number or string');
$node->safe_psql('postgres', q{SELECT * FROM mls_purge('keys'); SELECT * FROM mls_reconcile('keys')});
is(differences($node, $mls, 'keys'), 0, 'and no other is taken for it');

# The same in a list of keys
$mls->fault(kind => 'bad_value', resource => 'Property', field => 'ListingKey', value => 70012, record => 3, times => 1);
is($node->safe_psql('postgres', q{SELECT status, deleted FROM mls_purge('keys', dry_run => true)}), 'finished|0',
	'a number in a list of keys removes nothing');
$mls->reset;

# A clock that is an hour off: ours against the source's, and the source's own two
for my $date ('logical', 'real')
{
	for my $hour (-1, 1)
	{
		my $name = "clock_$date" . ($hour < 0 ? '_behind' : '_ahead');
		my $server = start_mls(listings => 300, fields => 'small');
		$server->control('option', { date => $date });
		$server->control('clock', { now => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + 3600 * $hour)) });
		subscribe_property($node, $server, $name, page_size => 50, key_prefix => "$name-");
		$server->control('touch', { resource => 'Property', count => 120 });
		$node->safe_psql('postgres', "SELECT * FROM mls_sync('$name')");
		for my $round (1 .. 3)
		{
			$server->control('insert', { resource => 'Property', count => 3 });
			$server->control('update', { resource => 'Property', count => 60, fields => { City => "Round $round" } });
			# Some of it while we read.
			$server->fault(kind => 'moving', resource => 'Property', times => 2);
			$node->safe_psql('postgres', "SELECT * FROM mls_sync('$name')");
			$server->control('clear');
		}
		$node->safe_psql('postgres', "SELECT * FROM mls_sync('$name')");
		is(differences($node, $server, $name), 0, "$name: nothing is lost");
		is(sync_row($node, $name, 'inserted, updated'), '0|0', "$name: and the cursor is where it should be");
		$server->stop;
	}
}

# Tokens
my $token = $mls->url =~ s{/odata}{/oauth/token}r;
create_property($node, $mls, 'oauth', page_size => 50, token_url => $token, retries => 3, key_prefix => 'o-');
$node->safe_psql('postgres', q{
	DROP USER MAPPING FOR CURRENT_USER SERVER oauth;
	CREATE USER MAPPING FOR CURRENT_USER SERVER oauth OPTIONS (client_id 'demo', client_secret 's3cret-demo-value');
	SELECT mls_subscribe('oauth.property')});
my $logins = sub { scalar grep { $_->{path} =~ /token/ } $mls->requests };
$mls->reset;
$mls->fault(kind => 'token_expired', resource => 'Property', skip => 3, times => 1);
is(sync_row($node, 'oauth', 'status, received, inserted'), 'finished|400|400', 'a token that ends in the middle of a run');
is($logins->(), 2, 'is renewed');
is(differences($node, $mls, 'oauth'), 0, 'and nothing is lost');
$mls->reset;
$mls->fault(kind => 'status', status => 401, resource => 'Property', skip => 2, times => 1);
is($node->safe_psql('postgres', q{SELECT status FROM mls_sync('oauth', full => true)}), 'finished', 'a 401 that comes once');
is($logins->(), 2, 'is answered with a new login');
$mls->reset;
$mls->fault(kind => 'status', status => 401, resource => 'Property', times => -1);
like(sql_error($node, q{SELECT * FROM mls_sync('oauth')}), qr/28000/, 'a 401 that stays is an error');
is($logins->(), 2, 'after one new login');
$mls->reset;

# A destination that fails stops nobody else
is(sync_row($node, 'oauth', 'status'), 'finished', 'when it has passed, all is well');
$node->safe_psql('postgres', q{DROP TABLE silver.keys_property});
my ($status, $out) = $node->psql('postgres',
	q{SELECT source, status FROM mls_sync() WHERE source IN ('keys', 'oauth') ORDER BY 1});
is($out, "keys|failed\noauth|finished", 'a table that is gone stops its own subscription only');

$node->stop;
done_testing();
