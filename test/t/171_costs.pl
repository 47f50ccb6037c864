# What a plan of a table that was never analyzed costs: little enough not to be compiled
# (JIT), and in proportion, so that joins are still planned with sense.
use strict;
use warnings;

use JSON::PP;
use MlsQobrix;
use MlsTest;
use Test::More;

my $node = new_node('costs');

sub cost
{
	my ($sql) = @_;
	my $plan = decode_json($node->safe_psql('postgres', "EXPLAIN (FORMAT JSON) $sql"));
	return $plan->[0]{Plan}{'Total Cost'};
}

my $compiled_from = $node->safe_psql('postgres', 'SHOW jit_above_cost');

# ---- any page size ----

my @pages = (1, 10, 100, 200, 1000, 5000, 100000);
for my $size (@pages)
{
	$node->safe_psql('postgres', qq{
		CREATE SERVER s$size FOREIGN DATA WRAPPER mls_fdw
		  OPTIONS (protocol 'reso', url 'https://api.example.com/odata', page_size '$size');
		CREATE USER MAPPING FOR CURRENT_USER SERVER s$size OPTIONS (token 't');
		CREATE FOREIGN TABLE t$size (k text OPTIONS (field 'K') NOT NULL, n integer OPTIONS (field 'N'), a text OPTIONS (field 'A'))
		  SERVER s$size OPTIONS (resource 'Thing', key 'K');
	});
}
for my $size (@pages)
{
	cmp_ok(cost("SELECT * FROM t$size"), '<', $compiled_from, "reading a table in pages of $size is not compiled");
	cmp_ok(cost("SELECT * FROM t$size a JOIN t1000 b ON b.a = a.a"), '<', $compiled_from, 'nor is a join of two');
	cmp_ok(cost("SELECT k FROM t$size WHERE k = 'x'"), '<', cost("SELECT k FROM t$size"), 'one record is cheaper than all');
}
for my $platform (qw(crea generic))
{
	$node->safe_psql('postgres', qq{
		CREATE SERVER r_$platform FOREIGN DATA WRAPPER mls_fdw
		  OPTIONS (protocol 'rets', platform '$platform', url 'https://api.example.com/rets/login');
		CREATE USER MAPPING FOR CURRENT_USER SERVER r_$platform OPTIONS (username 'u', password 'p');
		CREATE FOREIGN TABLE r_$platform (k text OPTIONS (field 'K') NOT NULL, a text OPTIONS (field 'A'))
		  SERVER r_$platform OPTIONS (resource 'Property:RES', key 'K');
	});
	cmp_ok(cost("SELECT * FROM r_$platform"), '<', $compiled_from, "RETS, $platform");
}

# ---- joins ----

$node->safe_psql('postgres', q{
	CREATE TABLE few AS SELECT 'k' || i AS k FROM generate_series(1, 5) i;
	CREATE TABLE many AS SELECT 'k' || i AS k FROM generate_series(1, 5000) i;
	ANALYZE few, many;
});
for my $size (100, 1000)
{
	like(plan_of($node, "SELECT t.a FROM few JOIN t$size t USING (k)"), qr/Nested Loop.*K eq/s, "pages of $size: a few are looked up by key");
	like(plan_of($node, "SELECT t.a FROM many JOIN t$size t USING (k)"), qr/Hash (Right |Left )?Join/, 'for many the table is read once');
	unlike(plan_of($node, "SELECT t.a FROM many JOIN t$size t USING (k)"), qr/K eq/, 'and nothing is looked up');
}
# What is known is not guessed.
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE t100 OPTIONS (ADD rows '1000000')});
cmp_ok(cost('SELECT * FROM t100'), '>', 10000 * 500, 'rows that are told count');
cmp_ok(cost('SELECT * FROM t100 LIMIT 5'), '<', $compiled_from, 'of which five need not be compiled');

# ---- a Qobrix tenant, as imported ----

my $mls = start_mls(listings => 10, qobrix => 120);
create_tenant($node, $mls, 'crm');
my $query = "SELECT * FROM crm.properties WHERE city IS NOT NULL OR city IS NULL";
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE crm.contacts OPTIONS (ADD rows '1000000'); ANALYZE crm.contacts});
cmp_ok(cost('SELECT * FROM crm.contacts'), '<', 10000, 'until ANALYZE knows better');
unlike(plan_of($node, $query, ANALYZE => '', TIMING => 'off'), qr/JIT/, 'a query of a fresh tenant is not compiled');
like($node->safe_psql('postgres', "SET jit_above_cost = 10; EXPLAIN (ANALYZE) $query"), qr/JIT/, 'which would show')
  if $node->safe_psql('postgres', 'SELECT pg_jit_available()') eq 't';

$mls->stop;
$node->stop;
done_testing();
