# Lookups of a RETS source: codes become what they mean, in live queries as in silver; what
# no lookup knows is kept; conditions on meanings ask for codes.
use strict;
use warnings;

use JSON::PP ();
use MlsRets;
use MlsTest;
use Test::More;

my $node = new_node('rets_lookups');
my $mls = start_mls(listings => 60, samples => 60);
create_rets($node, $mls, 'plain', tables => 'property_all, property_res, sampler_sampler', schema_policy => 'evolve');
create_rets($node, $mls, 'coded', tables => 'property_res, sampler_sampler', lookups => 'coded');
create_rets($node, $mls, 'theirs', tables => 'property_res, sampler_sampler', format => 'compact-decoded');

sub sql { return $node->safe_psql('postgres', $_[0]) }

# A request as one text.
sub asked { my ($request) = @_; return join ' ', map { ref $request->{$_} ? JSON::PP::encode_json($request->{$_}) : $request->{$_} // '' } sort keys %$request }

# Columns of lookups, without the sampler's odd ones.
my @columns = map { [ split /\|/ ] } split /\n/, sql(q{
	SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'plain.property_res'::regclass
	AND attfdwoptions::text LIKE '%lookup=%' ORDER BY attnum});
cmp_ok(scalar(grep { $_->[1] eq 'text' } @columns), '>', 3, 'columns of lookups');
cmp_ok(scalar(grep { $_->[1] eq 'text[]' } @columns), '>', 3, 'columns of several values of lookups');
my $list = join ', ', map { $_->[0] } @columns;
is(sql(qq{SELECT count(*) FROM (SELECT l_listing_key, $list FROM plain.property_res EXCEPT SELECT l_listing_key, $list FROM theirs.property_res) d}),
	0, 'what is decoded here is what the source decodes');
isnt(sql(qq{SELECT count(*) FROM (SELECT l_listing_key, $list FROM plain.property_res EXCEPT SELECT l_listing_key, $list FROM coded.property_res) d}),
	0, 'lookups coded: the codes');

# ---- conditions ----

my ($label, $code) = split /\|/, sql(q{SELECT p.l_standard_status, c.l_standard_status FROM plain.property_res p
	JOIN coded.property_res c USING (l_listing_key) WHERE p.l_standard_status <> c.l_standard_status LIMIT 1});
isnt($label, '', 'a status has a code and a meaning');
sql("SELECT count(*) FROM plain.property_res WHERE l_standard_status = '$label'");
$mls->reset;
is(sql("SELECT count(*) FROM plain.property_res WHERE l_standard_status = '$label'"),
	sql("SELECT count(*) FROM coded.property_res WHERE l_standard_status = '$code'"), 'a condition on a meaning finds what its code finds');
my @asked = grep { /search/ && /L_StandardStatus/ } map { asked($_) } $mls->requests;
ok(scalar(grep { /%7C\Q$code\E%29|\|\Q$code\E\)/ } @asked), 'the code is asked for') or diag("@asked");
is(sql("SELECT count(*) FROM plain.property_res WHERE l_standard_status IN ('$label', 'No such status')"),
	sql("SELECT count(*) FROM coded.property_res WHERE l_standard_status = '$code'"), 'a list with a value that is none');

# ---- silver, history, unknown codes ----

my @keys = split /\n/, sql(q{SELECT l_listing_key FROM plain.property_all ORDER BY l_listing_key COLLATE "C" LIMIT 2});
$mls->control('update', { resource => 'Property', keys => [ $keys[0] ], fields => { StandardStatus => 'Zz9' } });
sql(q{SELECT mls_subscribe('plain.property_all')});
is(sql(q{SELECT status FROM mls_sync('plain')}), 'finished', 'a sync');
is(sql(qq{SELECT l_standard_status FROM silver.plain_property_all WHERE l_listing_key = '$keys[0]'}), 'Zz9', 'an unknown code is kept');
is(sql(q{SELECT field || ': ' || reason FROM mls.issue WHERE reason LIKE '%not in its lookup%'}),
	'L_StandardStatus: value "Zz9" is not in its lookup; it is kept as received', '... and listed');
is(sql(q{SELECT count(*) FROM mls_sync('plain', full => true)}), 1, 'all is read again');
is(sql(q{SELECT times, solved_at IS NULL FROM mls.issue WHERE kind = 'lookup'}), '2|t', 'it is still so');
$mls->control('update', { resource => 'Property', keys => [ $keys[0] ], fields => { StandardStatus => 'Active' } });
sql(q{SELECT * FROM mls_sync('plain', full => true)});
is(sql(q{SELECT solved_at IS NOT NULL FROM mls.issue WHERE kind = 'lookup'}), 't', 'it ends when no record has it any more');
$mls->control('update', { resource => 'Property', keys => [ $keys[0] ], fields => { StandardStatus => 'Zz9' } });
sql(q{SELECT * FROM mls_sync('plain')});
is(sql(qq{SELECT record->>'L_StandardStatus', record->>'L_StandardStatus\@decoded' IS NULL FROM bronze.plain_property_all WHERE key = '$keys[0]'}),
	'Zz9|t', 'bronze has the value as received');
is(sql(qq{SELECT count(*) FROM bronze.plain_property_all WHERE key <> '$keys[0]' AND record->>'L_StandardStatus' IS NOT NULL
	AND record->>'L_StandardStatus\@decoded' IS NULL}), 0, '... and the meaning beside it');
is(sql(qq{SELECT count(*) FROM (SELECT l_listing_key, $list FROM plain.property_all EXCEPT SELECT l_listing_key, $list FROM silver.plain_property_all) d}),
	0, 'silver is what a live query shows');
is(sql(q{SELECT mls_rebuild('plain.property_all') > 0}), 't', 'a rebuild from bronze');
is(sql(qq{SELECT count(*) FROM (SELECT l_listing_key, $list FROM plain.property_all EXCEPT SELECT l_listing_key, $list FROM silver.plain_property_all) d}),
	0, '... makes the same');
is(sql(qq{SELECT display FROM mls.remote_lookup WHERE lookup LIKE 'StandardStatus%' AND value = '$code' AND removed_at IS NULL}),
	$label, 'the values of lookups are kept');

# ---- a column the user wants as it is sent ----

sql(q{ALTER FOREIGN TABLE plain.property_res ALTER COLUMN l_standard_status OPTIONS (DROP lookup)});
is(sql("SELECT count(*) > 0 FROM plain.property_res WHERE l_standard_status = '$code'"), 't', 'without the option a column has the codes');

# ---- what it costs ----

$mls->reset;
sql(q{SELECT count(l_standard_status), count(l_property_type) FROM plain.property_res});
is(scalar(grep { asked($_) =~ /getmetadata/i } $mls->requests), 1, 'a process asks for the lookups of a resource once');
$mls->reset;
sql(q{SELECT max(l_list_price) FROM plain.property_res; EXPLAIN SELECT * FROM plain.property_res WHERE l_property_type = 'x'});
is(scalar(grep { asked($_) =~ /getmetadata/i } $mls->requests), 0, '... and not when a query needs none');

# ---- columns by standard names ----

sql(q{CREATE SCHEMA named; IMPORT FOREIGN SCHEMA rets LIMIT TO (property_res) FROM SERVER theirs INTO named OPTIONS (names 'standard')});
is(sql(q{SELECT string_agg(attname, ',' ORDER BY attname) FROM pg_attribute WHERE attrelid = 'named.property_res'::regclass AND attname IN ('list_price', 'city', 'listing_key')}),
	'city,list_price,listing_key', "names 'standard' names columns after the standard");
is(sql(q{SELECT count(*) FROM (SELECT listing_key, list_price, city FROM named.property_res EXCEPT SELECT l_listing_key, l_list_price, l_city FROM theirs.property_res) d}),
	0, '... and they hold what the columns by system names hold');

done_testing();
