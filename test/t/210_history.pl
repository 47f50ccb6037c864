# HistoryTransactional: what fields were before, one row a field, for those who may read the
# field as it is now, without a mask, of records that they see.
use strict;
use warnings;

use MlsServe;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

need_serve();
my $node = new_node('history');
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
my $last = '';
# Rows since the last call, in the order of their keys.
sub news
{
	my $out = query(qq{SELECT string_agg(concat_ws(' ', "ResourceName", "ResourceRecordKey", "FieldName", coalesce("PreviousValue", '-') || '>' || coalesce("NewValue", '-'), "ChangeType"), ', ' ORDER BY "HistoryTransactionalKey")
		FROM gold.history_transactional WHERE "HistoryTransactionalKey" > '$last'});
	$last = query('SELECT coalesce(max("HistoryTransactionalKey"), \'\') FROM gold.history_transactional');
	return $out;
}

query(q{SELECT mls_subscribe(t::regclass) FROM unnest('{east.property,east.media,east.member,east.office,east.open_house}'::text[]) t});
is(query(q{SELECT count(*) FROM mls_sync() WHERE status <> 'finished'}), 0, 'synced');
query(q{CREATE ROLE idx; CREATE ROLE broker; CREATE ROLE office; CREATE ROLE plain; CREATE ROLE bare; CREATE ROLE stranger LOGIN; SELECT mls_grant('stranger');
	ALTER TABLE gold.property ADD COLUMN IF NOT EXISTS "PrivateRemarks" text, ADD COLUMN IF NOT EXISTS "Appliances" text[], ADD COLUMN IF NOT EXISTS "NewConstructionYN" boolean, ADD COLUMN IF NOT EXISTS "CloseDate" date, ADD COLUMN IF NOT EXISTS "OnMarketTimestamp" timestamptz;
	UPDATE gold.property SET "ListOfficeKey" = CASE WHEN "ListingKey" < 'LK00000021' THEN 'A' ELSE 'B' END, "InternetEntireListingDisplayYN" = NULL, "InternetAddressDisplayYN" = NULL,
		"StandardStatus" = 'Active', "ListPrice" = 500000, "City" = 'Before', "UnparsedAddress" = 'At ' || "ListingKey", "Appliances" = '{Oven}', "PublicRemarks" = 'nice',
		"PrivateRemarks" = 'secret of old', "NewConstructionYN" = false, "CloseDate" = NULL;
	INSERT INTO gold.media ("MediaKey", "ResourceName", "ResourceRecordKey", mls_source, mls_origin, mls_source_key) SELECT 'm' || k, 'Property', k, 'east', 'Media', 'm' || k FROM unnest('{LK00000012,LK00000016}'::text[]) k;
	SELECT mls_protect(l::regrole, l, r) FROM unnest('{idx,broker,office}'::text[]) l, unnest('{Office,Member,Property,Media}'::text[]) r;
	SELECT mls_audience('plain', 'Property', '{ListPrice,City}', condition => $$"City" <> 'Hidden'$$), mls_audience('bare', 'Property')});
my $fields = q{'{ResourceName,ResourceRecordKey,FieldName,FieldKey,PreviousValue,NewValue,ModificationTimestamp,EntityEventSequence,ChangeType}'};

# ---- Switched on ----

like(sql_error($node, q{SELECT mls_serve_history('{Teams}')}), qr/42P01: there is no gold table of resource "Teams"/, 'without a table there is no history');
like(sql_error($node, q{SELECT mls_serve_history('{HistoryTransactional}')}), qr/22023: there is no history of resource "HistoryTransactional"/, 'nor of history');
is(query(q{SELECT * FROM mls_serve_history()}), 'Property|0', 'on, from now on');
is(query(q{SELECT count(*) FROM pg_trigger WHERE tgrelid = 'gold.property'::regclass AND tgname LIKE 'mls\_events\_%'}), 4, 'with events');
is(query(q{SELECT count(*) FROM mls_serve_history('{Property,Member,Media}')}), 3, 'of others too, and once more');
is(query(q{SELECT to_regclass('reso."HistoryTransactional"') IS NOT NULL}), 't', 'the owner has a view of it');

# ---- Changes ----

query(q{UPDATE gold.property SET "ListPrice" = 510000.50, "City" = 'After', "ModificationTimestamp" = now() WHERE "ListingKey" = 'LK00000001'});
is(join(', ', sort split /, /, news()), 'Property LK00000001 City Before>After, Property LK00000001 ListPrice 500000>510000.50 Price Change', 'a row for each field that changed');
is(query(q{SELECT bool_and("EntityEventSequence" = (SELECT sequence FROM mls.entity_event WHERE resource = 'Property' AND key = 'LK00000001') AND "HistoryTransactionalKey" = lpad("EntityEventSequence"::text, 19, '0') || ':' || "FieldName"
	AND "FieldKey" = 'Property.' || "FieldName" AND mls_source = 'east' AND "ModificationTimestamp" > now() - interval '1 hour') FROM gold.history_transactional}), 't', 'numbered as its event');
query(q{UPDATE gold.property SET "City" = "City", mls_updated_at = now(); UPDATE gold.property SET "ModificationTimestamp" = now()});
is(news(), '', 'what stays is none, nor that a record was changed');
query(q{UPDATE gold.property SET "Appliances" = '{Oven,"Wine Refrigerator"}', "NewConstructionYN" = true, "CloseDate" = '2024-02-29', "PublicRemarks" = repeat('ü', 9000) WHERE "ListingKey" = 'LK00000002'});
like(news(), qr/^(?=.*Appliances Oven>Oven,Wine Refrigerator)(?=.*NewConstructionYN false>true)(?=.*CloseDate ->2024-02-29)/, 'values as they are served');
is(query(q{SELECT length("NewValue"), octet_length("NewValue") FROM gold.history_transactional WHERE "FieldName" = 'PublicRemarks'}), '8000|16000', 'of 8,000 characters at most');
query(qq{SET timezone = 'Asia/Tokyo'; SET datestyle = 'German'; UPDATE gold.property SET "OnMarketTimestamp" = '2024-05-06T07:08:09.5Z', "CloseDate" = '2024-03-01' WHERE "ListingKey" = 'LK00000002'});
like(news(), qr/^(?=.*CloseDate 2024-02-29>2024-03-01)(?=.*OnMarketTimestamp [^>]+>2024-05-06T07:08:09.5Z)/, 'whatever the session sets');
for my $step ([ 'Pending', 'Pending' ], [ 'Active', 'Back On Market' ], [ 'Active Under Contract', 'Active Under Contract' ], [ 'ComingSoon', 'Coming Soon' ], [ 'Active', 'Active' ], [ 'Closed', 'Closed' ], [ 'Delete', '' ])
{
	my ($status, $type) = @$step;
	query(qq{UPDATE gold.property SET "StandardStatus" = '$status' WHERE "ListingKey" = 'LK00000003'});
	like(news(), qr/StandardStatus \S.*>\Q$status\E\Q@{[ $type && " $type" ]}\E$/, "$status: what kind of change that is");
}
query(q{BEGIN; UPDATE gold.property SET "City" = 'Undone'; ROLLBACK});
is(news(), '', 'what is taken back has no history');

# A sync, a record that comes, one that goes, all anew.
$mls->control('update', { resource => 'Property', keys => ['LK00000007'], fields => { City => 'From the source' } });
is(query(q{SELECT status FROM mls_sync('east', 'Property')}), 'finished', 'a sync');
like(news(), qr/Property LK00000007 City Before>From the source/, 'is kept');
query(q{DELETE FROM gold.property WHERE "ListingKey" = 'LK00000008'});
is(news(), 'Property LK00000008 StandardStatus Active>- Deleted', 'one that goes has one row');
query(q{INSERT INTO gold.property ("ListingKey", "StandardStatus", mls_source, mls_origin, mls_source_key) VALUES ('new', 'Active', 'east', 'Property', 'new')});
is(news(), 'Property new StandardStatus ->Active New Listing', 'and one that comes');
query(q{UPDATE gold.property SET "ListingKey" = 'newer' WHERE "ListingKey" = 'new'});
is(join(', ', sort split /, /, news()), 'Property new StandardStatus Active>- Deleted, Property newer StandardStatus ->Active New Listing', 'another key is another record');
query(q{BEGIN; CREATE TEMP TABLE kept AS SELECT * FROM gold.property; DELETE FROM gold.property; INSERT INTO gold.property SELECT * FROM kept; COMMIT});
is(news(), '', 'all that goes and comes again in one transaction, as in a rebuild, has done neither');
is(query(q{SELECT count(*) FROM gold.history_transactional WHERE "ChangeType" = 'Deleted'}), 2, 'and what was deleted before stays so');
query(q{UPDATE gold.member SET "MemberFullName" = 'Another' WHERE "MemberKey" = (SELECT min("MemberKey") FROM gold.member);
	DELETE FROM gold.member WHERE "MemberKey" = (SELECT max("MemberKey") FROM gold.member)});
like(news(), qr/^Member \S+ MemberFullName [^>]+>Another$/, 'others have fields that changed, and no comings and goings');
# Another source takes a record over: what the first said is not told to readers of the second.
query(q{UPDATE gold.property SET mls_source = 'west', "City" = 'Of the west' WHERE "ListingKey" = 'LK00000009'});
like(news(), qr/Property LK00000009 City ->Of the west/, 'what another source said before is not told');
query(q{UPDATE gold.property SET mls_source = 'east', "City" = 'Before' WHERE "ListingKey" = 'LK00000009'});
news();

# ---- In the order of commits ----

my $first = $node->background_psql('postgres');
my $second = $node->background_psql('postgres');
$first->query_safe(q{BEGIN; UPDATE gold.property SET "City" = 'First' WHERE "ListingKey" = 'LK00000010'});
$second->query_until(qr/sent/, qq{\\echo sent\nUPDATE gold.property SET "City" = 'Second' WHERE "ListingKey" = 'LK00000011';\n});
ok($node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}), 'a later one waits');
$first->query_safe('COMMIT');
$second->query_safe('SELECT 1');
like(news(), qr/^Property LK00000010 City Before>First, Property LK00000011 City Before>Second$/, 'keys are in the order of commits');
$_->quit for $first, $second;

# ---- Who sees what ----

query(qq{UPDATE gold.property SET "PrivateRemarks" = 'secret of now', "UnparsedAddress" = 'Elsewhere', "City" = 'After', "PublicRemarks" = 'very nice' WHERE "ListingKey" IN ('LK00000012', 'LK00000016', 'LK00000014', 'LK00000030');
	UPDATE gold.property SET "InternetEntireListingDisplayYN" = false WHERE "ListingKey" = 'LK00000016';
	UPDATE gold.property SET "InternetAddressDisplayYN" = false WHERE "ListingKey" = 'LK00000014';
	UPDATE gold.media SET "ShortDescription" = 'seen' WHERE "ResourceRecordKey" = 'LK00000012';
	UPDATE gold.media SET "ShortDescription" = 'unseen' WHERE "ResourceRecordKey" = 'LK00000016'});
news();
unlike(query(q{SELECT mls.serve_model('idx')}), qr/HistoryTransactional/, 'nobody is shown history who was not said to be');
like(sql_error($node, q{SELECT mls_protect('idx', 'idx', 'HistoryTransactional')}), qr/without being named/, 'its fields have to be named');
query(qq{SELECT mls_protect(l::regrole, l, 'HistoryTransactional', $fields) FROM unnest('{idx,broker,office}'::text[]) l; SELECT mls_audience('plain', 'HistoryTransactional', $fields)});
my $model = query(q{SELECT mls.serve_model('idx')});
like($model, qr/"name" : "HistoryTransactional"/, 'then it is served');
like($model, qr/"name" : "HistoryTransactional", "target" : "HistoryTransactional", "many" : true, "on" : \[\["ListingKey", "ResourceRecordKey"\]\], "where" : \[\["ResourceName", "Property"\]\]/, 'listings lead to it');
my $of = sub {
	my ($role, $claims, $where) = @_;
	return asked($role, $claims, qq{SELECT coalesce(string_agg(DISTINCT "FieldName", ' ' ORDER BY "FieldName"), '') FROM $role."HistoryTransactional" WHERE $where});
};
is($of->('idx', $all, q{"ResourceRecordKey" = 'LK00000012'}), 'City PublicRemarks', 'IDX: fields of IDX, and none that may be masked');
is($of->('idx', $all, q{"ResourceRecordKey" = 'LK00000014'}), 'City InternetAddressDisplayYN PublicRemarks', 'nor where it is');
is($of->('idx', $all, q{"ResourceRecordKey" = 'LK00000016'}), '', 'nothing of a hidden listing');
is($of->('idx', $all, q{"ResourceRecordKey" IN ('LK00000008', 'new')}), '', 'nor of one that is gone');
is($of->('broker', $all, q{"ResourceRecordKey" = 'LK00000016'}), 'City InternetEntireListingDisplayYN PublicRemarks UnparsedAddress', 'a broker has what he may read, addresses too');
is($of->('idx', '{}', 'true') . $of->('broker', '{"sources": ["west"]}', 'true') . $of->('office', $all, 'true'), '', 'without claims, of another source, nothing');
is($of->('plain', '{}', q{"ResourceRecordKey" = 'LK00000012'}), 'City', 'an audience by a condition has its fields');
query(q{UPDATE gold.property SET "City" = 'Hidden' WHERE "ListingKey" = 'LK00000012'});
is($of->('plain', '{}', q{"ResourceRecordKey" = 'LK00000012'}), '', 'of its records');
query(q{UPDATE gold.property SET "City" = 'After' WHERE "ListingKey" = 'LK00000012'});
is(asked('idx', $all, q{SELECT count(*) FROM idx."HistoryTransactional" WHERE "PreviousValue" LIKE 'secret%' OR "NewValue" LIKE 'secret%' OR "PreviousValue" LIKE 'At %' OR "NewValue" = 'Elsewhere'}), 0, 'no filter finds what is withheld');
is(asked('idx', $all, q{SELECT count(*) FROM gold.history_transactional WHERE "FieldName" = 'PrivateRemarks'}), 0, 'nor does gold');
like($of->('idx', $all, q{"ResourceName" = 'Media' AND "NewValue" = 'seen'}), qr/^ShortDescription$/, 'what belongs to a listing');
is($of->('idx', $all, q{"ResourceName" = 'Media' AND "NewValue" = 'unseen'}), '', 'is hidden with it');
# What is shown changes at once, in both directions, without another call.
query(q{SELECT mls_protect('idx', 'idx', 'Property', '{City,ListPrice}')});
is($of->('idx', $all, q{"ResourceRecordKey" = 'LK00000012'}), 'City', 'a field that is taken away takes its history along');
query(q{SELECT mls_protect('idx', 'idx', 'Property', '{City,ListPrice,PrivateRemarks}')});
is($of->('idx', $all, q{"ResourceRecordKey" = 'LK00000012'}), 'City PrivateRemarks', 'one that is named brings it');
query(q{SELECT mls_protect('idx', 'idx', 'Property', opt_in => false)});
query(q{SELECT mls_protect('idx', 'idx', 'Property', opt_in => false, masked => '{City}')});
is($of->('idx', $all, q{"ResourceRecordKey" = 'LK00000012'}), 'PublicRemarks', 'one that is masked from now on takes it along');
query(q{SELECT mls_protect('idx', 'idx', 'Property')});
is(asked('idx', $all, q{SELECT count(*), count("StandardLookupValue") FROM mls."Lookup" WHERE "LookupName" = 'ChangeType'}), '13|13', 'kinds of changes are lookups, without a pass over history');
# Offices have what was theirs.
my ($a, $b) = map { qq({"sources": ["east"], "offices": ["$_"]}) } 'A', 'B';
is(asked('office', $a, q{SELECT string_agg(DISTINCT "ResourceRecordKey", ' ') FROM office."HistoryTransactional" WHERE "ResourceRecordKey" IN ('LK00000012', 'LK00000030')}), 'LK00000012', 'an office sees what became of its own listings');
query(q{UPDATE gold.property SET "ListOfficeKey" = 'B', "ListPrice" = 1 WHERE "ListingKey" = 'LK00000012'; UPDATE gold.property SET "ListPrice" = 2 WHERE "ListingKey" = 'LK00000012'});
is(asked('office', $b, q{SELECT string_agg("PreviousValue" || '>' || "NewValue", ' ') FROM office."HistoryTransactional" WHERE "ResourceRecordKey" = 'LK00000012'}), '1>2', 'the next one not what it was to the first');
is($of->('office', $a, q{"ResourceRecordKey" = 'LK00000012'}), '', 'which does not see it any more');

# ---- Rights ----

for my $call ('count(*) FROM gold.history_transactional', q{mls_serve_history('{Property}')})
{
	my ($status, $out, $err) = $node->psql('postgres', "SELECT $call", extra_params => [ '-U', 'stranger' ]);
	ok($status != 0, "a stranger gets nothing by $call") or diag($out);
}
query(q{CREATE SCHEMA fakes AUTHORIZATION stranger; CREATE TABLE fakes.property (LIKE gold.property); ALTER TABLE fakes.property OWNER TO stranger;
	CREATE TRIGGER forged AFTER INSERT ON fakes.property REFERENCING NEW TABLE AS mls_new FOR EACH STATEMENT EXECUTE FUNCTION mls.log_history('Property')});
query(q{INSERT INTO fakes.property ("ListingKey", "StandardStatus", mls_source, mls_origin, mls_source_key, mls_updated_at) VALUES ('forged', 'Active', 'east', 'x', 'x', now())}, extra_params => [ '-U', 'stranger' ]);
is(query(q{SELECT count(*) FROM gold.history_transactional WHERE "ResourceRecordKey" = 'forged'}), 0, 'nor by the trigger on a table of his own');
query(q{CREATE ROLE writer LOGIN; GRANT USAGE ON SCHEMA gold TO writer; GRANT SELECT, UPDATE ON gold.office TO writer; CREATE POLICY writer ON gold.office TO writer USING (true); SELECT mls_serve_history('{Office}')});
news();
query(q{UPDATE gold.office SET "OfficeName" = 'New' WHERE "OfficeKey" = (SELECT min("OfficeKey") FROM gold.office)}, extra_params => [ '-U', 'writer' ]);
like(news(), qr/^Office \S+ OfficeName .+>New$/, 'what others write is kept, who may write nothing else');
like(query(q{SET enable_seqscan = off; SET enable_bitmapscan = off; SET ROLE idx; EXPLAIN (COSTS OFF) SELECT * FROM idx."HistoryTransactional" WHERE "EntityEventSequence" > 5 ORDER BY "EntityEventSequence" LIMIT 10}), qr/Index Scan using "history_transactional_EntityEventSequence_idx" on history_transactional\s+Index Cond: \("EntityEventSequence" > 5\)/s, 'what is new is found by an index');

# ---- Served, and replicated by paging ----

query(q{CREATE ROLE reso_api LOGIN NOINHERIT; SELECT mls_serve_grant('reso_api')});
my ($id, $secret) = split /\|/, query(qq{SELECT * FROM mls_consumer_add('reader', 'idx', claims => '$all')});
my $keys_file = "$PostgreSQL::Test::Utils::tmp_check/keys";
append_to_file($keys_file, 'one ' . 'k' x 40);
chmod 0600, $keys_file;
my $serve = start_serve($node, user => 'reso_api', jwt_secret_file => $keys_file);
my %as = (token => $serve->token($id, $secret));
like($serve->get('/$metadata', %as)->{body}, qr/<EntityType Name="HistoryTransactional">.*<Property Name="PreviousValue" Type="Edm.String"/s, 'it is in the metadata');
my ($records) = $serve->all_records('/HistoryTransactional?$orderby=EntityEventSequence&$top=1000000', %as, headers => { Prefer => 'odata.maxpagesize=7' });
my $expected = asked('idx', $all, q{SELECT string_agg("HistoryTransactionalKey", ' ' ORDER BY "HistoryTransactionalKey") FROM idx."HistoryTransactional"});
is(join(' ', sort map { $_->{HistoryTransactionalKey} } @$records), $expected, 'pages have all of it, each once');
cmp_ok(scalar @$records, '>', 14, 'which are several');
is(scalar(grep { $records->[ $_ - 1 ]{EntityEventSequence} > $records->[$_]{EntityEventSequence} } 1 .. $#$records), 0, 'in order');
my $key = $records->[0]{HistoryTransactionalKey};
is($serve->get("/HistoryTransactional('$key')", %as)->{json}{FieldName}, $records->[0]{FieldName}, 'one by its key');
my $listing = $serve->get(q{/Property('LK00000014')?$select=ListingKey&$expand=HistoryTransactional($orderby=FieldName)}, %as)->{json};
is(join(' ', map { $_->{FieldName} } @{ $listing->{HistoryTransactional} }), 'City InternetAddressDisplayYN PublicRemarks', 'expanded with its listing, what it may have of it');
is($serve->get(q{/HistoryTransactional/$count?$filter=ResourceRecordKey%20eq%20'LK00000016'}, %as)->{body}, '0', 'a hidden listing is not counted');
# A replica follows by the number of the last one it has.
my $seen = $records->[-1]{EntityEventSequence};
query(q{UPDATE gold.property SET "City" = 'Again' WHERE "ListingKey" IN ('LK00000014', 'LK00000015'); UPDATE gold.property SET "City" = 'And again' WHERE "ListingKey" = 'LK00000014'});
my ($more) = $serve->all_records("/HistoryTransactional?\$filter=EntityEventSequence%20gt%20$seen&\$orderby=EntityEventSequence", %as);
like(join(' ', map { "$_->{ResourceRecordKey}:$_->{NewValue}" } @$more), qr/^(?=.*LK00000014:Again)(?=.*LK00000015:Again).* LK00000014:And again$/, 'all changes, not the last only');
is($serve->stop, 0, 'it ends well');

# ---- Kept as long as is said ----

query(q{UPDATE gold.history_transactional SET "ModificationTimestamp" = now() - interval '3 years' WHERE "ResourceRecordKey" = 'LK00000001';
	INSERT INTO gold.history_transactional ("HistoryTransactionalKey", "ResourceName", "ResourceRecordKey", "FieldName", "ModificationTimestamp", mls_source, mls_origin, mls_source_key) VALUES ('0-theirs', 'Property', 'LK00000001', 'City', '2001-01-01', 'east', 'HistoryTransactional', 'theirs')});
my $keys = q{SELECT md5(string_agg("HistoryTransactionalKey", ',' ORDER BY "HistoryTransactionalKey")) FROM gold.history_transactional WHERE "ModificationTimestamp" > now() - interval '2 years'};
my $before = query($keys);
is(query(q{SELECT removed FROM mls_prune() WHERE what = 'history'}), 0, 'for ever, if nothing is said');
is(query(q{SET mls_fdw.history_retention = '730d'; SELECT removed FROM mls_prune() WHERE what = 'history'}), 2, 'two years, if that is');
is(query($keys), $before, 'the rest has its keys still');
is(query(q{SELECT count(*) FROM gold.history_transactional WHERE "HistoryTransactionalKey" = '0-theirs'}), 1, 'what a source brought is not ours to forget');

# ---- Off, dumped ----

query(q{SELECT mls_serve_history('{Property}', false)});
news();
query(q{UPDATE gold.property SET "City" = 'Off' WHERE "ListingKey" = 'LK00000020'});
is(news(), '', 'off');
query(q{SELECT mls_serve_history('{Property}')});
query(q{UPDATE gold.property SET "City" = 'On' WHERE "ListingKey" = 'LK00000020'});
is(news(), 'Property LK00000020 City Off>On', 'and on again');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
my $file = "$PostgreSQL::Test::Utils::tmp_check/history.dump";
$node->command_ok([ 'pg_dump', '-Fc', '-f', $file, $node->connstr('postgres') ], 'dumps');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $file ], 'restores');
$node->safe_psql('restored', q{UPDATE gold.property SET "City" = 'There' WHERE "ListingKey" = 'LK00000021'});
is($node->safe_psql('restored', q{SELECT "NewValue", "HistoryTransactionalKey" > } . "'$last'" . q{ FROM gold.history_transactional WHERE mls_origin = 'mls_serve_history' ORDER BY "HistoryTransactionalKey" DESC LIMIT 1}), 'There|t', 'and goes on');
is($node->safe_psql('restored', qq{BEGIN; SELECT 1 FROM set_config('request.jwt.claims', '$all', true) a, set_config('role', 'idx', true) b; SELECT count(*) FROM idx."HistoryTransactional" WHERE "FieldName" IN ('PrivateRemarks', 'UnparsedAddress')}), "1\n0", 'for those who may');
query(q{SELECT mls_serve_events('{Property}', false)});
is(query(q{SELECT count(*) FROM pg_trigger WHERE tgrelid = 'gold.property'::regclass AND tgname LIKE 'mls\_history%'}), 0, 'without events there is none');

$mls->stop;
$node->stop;
done_testing();
