# EntityEvent: one event a record, in the order of commits, that says nothing to whom the
# record never was; what is there gets its events when tracking begins, parents first.
use strict;
use warnings;

use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('events');
my $mls = start_mls(listings => 60);
create_source($node, $mls, 'east', schema_check_interval => 0);

sub query
{
	my ($sql, @more) = @_;
	return scalar $node->safe_psql('postgres', $sql, @more);
}

sub asked
{
	my ($role, $claims, $sql) = @_;
	return query("BEGIN; SELECT 1 FROM set_config('request.jwt.claims', '$claims', true) a, set_config('role', '$role', true) b; $sql; COMMIT") =~ s/^1\n?//r;
}

my $all = '{"sources": ["east"]}';
# The last event known, what has come since, and the rule for all of it.
my $last = 0;
sub news
{
	my $out = query(qq{SELECT string_agg(resource || ' ' || key || CASE WHEN deleted THEN ' deleted' ELSE '' END, ', ' ORDER BY sequence) FROM mls.entity_event WHERE sequence > $last});
	$last = query('SELECT max(sequence) FROM mls.entity_event');
	return $out;
}

query(q{SELECT mls_subscribe(t::regclass) FROM unnest('{east.property,east.media,east.member,east.office,east.open_house}'::text[]) t});
is(query(q{SELECT count(*) FROM mls_sync() WHERE status <> 'finished'}), 0, 'synced');
query(q{CREATE ROLE idx; CREATE ROLE office; CREATE ROLE plain; CREATE ROLE stranger LOGIN; SELECT mls_grant('stranger');
	UPDATE gold.property SET "ListOfficeKey" = CASE WHEN "ListingKey" < 'LK00000021' THEN 'A' ELSE 'B' END, "InternetEntireListingDisplayYN" = NULL;
	UPDATE gold.media SET "ResourceName" = NULL WHERE "MediaKey" = (SELECT min("MediaKey") FROM gold.media WHERE "ResourceName" = 'Property');
	SELECT mls_protect(l::regrole, l, r) FROM unnest('{idx,office}'::text[]) l, unnest('{Property,Member,Office,Media,OpenHouse}'::text[]) r;
	SELECT mls_audience('plain', 'Property')});

# ---- Tracking begins ----

like(sql_error($node, q{SELECT mls_serve_events('{Teams}')}), qr/42P01: there is no gold table of resource "Teams"/, 'without a table there are no events');
unlike(query(q{SELECT mls_serve_events('{Media}')}), qr/Property/, 'a child alone');
is(query(q{SELECT string_agg(resource, ' ') FROM mls_serve_events()}), 'Office Member Property OpenHouse Media', 'all that is shown, parents first');
is(query(q{SELECT count(*) FROM mls_serve_events()}), 5, 'again does no harm');
is(query(qq{SELECT bool_and(n = (SELECT count(*) FROM mls.entity_event e WHERE e.resource = r AND NOT e.deleted)) FROM (SELECT 'Property' AS r, count(*) AS n FROM gold.property UNION ALL SELECT 'Media', count(*) FROM gold.media
	UNION ALL SELECT 'Member', count(*) FROM gold.member UNION ALL SELECT 'OpenHouse', count(*) FROM gold.open_house) x}), 't', 'each record has an event');
is(query(q{SELECT count(*) FROM mls.entity_event c JOIN mls.entity_event p ON p.resource = c.parent_resource AND p.key = c.parent_key WHERE p.sequence > c.sequence}), 0, 'behind that of what it belongs to');
cmp_ok(query(q{SELECT count(*) FROM mls.entity_event c JOIN mls.entity_event p ON p.resource = c.parent_resource AND p.key = c.parent_key}), '>', 60, 'of which many belong to something');
is(query(q{SELECT count(*) FROM mls.entity_event WHERE resource = 'Media' AND parent_resource IS NULL}), 0, 'media that do not say are of listings');
$last = query('SELECT max(sequence) FROM mls.entity_event');

# ---- Changes ----

query(q{UPDATE gold.property SET "City" = 'Changed' WHERE "ListingKey" IN ('LK00000003', 'LK00000005')});
is(news(), 'Property LK00000003, Property LK00000005', 'updates');
query(q{UPDATE gold.property SET "City" = "City", mls_updated_at = now()});
is(news(), '', 'what stays as it was is none');
query(q{INSERT INTO gold.open_house ("OpenHouseKey", "ListingKey", mls_source, mls_origin, mls_source_key) VALUES ('o-1', 'LK00000001', 'east', 'OpenHouse', 'o-1') ON CONFLICT DO NOTHING});
is(news(), 'OpenHouse o-1', 'inserts');
query(q{INSERT INTO gold.open_house ("OpenHouseKey", "ListingKey", mls_source, mls_origin, mls_source_key) VALUES ('o-1', 'LK00000002', 'east', 'OpenHouse', 'o-1'), ('o-2', 'LK00000001', 'east', 'OpenHouse', 'o-2')
	ON CONFLICT ("OpenHouseKey") DO UPDATE SET "ListingKey" = excluded."ListingKey"});
is(join(', ', sort split /, /, news()), 'OpenHouse o-1, OpenHouse o-2', 'both at once');
query(q{UPDATE gold.open_house SET "OpenHouseKey" = 'o-3' WHERE "OpenHouseKey" = 'o-2'});
is(join(', ', sort split /, /, news()), 'OpenHouse o-2 deleted, OpenHouse o-3', 'a record with another key');
query(q{DELETE FROM gold.open_house WHERE "OpenHouseKey" LIKE 'o-%'});
is(join(', ', sort split /, /, news()), 'OpenHouse o-1 deleted, OpenHouse o-3 deleted', 'deletes');
query(q{INSERT INTO gold.open_house ("OpenHouseKey", "ListingKey", mls_source, mls_origin, mls_source_key) VALUES ('o-4', 'LK00000001', 'east', 'OpenHouse', 'o-4'); CREATE TEMPORARY TABLE kept AS SELECT * FROM gold.open_house WHERE "OpenHouseKey" <> 'o-4'; TRUNCATE gold.open_house; INSERT INTO gold.open_house SELECT * FROM kept});
is(query(q{SELECT deleted FROM mls.entity_event WHERE key = 'o-4'}), 't', 'what is truncated is deleted');
is(query(q{SELECT bool_and(NOT deleted) AND count(*) > 0 FROM mls.entity_event e JOIN gold.open_house o ON o."OpenHouseKey" = e.key WHERE resource = 'OpenHouse'}), 't', 'what comes again is not');
news();
query(q{BEGIN; UPDATE gold.property SET "City" = 'Undone'; ROLLBACK});
is(news(), '', 'what is taken back has no event');
is(query(q{SELECT array_to_string(ARRAY(SELECT unnest(parents) ORDER BY 1), ' ') FROM mls.entity_event WHERE key = 'o-1'}), 'Property/LK00000001 Property/LK00000002', 'which knows all that its record has belonged to');
is(query(q{SELECT count(*) = count(DISTINCT (resource, key)) FROM mls.entity_event}), 't', 'a record has one event, the last');
is(query(q{SELECT count(*) FROM mls.entity_event WHERE resource = 'OpenHouse' AND key LIKE 'o-%' AND deleted}), 4, 'deletes too');

# A sync, and what the source deletes.
$mls->control('update', { resource => 'Property', keys => ['LK00000007'], fields => { City => 'From the source' } });
is(query(q{SELECT status FROM mls_sync('east', 'Property')}), 'finished', 'a sync');
is(news(), 'Property LK00000007', 'writes events');
$mls->control('delete', { resource => 'Property', keys => ['LK00000008'] });
query(q{SELECT * FROM mls_purge('east', 'Property', force => true)});
like(news(), qr/Property LK00000008 deleted/, 'so does a purge');

# ---- In the order of commits ----

my $first = $node->background_psql('postgres');
my $second = $node->background_psql('postgres');
$first->query_safe(q{BEGIN; UPDATE gold.property SET "City" = 'First' WHERE "ListingKey" = 'LK00000010'});
$second->query_until(qr/sent/, qq{\\echo sent\nUPDATE gold.property SET "City" = 'Second' WHERE "ListingKey" = 'LK00000011';\n});
ok($node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}), 'a later one waits');
is(news(), '', 'nothing is seen of either');
$first->query_safe('COMMIT');
$second->query_safe('SELECT 1');
is(news(), 'Property LK00000010, Property LK00000011', 'until both are there, in their order');
$_->quit for $first, $second;

# ---- Who hears of what ----

my $count = q{SELECT count(*) FROM mls."EntityEvent"};
is(asked('idx', '{}', $count) . asked('office', $all, $count) . asked('idx', '{"sources": ["west"]}', $count), '000', 'without a claim nobody');
is(asked('plain', $all, $count), 0, 'nor an audience without a licence');
unlike(query(q{SELECT mls.serve_model('plain')}), qr/EntityEvent/, 'which has no such resource');
like(query(q{SELECT mls.serve_model('idx')}), qr/"EntityEvent"/, 'others have');
is(asked('idx', $all, $count), query('SELECT count(*) FROM mls.entity_event'), 'a source has all of its own');
my $keys = sub { return asked('office', qq({"sources": ["east"], "offices": ["$_[0]"]}), qq{SELECT count(*), min("ResourceRecordKey"), max("ResourceRecordKey") FROM mls."EntityEvent" WHERE "ResourceName" = 'Property'}) };
like($keys->('A'), qr/^\d+\|LK0000000\d\|LK0000002\d/, 'an office hears of its own listings');
like($keys->('B'), qr/^\d+\|LK0000002\d.*\|LK0000005\d/, 'and another of its own');
cmp_ok(asked('office', '{"sources": ["east"], "offices": ["A"]}', q{SELECT count(*) FROM mls."EntityEvent" WHERE "ResourceName" = 'Media'}), '>', 10, 'of the photos of its listings');
# A listing goes from one office to the other: the one hears it once more, and finds it gone.
my $of_a = asked('office', '{"sources": ["east"], "offices": ["A"]}', q{SELECT max("EntityEventSequence") FROM mls."EntityEvent"});
query(q{UPDATE gold.property SET "ListOfficeKey" = 'B' WHERE "ListingKey" = 'LK00000012'});
is(asked('office', '{"sources": ["east"], "offices": ["A"]}', qq{SELECT string_agg("ResourceRecordKey", ' ') FROM mls."EntityEvent" WHERE "EntityEventSequence" > $of_a; SELECT count(*) FROM office."Property" WHERE "ListingKey" = 'LK00000012'}), "LK00000012\n0", 'who has lost a record hears of it, and does not find it');
query(q{UPDATE gold.property SET "City" = 'Elsewhere' WHERE "ListingKey" IN ('LK00000012', 'LK00000030')});
is(asked('office', '{"sources": ["east"], "offices": ["B"]}', qq{SELECT string_agg("ResourceRecordKey", ' ' ORDER BY "ResourceRecordKey") FROM mls."EntityEvent" WHERE "EntityEventSequence" > $of_a}), 'LK00000012 LK00000030', 'who has it now hears of it too');
is(asked('office', '{"sources": ["east"], "offices": ["A"]}', qq{SELECT count(*) FROM mls."EntityEvent" WHERE "ResourceRecordKey" = 'LK00000030'}), 0, 'and nobody of what never was his');
like(query(q{SET enable_seqscan = off; SET enable_bitmapscan = off; SET ROLE idx; EXPLAIN (COSTS OFF) SELECT * FROM mls."EntityEvent" WHERE "EntityEventSequence" > 5 ORDER BY "EntityEventSequence" LIMIT 10}), qr/Limit\s+->  Index Scan using entity_event_pkey.*Index Cond: \(sequence > 5\)/s, 'what is new is found by an index');

# ---- Rights ----

for my $call ('count(*) FROM mls.entity_event', q{mls_serve_events('{Property}')}, q{mls.note_events('Property', true, '{LK00000001}', '{east}', ARRAY['{}'], '{NULL}', '{NULL}', ARRAY['{}'])}, q{mls.end_events('Property', 1000000)})
{
	my ($status, $out, $err) = $node->psql('postgres', "SELECT $call", extra_params => [ '-U', 'stranger' ]);
	ok($status != 0 || $out eq '0', "a stranger gets nothing by $call") or diag($out);
}
query(q{CREATE TABLE fake (LIKE gold.property); ALTER TABLE fake OWNER TO stranger});
query(q{CREATE TRIGGER forged AFTER INSERT ON fake REFERENCING NEW TABLE AS mls_new FOR EACH STATEMENT EXECUTE FUNCTION mls.log_events('Property');
	INSERT INTO fake ("ListingKey", mls_source, mls_origin, mls_source_key, mls_updated_at) VALUES ('forged', 'east', 'x', 'x', now())}, extra_params => [ '-U', 'stranger' ]);
is(query(q{SELECT count(*) FROM mls.entity_event WHERE key = 'forged'}), 0, 'nor by the trigger on a table of his own');
# Who may write gold and nothing else goes on writing.
query(q{CREATE ROLE writer LOGIN; GRANT USAGE ON SCHEMA gold TO writer; GRANT SELECT, UPDATE ON gold.office TO writer; CREATE POLICY writer ON gold.office TO writer USING (true)});
news();
query(q{UPDATE gold.office SET "OfficeName" = 'New' WHERE "OfficeKey" = (SELECT min("OfficeKey") FROM gold.office)}, extra_params => [ '-U', 'writer' ]);
like(news(), qr/^Office \S+$/, 'what others write is noted');

# ---- Off, on again, dumped ----

query(q{SELECT mls_serve_events('{OpenHouse}', false)});
my $gone = query(q{DELETE FROM gold.open_house WHERE "OpenHouseKey" = (SELECT min("OpenHouseKey") FROM gold.open_house) RETURNING "OpenHouseKey"});
is(news(), '', 'off');
query(q{SELECT mls_serve_events('{OpenHouse}')});
like(news(), qr/OpenHouse \Q$gone\E deleted/, 'on again it tells what has gone meanwhile');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
my $file = "$PostgreSQL::Test::Utils::tmp_check/events.dump";
$node->command_ok([ 'pg_dump', '-Fc', '-f', $file, $node->connstr('postgres') ], 'dumps');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $file ], 'restores');
my $state = q{SELECT count(*), max(sequence), md5(string_agg(resource || key, ',' ORDER BY sequence)) FROM mls.entity_event};
is($node->safe_psql('restored', $state), query($state), 'events are as they were');
$node->safe_psql('restored', q{UPDATE gold.property SET "City" = 'There' WHERE "ListingKey" = 'LK00000003'});
is($node->safe_psql('restored', q{SELECT key, sequence > } . query('SELECT max(sequence) FROM mls.entity_event') . q{ FROM mls.entity_event ORDER BY sequence DESC LIMIT 1}), 'LK00000003|t', 'and go on');

$mls->stop;
$node->stop;
done_testing();
