# Gold has indexes for the joins everybody makes: those the dictionary knows, made with the
# tables, for tables that are there already at the next mls_subscribe or mls_remap.
use strict;
use warnings;

use MlsTest;
use Test::More;

my $node = new_node('gold_indexes');
my $mls = start_mls(listings => 60);
create_source($node, $mls, 'east');

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

# The first columns of a table's indexes.
sub indexed
{
	my ($table) = @_;
	return query(qq{SELECT string_agg(a.attname, ' ' ORDER BY a.attname COLLATE "C") FROM pg_index i
		JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] WHERE i.indrelid = 'gold.$table'::regclass});
}

query(q{SELECT mls_subscribe(t::regclass) FROM unnest('{east.property,east.media,east.member,east.office,east.open_house}'::text[]) t});
is(query(q{SELECT count(*) FROM mls_sync() WHERE status <> 'finished'}), 0, 'synced');
is(indexed('media'), 'MediaKey ModificationTimestamp ResourceRecordKey mls_source', 'media by what they belong to');
is(indexed('open_house'), 'ListingKey ModificationTimestamp OpenHouseKey mls_source', 'open houses by listing');
like(indexed('property'), qr/\bListAgentKey ListOfficeKey ListingKey ModificationTimestamp mls_source$/, 'listings by member, office and time');
like(indexed('member'), qr/\bOfficeKey\b/, 'members by office');
is(query(q{SELECT string_agg(format('%s.%s', a.attrelid::regclass, a.attname), ' ') FROM mls.dd_field f
	JOIN (VALUES ('Property', 'gold.property'::regclass), ('Media', 'gold.media'), ('Member', 'gold.member'), ('Office', 'gold.office'), ('OpenHouse', 'gold.open_house')) t (resource, gold) USING (resource)
	JOIN pg_attribute a ON a.attrelid = t.gold AND a.attname = f.field
	WHERE f.target_resource IS NOT NULL AND f.field <> 'ChangedByMemberKey' AND NOT f.is_expansion
	  AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.gold AND i.indkey[0] = a.attnum)}),
	'', 'every field that holds the key of another record has one');

# They are used: from a listing to its media, and by what changed last.
query(q{INSERT INTO gold.media ("MediaKey", "ResourceRecordKey", "ResourceName", mls_source, mls_origin, mls_source_key)
	SELECT 'm' || i, 'LK' || i / 10, 'Property', 'none', 'none', 'm' || i FROM generate_series(1, 20000) i; ANALYZE gold.media});
like(query(q{EXPLAIN (COSTS OFF) SELECT * FROM reso."Property" p JOIN reso."Media" m ON m."ResourceRecordKey" = p."ListingKey" WHERE p."ListingKey" = 'LK00000001'}),
	qr/media_ResourceRecordKey_idx/, 'the index serves a join although it leaves out rows without a value');
like(query(q{EXPLAIN (COSTS OFF) SELECT * FROM reso."Media" ORDER BY "ModificationTimestamp" DESC LIMIT 5}), qr/Index Scan Backward using "media_ModificationTimestamp_idx"/, 'what changed last is at hand');

# Tables that are there already, and indexes of one's own.
query(q{
	DROP INDEX gold."media_ResourceRecordKey_idx", gold."property_ListAgentKey_idx", gold."member_OfficeKey_idx", gold."property_ModificationTimestamp_idx";
	CREATE INDEX mine ON gold.property ("ModificationTimestamp", "City");
	CREATE INDEX of_some ON gold.media ("ResourceRecordKey") WHERE "ResourceName" = 'Member'});
query(q{SELECT count(*) FROM mls_sync()});
unlike(indexed('member'), qr/OfficeKey/, 'a sync makes none');
query(q{SELECT mls_subscribe('east.member')});
like(indexed('member'), qr/OfficeKey/, 'the next mls_subscribe does');
is(query(q{SELECT string_agg(status, ' ') FROM mls_remap('east')}), join(' ', ('finished') x 5), 'mls_remap');
like(indexed('property'), qr/ListAgentKey/, 'too');
unlike(query(q{SELECT string_agg(indexname, ' ') FROM pg_indexes WHERE schemaname = 'gold'}), qr/property_ModificationTimestamp/, 'an index of one\'s own is enough');
like(query(q{SELECT indexdef FROM pg_indexes WHERE indexname = 'media_ResourceRecordKey_idx'}), qr/IS NOT NULL/, 'one of some rows is not');
my $indexes = query(q{SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes WHERE schemaname = 'gold'});
query(q{SELECT mls_subscribe('east.media')});
is(query(q{SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes WHERE schemaname = 'gold'}), $indexes, 'and nothing is indexed twice');

# Who does not want them.
query(q{DROP INDEX gold."member_OfficeKey_idx"; ALTER DATABASE postgres SET mls_fdw.index_gold = off});
query(q{SELECT mls_subscribe('east.member')});
is(query(q{SELECT status FROM mls_remap('east', 'Member')}), 'finished', 'a remap without');
unlike(indexed('member'), qr/OfficeKey/, 'mls_fdw.index_gold = off');

# A field that a rule makes later.
query(q{ALTER DATABASE postgres RESET mls_fdw.index_gold});
query(q{SELECT mls_map_set('OpenHouse', 'ShowingAgentKey', 'none', source => 'east')});
query(q{SELECT mls_map_set('Office', 'OfficeManagerKey', 'field', '{OfficeName}', source => 'east')});
like(indexed('office'), qr/OfficeManagerKey/, 'a column that a rule adds');

# A value no index can hold keeps its record out, and says so; the rest of the page comes.
my $long = join '', map { chr(97 + ($_ * 7919 + $_ * $_ * 31) % 26) . $_ } 1 .. 2500;
$mls->control('update', { resource => 'Property', keys => ['LK00000003'], fields => { ListAgentKey => $long } });
is(query(q{SELECT status FROM mls_sync('east', 'Property')}), 'finished', 'a key of 10 kB');
like(query(q{SELECT reason FROM mls.issue WHERE key = 'LK00000003' ORDER BY last_seen DESC LIMIT 1}), qr/not stored: index row /, 'is an issue of its record');

# Another role's gold is its owner's to index.
query(q{
	CREATE ROLE other LOGIN;
	SELECT mls_grant('other');
	GRANT USAGE ON FOREIGN SERVER east TO other;
	GRANT USAGE, CREATE ON SCHEMA gold, reso, bronze, silver TO other;
	GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA gold TO other;
	DROP INDEX gold."member_OfficeKey_idx";
	CREATE SERVER west FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'https://west.example.com/odata', key_prefix 'W-');
	GRANT USAGE ON FOREIGN SERVER west TO other;
	CREATE SCHEMA west AUTHORIZATION other;
	SET ROLE other;
	CREATE USER MAPPING FOR CURRENT_USER SERVER west OPTIONS (token 't');
	CREATE FOREIGN TABLE west.member (k text OPTIONS (field 'MemberKey') NOT NULL, o text OPTIONS (field 'OfficeKey'), t timestamptz OPTIONS (field 'ModificationTimestamp'))
	  SERVER west OPTIONS (resource 'Member', key 'MemberKey', timestamp 'ModificationTimestamp');
	SELECT mls_subscribe('west.member')});
unlike(indexed('member'), qr/OfficeKey/, 'another role subscribes without making indexes');

$mls->stop;
$node->stop;
done_testing();
