# Two sessions at a time: a page that makes a loser of a record while another session
# takes out the one it loses to, in both orders; commands on gold while a page is in
# flight.  What stands in gold afterwards is what a rebuild makes, and nobody waits for
# somebody who waits for him.

use strict;
use warnings;

use JSON::PP ();
use MlsSync;
use MlsTest;
use MlsTruth;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 40, fields => 'small');
my @keys = sort @{ JSON::PP::decode_json($mls->get('keys?resource=Property')) };
my $gate;    # who holds it keeps others waiting in a trigger

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

# Rows with a key wait at the gate when they are written into a table.
sub build_gate
{
	my ($table, $event, $column, $key) = @_;
	query(qq{
		CREATE OR REPLACE FUNCTION public.wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS \$\$
		BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN coalesce(NEW, OLD); END \$\$;
		CREATE TRIGGER gate BEFORE $event ON $table FOR EACH ROW
			WHEN (} . ($event eq 'DELETE' ? 'OLD' : 'NEW') . qq{.$column = '$key') EXECUTE FUNCTION public.wait_at_gate()});
	$gate = $node->background_psql('postgres');
	$gate->query_safe('SELECT pg_advisory_lock(42)');
	return;
}

sub open_gate
{
	my ($table) = @_;
	$gate->query_safe('SELECT pg_advisory_unlock(42)');
	$gate->quit;
	return;
}

# Until somebody waits at the gate
sub wait_for_gate
{
	$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted})
	  or die 'nobody came to the gate';
	return;
}

# Until a process waits for another one, which is not the keeper of the gate
sub wait_for_waiting
{
	my ($what) = @_;
	$node->poll_query_until('postgres', q{
		SELECT count(*) > 0 FROM pg_locks w WHERE NOT w.granted AND w.objid IS DISTINCT FROM 42})
	  or die "$what does not wait";
	return;
}

sub is_lawful
{
	my ($when) = @_;
	is(differences_from_nothing($node), '', "gold is what a rebuild makes: $when");
	return;
}

# ---- Who loses, and who goes ----

create_property($node, $mls, 'act', table => q{, filter 'BedroomsTotal eq 1'}, priority => 5);
create_property($node, $mls, 'pend', table => q{, filter 'BedroomsTotal eq 2'});

# All begin anew: the listings are of act, and one has just become one of pend
sub begin_anew
{
	my ($key) = @_;
	query(q{SET client_min_messages = error;
		SELECT mls_unsubscribe(foreign_table, drop_data => true) FROM mls.subscription;
		SELECT mls_subscribe('act.property'), mls_subscribe('pend.property')});
	$mls->control('update', { resource => 'Property', keys => \@keys, fields => { BedroomsTotal => 1 } });
	query('SELECT count(*) FROM mls_sync()');
	$mls->control('update', { resource => 'Property', keys => [$key], fields => { BedroomsTotal => 2, City => 'Moved' } });
	return;
}

sub shown
{
	my ($key) = @_;
	return query(qq{SELECT mls_source || ' ' || "City" FROM gold.property WHERE "ListingKey" = '$key'});
}

my %removals = (
	'a purge' => q{SELECT status FROM mls_purge('act')},
	'unsubscribing' => q{SELECT mls_unsubscribe('act.property', drop_data => true)},
	'a DELETE that is followed by a rebuild' => q{BEGIN; DELETE FROM bronze.act_property WHERE key = '%1$s';
		DELETE FROM silver.act_property WHERE listing_key = '%1$s'; SELECT mls_rebuild('act.property'); COMMIT});
my $page = q{SELECT status FROM mls_sync('pend')};
my $key = $keys[7];
for my $what (sort keys %removals)
{
	my $removal = sprintf $removals{$what}, $key;

	begin_anew($key);
	build_gate('silver.pend_property', 'INSERT', 'listing_key', $key);
	my $first = start_psql($node, $page);
	wait_for_gate();
	my $second = start_psql($node, $removal);
	wait_for_waiting($what);
	open_gate();
	my $said = end_psql($first) . end_psql($second);
	unlike($said, qr/ERROR/, "a page, and meanwhile $what");
	is(shown($key), 'pend Moved', '... the record that had lost is shown');
	is_lawful("a page before $what");

	begin_anew($key);
	build_gate($what eq 'a purge' ? 'silver.act_property' : 'gold.property', 'DELETE',
		$what eq 'a purge' ? 'listing_key' : '"ListingKey"', $key);
	$first = start_psql($node, $removal);
	wait_for_gate();
	$second = start_psql($node, $page);
	wait_for_waiting('a page');
	open_gate();
	$said = end_psql($first) . end_psql($second);
	unlike($said, qr/ERROR/, "$what, and meanwhile a page");
	is(shown($key), 'pend Moved', '... the record that would have lost is shown');
	is_lawful("$what before a page");
	query('DROP TRIGGER IF EXISTS gate ON gold.property');
}

# A transaction that does not see what others have committed cannot decide who is next
begin_anew($key);
my $other = $node->background_psql('postgres', on_error_stop => 0);
$other->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
query($page);
$other->{stderr} = '';
$other->query(q{SELECT mls_unsubscribe('act.property', drop_data => true)});
like($other->{stderr}, qr/sees only what was committed.*HINT:  Use the isolation level READ COMMITTED/s, 'an older snapshot is refused');
$other->query('ROLLBACK');
$other->quit;
is_lawful('nothing has happened');
query($removals{unsubscribing});
is(shown($key), 'pend Moved', 'who is next is shown');

# ---- Commands on gold beside a page ----

# pend makes two resources of its listings, so its remap comes to media before property;
# a page of act writes property, and then media that belong to pend's listing.
query(q{SET client_min_messages = error; SELECT mls_unsubscribe(foreign_table, drop_data => true) FROM mls.subscription;
	DROP SERVER act CASCADE; DROP SERVER pend CASCADE; DROP SCHEMA act CASCADE; DROP SCHEMA pend CASCADE;
	DROP TABLE IF EXISTS gold.property, gold.media CASCADE});
create_source($node, $mls, 'act', tables => 'property, media', priority => 5);
create_source($node, $mls, 'pend', tables => 'property, media');
($key) = split /\n/, query(q{SELECT resource_record_key FROM act.media WHERE resource_name = 'Property' ORDER BY 1 LIMIT 1});
query(qq{SET client_min_messages = error;
	INSERT INTO mls.row_map (source, source_resource, resource) VALUES ('pend', 'Property', 'Property'), ('pend', 'Property', 'Media');
	SELECT mls_subscribe('act.media'), mls_subscribe('act.property'), mls_subscribe('pend.property'), mls_subscribe('pend.media');
	ALTER FOREIGN TABLE act.property OPTIONS (ADD filter 'ListingKey ne ''$key''');
	SELECT count(*) FROM mls_sync();
	ALTER FOREIGN TABLE act.property OPTIONS (DROP filter)});
is(query(qq{SELECT count(*) > 0 FROM gold.media WHERE "ResourceRecordKey" = '$key' AND mls_source = 'pend'}), 't', 'media stand beside a listing');
my %indexes = (
	property => q{"ModificationTimestamp"}, media => q{"ModificationTimestamp"});
query(q{SELECT format('DROP INDEX %s', i.indexrelid::regclass) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
	WHERE i.indrelid IN ('gold.property'::regclass, 'gold.media'::regclass) AND a.attname = 'ModificationTimestamp' \gexec});
my $indexes = q{SELECT count(*) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
	WHERE i.indrelid IN ('gold.property'::regclass, 'gold.media'::regclass) AND a.attname = 'ModificationTimestamp'};
is(query($indexes), 0, 'gold lacks two indexes');
build_gate('gold.property', 'INSERT OR UPDATE', '"ListingKey"', $key);
my $first = start_psql($node, q{SELECT status FROM mls_sync('act', 'Property')});
wait_for_gate();
my $second = start_psql($node, q{SELECT status FROM mls_remap('pend', 'Property')});
wait_for_waiting('a remap');
open_gate();
is(end_psql($first), "finished\n", 'a page goes on beside a remap that makes indexes');
is(end_psql($second), "finished\n", 'and the remap after it');
is(query($indexes), 2, 'with the indexes');
is(query(qq{SELECT count(*) FROM gold.media WHERE "ResourceRecordKey" = '$key' AND mls_source = 'pend'}), 0, 'the media have gone with their listing');
query('DROP TRIGGER gate ON gold.property');
is_lawful('a page beside a remap');

# A column that appears, in silver and gold
query(q{ALTER FOREIGN TABLE pend.property ADD COLUMN note text OPTIONS (field 'X_Note')});
query(qq{SET client_min_messages = error; UPDATE mls.subscription SET cursor_timestamp = NULL WHERE source = 'act' AND resource = 'Property'});
$mls->control('update', { resource => 'Property', keys => [$key], fields => { City => 'Again' } });
build_gate('gold.property', 'INSERT OR UPDATE', '"ListingKey"', $key);
$first = start_psql($node, q{SELECT status FROM mls_sync('act', 'Property')});
wait_for_gate();
$second = start_psql($node, q{SET client_min_messages = error; SELECT count(*) FROM mls_subscribe('pend.property')});
wait_for_waiting('a subscription');
open_gate();
is(end_psql($first), "finished\n", 'a page goes on beside a table that is widened');
is(end_psql($second), "1\n", 'which is so after it');
query('DROP TRIGGER gate ON gold.property; SELECT count(*) FROM mls_sync()');
is_lawful('a page beside a new column');

# Statements that have begun before a sync, and come after it: they see what it has brought
my %late = (
	rebuild => q{mls_rebuild('act.property')},
	undo => q{mls_undo((SELECT max(id) FROM mls.run WHERE process = 'purge' AND deleted > 0))});
for my $what (sort keys %late)
{
	if ($what eq 'undo')
	{
		$mls->control('delete', { resource => 'Property', keys => [$key] });
		query(q{SELECT count(*) FROM mls_purge('act', 'Property')});
	}
	$gate = $node->background_psql('postgres');
	$gate->query_safe('SELECT pg_advisory_lock(42)');
	$second = start_psql($node, "SELECT $late{$what} IS NOT NULL FROM (SELECT pg_advisory_xact_lock_shared(42) OFFSET 0) l");
	wait_for_gate();
	$mls->control('insert', { resource => 'Property', count => 3 });
	is(query(q{SELECT status, inserted FROM mls_sync('act', 'Property')}), 'finished|3', "a sync while $what has begun");
	open_gate();
	is(end_psql($second), "t\n", 'which then goes on');
	is(query(q{SELECT count(*) FROM bronze.act_property b WHERE deleted_at IS NULL AND NOT EXISTS (SELECT FROM silver.act_property s WHERE s.listing_key = b.key)}), 0, 'and loses nothing of what came meanwhile');
	is_lawful($what);
}

$_->stop for $node, $mls;
done_testing();
