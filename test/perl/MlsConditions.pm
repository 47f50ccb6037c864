# MlsConditions: generated conditions over the columns of a table, and whether foreign
# tables answer to them as a local copy does.
package MlsConditions;

use strict;
use warnings;

use Exporter 'import';
use MlsTest;
use Test::More;

our @EXPORT = qw(conditions_over answers_agree);

# A generator of our own: Perl's differs between builds.
my $seed = $ENV{MLS_SEED} || 20240229;

sub below
{
	my ($n) = @_;
	$seed = ($seed * 1103515245 + 12345) % 2147483648;
	return int($seed / 65536) % $n;
}

sub one_of { return $_[ below(scalar @_) ] }

my (@columns, %values);

# The table's columns but for those named, and some values of each.
sub look_at
{
	my ($node, $table, @without) = @_;
	my $without = join ', ', map { "'$_'" } @without;
	@columns = map { [ split /\|/ ] } split /\n/, $node->safe_psql('postgres', qq{
		SELECT quote_ident(attname), format_type(atttypid, NULL) FROM pg_attribute
		WHERE attrelid = '$table'::regclass AND attnum > 0 AND attname NOT IN ($without)
		  AND atttypid NOT IN ('json'::regtype, 'jsonb'::regtype) ORDER BY attnum});
	for my $column (@columns)
	{
		my ($name, $type) = @$column;
		my $from = $type eq 'text[]' ? "unnest($name)" : $name;
		$values{$name} = [ map { pack 'H*', $_ } split /\n/, $node->safe_psql('postgres', qq{
			SELECT encode(convert_to(v::text, 'UTF8'), 'hex') FROM (SELECT DISTINCT $from AS v FROM $table) s
			WHERE v::text <> '' ORDER BY md5(v::text) LIMIT 12}) ];
	}
	return;
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

# So many conditions over a table's columns, but for those named.
sub conditions_over
{
	my ($node, $table, $count, @without) = @_;
	look_at($node, $table, @without);
	return map { condition(2) } 1 .. $count;
}

# Compares keys and counts of a foreign table and of its copy for each condition; returns for
# how many the plan is not like that of a query without any.
sub answers_agree
{
	my ($node, $foreign, $copy, $key, $nothing, @conditions) = @_;
	my ($pushed, $sql) = (0, "SET client_min_messages = error;\n");
	for my $i (0 .. $#conditions)
	{
		my $answer = "SELECT md5(string_agg($key\::text, ',' ORDER BY $key)) || ' ' || count(*) FROM";
		$sql .= "SELECT $i, a.*, b.*, c.* FROM ($answer $foreign WHERE $conditions[$i]) a, "
		  . "($answer $copy WHERE $conditions[$i]) b, (SELECT count(*) FROM $foreign WHERE $conditions[$i]) c;\n";
	}
	my ($status, $out, $err) = $node->psql('postgres', $sql, on_error_stop => 0);
	is($err, '', "$foreign: no query fails");
	for my $line (split /\n/, $out)
	{
		my ($i, $here, $there, $count) = split /\|/, $line;
		my $ok = ($here // '') eq ($there // '') && ($there eq '' ? 0 : (split / /, $there)[1]) == $count;
		my $plan = plan_of($node, "SELECT $key FROM $foreign WHERE $conditions[$i]");
		ok($ok, "$foreign: " . substr($conditions[$i], 0, 150));
		diag("$conditions[$i]\nsource $here, copy $there, counted $count\n$plan") if !$ok;
		$pushed++ if $plan !~ $nothing;
	}
	return $pushed;
}

1;
