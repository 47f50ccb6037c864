# A foreign table over RETS answers like a local copy of it: generated conditions over every
# type, under a cautious and a trusting configuration.
use strict;
use warnings;

use MlsRets;
use MlsTest;
use Test::More;

my $node = new_node('rets_queries');
my $mls = start_mls(listings => 8, samples => 400);
create_rets($node, $mls, 'cautious', page_size => 150, tables => 'sampler_sampler');
create_rets($node, $mls, 'trusting', page_size => 130, tables => 'sampler_sampler', push_null_tests => 'true',
	push_not => 'true', text_exact => 'true');
$node->safe_psql('postgres', 'CREATE TABLE copy AS SELECT * FROM cautious.sampler_sampler');
is($node->safe_psql('postgres', 'SELECT count(*) FROM copy'), 400, 'all records came');

my $seed = $ENV{MLS_SEED} || 20240229;

# A generator of our own: Perl's differs between builds.
sub below
{
	my ($n) = @_;
	$seed = ($seed * 1103515245 + 12345) % 2147483648;
	return int($seed / 65536) % $n;
}

sub one_of { return $_[ below(scalar @_) ] }

my @columns = map { [ split /\|/ ] } split /\n/, $node->safe_psql('postgres', q{
	SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
	WHERE attrelid = 'copy'::regclass AND attnum > 0 AND attname <> 's_sampler_key' ORDER BY attnum});
my %values;
for my $column (@columns)
{
	my ($name, $type) = @$column;
	my $from = $type eq 'text[]' ? "unnest($name)" : $name;
	$values{$name} = [ map { pack 'H*', $_ } split /\n/, $node->safe_psql('postgres', qq{
		SELECT encode(convert_to(v::text, 'UTF8'), 'hex') FROM (SELECT DISTINCT $from AS v FROM copy) s
		WHERE v::text <> '' ORDER BY md5(v::text) LIMIT 12}) ];
}

sub literal
{
	my ($name, $type) = @_;
	my $text = one_of(@{ $values{$name} }, $type eq 'text' || $type eq 'text[]' ? ("O'Brien", 'A', "x y\"z") : ());
	$text =~ s/'/''/g;
	$text =~ s/\\/\\\\/g;
	$type =~ s/\[\]//;
	my $sql = "E'$text'::$type";
	return below(6) == 0 ? "(SELECT $sql)" : $sql;
}

sub test
{
	my ($name, $type) = @{ one_of(grep { @{ $values{ $_->[0] } } } @columns) };
	my $value = sub { literal($name, $type) };
	return "$name IS " . one_of('', 'NOT ') . 'NULL' if below(10) == 0;
	return one_of($name, "NOT $name", "$name IS NOT TRUE") if $type eq 'boolean';
	return one_of($value->() . " = ANY ($name)", "$name @> ARRAY[" . $value->() . ', ' . $value->() . ']',
		"$name && ARRAY[" . $value->() . ', ' . $value->() . ']') if $type eq 'text[]';
	my @tests = ("$name = " . $value->(), "$name IN (" . join(', ', map { $value->() } 1 .. 3) . ')', "$name <> " . $value->());
	push @tests, map { "$name $_ " . $value->() } '<', '<=', '>', '>=' if $type ne 'text';
	push @tests, "$name BETWEEN " . $value->() . ' AND ' . $value->() if $type ne 'text';
	if ($type eq 'text')
	{
		my $word = substr one_of(@{ $values{$name} }), 0, 4;
		utf8::decode($word);
		$word =~ s/([\\%_'"])//g;
		utf8::encode($word);
		$word =~ s/[^\x00-\x7f].*//s;
		push @tests, map { "$name LIKE '$_'" } "$word%", "%$word%", "%$word";
	}
	return one_of(@tests);
}

sub condition
{
	my ($depth) = @_;
	my $shape = below(10);
	return test() if $depth == 0 || $shape < 4;
	return 'NOT (' . condition($depth - 1) . ')' if $shape == 4;
	return '(' . condition($depth - 1) . one_of(' AND ', ' OR ') . condition($depth - 1) . ')';
}

my @conditions = map { condition(2) } 1 .. 200;
for my $source (qw(cautious trusting))
{
	my $pushed = 0;
	my $sql = "SET client_min_messages = error;\n";
	for my $i (0 .. $#conditions)
	{
		my $answer = "SELECT md5(string_agg(s_sampler_key::text, ',' ORDER BY s_sampler_key)) || ' ' || count(*) FROM";
		$sql .= "SELECT $i, a.*, b.*, c.* FROM ($answer $source.sampler_sampler WHERE $conditions[$i]) a, "
		  . "($answer copy WHERE $conditions[$i]) b, (SELECT count(*) FROM $source.sampler_sampler WHERE $conditions[$i]) c;\n";
	}
	my ($status, $out, $err) = $node->psql('postgres', $sql, on_error_stop => 0);
	is($err, '', "$source: no query fails");
	for my $line (split /\n/, $out)
	{
		my ($i, $here, $copy, $count) = split /\|/, $line;
		my $ok = ($here // '') eq ($copy // '') && ($copy eq '' ? 0 : (split / /, $copy)[1]) == $count;
		ok($ok, "$source: " . substr($conditions[$i], 0, 150));
		diag("$conditions[$i]\nsource $here, copy $copy, counted $count\n"
			  . plan_of($node, "SELECT s_sampler_key FROM $source.sampler_sampler WHERE $conditions[$i]")) if !$ok;
	}
	for my $condition (@conditions)
	{
		$pushed++ if plan_of($node, "SELECT s_sampler_key FROM $source.sampler_sampler WHERE $condition")
		  !~ /Query=\(\(S_ModificationTimestamp=1900-01-01T00:00:00\+\)\|\(S_SamplerKey=0\+\)\)/;
	}
	cmp_ok($pushed, '>', $source eq 'cautious' ? 80 : 110, "$source: $pushed of 200 conditions are pushed");
}

done_testing();
