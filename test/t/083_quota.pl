# The quota of a source, over all sessions: syncs and live queries together, what
# one of them was told, and what outlives a restart.  Measured at the server.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

# A condition of the server's log, not of the database.
sub wait_for
{
	my ($condition) = @_;
	for (1 .. 600)
	{
		return if $condition->();
		select(undef, undef, undef, 0.05);
	}
	die 'it did not come true';
}

my $node = new_node('quota');
my %mls = map { $_ => start_mls(listings => 500, fields => 'small') } qw(east west);
for my $name (sort keys %mls)
{
	subscribe_property($node, $mls{$name}, $name, page_size => 50, requests_per_second => 2,
		key_prefix => "$name-");
	$mls{$name}->reset;
}

# Two syncs, and three sessions of live queries beside each of them
my $live = q{SELECT count(*) FROM (SELECT city FROM %1$s.property WHERE list_price > %2$d LIMIT 5) s;};
my @sessions = start_psql($node, q{SELECT source, status, received FROM mls_sync()});
for my $name (sort keys %mls)
{
	push @sessions, start_psql($node, join ' ', map { sprintf $live, $name, $_ * 1000 } 1 .. 3) for 1 .. 3;
}
my @said = map { end_psql($_) } @sessions;
is($said[0], "east|finished|500\nwest|finished|500\n", 'both syncs end well');
is(scalar(grep { $_ eq "5\n5\n5\n" } @said[1 .. 6]), 6, 'and all live queries');
for my $name (sort keys %mls)
{
	my @times = sort { $a <=> $b } map { $_->{time} } $mls{$name}->requests;
	my @close = grep { $times[ $_ + 2 ] - $times[$_] < 1 } 0 .. $#times - 2;
	cmp_ok(scalar(@times), '>=', 19, "$name was asked " . @times . ' times by four sessions');
	is(scalar(@close), 0, 'and never more than twice within a second')
	  or diag(join ' ', map { sprintf '%.3f', $_ - $times[0] } @times);
	cmp_ok($times[-1] - $times[0], '<', 1.5 * @times / 2, 'without wasting the quota');
}

# What one session is told holds back the others, in a source without limits, too
my $mls = start_mls(listings => 500, fields => 'small');
subscribe_property($node, $mls, 'free', page_size => 100, retries => 3);
$mls->reset;
$mls->fault(kind => 'status', status => 429, resource => 'Property', times => 1, headers => { 'Retry-After' => '2' });
my $told = start_psql($node, q{SELECT status FROM mls_sync('free')});
wait_for(sub { grep { $_->{status} == 429 } $mls->requests });
my @others = map { start_psql($node, sprintf($live, 'free', $_)) } 1 .. 3;
is(end_psql($_), "5\n", 'a live query beside it waits') for @others;
is(end_psql($told), "finished\n", 'as the sync does');
my ($refused) = grep { $_->{status} == 429 } $mls->requests;
my @early = grep { $_->{time} > $refused->{time} && $_->{time} < $refused->{time} + 2 } $mls->requests;
is(scalar(@early), 0, 'nobody has asked within the two seconds the source wanted');

# The quota of an hour is used up: the run ends as what it is, and goes on when the window opens
subscribe_property($node, $mls, 'hourly', page_size => 50, requests_per_hour => 4, key_prefix => 'h-');
$mls->reset;
like(sql_error($node, q{SELECT * FROM mls_sync('hourly')}), qr/53400.*quota of source "hourly" is used up/s,
	'the quota of the hour is used up');
is($node->safe_psql('postgres', q{
	SELECT error_class, failures, next_attempt_at - now() BETWEEN '58 minutes' AND '62 minutes'
	FROM mls_status_detail WHERE source = 'hourly'}), 'quota|1|t', 'the next attempt is due when the window opens');
is(last_run($node, 'hourly', 'status, error_class, received'), 'failed|quota|200', 'what came before is here');
is(scalar($mls->requests), 4, 'with as many requests as the hour allows');
$node->restart;
is($node->safe_psql('postgres', q{SELECT status, requests, message ~ 'quota' FROM mls_sync() WHERE source = 'hourly'}),
	'skipped|0|t', 'a restart forgets neither');
like(sql_error($node, q{SELECT * FROM mls_sync('hourly')}), qr/53400.*quota of source "hourly" is used up/s,
	'who names the source is told again');
like(sql_error($node, q{SELECT count(city) FROM hourly.property}), qr/53400.*quota of source "hourly" is used up/s,
	'a live query as well');
my $server = $node->safe_psql('postgres', q{SELECT oid FROM pg_foreign_server WHERE srvname = 'hourly'});
for my $hour (1 .. 3)
{
	# An hour passes, for the quota and for the subscription.
	unlink glob($node->data_dir . "/mls_fdw/*_$server.quota");
	$node->safe_psql('postgres', q{UPDATE mls.subscription SET next_attempt_at = now() WHERE source = 'hourly'});
	$node->psql('postgres', q{SELECT * FROM mls_sync('hourly', due => true)});
}
is($node->safe_psql('postgres', q{SELECT state, failures FROM mls_status_detail WHERE source = 'hourly'}), 'synced|0',
	'some hours later it is complete');
is($node->safe_psql('postgres', q{SELECT sum(requests), sum(received) FROM mls_history WHERE source = 'hourly' AND received > 0}),
	'12|500', 'and no page was read twice; one request proved the count, and one was for a comparison with the whole');
is(differences($node, $mls, 'hourly'), 0, 'with a true copy');

$node->stop;
done_testing();
