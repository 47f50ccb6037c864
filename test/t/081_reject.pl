# Records that cannot be stored: left out with a reason, while the page goes on;
# too many stop the run.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('reject');
my $mls = start_mls(listings => 1000, fields => 'small');

sub issues
{
	my ($name, $columns) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT $columns FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription
		WHERE s.source = '$name'});
}

# No key, a key of the wrong kind, a key too long
subscribe_property($node, $mls, 'keys', page_size => 500, key_prefix => 'keys-');
$mls->fault(kind => 'bad_value', field => 'ListingKey', value => undef, record => 10, times => 1);
$mls->fault(kind => 'bad_value', field => 'ListingKey', value => 'x' x 5000, record => 20, times => 1);
is(sync_row($node, 'keys', 'status, received, inserted'), 'finished|1000|998', 'two of a thousand records have bad keys');
is(issues('keys', q{string_agg(reason, '; ' ORDER BY reason)}),
	'the key is too long, and the record was not stored; the record has no key and was not stored',
	'mls.issue says why they were not stored');
is($node->safe_psql('postgres', q{SELECT count(*) FROM bronze.keys_property}), 998, 'the others are here');
$mls->reset;
subscribe_property($node, $mls, 'lists', page_size => 500, key_prefix => 'lists-');
$mls->fault(kind => 'bad_value', field => 'ListingKey', value => [ 'LK1', 'LK2' ], record => 10, times => 1);
is(sync_row($node, 'lists', 'inserted'), 999, 'a list is no key');
is(issues('lists', 'reason'), 'the record has no key and was not stored', 'and is an issue');
$mls->reset;

# What only the table knows: a constraint somebody put on silver
subscribe_property($node, $mls, 'one', page_size => 500, key_prefix => 'one-');
$node->safe_psql('postgres', q{
	ALTER TABLE silver.one_property ADD CONSTRAINT sane CHECK (listing_key NOT IN ('LK00000007', 'LK00000014', 'LK00000900'))});
like(sync_row($node, 'one', 'status, received, inserted, message'), qr/^finished\|1000\|997\|3 records were not stored \(.*"sane"\); mls.issue has each$/,
	'three records that violate a constraint are left out, and the run says so');
is(issues('one', q{string_agg(key, ' ' ORDER BY key), min(reason)}),
	'LK00000007 LK00000014 LK00000900|the record was not stored: new row for relation "one_property" violates check constraint "sane"',
	'with key and reason');
is($node->safe_psql('postgres', q{
	SELECT count(*), (SELECT count(*) FROM silver.one_property) FROM bronze.one_property}), '997|997',
	'of all layers');
is(last_run($node, 'one', 'status, bad_values, received, pages'), 'finished|3|1000|2', 'the run counts them');
is($node->safe_psql('postgres', q{
	SELECT state, error_class IS NULL, issues FROM mls_status_detail WHERE source = 'one'}), 'synced|t|3', 'and is a success');
$node->safe_psql('postgres', q{ALTER TABLE silver.one_property DROP CONSTRAINT sane});
is($node->safe_psql('postgres', q{SELECT different, inserted FROM mls_reconcile('one')}), '3|3',
	'a reconcile fetches them once they fit');
is(differences($node, $mls, 'one'), 0, 'then the copy is true');

# A trigger that refuses
$node->safe_psql('postgres', q{
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
	$$BEGIN IF new.city = 'Nowhere' THEN RAISE EXCEPTION 'there is no such city'; END IF; RETURN new; END$$;
	CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON silver.one_property FOR EACH ROW EXECUTE FUNCTION refuse()});
$mls->control('update', { resource => 'Property', key => 'LK00000100', fields => { City => 'Nowhere' } });
$mls->control('update', { resource => 'Property', key => 'LK00000101', fields => { City => 'Elsewhere' } });
is(sync_row($node, 'one', 'status, updated'), 'finished|1', 'a trigger refuses one record, the other is stored');
like(issues('one', q{max(reason) FILTER (WHERE key = 'LK00000100')}), qr/there is no such city/, 'its words are the reason');
$node->safe_psql('postgres', q{DROP TRIGGER refuse ON silver.one_property});

# An index that a value is too long for
$node->safe_psql('postgres', q{CREATE INDEX ON silver.one_property (city)});
$mls->control('update', { resource => 'Property', key => 'LK00000102',
	fields => { City => join '', map { chr 33 + rand 90 } 1 .. 9000 } });
is(sync_row($node, 'one', 'status'), 'finished', 'a value that is too long for an index does not stop the page');
like(issues('one', q{max(reason) FILTER (WHERE key = 'LK00000102')}), qr/index row/, 'and is an issue');

# A constraint that old rows violate does not stop the filling of a column
$node->safe_psql('postgres', q{
	ALTER TABLE silver.one_property ADD CONSTRAINT later CHECK (listing_key <> 'LK00000200') NOT VALID;
	ALTER FOREIGN TABLE one.property ADD COLUMN postal_code text OPTIONS (field 'PostalCode')});
is(sync_row($node, 'one', 'status'), 'finished', 'a row that cannot be filled does not stop the others');
is($node->safe_psql('postgres', q{
	SELECT count(postal_code) > 500, bool_and(listing_key = 'LK00000200') FILTER (WHERE b.record->>'PostalCode' IS DISTINCT FROM postal_code)
	FROM silver.one_property s JOIN bronze.one_property b ON b.key = listing_key}), 't|t', 'which are filled');
like(issues('one', q{max(reason) FILTER (WHERE key = 'LK00000200')}), qr/later/, 'and is an issue');

# Too many
subscribe_property($node, $mls, 'many', page_size => 500, key_prefix => 'many-');
$node->safe_psql('postgres', q{
	ALTER TABLE silver.many_property ADD CONSTRAINT sane CHECK (listing_key > 'LK00000600')});
like(sql_error($node, q{SELECT * FROM mls_sync('many')}),
	qr/22000.*too many records of a page of resource "Property" of source "many" cannot be stored.*At least 51 of 500 records; the server option reject_limit allows 50\. The first of them: .*violates check constraint "sane".*reject_limit/s,
	'too many stop the run with one clear error');
is($node->safe_psql('postgres', q{SELECT count(*) FROM bronze.many_property}), 0, 'the page is not stored');
is($node->safe_psql('postgres', q{
	SELECT state, error_class, newest IS NULL, issues FROM mls_status_detail WHERE source = 'many'}), 'failed|data|t|0',
	'the cursor stays, and the class is data');
$node->safe_psql('postgres', q{ALTER SERVER many OPTIONS (ADD reject_limit '0')});
like(sql_error($node, q{SELECT * FROM mls_sync('many')}), qr/At least 1 of 500 records/, 'the option decides');
$node->safe_psql('postgres', q{ALTER SERVER many OPTIONS (SET reject_limit '100%, 100000')});
is(sync_row($node, 'many', 'status, inserted'), 'finished|399', 'it may be all but all');
$node->safe_psql('postgres', q{ALTER TABLE silver.many_property DROP CONSTRAINT sane});
is($node->safe_psql('postgres', q{SELECT status, inserted FROM mls_sync('many', full => true)}), 'finished|601',
	'a full sync fetches them once they fit');
is(differences($node, $mls, 'many'), 0, 'and the copy is true');

$node->stop;
done_testing();
