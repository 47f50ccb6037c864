# One of a thing is said as one: whatever the extension says while it works on exactly one
# record, page, request, column or row is gathered, and none of it speaks of "1 records".
use strict;
use warnings;

use MlsRets;
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 1, fields => 'small');
my $heard = '';

# What SQL answers, its errors and notices included; all of it is judged at the end.
sub hear
{
	my ($sql, $expected, $name) = @_;
	my ($status, $out, $err) = $node->psql('postgres', $sql);
	$heard .= "$out\n$err\n";
	like("$out\n$err", $expected, $name) if $expected;
	return;
}

# ---- Looking ----

create_source($node, $mls, 'one', page_size => 100, retries => 0, key_prefix => 'A-');
hear(q{SELECT item, detail FROM mls_check('one')}, qr/The source counts 1 record\./, 'a count of one');
hear(q{ANALYZE VERBOSE one.property}, qr/1 record at the source, 1 in the sample/, 'a sample of one');

# ---- Loading ----

$node->safe_psql('postgres', q{SELECT mls_subscribe('one.property')});
hear(q{SELECT message FROM mls_sync('one', dry_run => true)}, qr/1 record expected, in 1 page, with about 1 request,/, 'a dry run');
hear(q{SELECT level, message FROM mls_health()}, qr/1 resource of 1 source is replicated/, 'health of one resource');
$node->safe_psql('postgres', q{CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
	$$BEGIN RAISE EXCEPTION 'not this one'; END$$;
	CREATE TRIGGER refuse BEFORE INSERT ON silver.one_property FOR EACH ROW EXECUTE FUNCTION refuse();
	ALTER SERVER one OPTIONS (ADD reject_limit '0')});
hear(q{SELECT * FROM mls_sync('one')}, qr/At least 1 of 1 record; the server option reject_limit allows 0/, 'one that cannot be stored');
hear(q{SELECT message FROM mls_health() WHERE item = 'failures'}, qr/one\.Property sync failed 1 time:/, 'a failure');
$node->safe_psql('postgres', q{DROP TRIGGER refuse ON silver.one_property});
hear(q{SELECT * FROM mls_sync('one')}, qr/finished/, 'the load');
hear(q{SELECT message FROM mls_health() WHERE item = 'issues'}, qr/^\d issues? (is|are) open/, 'issues');

# ---- Comparing ----

hear(q{SELECT * FROM mls_verify('one')}, qr/1 record was compared with the source/, 'a verification of one');
$mls->fault(kind => 'bad_value', field => 'ListingKey', value => undef, resource => 'Property', times => -1);
hear(q{SELECT * FROM mls_reconcile('one')}, qr/1 of 1 record that the source lists has no key/, 'one without a key');
$mls->reset;
$mls->control('insert', { resource => 'Property', count => 1 });
hear(q{SELECT * FROM mls_verify('one')}, qr/1 record of the source is not here/, 'one that is missing here');
hear(q{SELECT * FROM mls_reconcile('one')}, qr/missing here: 1/, 'which a reconcile finds');
my @keys = @{ JSON::PP::decode_json($mls->get('keys?resource=Property')) };
$mls->control('delete', { resource => 'Property', key => $keys[0] });
hear(q{SELECT * FROM mls_verify('one')}, qr/1 record here is not at the source any more/, 'one that is missing there');
hear(q{SELECT message FROM mls_purge('one', dry_run => true)}, qr/dry run: 1 of 2 records would be removed/, 'a purge of one');
$node->safe_psql('postgres', q{ALTER SERVER one OPTIONS (ADD purge_limit '0')});
hear(q{SELECT * FROM mls_purge('one')}, qr/1 of 2 records \(50\.0 %\) is missing at the source/, 'one too many');
$node->safe_psql('postgres', q{SELECT * FROM mls_purge('one', force => true)});
$mls->control('delete', { resource => 'Property' });
hear(q{SELECT * FROM mls_purge('one')}, qr/1 record is here\./, 'the last one');
$mls->control('restore', { resource => 'Property', keys => [ $keys[1] ] });

# ---- Copies that somebody has touched ----

$node->safe_psql('postgres', q{CREATE TABLE kept AS SELECT * FROM silver.one_property; DELETE FROM silver.one_property});
hear(q{SELECT * FROM mls_verify('one')}, qr/1 record of bronze is not in silver/, 'one that silver lacks');
$node->safe_psql('postgres', q{INSERT INTO silver.one_property SELECT * FROM kept;
	CREATE TABLE raw AS SELECT * FROM bronze.one_property; DELETE FROM bronze.one_property});
hear(q{SELECT * FROM mls_verify('one')}, qr/1 row of silver has no record in bronze/, 'one that bronze lacks');
$node->safe_psql('postgres', q{INSERT INTO bronze.one_property SELECT * FROM raw;
	UPDATE gold.property SET "City" = 'Elsewhere'});
hear(q{SELECT * FROM mls_verify('one')}, qr/0 rows are missing, 1 differs, 0 are left over/, 'one that differs');
$node->safe_psql('postgres', q{DELETE FROM gold.property});
hear(q{SELECT * FROM mls_verify('one')}, qr/1 row is missing, 0 differ, 0 are left over/, 'one that gold lacks');
$node->safe_psql('postgres', q{SELECT mls_rebuild('one.property');
	SELECT mls_map_set('Property', 'X_Town', 'field', '{City}', source => 'one')});
hear(q{SELECT message FROM mls_sync('one')}, qr/1 record was mapped anew, since gold or its rules had changed/, 'one that is mapped');
$node->safe_psql('postgres', q{INSERT INTO mls.field_map (source, resource, field, arguments) VALUES ('gone', 'Property', 'City', '{Town}')});
hear(q{SELECT * FROM mls_verify('one')}, qr/1 rule is for the server "gone"/, 'one rule of nobody');
$node->safe_psql('postgres', q{DELETE FROM mls.field_map WHERE source = 'gone'});

# ---- Two sources ----

create_source($node, $mls, 'other', page_size => 100, tables => 'property', key_prefix => 'B-');
$node->safe_psql('postgres', q{SELECT mls_subscribe('other.property')});
hear(q{SELECT * FROM mls_sync()}, qr/finished/, 'a second source');
hear(q{SELECT level, message FROM mls_health()}, qr/2 resources of 2 sources are replicated/, 'health of two');

# ---- Quota ----

my $busy = start_mls(listings => 1, fields => 'small');
create_property($node, $busy, 'frugal', requests_per_hour => 1);
hear('SELECT listing_key FROM frugal.property LIMIT 1');
hear('SELECT listing_key FROM frugal.property LIMIT 1', qr/It allows 1 request per hour\./, 'a quota of one');
hear(q{SELECT item, detail FROM mls_check('frugal')});

# ---- RETS ----

create_rets($node, $mls, 'paper', tables => 'property_res');
hear(q{SELECT item, detail FROM mls_check('paper')}, qr/field/, 'a check of a RETS source');
$mls->fault(kind => 'short_row', record => 0, by => 2, times => -1);
hear(q{SELECT * FROM paper.property_res}, qr/Row 1 has \d+ values for \d+ columns/, 'a short row');
$mls->reset;

# ---- All of it, and what was written down ----

hear(q{SELECT status, message FROM mls_history; SELECT reason FROM mls.issue; SELECT * FROM mls_status; SELECT * FROM mls_status_detail});
my $things = 'records|rows|keys|pages|requests|values|columns|fields|resources|findings|characters|bytes|parts|rules|issues|times|processes|sources';
my @wrong = $heard =~ /^(.*(?<![\d.,])\b1 (?:\w+ )?(?:$things)\b.*)$/mg;
is(join("\n", @wrong), '', 'nothing speaks of one as of many');
@wrong = grep { !/\b1 of \d+ \w+s? \(|\bof [02-9]\b/ } $heard =~ /^(.*(?<![\d.,])\b1 \w+ (?:are|were|have)\b.*)$/mg;
is(join("\n", @wrong), '', 'nor in its verbs');
my @words = $heard =~ /^(.*(?<!\d)\b[02-9] (?:record|row|key|page|request|value|column|field|resource|rule|issue|source|time)\b.*)$/mg;
is(join("\n", @words), '', 'nor of many as of one');

$node->stop;
done_testing();
