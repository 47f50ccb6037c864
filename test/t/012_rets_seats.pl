# The sessions a RETS source allows at a time, over all processes, and the place a logout
# has in the quota.  The test server refuses a session too many with 20022.
use strict;
use warnings;

use MlsRets;
use MlsSync;
use MlsTest;
use Test::More;

my $mls = start_mls(listings => 300, fields => 'small');
my $node = new_node('seats');
my $count = q{SELECT count(s::text) FROM r.property_all s};
create_rets($node, $mls, 'r', page_size => 100, retries => 0, tables => 'property_all');

# What requests were made, as paths with their status.
sub traffic
{
	return join ' ', map { $_->{path} =~ s{/rets/}{}r . ":$_->{status}" } $mls->requests;
}

sub server_option
{
	my ($change) = @_;
	$node->safe_psql('postgres', "ALTER SERVER r OPTIONS ($change)");
	return;
}

# What some processes say that all count at once.
sub count_in
{
	my ($processes) = @_;
	my @running = map { start_psql($node, "$count; $count") } 1 .. $processes;
	return map { end_psql($_) } @running;
}

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

# ---- several processes ----

$mls->control('option', { latency_ms => 100 });
rets_option($mls, sessions => 2);
isnt(scalar(grep { $_ eq "300\n300\n" } count_in(5)), 5, 'without the option the source refuses sessions');
wait_for(sub { scalar(grep { $_->{path} =~ /logout/ } $mls->requests) >= 2 });

$mls->reset;
$mls->control('option', { latency_ms => 100 });
rets_option($mls, sessions => 2);
server_option(q{ADD max_sessions '2'});
is(scalar(grep { $_ eq "300\n300\n" } count_in(5)), 5, 'with it, five processes share two sessions');
is(scalar(grep { $_->{path} =~ /logout/ } $mls->requests), scalar(grep { $_->{path} =~ /login/ && $_->{status} == 200 } $mls->requests),
	'each session was closed');

# ---- who has one, and for how long ----

$mls->reset;
rets_option($mls, sessions => 1);
server_option(q{SET max_sessions '1', ADD timeout_ms '700'});
my $idle = $node->background_psql('postgres');
is($idle->query_safe($count), '300', 'a connection has used a session');
is($node->safe_psql('postgres', $count), '300', 'and holds none while it idles');
is(traffic() =~ s/getmetadata:200 //gr, 'login:401 login:200 search:200 search:200 search:200 logout:200 login:401 login:200 search:200 search:200 search:200 logout:200',
	'a transaction is one session');

$idle->query_safe('BEGIN');
$idle->query_safe($count);
my $error = sql_error($node, $count);
like($error, qr/53300: +all sessions of source "r" are in use/, 'a transaction keeps its session; who waits in vain is told so');
like($error, qr/allows 1 at a time/, 'with the number');
server_option(q{SET timeout_ms '60000'});
like(sql_error($node, "SET statement_timeout = 300; $count"), qr/57014/, 'waiting can be interrupted');
my $waiting = start_psql($node, $count);
$idle->query_safe('ROLLBACK');
is(end_psql($waiting), "300\n", 'who waits gets the session that becomes free');
my $dying = $node->background_psql('postgres');
my $pid = $dying->query_safe('SELECT pg_backend_pid()');
$dying->query_safe('BEGIN');
$dying->query_safe($count);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 60000)");
is($node->safe_psql('postgres', $count), '300', 'a process that was terminated holds none');

$node->safe_psql('postgres', q{ALTER USER MAPPING FOR CURRENT_USER SERVER r OPTIONS (SET password 'wrong-password-value')});
my ($status, $out, $err) = $node->psql('postgres', "BEGIN; SAVEPOINT a; $count", on_error_stop => 0);
like($err, qr/rejected the credentials/, 'a login that fails');
eval { $idle->query($count) };
$node->safe_psql('postgres', q{ALTER USER MAPPING FOR CURRENT_USER SERVER r OPTIONS (SET password 'basic-pass-value')});
is($node->safe_psql('postgres', $count), '300', '... holds none, although its connection lives');

# ---- replication beside queries ----

$mls->reset;
rets_option($mls, sessions => 1);
$node->safe_psql('postgres', q{SELECT mls_subscribe('r.property_all')});
$mls->control('option', { latency_ms => 50 });
my $sync = start_psql($node, q{SELECT status, received FROM mls_sync('r')});
is(scalar(grep { $_ eq "300\n300\n" } count_in(2)), 2, 'queries wait for a sync');
is(end_psql($sync), "finished|300\n", 'which waits for them');
is(scalar(grep { $_->{path} =~ /login/ && $_->{status} == 200 } $mls->requests), 3,
	'a sync has one session for all of its pages, each transaction one of its own');

# ---- the quota ----

sub spent
{
	return $node->safe_psql('postgres', q{SELECT used FROM mls_quota('r') WHERE "window" = 'hour'});
}

$mls->reset;
$node->stop;
unlink glob($node->data_dir . '/mls_fdw/*.quota');
$node->start;
# A process asks for the lookups once.
server_option(q{ADD requests_per_hour '13'});
is($node->safe_psql('postgres', $count), '300', 'a query within the quota');
wait_for(sub { traffic() =~ /logout/ });
is(scalar($mls->requests), 7, 'takes seven requests with its logout');
is(spent(), '7', 'and all of them are counted');
is($node->safe_psql('postgres', $count), '300', 'another leaves no room for a logout');
is(scalar($mls->requests), 13, 'which is not sent');
like(sql_error($node, $count), qr/quota of source "r" is used up/, 'the quota is kept to the last request');
is(scalar($mls->requests), 13, 'nothing was sent over it');

$mls->reset;
$node->stop;
unlink glob($node->data_dir . '/mls_fdw/*.quota');
$node->start;
server_option(q{DROP requests_per_hour, ADD requests_per_second '3'});
$node->safe_psql('postgres', $count) for 1 .. 2;
my @times = sort { $a <=> $b } map { $_->{time} } $mls->requests;
is(scalar(@times), 14, 'two queries and their logouts');
is(scalar(grep { $times[ $_ + 3 ] - $times[$_] < 1 } 0 .. $#times - 3), 0, 'are never more than three requests within a second');

$idle->quit;
done_testing();
