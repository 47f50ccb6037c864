# The default of purge_limit: an ordinary day passes, a bad night does not, and health
# says what was refused and how to pass it.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 1200, fields => 'small');
subscribe_property($node, $mls, 'large', page_size => 500);
sync_row($node, 'large', 'status');
my @keys = @{ JSON::PP::decode_json($mls->get('keys?resource=Property')) };

sub purge
{
	my ($call, $columns) = @_;
	return $node->safe_psql('postgres', "SELECT $columns FROM mls_purge($call)");
}

# More than the number, less than the share
$mls->control('delete', { resource => 'Property', keys => [ @keys[ 0 .. 109 ] ] });
is(purge(q{'large'}, 'status, missing, deleted'), 'finished|110|110', '110 of 1,200 are an ordinary loss');

# More than both
$mls->control('delete', { resource => 'Property', keys => [ @keys[ 110 .. 309 ] ] });
like(sql_error($node, q{SELECT * FROM mls_purge('large')}),
	qr/200 of 1090 records \(18\.3 %\).*purge_limit \(10 % or 100\) allows 109/, '200 of 1,090 are not');
my $health = $node->safe_psql('postgres', q{SELECT level || ': ' || message FROM mls_health() WHERE item = 'failures'});
like($health, qr/^warning: large\.Property purge failed 1 time: .*too many records.*200 of 1090 records \(18\.3 %\)/s,
	'health has the numbers');
my ($call) = $health =~ /(mls_purge\('large', 'Property', force => true\))/;
ok($call, 'and the call that passes it');
is($node->safe_psql('postgres', "SELECT deleted FROM $call"), '200', 'which passes it');
is($node->safe_psql('postgres', q{SELECT level FROM mls_health() WHERE item = 'failures'}), 'ok', 'and ends the alarm');

# A few of a few: more than the share, less than the number
$mls->control('delete', { resource => 'Property', keys => [ @keys[ 310 .. 1049 ] ] });
is(purge(q{'large', force => true}, 'deleted'), '740', '150 are left');
$mls->control('delete', { resource => 'Property', keys => [ @keys[ 1050 .. 1149 ] ] });
is(purge(q{'large'}, 'missing, deleted'), '100|100', '100 of 150 go');

# The last ones: an empty list is refused, whatever the number
$mls->control('delete', { resource => 'Property' });
like(sql_error($node, q{SELECT * FROM mls_purge('large')}), qr/lists no record.*50 records are here\./s, 'all of 50 do not');
like($node->safe_psql('postgres', q{SELECT message FROM mls_health() WHERE item = 'failures'}),
	qr/50 records are here\..*call mls_purge\('large', 'Property', force => true\)/s, 'which health tells as well');

$node->stop;
done_testing();
