# What belongs to a record goes with it: media and open houses stand in gold only beside
# a listing of their own source, and leave and return with it.

use strict;
use warnings;

use JSON::PP ();
use MlsTest;
use MlsTruth;
use Test::More;

my $node = new_node();
my %mls = (east => start_mls(listings => 30, seed => 3), west => start_mls(listings => 30, seed => 9));
my @resources = qw(property media open_house);

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

sub subscribe
{
	my ($name, @tables) = @_;
	query("SET client_min_messages = warning; " . join '; ', map { "SELECT mls_subscribe('$name.$_')" } @tables);
	return;
}

sub sync
{
	query("SELECT count(*) FROM mls_sync('$_')") for @_;
	return;
}

# Records beside a listing of another source, and those of a listing that are missing
sub strays
{
	return query(q{
		SELECT count(*) FROM (
		SELECT FROM gold.media m JOIN gold.property p ON p."ListingKey" = m."ResourceRecordKey"
		 WHERE m."ResourceName" = 'Property' AND m.mls_source <> p.mls_source
		UNION ALL SELECT FROM gold.open_house o JOIN gold.property p USING ("ListingKey") WHERE o.mls_source <> p.mls_source) x});
}

# Media of the listing in gold that its own source has, and gold has not
sub missing
{
	my ($name) = @_;
	return query(qq{
		SELECT count(*) FROM silver.${name}_media s JOIN gold.property p ON p."ListingKey" = s.resource_record_key AND p.mls_source = '$name'
		 WHERE s.resource_name = 'Property' AND NOT EXISTS (SELECT FROM gold.media g WHERE g."MediaKey" = s.media_key AND g.mls_source = '$name')});
}

sub is_lawful
{
	my ($when) = @_;
	is(strays(), 0, "nothing stands beside a listing of another source: $when");
	is(differences_from_nothing($node), '', "gold is what a rebuild makes: $when");
	return;
}

create_source($node, $mls{$_}, $_) for sort keys %mls;
subscribe('east', @resources);
subscribe('west', @resources);

# What belongs comes first, its listing later, of both
sync('west');
query(q{SELECT count(*) FROM mls_sync('east', 'OpenHouse'); SELECT count(*) FROM mls_sync('east', 'Media')});
sync('east');
my $common = query(q{SELECT count(*) FROM silver.east_property JOIN silver.west_property USING (listing_key)});
cmp_ok($common, '>', 5, 'the two have keys in common');
is(query(q{SELECT count(*) FROM gold.property p JOIN silver.west_property s ON s.listing_key = p."ListingKey" WHERE p.mls_source = 'west'}),
	query(q{SELECT count(*) FROM silver.west_property s WHERE NOT EXISTS (SELECT FROM silver.east_property e WHERE e.listing_key = s.listing_key)}),
	'the account that was subscribed first has them');
is(missing('east'), 0, 'with all media');
is_lawful('two sources');

# The listing goes: the other one comes back with what belongs to it
my ($key) = split /\n/, query(q{SELECT s.listing_key FROM silver.east_property s JOIN silver.west_property w USING (listing_key)
	WHERE EXISTS (SELECT FROM silver.west_media m WHERE m.resource_record_key = s.listing_key) ORDER BY 1 LIMIT 1});
$mls{east}->control('delete', { resource => 'Property', keys => [$key] });
query(q{SELECT count(*) FROM mls_purge('east', 'Property')});
is(query(qq{SELECT mls_source FROM gold.property WHERE "ListingKey" = '$key'}), 'west', 'a listing that is purged leaves its place');
is(query(qq{SELECT count(*) FROM gold.media WHERE "ResourceRecordKey" = '$key' AND "ResourceName" = 'Property' AND mls_source = 'east'}), 0, 'its media go');
is(missing('west'), 0, 'those of the next come');
is_lawful('a listing was purged');
query(q{SELECT mls_undo(max(run)) FROM mls_history WHERE process = 'purge'});
is(query(qq{SELECT mls_source FROM gold.property WHERE "ListingKey" = '$key'}), 'east', 'undone, it is back');
is(missing('east'), 0, 'with its media');
is_lawful('the purge was undone');

# Priority
query(q{ALTER SERVER west OPTIONS (ADD priority '1')});
sync('west');
is(query(q{SELECT count(*) FROM gold.property WHERE mls_source = 'west'}), query('SELECT count(*) FROM silver.west_property'), 'a priority gives the other all of its listings');
is(missing('west'), 0, 'and their media');
is_lawful('a priority was set');

# One leaves
query(q{SELECT mls_unsubscribe('west.property', drop_data => true)});
is(query(q{SELECT count(*) FROM gold.property WHERE mls_source = 'east'}), query('SELECT count(*) FROM silver.east_property'), 'a source without listings any more leaves them to the other');
is(missing('east'), 0, 'with their media');
is(differences_from_nothing($node), '', 'gold is what a rebuild makes: listings were unsubscribed');
subscribe('west', 'property');
sync('west');
is_lawful('listings were subscribed again');
query(q{SELECT mls_unsubscribe(foreign_table, drop_data => true) FROM mls.subscription WHERE source = 'west' ORDER BY id});
is(query(q{SELECT count(*) FROM gold.media WHERE mls_source = 'west'}), 0, 'a source that leaves takes all of its own');
is(query(q{SELECT count(*) FROM gold.media}), query('SELECT count(*) FROM silver.east_media'), 'and the other has all of its own in gold');
is_lawful('a source has left');

# A filter for listings only: media come from the other server of the account
$node->safe_psql('postgres', qq{
	CREATE SERVER part FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '@{[ $mls{east}->url ]}');
	CREATE USER MAPPING FOR CURRENT_USER SERVER part OPTIONS (token 'static-token-value');
	CREATE SCHEMA part;
	SET client_min_messages = warning;
	IMPORT FOREIGN SCHEMA reso LIMIT TO (property, media) FROM SERVER part INTO part});
subscribe('part', 'property');
query(q{ALTER SERVER part OPTIONS (ADD priority '3')});
sync('part');
is(query(q{SELECT count(*) FROM gold.property WHERE mls_source = 'part'}), query('SELECT count(*) FROM silver.part_property'), 'another server of the account has the listings');
is(query(q{SELECT count(*) FROM gold.media}), query('SELECT count(*) FROM silver.east_media'), 'and the media of the first stay beside them');
is(differences_from_nothing($node), '', 'gold is what a rebuild makes: listings and media of two servers');
subscribe('part', 'media');
query('SELECT count(*) FROM mls_sync()');
is(differences_from_nothing($node), '', 'gold is what a rebuild makes: the other server has media, too');
is(query(q{SELECT count(*) FROM gold.media m JOIN gold.property p ON p."ListingKey" = m."ResourceRecordKey" WHERE "ResourceName" = 'Property' AND m.mls_source <> 'part' AND p.mls_source = 'part'}),
	0, 'then they are the only ones beside its listings');

$_->stop for $node, values %mls;
done_testing();
