# A changed rule makes gold of a whole Qobrix tenant anew from silver, in batches;
# test/bench/remap.sh does it with a tenant of real size.

use strict;
use warnings;

use HTTP::Tiny;
use MlsQobrix;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $size = $ENV{MLS_PROPERTIES} || 250;
my $node = new_node();
my $mls = start_mls(qobrix => $size);
my %login = ('X-Api-User' => '11111111-1111-4111-8111-111111111111', 'X-Api-Key' => 'header-key-value');
my $number;

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

# All records of a resource, page by page into bronze.
sub load
{
	my ($resource) = @_;
	my ($page, $more) = (0, 1);
	my $file = "$PostgreSQL::Test::Utils::tmp_check/pages.json";
	open my $out, '>', $file or die "$file: $!";
	while ($more)
	{
		my $answer = HTTP::Tiny->new->get(sprintf('http://127.0.0.1:%d/api/v2/%s?limit=100&sort[]=id&media=false&expand=%s&page=%d',
			$mls->{port}, $resource, $resource eq 'agents' ? 'true' : 'false', ++$page), { headers => \%login });
		die "$resource: $answer->{status}" unless $answer->{success};
		print $out $answer->{content}, "\n";
		$more = $answer->{content} =~ /"has_next_page":\s*true/;
	}
	close $out;
	query("CREATE TEMP TABLE page (body json); \\copy page FROM '$file' (FORMAT csv, DELIMITER e'\\x01', QUOTE e'\\x02')
		INSERT INTO bronze.crm_" . $resource =~ tr/-/_/r . q{ (key, modified_at, modified, record, fetched_at, run_id)
		SELECT r->>'id', (r->>'modified')::timestamptz, r->>'modified', r, now(), 0 FROM page, json_array_elements(body->'data') r});
	return;
}

# The seconds a statement takes, with its answer.
sub timed
{
	my ($sql) = @_;
	my $start = time;
	my $answer = query($sql);
	return (time - $start, $answer);
}

create_crm($node, 'crm', key_prefix => 'Q-');
load($_) for qw(property-types property-subtypes projects contacts users agents properties);
rebuild($node, 'crm', qw(property-types property-subtypes projects contacts users agents));
my ($seconds) = timed(q{SELECT mls_rebuild('crm.properties')});
my $rows = query('SELECT count(*) FROM gold.property');
cmp_ok($rows, '>=', $size * 0.9, 'the tenant is in gold');
note sprintf 'measured: silver and gold of %d properties (%d rows) from bronze in %.1f s', query('SELECT count(*) FROM silver.crm_properties'), $rows, $seconds;
query(q{SELECT count(*) FROM mls_remap()});

my $versions = q{SELECT md5(string_agg(xmin::text, ',' ORDER BY "ListingKey")) FROM gold.property};
query(q{SELECT mls_map_set('Property', 'X_Street', 'expression', '{upper(r.city)}', source => 'crm', source_resource => 'properties')});
($seconds, $number) = timed(q{SELECT status || ' ' || mapped || ' ' || requests FROM mls_remap('crm', 'properties')});
is($number, 'finished ' . query('SELECT count(*) FROM silver.crm_properties') . ' 0', 'a new field: every listing is mapped, without a request');
is(query('SELECT count(*) FROM gold.property WHERE "X_Street" IS DISTINCT FROM upper("City")'), 0, 'and has it');
note sprintf 'measured: a new field in all rows: %.1f s', $seconds;

my $old = query($versions);
query(q{SELECT mls_map_set('Property', 'X_Street', 'expression', ARRAY['upper(r.city || left(r.city, 0))'], source => 'crm', source_resource => 'properties')});
($seconds) = timed(q{SELECT count(*) FROM mls_remap('crm', 'properties')});
is(query($versions), $old, 'a rule that says the same in other words writes nothing');
note sprintf 'measured: a rule that changes no row: %.1f s', $seconds;

query(q{SELECT mls_map_remove('Property', 'X_Street', source => 'crm', source_resource => 'properties'); SELECT mls_map_set('Property', 'City', 'none', source => 'crm')});
query(q{SELECT count(*) FROM mls_remap('crm')});
is(query('SELECT count("X_Street") + count("City") FROM gold.property'), 0, 'what no rule makes any more is empty');
query(q{SELECT mls_map_remove('Property', 'City', source => 'crm'); SELECT count(*) FROM mls_remap('crm')});
query(q{SELECT mls_map_value('qobrix_subtype', 'penthouse', 'Condominium', source => 'crm')});
($seconds) = timed(q{SELECT count(*) FROM mls_remap('crm', 'properties')});
isnt(query(q{SELECT count(*) FROM gold.property WHERE "PropertySubType" = 'Condominium'}), 0, 'a value of a lookup');
is(query(q{SELECT count(*) FROM gold.property WHERE "X_QobrixPropertySubType" = 'penthouse' AND "PropertySubType" IS DISTINCT FROM 'Condominium'}), 0, 'becomes what it should everywhere');
note sprintf 'measured: a value of a lookup, %d rows written: %.1f s', query(q{SELECT count(*) FROM gold.property WHERE "PropertySubType" = 'Condominium'}), $seconds;

$_->stop for $mls, $node;
done_testing();
