# The mapping of Qobrix row by row.  test/data/qobrix_gold.tsv names every field of the
# six resources, its type, and what crafted records must make of it; records without a
# field there are what the others look at.

use strict;
use warnings;

use MlsQobrix;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $rows = "$ENV{MLS_TREE}/test/data/qobrix_gold.tsv";
my %settings = (currency => 'EUR', office_key => 'MAIN', office_name => 'Main Ltd', system_id => 'OUID-1');

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

create_crm($node, 'crm', key_prefix => 'Q-');
query(qq{
	CREATE TABLE walk (line serial, resource text, field text, type text, source text, variant text, setting text,
		record json, expected jsonb, was text);
	\\copy walk (resource, field, type, source, variant, setting, record, expected, was) FROM '$rows' (FORMAT csv, HEADER, DELIMITER e'\\t', QUOTE e'\\x01')
	CREATE TABLE crafted AS
	SELECT line, w.source, r.record->>'id' AS id, r.record::json
	  FROM walk w
	  LEFT JOIN LATERAL (SELECT record FROM walk b WHERE b.resource IS NULL AND b.source = w.source AND b.record->>'id' IS NULL) b ON true,
	  LATERAL (SELECT coalesce(b.record::jsonb, '{}') || jsonb_build_object('id', 'case-' || line) || w.record::jsonb) r (record)
	 WHERE w.record IS NOT NULL AND NOT (w.resource IS NULL AND w.record->>'id' IS NULL);
	ALTER TABLE walk ADD gold text, ADD key_field text;
	UPDATE walk SET gold = translate(lower(regexp_replace(resource, '(.)([A-Z])', '\\1_\\2', 'g')), '"', ''),
		key_field = (SELECT key_field FROM mls.dd_resource d WHERE d.resource = walk.resource)});
cmp_ok(query('SELECT count(*) FROM walk WHERE record IS NOT NULL'), '>', 1100, 'there are cases');
feed($node, 'crm', $_, "SELECT DISTINCT ON (id) record FROM crafted WHERE source = '$_' ORDER BY id, line")
  for split /\n/, query('SELECT DISTINCT source FROM crafted ORDER BY 1');

# ---- The fields themselves ----

is(query('SELECT string_agg(DISTINCT resource, $$ $$ ORDER BY resource) FROM walk'),
	'Contacts Media Member Office Property ShowingAppointment', 'the six resources are there');
is(query(q{
	SELECT string_agg(w.resource || '.' || w.field, ', ') FROM (SELECT DISTINCT resource, field, gold FROM walk WHERE field IS NOT NULL) w
	 WHERE NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = ('gold.' || w.gold)::regclass AND attname = w.field)}),
	'', 'gold has every field');
is(query(q{
	SELECT string_agg(c.relname || '.' || attname, ', ') FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
	 WHERE c.relnamespace = 'gold'::regnamespace AND c.relkind = 'r' AND attnum > 0 AND NOT attisdropped AND attname NOT LIKE 'mls\_%'
	   AND NOT EXISTS (SELECT FROM walk WHERE gold = c.relname AND field = attname)}),
	'', 'and none that the list lacks');
is(query(q{
	SELECT string_agg(DISTINCT w.resource || '.' || w.field || ' ' || w.type, ', ') FROM walk w
	  LEFT JOIN mls.dd_field d ON d.resource = w.resource AND d.field = w.field
	 WHERE w.field IS NOT NULL AND CASE WHEN w.field LIKE 'X\_%' THEN d.field IS NOT NULL
		ELSE w.type IS DISTINCT FROM CASE WHEN d.is_collection THEN 'Collection(' || d.type || ')' ELSE d.type END END}),
	'', 'a field is the dictionary\'s, of its type, or has the prefix X_');
is(query(q{
	SELECT string_agg(DISTINCT w.resource || '.' || w.field || ' ' || w.type || ' is ' || format_type(atttypid, -1), ', ') FROM walk w
	  JOIN pg_attribute ON attrelid = ('gold.' || w.gold)::regclass AND attname = w.field
	 WHERE format_type(atttypid, -1) <> CASE w.type WHEN 'Edm.String' THEN 'text' WHEN 'Edm.Int64' THEN 'bigint' WHEN 'Edm.Decimal' THEN 'numeric'
		WHEN 'Edm.Boolean' THEN 'boolean' WHEN 'Edm.Date' THEN 'date' WHEN 'Edm.DateTimeOffset' THEN 'timestamp with time zone'
		WHEN 'Collection(Edm.String)' THEN 'text[]' WHEN 'timestamptz' THEN 'timestamp with time zone' ELSE w.type END}),
	'', 'gold has the type');
is(query(q{
	SELECT string_agg(DISTINCT resource || '.' || field, ', ') FROM walk w WHERE field IS NOT NULL AND NOT EXISTS (
		SELECT FROM walk v WHERE v.resource = w.resource AND v.field = w.field AND v.expected <> 'null')}),
	'', 'each is filled by some record');
is(query(q{
	SELECT count(*) FROM (SELECT DISTINCT resource, n FROM (SELECT resource, unnest(string_to_array(was, ' ')) AS n FROM walk
		UNION SELECT resource, field FROM walk) k WHERE n <> '') a}), query(q{
	SELECT count(*) FROM (SELECT resource, field FROM walk WHERE field IS NOT NULL UNION
		SELECT resource, n FROM walk, unnest(string_to_array(was, ' ')) n) b}), 'names of the old pipeline are listed once');

# ---- What records become ----

my @modes = split /\n/, query(q{SELECT DISTINCT coalesce(setting, '') FROM walk WHERE field IS NOT NULL ORDER BY 1});
my $built = 0;
for my $mode (@modes)
{
	my %all = (%settings, map { split /=/, $_, 2 } split /;/, $mode);
	my $set = join '; ', map { "SELECT mls_map_setting('crm', '$_', '$all{$_}')" } sort keys %all;
	query(qq{
		DELETE FROM mls.setting_map WHERE source = 'crm'; $set});
	rebuild($node, 'crm') unless $built++;
	query('SELECT count(*) FROM mls_remap($$crm$$)');
	# Of the rows that a record makes those of the variant count; there must be one, or none where none is expected.
	my $wrong = query(qq{
		CREATE TEMP TABLE made (resource text, origin text, source_key text, record jsonb);
		@{[ join '', map { "INSERT INTO made SELECT '$_->[0]', mls_origin, mls_source_key, to_jsonb(g) FROM gold.$_->[1] g;" }
			map { [ split /\|/, $_ ] } split /\n/, query('SELECT DISTINCT resource, gold FROM walk WHERE field IS NOT NULL') ]}
		CREATE INDEX ON made (source_key);
		SELECT 'line ' || w.line + 1 || ' ' || w.resource || '.' || w.field || ' of ' || w.record::text || ': ' ||
			coalesce(string_agg((m.record->w.field)::text, ' and '), 'no row') || ' instead of ' || coalesce(w.expected::text, 'no row')
		  FROM walk w JOIN crafted c USING (line)
		  LEFT JOIN made m ON m.resource = w.resource AND m.source_key = c.id
		   AND m.origin = w.source || coalesce('/' || w.variant, '')
		 WHERE w.field IS NOT NULL AND coalesce(w.setting, '') = '$mode'
		 GROUP BY w.line, w.resource, w.field, w.record::text, w.expected
		HAVING count(m.record) > 1 OR max((m.record->w.field)::text)::jsonb IS DISTINCT FROM w.expected
		 ORDER BY w.line});
	is($wrong, '', "every record becomes what it should" . ($mode eq '' ? '' : " with $mode"));
}

# ---- Lookups as a whole ----

is(query(q{
	SELECT string_agg(f.field || ' ' || v.value, ', ') FROM mls.value_map v
	  JOIN mls.field_map f ON f.kind = 'lookup' AND f.arguments[2] = v.lookup AND f.protocol = 'qobrix'
	  JOIN mls.dd_field d ON d.resource = f.resource AND d.field = f.field AND NOT d.is_collection
	 WHERE v.protocol = 'qobrix' AND NOT EXISTS (SELECT FROM walk w, string_to_table(f.arguments[1], '|') c
		WHERE w.resource = f.resource AND w.field = f.field AND lower(w.record->>c) = v.value)}),
	'', 'each value of a lookup of single values has a record');

# One listing has every code of every list, and a text that is too long.
feed($node, 'crm', 'properties', q{
	SELECT (jsonb_build_object('id', 'everything', 'description', repeat('é', 4001)) || jsonb_object_agg(c, codes))::json
	  FROM (SELECT arguments[1] AS c, (SELECT jsonb_agg(value) FROM mls.value_map v WHERE v.protocol = 'qobrix' AND lookup = arguments[2]) AS codes
		FROM mls.field_map f JOIN mls.dd_field d USING (resource, field)
		WHERE f.protocol = 'qobrix' AND kind = 'lookup' AND d.is_collection) l});
rebuild($node, 'crm', 'properties');
is(query(q{
	SELECT string_agg(d.field, ', ') FROM gold.property p, jsonb_each(to_jsonb(p)) g (field, value)
	  JOIN mls.field_map f ON f.protocol = 'qobrix' AND f.kind = 'lookup' AND f.resource = 'Property' AND f.field = g.field
	  JOIN mls.dd_field d ON d.resource = f.resource AND d.field = f.field AND d.is_collection
	 WHERE p.mls_source_key = 'everything' AND
		(SELECT array_agg(DISTINCT v ORDER BY v) FROM jsonb_array_elements_text(CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE '[]' END) v) IS DISTINCT FROM
		(SELECT array_agg(value ORDER BY value) FROM mls.dd_lookup l WHERE l.lookup_name = d.lookup_name)}),
	'', 'every value of the dictionary\'s lists of features can be reached');
is(query(q{SELECT length("PublicRemarks") FROM gold.property WHERE mls_source_key = 'everything'}), 4000, 'remarks have the length of the dictionary');
for my $resource (split /\n/, query('SELECT DISTINCT resource FROM walk ORDER BY 1'))
{
	my $gold = query("SELECT DISTINCT gold FROM walk WHERE resource = '$resource'");
	is(query(qq{
		SELECT string_agg(DISTINCT d.field || ' ' || v, ', ')
		  FROM gold.$gold r, jsonb_each(to_jsonb(r)) g (field, value)
		  JOIN mls.dd_field d ON d.resource = '$resource' AND d.field = g.field,
			jsonb_array_elements_text(CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE jsonb_build_array(value) END) e (v)
		 WHERE v IS NOT NULL AND d.lookup_name NOT IN ('City', 'Country', 'StateOrProvince', 'Languages')
		   AND EXISTS (SELECT FROM mls.dd_lookup l WHERE l.lookup_name = d.lookup_name)
		   AND NOT EXISTS (SELECT FROM mls.dd_lookup l WHERE l.lookup_name = d.lookup_name AND l.value = v)}),
		'', "no value of $resource is outside the lookup of its field");
}
is(query(q{SELECT count(*) FROM gold.property p WHERE to_jsonb(p)::text ~* '"nan"'}), 0, 'no text stands for a number that is not there');

$node->stop;
done_testing();
