# Rows of new records go into the tables without statements where nothing stands around a
# table, and by statements where something does; what was taken for new and is not is no loss.
use strict;
use warnings;

use JSON::PP ();
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('new_rows');
my $mls = start_mls(listings => 400, fields => 'small');
$node->safe_psql('postgres', 'CREATE EXTENSION pg_walinspect');

# Were rows of a table written several at a time, by what the log of the server says?
sub together
{
	my ($table, $since) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT count(*) > 0 FROM pg_get_wal_records_info_till_end_of_wal('$since')
		WHERE record_type LIKE 'MULTI_INSERT%' AND block_ref LIKE '%/' || pg_relation_filenode('$table') || ' %'});
}

sub now_at { return $node->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()') }

sub whole
{
	my ($name, $test) = @_;
	is(differences($node, $mls, $name), 0, "$test: the copy is true");
	is($node->safe_psql('postgres', qq{SELECT count(*) FROM gold.property WHERE mls_source = '$name'}), 400, 'and in gold');
	return;
}

# Nothing around the tables
subscribe_property($node, $mls, 'plain', page_size => 100, key_prefix => 'plain-');
my $began = now_at();
is(sync_row($node, 'plain', 'status, received, inserted, updated, unchanged'), 'finished|400|400|0|0', 'a first load counts its records');
is(together("$_.plain_property", $began), 't', "rows of $_ were written together") for qw(bronze silver);
is(together('gold.property', $began), 't', 'rows of gold too');
whole('plain', 'a first load');
is($node->safe_psql('postgres', q{SELECT rows FROM mls_status_detail WHERE source = 'plain'}), 400, 'and its rows');
is($node->safe_psql('postgres', q{SELECT status, updated, inserted FROM mls_sync('plain', full => true)}), 'finished|0|0',
	'the same once more changes nothing');

# What stands around a table is honoured
my %around = (
	trigger => [ q{CREATE TABLE public.seen (layer text);
		CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS
		$$BEGIN INSERT INTO public.seen VALUES (tg_argv[0]); RETURN NULL; END$$;
		CREATE TRIGGER see AFTER INSERT ON silver.with_trigger_property FOR EACH ROW EXECUTE FUNCTION public.see('silver');
		CREATE TRIGGER see AFTER INSERT ON bronze.with_trigger_property FOR EACH ROW EXECUTE FUNCTION public.see('bronze')},
		q{SELECT string_agg(layer || n, ' ' ORDER BY layer) FROM (SELECT layer, count(*) AS n FROM public.seen GROUP BY layer) s}, 'bronze400 silver400' ],
	statement => [ q{CREATE TABLE public.told (n int);
		CREATE FUNCTION public.tell() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS
		$$BEGIN INSERT INTO public.told SELECT count(*) FROM rows; RETURN NULL; END$$;
		CREATE TRIGGER tell AFTER INSERT ON silver.with_statement_property REFERENCING NEW TABLE AS rows FOR EACH STATEMENT EXECUTE FUNCTION public.tell()},
		'SELECT sum(n) FROM public.told', 400 ],
	generated => [ q{ALTER TABLE silver.with_generated_property ADD COLUMN twice numeric GENERATED ALWAYS AS (list_price * 2) STORED},
		'SELECT count(*) FROM silver.with_generated_property WHERE twice IS NOT DISTINCT FROM list_price * 2', 400 ],
	default => [ q{ALTER TABLE silver.with_default_property ADD COLUMN mine text DEFAULT 'new'; ALTER TABLE silver.with_default_property ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY},
		q{SELECT count(*), count(DISTINCT number) FROM silver.with_default_property WHERE mine = 'new'}, '400|400' ],
	policy => [ q{CREATE TABLE public.judged (n int);
		ALTER TABLE silver.with_policy_property ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
		CREATE POLICY everyone ON silver.with_policy_property USING (true) WITH CHECK (true)},
		'SELECT count(*) FROM silver.with_policy_property', 400 ],
	rule => [ q{CREATE TABLE public.ruled (key text);
		CREATE RULE keep AS ON INSERT TO bronze.with_rule_property DO ALSO NOTHING},
		'SELECT count(*) FROM bronze.with_rule_property', 400 ],
	deferred => [ q{ALTER TABLE silver.with_deferred_property ADD CONSTRAINT one UNIQUE (listing_id) DEFERRABLE INITIALLY DEFERRED},
		'SELECT count(DISTINCT listing_id) FROM silver.with_deferred_property', 400 ],
	elsewhere => [ q{CREATE INDEX ON silver.with_elsewhere_property (lower(city)) WHERE list_price > 0; CREATE UNIQUE INDEX ON silver.with_elsewhere_property (listing_id)},
		q{SET enable_seqscan = off; SELECT count(*) - (SELECT count(*) FROM bronze.with_elsewhere_property WHERE (record->>'ListPrice')::numeric > 0
			AND record->>'City' IS NOT NULL) FROM silver.with_elsewhere_property WHERE list_price > 0 AND lower(city) > ''}, 0 ]);
for my $what (sort keys %around)
{
	my ($ddl, $query, $expected) = @{ $around{$what} };
	my $name = "with_$what";
	subscribe_property($node, $mls, $name, page_size => 100, key_prefix => "$name-");
	$node->safe_psql('postgres', $ddl);
	is(sync_row($node, $name, 'status, inserted'), 'finished|400', "$what: all are stored");
	is($node->safe_psql('postgres', $query), $expected, 'and it was honoured');
	whole($name, $what);
}

# A foreign key, and a check of gold
subscribe_property($node, $mls, 'checked', page_size => 100, key_prefix => 'checked-');
$node->safe_psql('postgres', q{ALTER TABLE gold.property ADD CONSTRAINT dear CHECK ("ListingKey" <> 'checked-LK00000007')});
is(sync_row($node, 'checked', 'status, inserted'), 'finished|399', 'a check of gold leaves one record out');
$node->safe_psql('postgres', q{ALTER TABLE gold.property DROP CONSTRAINT dear});

# A table that could take a key twice is refused as ever
subscribe_property($node, $mls, 'keyless', page_size => 100, key_prefix => 'keyless-');
$node->safe_psql('postgres', q{ALTER TABLE bronze.keyless_property DROP CONSTRAINT keyless_property_pkey});
like(sql_error($node, q{SELECT * FROM mls_sync('keyless')}), qr/42P10/, 'nothing is put into a table without its primary key');
is($node->safe_psql('postgres', 'SELECT count(*) FROM bronze.keyless_property'), 0, 'on no way');

# A value that an index does not take
subscribe_property($node, $mls, 'indexed', page_size => 100, key_prefix => 'indexed-');
$node->safe_psql('postgres', q{CREATE UNIQUE INDEX ON silver.indexed_property ((listing_key IN ('LK00000007', 'LK00000011', 'LK00000012')))
	WHERE listing_key IN ('LK00000007', 'LK00000011', 'LK00000012')});
is(sync_row($node, 'indexed', 'status, inserted'), 'finished|398', 'a unique index leaves two records out');
is($node->safe_psql('postgres', q{SELECT count(*) FROM silver.indexed_property s JOIN bronze.indexed_property b ON b.key = s.listing_key}), 398,
	'of all layers');

# Rows that are here although bronze is empty
subscribe_property($node, $mls, 'here', page_size => 100, key_prefix => 'here-');
$node->safe_psql('postgres', q{INSERT INTO silver.here_property (listing_key, city) VALUES ('LK00000150', 'Nowhere'), ('LK00000350', 'Nowhere');
	INSERT INTO gold.property ("ListingKey", mls_source, mls_origin, mls_source_key, mls_updated_at, "City")
	SELECT 'here-LK00000250', 'here', mls_origin, 'LK00000250', now(), 'Nowhere' FROM gold.property WHERE mls_source = 'plain' LIMIT 1});
is(sync_row($node, 'here', 'status, received, inserted'), 'finished|400|400', 'rows that are in silver and gold already are no hindrance');
whole('here', 'then');
is($node->safe_psql('postgres', q{SELECT count(*) FROM gold.property WHERE "City" = 'Nowhere'}), 0, 'and are those of the records');
is($node->safe_psql('postgres', q{SELECT count(*) FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription WHERE s.source = 'here'}), 0,
	'without an issue');

# New records among those that are here
$mls->control('insert', { resource => 'Property', count => 150 });
$mls->control('update', { resource => 'Property', key => 'LK00000003', fields => { City => 'Elsewhere' } });
is(sync_row($node, 'plain', 'status, inserted, updated'), 'finished|150|1', 'new records and a changed one are told apart');
is(differences($node, $mls, 'plain'), 0, 'and the copy is true');

# Values that do not fit are issues as ever
$mls->fault(kind => 'bad_value', field => 'ListPrice', value => 'dear', record => 5, times => 1);
subscribe_property($node, $mls, 'values', page_size => 100, key_prefix => 'values-');
is(sync_row($node, 'values', 'status, inserted'), 'finished|550', 'a bad value of a new record is an issue');
is($node->safe_psql('postgres', q{SELECT field, value FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription WHERE s.source = 'values'}),
	'ListPrice|"dear"', 'with field and value');

# Keys that come twice in a list of keys are one
$node->safe_psql('postgres', q{ALTER SERVER plain OPTIONS (ADD ordering 'none')});
$mls->control('option', { link => 'skip', page_size => 50, unordered => JSON::PP::true });
my $error = sql_error($node, q{SELECT * FROM mls_purge('plain')});
like($error, qr/The source lists (\d+) different keys, and counts 550 records/, 'a list with keys twice is not complete');
my ($different) = $error =~ /lists (\d+) different/;
cmp_ok($different, '<', 550, 'for each is counted once');
$mls->control('option', { unordered => JSON::PP::false });
is($node->safe_psql('postgres', q{SELECT status, deleted FROM mls_purge('plain', force => true)}), 'finished|0', 'without repeats it is');

$node->stop;
done_testing();
