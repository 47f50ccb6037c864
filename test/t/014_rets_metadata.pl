# Metadata of RETS sources that give it in one format only, or not all of it.
use strict;
use warnings;

use JSON::PP ();
use MlsRets;
use MlsTest;
use Test::More;

my $mls = start_mls(listings => 40, fields => 'small');
my $node = new_node('rets_metadata');
my $no = JSON::PP::false();
create_rets($node, $mls, 'r', retries => 0, tables => 'property_all');

# The tables as imported, with all options.
sub imported
{
	$node->safe_psql('postgres', q{DROP SCHEMA IF EXISTS again CASCADE; CREATE SCHEMA again;
		SET client_min_messages = warning; IMPORT FOREIGN SCHEMA rets FROM SERVER r INTO again});
	return $node->safe_psql('postgres', q{SELECT attrelid::regclass::text, attname, format_type(atttypid, atttypmod), attfdwoptions
		FROM pg_attribute JOIN pg_foreign_table ON ftrelid = attrelid
		WHERE attnum > 0 AND attrelid::regclass::text LIKE 'again.%' ORDER BY 1, attnum});
}

# The formats asked for and how often.
sub formats
{
	my %count;
	$count{ ($_->{query} // $_->{target} // $_->{path}) =~ /Format=([A-Z-]+)/ ? $1 : '?' }++ for grep { $_->{path} =~ /getmetadata/ } $mls->requests;
	return join ' ', map { "$_:$count{$_}" } sort keys %count;
}

# ---- COMPACT refused ----

my $plain = imported();
like($plain, qr/again\.property_res\|l_list_price\|/, 'tables, imported from COMPACT');
for my $code (20506, 20513, 20514)
{
	$mls->reset;
	rets_option($mls, metadata_compact => $code);
	is(imported(), $plain, "COMPACT refused with $code: the same tables from STANDARD-XML");
	rets_option($mls, wildcard => $no);
	is(imported(), $plain, '... level by level');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM (SELECT l_listing_key, l_city FROM r.property_all OFFSET 0) s'), '40',
		'... and lookups for a query');
}
$mls->reset;
rets_option($mls, metadata_compact => 20514, wildcard => $no);
imported();
like(formats(), qr/^COMPACT:[12] STANDARD-XML:\d+$/, 'the format that came is asked for first from then on') or diag(formats());

# ---- a class that this login may not see ----

$mls->reset;
rets_option($mls, wildcard => $no);
$node->safe_psql('postgres', q{ALTER SERVER r OPTIONS (ADD schema_check_interval '0');
	ALTER SERVER r OPTIONS (SET schema_policy 'stop'); SELECT mls_subscribe('r.property_all')});
$node->safe_psql('postgres', q{SELECT * FROM mls_sync('r')});
rets_option($mls, metadata_denied => 'Property:ALL');
my (undef, undef, $said) = $node->psql('postgres', q{CREATE SCHEMA part; IMPORT FOREIGN SCHEMA rets FROM SERVER r INTO part});
like($said, qr/\A\S+ NOTICE:  source "r" does not let this login see the metadata of "Property:ALL"; it is left out\Z/, 'a forbidden class is named, and nothing else is said');
is($node->safe_psql('postgres', q{SELECT count(*) FILTER (WHERE relname = 'property_all') || ' ' || count(*) FILTER (WHERE relname = 'property_res')
	FROM pg_class WHERE relnamespace = 'part'::regnamespace}), '0 1', '... and the others are imported');
like($node->safe_psql('postgres', q{SELECT status || ' ' || coalesce(message, '') FROM mls_sync('r')}),
	qr/^finished the remote schema was not checked: this login may not see its metadata/, 'a sync does not take it for a table that is gone');
is($node->safe_psql('postgres', q{SELECT count(*) FROM mls.remote_resource WHERE removed_at IS NOT NULL}), '0', '... nor remembers it so');
my ($status, $rows, $warning) = $node->psql('postgres', q{SELECT * FROM mls_schema_check('r')});
is("$status $rows", '0 ', 'no difference');
like($warning, qr/WARNING:  could not check the schema of resource "Property:ALL"/, '... and it says why');
rets_option($mls, metadata_denied => 'Property');
is($node->safe_psql('postgres', q{SELECT count(*) FROM mls_schema_check('r')}), '0', 'a forbidden resource hides its classes');

done_testing();
