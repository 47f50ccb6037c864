# A source that flags removed records (MlgCanView = false) instead of dropping them.
use strict;
use warnings;

use JSON::PP ();
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 300);
$mls->control('set', { resource => 'Property', fields => { OriginatingSystemName => 'actris' } });
create_source($node, $mls, 'grid', platform => 'mlsgrid', originating_system => 'actris',
	tables => 'property');
$node->safe_psql('postgres', q{SELECT mls_subscribe('grid.property')});

my $counts = q{
	SELECT (SELECT count(*) FROM bronze.grid_property), (SELECT count(*) FROM bronze.grid_property WHERE deleted_at IS NOT NULL),
	       (SELECT count(*) FROM silver.grid_property), (SELECT count(*) FROM gold.property)};
is($node->safe_psql('postgres', q{SELECT status, inserted FROM mls_sync()}), 'finished|300', 'the first load');
is($node->safe_psql('postgres', $counts), '300|0|300|300', 'fills all layers');

$mls->control('delete', { resource => 'Property', count => 5, flag => JSON::PP::true() });
$node->safe_psql('postgres', q{SELECT * FROM mls_sync()});
is($node->safe_psql('postgres', $counts), '300|5|295|295',
	'flagged records are tombstones in bronze and gone from silver and gold');
is($node->safe_psql('postgres', q{SELECT deleted FROM mls_history ORDER BY run DESC LIMIT 1}), '5',
	'the history counts them');
$node->safe_psql('postgres', q{SELECT * FROM mls_sync()});
is($node->safe_psql('postgres', q{SELECT deleted FROM mls_history ORDER BY run DESC LIMIT 1}), '0',
	'they are not removed twice');

my $key = $node->safe_psql('postgres', q{
	SELECT key FROM bronze.grid_property WHERE deleted_at IS NOT NULL ORDER BY key LIMIT 1});
$mls->control('update', { resource => 'Property', key => $key,
	fields => { MlgCanView => JSON::PP::true() } });
$node->safe_psql('postgres', q{SELECT * FROM mls_sync()});
is($node->safe_psql('postgres', $counts), '300|4|296|296', 'one that comes back is back');
is($node->safe_psql('postgres', q{SELECT mls_rebuild('grid.property')}), '296', 'rebuilding leaves out the removed');
is($node->safe_psql('postgres', $counts), '300|4|296|296', 'and changes nothing else');

$node->stop;
done_testing();
