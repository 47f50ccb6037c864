# mls_serve's reading of OData and its SQL, without HTTP: random queries give the rows that an
# evaluator of OData's rules finds, page by page; what is malformed is refused, and nothing else fails.
use strict;
use warnings;

use IPC::Run ();
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $here = "$ENV{MLS_TREE}/test/serve";
plan skip_all => 'what mls_serve is made of is not there' unless -x "$here/rows";
my $node = new_node('serve_odata');
my @rules = ('python3', '-B', "$here/odata_rules.py");

sub output
{
	my (@command) = @_;
	my ($out, $err) = ('', '');
	my $good = IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err);
	return ($good, $out, $err);
}

my (undef, $sql) = output(@rules, 'sql');
my (undef, $model) = output(@rules, 'model');
my $model_file = "$PostgreSQL::Test::Utils::tmp_check/model.json";
append_to_file($model_file, $model);
$node->safe_psql('postgres', $sql);
my @rows = ("$here/rows", $node->connstr('postgres'), $model_file, 7, 3);

# The lines of a run that count something, and what went wrong before them.
sub run_rules
{
	my (@arguments) = @_;
	my ($good, $out, $err) = output(@rules, @arguments, @rows);
	my $lines = 0;
	for my $line (split /\n/, $out)
	{
		if (my ($what, $asked, $failed) = $line =~ /^(\w+): (\d+) asked, (\d+) failed/)
		{
			is($failed, 0, "$what: $line");
			$lines++;
		}
		else
		{
			diag(substr($line, 0, 1500));
		}
	}
	ok($good, 'it ran to its end') or diag(substr($err, -3000));
	return $lines;
}

# ---- random queries ----

my $count = $ENV{MLS_LONG} ? 10_000 : 1_500;
is(run_rules('run', $ENV{MLS_SEED} || 1, $count), 1, "random queries of seed " . ($ENV{MLS_SEED} || 1));

# ---- addresses ----

is(run_rules('paths'), 1, 'records, fields and navigations');

# ---- refusals ----

is(run_rules('refused'), 3, 'malformed, mangled, and tokens of others');

# The statement of an address, prepared in a session, and how it is executed.
sub prepared
{
	my ($address, @flags) = @_;
	my ($good, $line) = output($ENV{MLS_BIN} . '/mls_serve', '--model', $model_file, @flags, '--sql', $address);
	die "$address: $line" if !$good;
	my $plan = JSON::PP->new->utf8->decode($line);
	my @params = map { (my $p = $_) =~ s/'/''/g; "'$p'" } @{ $plan->{rows}{params} };
	return "SET plan_cache_mode = force_generic_plan; PREPARE q AS $plan->{rows}{sql}", 'EXECUTE q' . (@params ? '(' . join(', ', @params) . ')' : '');
}

sub plan_for
{
	my ($prepare, $execute) = prepared(@_);
	return scalar $node->safe_psql('postgres', "SET enable_seqscan = off; $prepare; EXPLAIN (COSTS off) $execute");
}

sub rows_for
{
	my ($prepare, $execute) = prepared(@_);
	my @rows = split /\n/, $node->safe_psql('postgres', "$prepare; $execute");
	return scalar @rows;
}

SKIP:
{
	skip 'mls_serve is not built', 14 unless -x "$ENV{MLS_BIN}/mls_serve";
	require JSON::PP;

	# ---- what the manual shows ----
	my @shown = grep { m{^/} } map { split /\n/ } slurp_file("$ENV{MLS_TREE}/docs/serve/odata.md") =~ /^```\n(.*?)^```/gms;
	cmp_ok(scalar @shown, '>', 15, 'the manual has examples');
	is(join("\n", grep { !(output($ENV{MLS_BIN} . '/mls_serve', '--model', "$here/docs_model.json", '--sql', $_))[0] } @shown), '', 'and each is understood');

	# ---- "ne" and "not" as SQL has them, for clients that die of nulls ----
	my $address = q{Thing?$filter=S1 ne 'abc' and not (D le 1)&$select=ThingKey&$top=1000};
	my $without = $node->safe_psql('postgres', q{SELECT count(*) FROM web."Thing" WHERE "S1" <> 'abc' AND "D" > 1});
	my $all = $node->safe_psql('postgres', q{SELECT count(*) FROM web."Thing" WHERE "S1" IS DISTINCT FROM 'abc' AND ("D" > 1 OR "D" IS NULL)});
	cmp_ok($without, '<', $all, 'there are nulls that decide');
	is(rows_for($address), $all, 'with nulls by the rules of OData');
	is(rows_for($address, '--ne-null-sql'), $without, 'and without them where that is set');

	# ---- plans that the shape of the SQL is for ----
	$node->safe_psql('postgres', q{
		INSERT INTO web."Thing" ("ThingKey", "S1", "D", "T", "N") SELECT 'z' || n, nullif(n % 5, 0) || 'w', nullif(n % 9, 0), timestamptz '2021-01-01Z' + n * interval '1 minute', n FROM generate_series(1, 30000) n;
		CREATE INDEX ON web."Thing" ("D" mls.numeric_ops, "ThingKey");
		CREATE INDEX ON web."Thing" ("S1" COLLATE "C");
		VACUUM ANALYZE web."Thing"});
	my $page = plan_for('Thing?$orderby=D&$select=ThingKey&$top=5');
	unlike($page, qr/Seq Scan/, 'a page by a field with nulls needs no scan of all');
	like($page, qr/Append.*\n *-> *Limit\n *-> *Index (?:Only )?Scan using "Thing_D_ThingKey_idx" on "Thing" \w+\n *Index Cond: \("D" IS NOT NULL\)/s, 'what is not null comes out of an index in order');
	like(plan_for('Thing?$filter=date(T) eq 2021-01-03&$select=ThingKey'), qr/Index Cond: \(\("T" >= /, 'a day of a timestamp is a range');
	like(plan_for(q{Thing?$filter=C/any(x:x eq 'b')&$select=ThingKey}), qr/Index Cond: \("C" @> /, 'any() of a list is an operator of arrays');
	like(plan_for(q{Thing?$filter=startswith(S1,'zz')&$select=ThingKey}), qr/Index Cond: .*"S1"\)?(?:::text)? >= /, 'a beginning is a range');

	# Behind row security only what is leakproof finds an index.
	$node->safe_psql('postgres', q{
		CREATE ROLE reader;
		GRANT USAGE ON SCHEMA web, mls TO reader;
		GRANT SELECT ON ALL TABLES IN SCHEMA web TO reader;
		ALTER TABLE web."Thing" ENABLE ROW LEVEL SECURITY;
		CREATE POLICY sees ON web."Thing" TO reader USING ("ThingKey" ~ 'z')});
	local $ENV{PGOPTIONS} = '-c role=reader';
	like(plan_for('Thing?$filter=D gt 7 and D le 8&$select=ThingKey'), qr/Index Cond: \(\("D" OPERATOR\(mls.>\) .*"D" OPERATOR\(mls.<=\)/, 'as comparisons of numbers do here');
	like(plan_for('Thing?$orderby=D&$select=ThingKey&$top=5'), qr/Index (?:Only )?Scan using "Thing_D_ThingKey_idx" on "Thing" \w+\n *Index Cond: \("D" IS NOT NULL\)/, 'and an order of them');
	# The second page of prices that fall, and of times that rise.
	for my $case ([ 'D desc', qr/Index Cond: .*"D" OPERATOR\(mls.<=\) \$/ ], [ 'T', qr/Index Cond: .*(?:"T" >= \$|ROW\("T")/ ])
	{
		my $line = '';
		IPC::Run::run(\@rows, '<', \"5\tThing?\$orderby=$case->[0]&\$filter=D gt 0 and T ne null&\$select=ThingKey\n", '>', \$line);
		like(plan_for(JSON::PP->new->utf8->decode($line)->{next}), $case->[1], "a page by $case->[0] begins where the one before ended");
	}
}

done_testing();
