# Two roles share gold, and row security hides the one's rows from the other: a key that
# a hidden row has is told like any that somebody else has, and the rest of the page goes on.

use strict;
use warnings;

use JSON::PP ();
use MlsTest;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 30, fields => 'small');
my @keys = sort @{ JSON::PP::decode_json($mls->get('keys?resource=Property')) };

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

sub as
{
	my ($role, $sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSET ROLE $role; $sql", on_error_stop => 1);
	return "$out$err";
}

sub source
{
	my ($role, $name, $filter) = @_;
	$filter = $filter ? ", filter '$filter'" : '';
	query(qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '} . $mls->url . qq{', schema_policy 'ignore');
		GRANT USAGE ON FOREIGN SERVER $name TO $role;
		CREATE USER MAPPING FOR $role SERVER $name OPTIONS (token 'static-token-value');
		CREATE SCHEMA $name AUTHORIZATION $role});
	is(as($role, qq{SET client_min_messages = error; CREATE FOREIGN TABLE $name.property (
		listing_key text OPTIONS (field 'ListingKey'), city text OPTIONS (field 'City'),
		modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp'))
		SERVER $name OPTIONS (resource 'Property', key 'ListingKey', timestamp 'ModificationTimestamp'$filter);
		SELECT id > 0 FROM mls_subscribe('$name.property')}), 't', "$role subscribes $name");
	return;
}

sub shares
{
	return query(q{SELECT string_agg(mls_source || ' ' || n, ', ' ORDER BY mls_source)
		FROM (SELECT mls_source, count(*) AS n FROM gold.property GROUP BY 1) g});
}

query(q{CREATE ROLE alice; CREATE ROLE bob; SELECT mls_grant('alice'), mls_grant('bob')});
source('alice', 'east', "ListingKey le ''$keys[9]''");
is(as('alice', q{SELECT status, inserted FROM mls_sync()}), 'finished|10', 'the first role has ten of the listings');
as('alice', q{GRANT SELECT, INSERT, UPDATE, DELETE ON gold.property TO bob;
	ALTER TABLE gold.property ENABLE ROW LEVEL SECURITY;
	CREATE POLICY own ON gold.property USING (mls_source IN (SELECT s.source FROM mls.subscription s))});
source('bob', 'west');
is(as('bob', q{SELECT count(*) FROM gold.property}), '0', 'the second role sees none of them');
is(as('bob', q{SELECT status, inserted, message FROM mls_sync()}), 'finished|30|', 'its sync ends well');
is(shares(), 'east 10, west 20', 'what the first has stays, and the rest is there');
is(query(q{SELECT count(*), min(reason) FROM mls.issue WHERE solved_at IS NULL AND kind = 'conflict'}),
	'10|gold has this key from a source of another role', 'each of the others is told');
is(query(q{SELECT severity, "check" FROM mls_verify('west', 0) WHERE severity <> 'info'}), '', 'they are not missing');

# The next page meets them again, alone and among others
$mls->control('update', { resource => 'Property', keys => [ @keys[ 8 .. 11 ] ], fields => { City => 'Elsewhere' } });
is(as('bob', q{SELECT status, updated FROM mls_sync()}), 'finished|4', 'changed records');
is(query(q{SELECT count(*) FROM gold.property WHERE "City" = 'Elsewhere'}), 2, 'are shown where they can be');
is(as('bob', q{SELECT mls_rebuild('west.property')}), '30', 'a rebuild');
is(shares(), 'east 10, west 20', 'makes the same');
is(as('bob', q{SELECT status FROM mls_sync(full => true)}), 'finished', 'and a full sync');

# A second source of the same role contests with the first, and neither gets what is hidden
source('bob', 'north', "ListingKey ge ''$keys[5]''");
query(q{ALTER SERVER north OPTIONS (ADD priority '1')});
is(as('bob', q{SELECT string_agg(status, ' ') FROM mls_sync()}), 'finished finished', 'two sources of the role');
is(shares(), 'east 10, north 20', 'decide about what is theirs');

# The first leaves
as('alice', q{SELECT mls_unsubscribe('east.property', drop_data => true)});
is(as('bob', q{SELECT string_agg(status, ' ') FROM mls_sync()}), 'finished finished', 'without it');
as('bob', q{SELECT mls_rebuild('west.property'), mls_rebuild('north.property')});
is(shares(), 'north 25, west 5', 'their keys are free');
is(query(q{SELECT count(*) FROM mls.issue WHERE solved_at IS NULL AND kind = 'conflict'}), 0, 'and nothing is told any more');

$_->stop for $node, $mls;
done_testing();
