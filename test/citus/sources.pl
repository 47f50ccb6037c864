# Sources live on nodes: each node syncs its own into gold that all have in common, nobody
# syncs another's, and a source moves.
use strict;
use warnings;

use MlsCitus;
use MlsSync;
use MlsTest;
use Test::More;

my ($first, $second) = new_cluster('sources');
my $east = start_mls(listings => 120, fields => 'small', seed => 4);
my $west = start_mls(listings => 150, fields => 'small', seed => 5);
sub on { my ($node, $sql) = @_; return scalar $node->safe_psql('postgres', $sql) }

# A source as one node knows it; what is said there is said to no other.
sub create
{
	my ($node, $mls, $name) = @_;
	local $ENV{PGOPTIONS} = '-c citus.enable_ddl_propagation=off';
	create_property($node, $mls, $name, key_prefix => "$name:", page_size => 50);
	on($node, "CREATE SCHEMA IF NOT EXISTS bronze; CREATE SCHEMA IF NOT EXISTS silver");
	return on($node, "SELECT (mls_subscribe('$name.property')).gold");
}

is(create($first, $east, 'east'), 'gold.property', 'the first node subscribes');
is(distribute($first), 'gold.property|by "ListingKey"', 'gold is distributed');
is(on($first, q{SELECT status FROM mls_sync('east')}), 'finished', '... and loaded there');
is(create($second, $west, 'west'), 'gold.property', 'the second node subscribes another source, into the same gold');
is(on($second, q{SELECT status FROM mls_sync('west')}), 'finished', '... and loads it');
is(on($_, q{SELECT string_agg(mls_source || ' ' || count, ' ') FROM (SELECT mls_source, count(*) FROM gold.property GROUP BY 1 ORDER BY 1) x}),
	'east 120 west 150', 'each node reads all of both') for $first, $second;
is(on($_, 'SELECT string_agg(source || node, chr(32) ORDER BY source) FROM mls.source_node'), 'east0 west1', '... and knows where they live') for $first, $second;
is(on($first, q{SELECT mls.is_replicated('west', 'Property')}), 't', 'rows of another node are not nobody\'s');

# Two nodes, one source.
create($second, $east, 'east');
like(sql_error($second, q{SELECT mls_sync('east')}), qr/source "east" lives on node 0.*This is node 1.*SELECT mls_move_source\('east', 1\)/s, 'no other node syncs it');
like(sql_error($second, q{SELECT mls_move_source('east', 1)}), qr/source "east" lives on node 0\nHINT:  Move it there/, '... or takes it');
like(sql_error($first, q{SELECT mls_move_source('east', 7)}), qr/there is no active node 7/, 'nor does it go where nobody is');
like(sql_error($first, q{SELECT mls_move_source('north', 1)}), qr/source "north" lives on no node/, 'one that is nowhere does not go');
on($first, 'CREATE ROLE stranger LOGIN; SELECT mls_grant(\'stranger\')');
like(sql_error($first, q{SET ROLE stranger; SELECT mls_move_source('east', 1)}), qr/permission denied to move source "east"/, 'and nobody sends away what is not his');

# It moves, and is loaded there, while its rows stay in gold.
on($first, q{SELECT mls_move_source('east', 1)});
like(sql_error($first, q{SELECT mls_sync('east', full => true)}), qr/source "east" lives on node 1/, 'where it has left it is not synced any more');
like(sql_error($first, q{SELECT mls_rebuild('east.property')}), qr/source "east" lives on node 1/, '... nor made anew');
on($first, q{SELECT mls_unsubscribe('east.property', drop_data => true)});
is(on($second, q{SELECT count(*) FROM gold.property WHERE mls_source = 'east'}), '120', 'its rows stay when its tables go');
$east->control('delete', { resource => 'Property', keys => [ (split /\n/, on($second, q{SELECT mls_source_key FROM gold.property WHERE mls_source = 'east' AND mls_source_key ~ '^LK[0-9]+$' ORDER BY 1}))[0 .. 2] ] });
is(on($second, q{SELECT status || received FROM mls_sync('east')}), 'finished117', 'where it lives it is loaded');
is(on($first, q{SELECT count(*) FROM gold.property WHERE mls_source = 'east'}), '120', '... while gold is as it was');
is(on($second, q{SELECT status FROM mls_sync('east')}), 'finished', 'the next sync looks at what is left');
is(on($first, q{SELECT count(*) FROM gold.property WHERE mls_source = 'east'}), '117', '... and what had gone meanwhile goes from gold');
is(on($second, q{SELECT string_agg(concat_ws(' ', resource, message), chr(10)) FROM mls_verify('east', 3) WHERE severity = 'error'}), '', 'which is as it should be');

like(sql_error($first, 'SELECT mls_undistribute()'), qr/cannot bring gold back to one node: source "east" lives on another/, 'gold stays where its sources are');

$_->stop for $first, $second, $east, $west;
done_testing();
