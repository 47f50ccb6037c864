# Conditions longer than an address may be: lists are cut into several requests whose
# answers do not overlap; what cannot be cut is left to the local check.
use strict;
use warnings;

use MlsTest;
use Test::More;

my $node = new_node('lists');
my $mls = start_mls(listings => 8, samples => 400);
my %options = (url_length => 700, retries => 0);
create_source($node, $mls, 'demo', %options, tables => '"Sampler"');
create_source($node, $mls, 'modern', %options, tables => '"Sampler"', push_in => 'true', text_exact => 'true');
$node->safe_psql('postgres', 'CREATE TABLE copy AS SELECT * FROM demo.sampler');

# A list of values as SQL, made by a query.
sub list_of
{
	my ($expression, $from) = @_;
	return $node->safe_psql('postgres', "SELECT string_agg(DISTINCT $expression, ', ') FROM $from");
}

# Does a query give the same from the sources as from the copy?  Returns the number of requests.
sub same
{
	my ($condition, $name, $what) = @_;
	$what ||= 'SELECT string_agg(sampler_key::text, \' \' ORDER BY sampler_key) FROM';
	my $expected = $node->safe_psql('postgres', "$what copy WHERE $condition");
	for my $source (qw(demo modern))
	{
		$mls->reset;
		my ($status, $out, $err) = $node->psql('postgres',
			"SET client_min_messages = error; $what $source.sampler WHERE $condition");
		is($err, '', "$name: no error from $source");
		is($out, $expected, "$name: the same rows from $source");
		my @asked = grep { $_->{path} =~ m{^/odata/} } $mls->requests;
		my @long = grep { length($_->{path}) + length($_->{query}) > 700 } @asked;
		is(scalar @long, 0, "$name: no address is too long");
		ok(@asked > 1, "$name: several requests") if $name =~ /^cut/;
		ok(@asked < 4, "$name: few requests") if $name !~ /^cut/;
	}
	return;
}

my $numbers = list_of('i::text', 'generate_series(-500, 500) i');
my $texts = list_of("quote_literal(text) || ',' || quote_literal(upper(text)) || ',' || quote_literal(lower(text))",
	"copy WHERE text <> ''");

same("number IN ($numbers)", 'cut: integers');
same("amount IN ($numbers, " . list_of("amount || ',' || amount || '0,' || amount || '00'", 'copy WHERE amount IS NOT NULL') . ')',
	'cut: numbers equal in spite of their digits');
same("text IN ($texts)", 'cut: strings');
same('moment IN (' . list_of('quote_literal(moment)', q{copy WHERE moment BETWEEN '1900-01-01' AND '2100-01-01'}) . ')', 'cut: instants');
same("number IN ($numbers) AND small IN ($numbers)", 'cut: the first of two lists');

# A record that matches values of two parts for the source belongs to one.
$mls->control('option', { case_insensitive => JSON::PP::true() });
same("text IN ($texts)", 'cut: strings that differ by case');
$mls->control('option', { case_insensitive => JSON::PP::false() });

same("number IN ($numbers) OR small IN ($numbers)", 'two lists under or');
same("tags && ARRAY[" . list_of("quote_literal(i)", 'generate_series(1, 500) i') . ']', 'a list of members');
same("text = '" . 'x' x 3000 . "'", 'a long value');
same("text IN ('" . 'x' x 3000 . "', '" . 'y' x 3000 . "')", 'two long values of a list');
same("text IN ($texts, '" . 'x' x 3000 . "', '" . 'y' x 3000 . "')", 'cut: two long values among others');
same('amount IN (1, 2, ' . join(', ', map { $_ x 900 } 1 .. 3) . ')', 'three long numbers of a list');

for my $source (qw(demo modern))
{
	is($node->safe_psql('postgres', "SELECT count(*) FROM $source.sampler WHERE number IN ($numbers)"),
		$node->safe_psql('postgres', "SELECT count(*) FROM copy WHERE number IN ($numbers)"),
		"a count over a long list ($source)");
	my $sorted = "WHERE small IN ($numbers) ORDER BY number NULLS FIRST, sampler_key LIMIT 7";
	is($node->safe_psql('postgres', "SET client_min_messages = error; SELECT sampler_key FROM $source.sampler $sorted"),
		$node->safe_psql('postgres', "SELECT sampler_key FROM copy $sorted"), "an order over a long list ($source)");
}

like(plan_of($node, "SELECT sampler_key FROM demo.sampler WHERE number IN ($numbers)"),
	qr/Remote Request: .{1,700} \(part 1 of \d+\)/, 'EXPLAIN shows the first part');

done_testing();
