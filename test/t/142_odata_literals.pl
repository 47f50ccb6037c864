# Literals and conditions that real servers are particular about: fractions of seconds,
# times of day, and refusals that do not say of what.
use strict;
use warnings;

use JSON::PP ();
use MlsSync;
use MlsTest;
use Test::More;

my $node = new_node('odata_literals');
my $mls = start_mls(listings => 200, samples => 120, fields => 'small');
create_source($node, $mls, 'demo', tables => 'property, sampler', retries => 0);

sub query { return $node->safe_psql('postgres', @_); }

# The conditions sent for a query, and its answer, in a session of its own.
sub sent
{
	my ($sql) = @_;
	my ($last) = reverse $mls->requests;
	my $answer = query($sql);
	return ($answer, map { join ' ', map { $_->[1] } grep { $_->[0] eq '$filter' } @{ $_->{options} } }
		map { { options => [ map { my ($n, $v) = split /=/, $_, 2; $v =~ s/%([0-9A-F]{2})/chr hex $1/ge; [ $n, $v ] } split /&/, $_->{query} ] } }
		grep { $_->{path} =~ m{/odata/} } $mls->requests($last ? $last->{id} : 0));
}

# ---- one rendering of instants ----

query('CREATE TABLE property_here AS SELECT * FROM demo.property');
my $base = q{FROM demo.property WHERE modification_timestamp};
for my $case (["SELECT count(*) $base >= '2024-03-01 00:00:10+00'", 'ModificationTimestamp ge 2024-03-01T00:00:10.000Z'],
	["SELECT count(*) $base > '2024-03-01 00:00:10+00'", 'ModificationTimestamp gt 2024-03-01T00:00:10.000Z'],
	["SELECT count(*) $base < '2024-03-01 00:00:10+00'", 'ModificationTimestamp lt 2024-03-01T00:00:10.000Z'],
	["SELECT count(*) $base <= '2024-03-01 00:00:10.5+00'", 'ModificationTimestamp lt 2024-03-01T00:00:10.501Z'],
	["SELECT count(*) $base = '2024-03-01 00:00:10.1234+00'", 'ModificationTimestamp ge 2024-03-01T00:00:10.123Z and ModificationTimestamp lt 2024-03-01T00:00:10.124Z'])
{
	my ($sql, $filter) = @$case;
	my ($answer, @filters) = sent($sql);
	is($filters[0], $filter, "sent: $filter");
	is($answer, query($sql =~ s/demo\.property/property_here/r), 'and the answer is right');
}
for my $digits ([0, '10Z'], [1, '10.0Z'], [6, '10.000000Z'])
{
	query("ALTER SERVER demo OPTIONS (ADD timestamp_digits '$digits->[0]')");
	my ($answer, @filters) = sent("SELECT count(*) $base >= '2024-03-01 00:00:10+00'");
	is($filters[0], "ModificationTimestamp ge 2024-03-01T00:00:$digits->[1]", "with $digits->[0] digits");
	query('ALTER SERVER demo OPTIONS (DROP timestamp_digits)');
}

# A sync writes its bounds likewise.
query(q{SET client_min_messages = error; SELECT mls_subscribe('demo.property')});
is(sync_row($node, 'demo', 'status'), 'finished', 'a first sync');
$mls->reset;
is(sync_row($node, 'demo', 'status'), 'finished', 'an increment');
my ($bound) = grep { /ModificationTimestamp/ } map { (my $q = $_->{query}) =~ s/%([0-9A-F]{2})/chr hex $1/ge; $q } grep { $_->{path} =~ /Property/ } $mls->requests;
like($bound, qr/ModificationTimestamp ge \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/, 'asks with as many digits');

# ---- a server that compares timestamps as text ----

$mls->control('option', { stamps_as_text => JSON::PP::true() });
$mls->control('tie', { resource => 'Property', count => 40, timestamp => '2026-02-03T04:05:10.000Z' });
$mls->control('tie', { resource => 'Property', count => 3, timestamp => '2026-02-03T04:05:09.999Z' });
my $tied = query(q{SELECT count(*) FROM demo.property WHERE modification_timestamp = '2026-02-03 04:05:10+00' OFFSET 0});
cmp_ok($tied, '>', 30, 'records of one whole second are there');
is(query(q{SELECT count(*) FROM demo.property WHERE modification_timestamp >= '2026-02-03 04:05:10+00' AND modification_timestamp < '2026-02-03 04:05:11+00'}),
	$tied, 'a server that compares text finds them');
is(sync_row($node, 'demo', 'status'), 'finished', 'a sync asks it');
is(differences($node, $mls, 'demo'), '0', 'and misses nothing');
$mls->control('option', { stamps_as_text => JSON::PP::false() });

# ---- times of day ----

my @clocks = split /\n/, query('SELECT DISTINCT clock FROM demo.sampler WHERE clock IS NOT NULL ORDER BY 1');
cmp_ok(scalar @clocks, '>', 3, 'there are times of day');
query('CREATE TABLE here AS SELECT * FROM demo.sampler');
$mls->control('option', { time_digits => 0 });
for my $op ('=', '<', '<=', '>', '>=')
{
	my ($clock) = $clocks[ @clocks / 2 ];
	my ($answer, @filters) = sent("SELECT count(*) FROM demo.sampler WHERE clock $op '$clock'");
	is($answer, query("SELECT count(*) FROM here WHERE clock $op '$clock'"), "clock $op $clock");
	like($filters[0], qr/^Clock (?:lt|gt|ge) \d\d:\d\d:\d\d(?: and Clock lt \d\d:\d\d:\d\d)?$/, 'is asked for in whole seconds');
}
$mls->control('option', { time_digits => undef });

# ---- decimals ----

# A server that refuses a literal with more digits than it declares gets none: what lies between
# two values of a field is asked for by these, and judged here.
$mls->control('option', { strict_decimals => JSON::PP::true() });
my ($amount, $scale) = split /\|/, query(q{SELECT a.attname, substring(o.option_value, ',(\d+)')
	FROM pg_attribute a, pg_options_to_table(a.attfdwoptions) o WHERE a.attrelid = 'demo.sampler'::regclass
	AND o.option_name = 'type' AND o.option_value ~ '^Edm.Decimal.\d+,[1-9]' ORDER BY a.attnum LIMIT 1});
ok($amount, 'the column of a decimal knows its digits');
my ($value) = query(qq{SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY $amount) FROM here WHERE $amount > 0});
my $step = '0.' . '0' x ($scale - 1) . '1';
my ($tenth, $zeros) = ('0.' . '0' x $scale . '1', '0' x 6);
for my $beside ($value, "$value$zeros", "($value + $tenth)", "($value - $tenth)", "($value + $step - $tenth)", "(-$value - $tenth)", 0.000000001, '1e30', '-1e30')
{
	for my $op ('=', '<', '<=', '>', '>=', '<>')
	{
		my ($answer) = sent("SELECT count(*) FROM demo.sampler WHERE $amount $op $beside");
		is($answer, query("SELECT count(*) FROM here WHERE $amount $op $beside"), "$amount $op $beside");
	}
}
for my $list ("$value, $value + $tenth", "$value + $tenth", "$value, 1e30")
{
	my ($answer) = sent("SELECT count(*) FROM demo.sampler WHERE $amount IN ($list)");
	is($answer, query("SELECT count(*) FROM here WHERE $amount IN ($list)"), "$amount in ($list)");
}
my ($answer, @filters) = sent("SELECT count(*) FROM demo.sampler WHERE $amount < $value + $tenth");
like($filters[0], qr/^\w+ lt [\d.]+$/, 'the neighbour is asked for');
for my $op ('=', '<', '<=', '>', '>=', '<>')
{
	my $prepared = "SET plan_cache_mode = force_generic_plan; PREPARE p (numeric) AS SELECT count(*) FROM (SELECT FROM demo.sampler WHERE $amount $op \$1 OFFSET 0) c; EXECUTE p ($value + $tenth)";
	is(query($prepared), query("SELECT count(*) FROM here WHERE $amount $op $value + $tenth"), "a parameter: $amount $op \$1");
}
my $cut = "SELECT $amount FROM demo.sampler WHERE $amount > $value - $tenth ORDER BY $amount LIMIT 3";
is(query($cut), query($cut =~ s/demo\.sampler/here/r), 'with an order and a limit');
$mls->control('option', { strict_decimals => JSON::PP::false() });

# ---- a refusal that names no field ----

sub refuse
{
	my ($what, %more) = @_;
	$mls->reset;
	$mls->fault(kind => 'status', status => 400, match => $what, times => -1, %more);
	return;
}
sub asked { return scalar grep { $_->{path} =~ m{/odata/} } $mls->requests; }

my $like = q{SELECT count(*) FROM (SELECT city FROM demo.property WHERE city LIKE 'A%' OFFSET 0) c};
my $expected = query($like);
refuse('startswith', body => '{"error":{"code":"1","message":"The query is not supported."}}');
is(query("$like; $like"), "$expected\n$expected", 'a condition that is refused without a name is left out, and applied here');
is(scalar(grep { $_->{query} =~ /startswith/ } $mls->requests), 1, 'which is found out once in a session');
refuse('startswith', body => '<html>Bad request</html>', content_type => 'text/html');
is(query($like), $expected, 'whatever the refusal looks like');
refuse('startswith');
is(query(q{SELECT count(*) FROM demo.property WHERE city LIKE 'A%'}), $expected, 'so does a count');
refuse('startswith');
my $plan = plan_of($node, q{SELECT city FROM demo.property WHERE city LIKE 'A%' AND list_price > 1}, ANALYZE => 1, TIMING => 0);
like($plan, qr/Refused by Source: all conditions/, 'EXPLAIN says so');
refuse('startswith');
is(query(q{SELECT count(city) > 0 FROM demo.property WHERE city LIKE 'A%' AND list_price > 1 OFFSET 0;
	EXPLAIN (COSTS OFF) SELECT city FROM demo.property WHERE city LIKE 'A%' AND list_price > 1}) =~ /\$filter=ListPrice gt 1(?:&|$)/m, 1,
	'only the unusual condition is remembered');
my $limited = q{SELECT count(*) FROM (SELECT city FROM demo.property WHERE list_price > 1000 LIMIT 5) c};
refuse('filter=ListPrice', body => '{"error":{"message":"No."}}');
is(query($limited), '5', 'a limit that was sent with a condition is kept here then');

# What is no matter of the conditions stays an error, and teaches nothing.
refuse('/Property', body => '{"error":{"message":"A system must be named."}}');
like(sql_error($node, $like), qr/400.*A system must be named/s, 'a request that is refused in any form');
is(asked(), 2, 'after one more try');
$mls->reset;
is(query("SELECT 1 $base >= '2200-01-01' LIMIT 1"), '', 'a query with what was tried before');
$mls->reset;
$mls->fault(kind => 'status', status => 400, match => 'ModificationTimestamp', times => -1, body => '{"error":{"message":"No."}}');
like(sql_error($node, q{SELECT * FROM mls_sync('demo')}), qr/400/, 'the cursor of a sync is never left out');

done_testing();
