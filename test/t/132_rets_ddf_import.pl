# IMPORT FOREIGN SCHEMA from CREA's Data Distribution Facility makes the tables that the
# shipped rules need, and they are those of docs/rets.md.
use strict;
use warnings;

use MlsTest;
use Test::More;

my $mls = start_mls(listings => 120);
$mls->control('option', { date => 'logical', rets => { dialect => 'ddf' } });
my $node = new_node('ddf_import');

sub query
{
	return $node->safe_psql('postgres', $_[0]);
}

sub server
{
	my ($name, $password) = @_;
	return qq{CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'rets', platform 'crea', format 'standard-xml',
			url 'http://127.0.0.1:$mls->{port}/rets/login', retries '0', schema_check_interval '0');
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (username 'agent', password '$password');
		CREATE SCHEMA $name;};
}

# Tables as they are, without the name of their schema.
sub tables
{
	my ($schema) = @_;
	return query(qq{SELECT relname, array_to_string(ftoptions, ' '), (SELECT string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod),
			CASE WHEN attnotnull THEN 'NOT NULL' END, array_to_string(attfdwoptions, ' ')), ', ' ORDER BY attnum)
			FROM pg_attribute WHERE attrelid = ftrelid AND attnum > 0)
		FROM pg_foreign_table JOIN pg_class ON pg_class.oid = ftrelid WHERE relnamespace = '$schema'::regnamespace ORDER BY 1});
}

query(server('ddf', 'basic-pass-value') . 'IMPORT FOREIGN SCHEMA ddf FROM SERVER ddf INTO ddf');
my $imported = tables('ddf');

# The same by hand, as the page says.
my $page = do { local $/; open my $in, '<', "$ENV{MLS_TREE}/docs/rets.md" or die; <$in> };
my $by_hand = join '', $page =~ /(CREATE FOREIGN TABLE ddf\..*?\);\n)/sg;
is(() = $by_hand =~ /CREATE FOREIGN TABLE/g, 4, 'the page has four tables');
query(server('hand', 'basic-pass-value') . $by_hand =~ s/\bddf\./hand./gr =~ s/SERVER ddf\b/SERVER hand/gr);
my $made = tables('hand');
my @columns = map { [ split /\|/ ] } split /\n/, $made;
is_deeply([ map { [ split /\|/ ] } split /\n/, $imported ], \@columns, 'IMPORT makes the same') or diag("$imported\n\n$made");

query(q{SELECT mls_subscribe(t) FROM unnest('{ddf.property,ddf.photo,ddf.agent,ddf.office}'::regclass[]) t});
is(query(q{SELECT string_agg(resource || ' ' || status, ', ' ORDER BY resource) FROM mls_sync('ddf')}),
	'Agent finished, Office finished, Property finished', 'they are synced, the photos with their listings');
is(query(q{SELECT (SELECT count(*) FROM gold.property) || ' ' || (SELECT count(*) > 0 FROM gold.media) || ' ' || (SELECT count(*) > 0 FROM gold.member)}), '120 true true', '... to gold');
is(query(q{SELECT string_agg(resource || ' ' || status || ' ' || (inserted + updated), ', ' ORDER BY resource) FROM mls_sync('ddf')}),
	'Agent finished 0, Office finished 0, Property finished 0', '... and again, with their schema compared');
is(query(q{SELECT count(*) FROM mls_schema_check('ddf')}), '0', 'which does not change');
query(q{CREATE SCHEMA part; IMPORT FOREIGN SCHEMA ddf LIMIT TO (agent, "Office") FROM SERVER ddf INTO part});
is(query(q{SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'part'::regnamespace}), 'agent office', 'LIMIT TO is obeyed');
my @bad = grep { !/^(count|paging|order)/ } split /\n/, query(q{SELECT item, detail FROM mls_check('ddf') WHERE NOT ok});
is("@bad", '', 'mls_check finds nothing wrong');
query(server('locked', 'wrong'));
like(sql_error($node, 'IMPORT FOREIGN SCHEMA ddf FROM SERVER locked INTO locked'), qr/rejected the credentials/, 'who cannot log in imports nothing');

done_testing();
