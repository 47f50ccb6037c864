# A foreign table answers exactly like a local copy of it, whatever is pushed: generated
# conditions, orders and limits over every type, against a source that follows the standard
# to the letter, under a cautious and under a trusting configuration.
use strict;
use warnings;

use MlsTest;
use Test::More;

my $node = new_node('pushdown');
my $mls = start_mls(listings => 8, samples => 400, page_size => 150);
my %trusting = map { $_ => 'true' }
  qw(push_null_tests push_not_equal push_not push_in text_exact);
create_source($node, $mls, 'cautious');
create_source($node, $mls, 'trusting', %trusting, page_size => 130);

$node->safe_psql('postgres', q{
	CREATE TABLE copy AS SELECT * FROM cautious.sampler;

	-- The keys a query gives, in its order, or in theirs where it has none.
	CREATE FUNCTION answer(relation text, tail text, ordered boolean) RETURNS text
	LANGUAGE plpgsql AS $$
	DECLARE keys bigint[];
	BEGIN
		EXECUTE format('SELECT array_agg(sampler_key) FROM (SELECT sampler_key FROM %s WHERE %s) s',
			relation, tail) INTO keys;
		RETURN CASE WHEN ordered THEN keys::text
			ELSE (SELECT array_agg(k ORDER BY k)::text FROM unnest(keys) k) END;
	END $$;

	CREATE FUNCTION counted(relation text, tail text) RETURNS bigint LANGUAGE plpgsql AS $$
	DECLARE result bigint;
	BEGIN
		EXECUTE format('SELECT count(*) FROM %s WHERE %s', relation, tail) INTO result;
		RETURN result;
	END $$;

	CREATE FUNCTION asked(query text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		line text;
		result text := '';
	BEGIN
		FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
			IF line ~ 'Remote Request' THEN result := result || line; END IF;
		END LOOP;
		RETURN result;
	END $$;
});

# ---- generated queries ----

my $seed = $ENV{MLS_SEED} || 20240229;

# A generator of our own: Perl's differs between builds.
sub pick_below
{
	my ($n) = @_;
	$seed = ($seed * 1103515245 + 12345) % 2147483648;
	return int($seed / 65536) % $n;
}

sub one_of
{
	return $_[ pick_below(scalar @_) ];
}

sub quoted
{
	my ($text) = @_;
	$text =~ s/'/''/g;
	return $text =~ s/\\/\\\\/g ? "E'$text'" : "'$text'";
}

# Values that are awkward; those in the data are added below.
my %values = (
	text => [ '', ' ', "O'Brien", 'back\\slash', '100%', 'a_b', 'Ærø', '日本', "tab\there", 'null', 'x' x 300 ],
	numeric => [ '0', '-0.01', '99999999999999999999.5', '0.0000000001', '-1', 'NaN', '123456789012345678.12' ],
	float8 => [ '0', '-0', '1e300', '-1e-300', '0.1', 'NaN', 'Infinity' ],
	int => [ '0', '-1', '32767', '-32768', '2147483647', '-2147483648' ],
	int8 => [ '9007199254740993', '9223372036854775807', '-9223372036854775808', '2147483648', '0' ],
	date => [ '0001-01-01', '9999-12-31', '2024-02-29', '1970-01-01', 'infinity', '-infinity', '0044-03-15 BC', '12345-01-01' ],
	timestamptz => [ '0001-01-01 00:00:00+00', '9999-12-31 23:59:59.999999+00', '2024-02-29 23:59:59+00',
		'2020-10-25 06:06:43.4873+00', 'infinity', '2024-03-01 00:00:00+14' ],
	time => [ '00:00', '23:59:59.999999', '12:00:00.5', '24:00' ],
	uuid => [ '00000000-0000-0000-0000-000000000000' ],
	item => [ "it's", 'A', '', 'null' ]);
my %columns = (
	text => [qw(text text_other choice)],
	numeric => [qw(amount amount_wide)],
	float8 => [qw(measure measure_other)],
	int => [qw(small number)],
	int8 => [qw(big sampler_key)],
	date => [qw(day day_other)],
	timestamptz => [qw(moment moment_other modification_timestamp)],
	time => ['clock'],
	uuid => ['uid'],
	boolean => [qw(flag flag_other)],
	item => [qw(tags choices)]);
for my $type (keys %values)
{
	for my $column (@{ $columns{$type} })
	{
		my $from = $type eq 'item' ? "unnest($column)" : $column;
		my $found = $node->safe_psql('postgres', qq{
			SELECT encode(convert_to(v::text, 'UTF8'), 'hex') FROM (SELECT DISTINCT $from AS v FROM copy) s
			WHERE v IS NOT NULL ORDER BY md5(v::text) LIMIT 12});
		push @{ $values{$type} }, map { pack 'H*', $_ } grep { $_ ne '' } split /\n/, $found;
	}
}

# A value as SQL: a literal, or an expression whose value is known at execution only.
sub value_of
{
	my ($type) = @_;
	my $sql_type = $type eq 'item' ? 'text' : $type;
	my $literal = quoted(one_of(@{ $values{$type} })) . "::$sql_type";
	$literal = "NULL::$sql_type" if pick_below(25) == 0;
	return pick_below(6) == 0 ? "(SELECT $literal)" : $literal;
}

sub list_of
{
	my ($type, $n) = @_;
	return join ', ', map { value_of($type) } 1 .. $n;
}

sub pattern
{
	my ($text) = (one_of(@{ $values{text} }));
	$text = substr $text, 0, 6 + pick_below(5);
	utf8::decode($text);
	$text =~ s/([\\%_])/\\$1/g;
	substr($text, 1, 1) = '_' if length($text) > 3 && $text !~ /\\/ && pick_below(3) == 0;
	utf8::encode($text);
	return quoted(one_of("$text%", "%$text", "%$text%", $text, '%', "%$text%_"));
}

sub text_test
{
	my ($column) = @_;
	return one_of(
		sub { "$column = " . value_of('text') },
		sub { "$column <> " . value_of('text') },
		sub { "$column IN (" . list_of('text', 3) . ')' },
		sub { "$column NOT IN (" . list_of('text', 2) . ')' },
		sub { "$column LIKE " . pattern() },
		sub { "$column LIKE (SELECT " . pattern() . ')' },
		sub { "$column NOT LIKE " . pattern() },
		sub { "$column " . one_of('<', '>=') . ' ' . value_of('text') })->();
}

sub flag_test
{
	my ($column) = @_;
	return one_of($column, "NOT $column", "$column IS TRUE", "$column IS NOT TRUE", "$column IS FALSE",
		"$column IS UNKNOWN", "$column = flag_other", "$column <> true");
}

sub array_test
{
	my ($column) = @_;
	my $list = 'ARRAY[' . list_of('item', 1 + pick_below(3)) . ']::text[]';
	return one_of(value_of('item') . " = ANY ($column)", "$column @> $list", "$list <@ $column",
		"$column && $list", "$column <@ $list", "$column @> '{}'", "NOT ($column && $list)",
		value_of('item') . " <> ALL ($column)");
}

sub ordered_test
{
	my ($type, $column) = @_;
	my $op = one_of('=', '<>', '<', '<=', '>', '>=');
	my $other = $type eq 'date' ? one_of('date', 'timestamptz') : $type eq 'timestamptz' ? one_of('timestamptz', 'date')
	  : $type eq 'int' ? one_of('int', 'int8') : $type;
	return one_of(
		sub { "$column $op " . value_of($other) },
		sub { value_of($other) . " $op $column" },
		sub { "$column $op " . value_of($type) },
		sub { "$column BETWEEN " . value_of($type) . ' AND ' . value_of($type) },
		sub { "$column IN (" . list_of($type, 3) . ')' },
		sub { "$column = ANY (ARRAY[" . list_of($type, 2) . ']) ' },
		sub { "$column NOT IN (" . list_of($type, 2) . ')' })->();
}

sub test
{
	my ($type) = @_;
	$type ||= one_of(sort keys %columns);
	my $column = one_of(@{ $columns{$type} });
	return "$column IS " . one_of('', 'NOT ') . 'NULL' if pick_below(12) == 0;
	return text_test($column) if $type eq 'text';
	return flag_test($column) if $type eq 'boolean';
	return array_test($column) if $type eq 'item';
	return ordered_test($type, $column);
}

sub condition
{
	my ($depth, $type) = @_;
	my $shape = pick_below(10);
	return test($type) if $depth == 0 || $shape < 4;
	return 'NOT (' . condition($depth - 1) . ')' if $shape == 4;
	return '(' . join(one_of(' AND ', ' OR '), map { condition($depth - 1, $_ == 1 ? $type : undef) } 1 .. 2) . ')';
}

# An order that leaves nothing open, since the key ends it, and perhaps a limit.
sub order_and_limit
{
	return '' if pick_below(2) == 0;
	my $type = one_of(qw(numeric int int8 date timestamptz text float8));
	my $order = one_of(@{ $columns{$type} }) . one_of('', ' DESC') . one_of('', ' NULLS FIRST', ' NULLS LAST');
	my $limit = one_of('', ' LIMIT 3', ' LIMIT 80', ' LIMIT 5 OFFSET 4');
	return ' ORDER BY ' . one_of("$order, ", '') . "sampler_key$limit";
}

sub dollar
{
	return "\$t\$$_[0]\$t\$";
}

# Asks all queries of one source; the answers of source and copy, and what was pushed.
sub compare
{
	my ($source, @tails) = @_;
	my $sql = "SET client_min_messages = error;\n";
	for my $i (0 .. $#tails)
	{
		my ($tail, $ordered) = (dollar($tails[$i]), $tails[$i] =~ /ORDER BY/ ? 'true' : 'false');
		my $plain = dollar($tails[$i] =~ s/ ORDER BY.*//sr);
		$sql .= qq{
			SELECT $i, a IS NOT DISTINCT FROM b, c = d, asked('SELECT sampler_key FROM $source.sampler WHERE ' || $tail),
				left(a, 100), left(b, 100), c, d
			FROM answer('$source.sampler', $tail, $ordered) a, answer('copy', $tail, $ordered) b,
				counted('$source.sampler', $plain) c, counted('copy', $plain) d;\n};
	}
	my ($pushed, $limited, $sorted) = (0, 0, 0);
	my ($status, $out, $err) = $node->psql('postgres', $sql);
	is($err, '', "$source: no query fails");
	for my $line (split /\n/, $out)
	{
		my ($i, $same, $same_count, $request, @answers) = split /\|/, $line;
		my $ok = $same eq 't' && $same_count eq 't';
		ok($ok, "$source: " . substr $tails[$i], 0, 160);
		diag("$request\nsource: $answers[0] ($answers[2])\ncopy:   $answers[1] ($answers[3])\n$tails[$i]") if !$ok;
		$pushed++ if $request =~ /filter=/;
		$limited++ if $request =~ /top=\d/;
		$sorted++ if $request =~ /orderby=(?!SamplerKey)/;
	}
	return ($pushed, $limited, $sorted);
}

my @types = sort keys %columns;
my @tails = map { condition(2, $types[ $_ % @types ]) . order_and_limit() } 1 .. 220;
my @cautious = compare('cautious', @tails);
my @trusting = compare('trusting', @tails);
cmp_ok($cautious[0], '>', 90, "$cautious[0] of 220 conditions are pushed");
cmp_ok($trusting[0], '>', 150, "$trusting[0] of 220 conditions are pushed where the source is trusted");
cmp_ok($trusting[1], '>=', 5, "$trusting[1] limits are pushed");
cmp_ok($trusting[2], '>=', 5, "$trusting[2] orders are pushed");

# A source that ignores case returns more; the local check takes it back.
$mls->control('option', { case_insensitive => JSON::PP::true() });
compare('cautious', map { condition(1, one_of('text', 'item')) . order_and_limit() } 1 .. 60);

# Parameters of a generic plan are pushed and answer alike.
for my $case (
	[ 'text = $1', 'text', quoted("O'Brien") ], [ 'text LIKE $1', 'text', q{'%a%'} ],
	[ 'amount > $1', 'numeric', '1000' ], [ 'number = ANY ($1)', 'int[]', q{'{1,NULL,-2147483648}'} ],
	[ 'tags @> $1', 'text[]', q{'{A}'} ], [ 'day <= $1', 'timestamptz', q{'2024-02-29 12:00'} ],
	[ 'moment >= $1', 'date', q{'2019-06-01'} ], [ 'flag = $1', 'boolean', 'true' ],
	[ 'big < $1', 'bigint', 'NULL' ], [ 'amount <= $1 OR number > 5', 'numeric', q{'NaN'} ])
{
	my ($condition, $type, $value) = @$case;
	my @answers = map {
		$node->safe_psql('postgres', qq{
			SET plan_cache_mode = force_generic_plan;
			SET client_min_messages = error;
			PREPARE q($type) AS SELECT sampler_key FROM $_ WHERE $condition ORDER BY sampler_key;
			EXECUTE q($value)})
	} qw(trusting.sampler copy);
	is($answers[0], $answers[1], "generic plan: $condition with $value");
	like($node->safe_psql('postgres', qq{
		SET plan_cache_mode = force_generic_plan;
		PREPARE q($type) AS SELECT sampler_key FROM trusting.sampler WHERE $condition;
		EXPLAIN (COSTS OFF) EXECUTE q($value)}), qr/filter=.*\$1/, "... and pushes it");
}

done_testing();
