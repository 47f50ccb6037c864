# Many records of one instant, and instants closer than a microsecond.
use strict;
use warnings;

use JSON::PP ();
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 2500, fields => 'small');

# All records carry one timestamp
$mls->control('tie', { resource => 'Property', timestamp => '2024-05-06T07:08:09Z' });
subscribe_property($node, $mls, 'tie');
is(sync_row($node, 'tie', 'status, received, inserted, requests'), 'finished|2500|2500|3',
	'2,500 records of one instant arrive in pages of 1,000');
is(differences($node, $mls, 'tie'), 0, 'all of them');
is(subscription($node, 'tie', 'cursor_timestamp, cursor_key'), '2024-05-06T07:08:09Z|LK00002499',
	'the cursor stands on the last of them');
is(sync_row($node, 'tie', 'received, unchanged, requests'), '2500|2500|3',
	'the overlap reads them again and writes nothing');

# More of the same instant appear later, with keys before and after
$mls->control('insert', { resource => 'Property', count => 30 });
$mls->control('tie', { resource => 'Property', timestamp => '2024-05-06T07:08:09Z' });
is(sync_row($node, 'tie', 'inserted'), '30', 'later ones of the same instant arrive as well');
is(differences($node, $mls, 'tie'), 0, 'none is missing');

# Seven digits: timestamptz cannot tell these apart, and rounds the first up
$mls->control('reset', { data => JSON::PP::true() });
subscribe_property($node, $mls, 'digits', overlap => '0', page_size => 60);
$mls->control('tie', { resource => 'Property', timestamp => '2024-05-06T07:08:09.1234560Z' });
my @all = sort @{ JSON::PP::decode_json($mls->get('keys?resource=Property')) };
for my $digit (reverse 0 .. 9)
{
	my @keys = splice @all, 0, 7;
	$mls->control('tie', { resource => 'Property', keys => \@keys,
		timestamp => "2024-05-06T07:08:09.123456${digit}Z" });
}
is(sync_row($node, 'digits', 'status, received, inserted'), 'finished|2500|2500',
	'records a tenth of a microsecond apart arrive');
is(differences($node, $mls, 'digits'), 0, 'all of them');
is(subscription($node, 'digits', 'cursor_timestamp'), '2024-05-06T07:08:09.1234569Z',
	'the cursor keeps all seven digits');
$mls->control('tie', { resource => 'Property', keys => [$all[-1]],
	timestamp => '2024-05-06T07:08:09.1234570Z' });
$mls->control('set', { resource => 'Property', keys => [$all[-1]], fields => { City => 'Later' } });
is(sync_row($node, 'digits', 'updated'), '1', 'a change a tenth of a microsecond later is not skipped');
is(differences($node, $mls, 'digits'), 0, 'and is there');

# Records that change while they are read move to the end and are met again
$mls->control('reset', { data => JSON::PP::true() });
subscribe_property($node, $mls, 'moving', page_size => 100);
$mls->fault(kind => 'moving', record => 5, times => 10);
is(sync_row($node, 'moving', 'status'), 'finished', 'records may move while they are read');
is(differences($node, $mls, 'moving'), 0, 'none is lost by that');

# A record stamped in the far future must not carry the cursor away
$mls->control('tie', { resource => 'Property', keys => [$all[77]], timestamp => '2999-01-01T00:00:00Z' });
is(sync_row($node, 'moving', 'status, updated'), 'finished|1', 'a record from the future arrives');
$mls->control('update', { resource => 'Property', keys => [$all[78]], fields => { City => 'Now' } });
is(sync_row($node, 'moving', 'status, updated'), 'finished|1', 'and does not hide later changes');
is(differences($node, $mls, 'moving'), 0, 'the copy is true');

$node->stop;
done_testing();
