# Events of runs reach the webhook of their source, and never hold up a run.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use JSON::PP ();
use MlsSync;
use MlsTest;
use Time::HiRes qw(time);
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 120, fields => 'small');
my $hook = start_mls(listings => 1);
my $url = "http://127.0.0.1:$hook->{port}/hook";
subscribe_property($node, $mls, 'one', webhook => $url, requests_per_second => 1000);
$node->safe_psql('postgres', q{
	ALTER USER MAPPING FOR CURRENT_USER SERVER one OPTIONS (ADD webhook_secret 'sign-with-this')});

# What was taken since the last call: bodies, and the last headers.
my $seen = 0;
my $headers;

sub deliveries
{
	my @all = @{ JSON::PP::decode_json($hook->get('deliveries')) };
	my @new = @all[ $seen .. $#all ];
	$seen = @all;
	$headers = { map { lc($_) => $new[-1]{headers}{$_} } keys %{ $new[-1]{headers} } } if @new;
	return map { JSON::PP::decode_json($_->{body}) } @new;
}

sub events
{
	return join ' ', map { "$_->{process}:$_->{event}" } deliveries();
}

sub waiting
{
	return $node->safe_psql('postgres', 'SELECT count(*) FROM mls.webhook');
}

sub make_due
{
	$node->safe_psql('postgres', 'UPDATE mls.webhook SET next_attempt_at = now()');
	return;
}

sub failing_sync
{
	$mls->fault(kind => 'status', status => 500, match => 'Property', times => 1);
	return sql_error($node, q{SELECT * FROM mls_sync('one')});
}

# ---- Events ----

is(sync_row($node, 'one', 'status'), 'finished', 'a sync');
my @told = deliveries();
is(scalar @told, 1, 'is told once');
my $event = $told[0];
is(join('|', @$event{qw(event source resource process status received inserted requests pages)}),
	'finished|one|Property|sync|finished|120|120|2|1', 'with what it did');
is($event->{run}, $node->safe_psql('postgres', 'SELECT max(id) FROM mls.run'), 'and its number');
is($headers->{'content-type'}, 'application/json', 'as JSON');
my ($body) = map { $_->{body} } @{ JSON::PP::decode_json($hook->get('deliveries')) };
is($headers->{'x-mls-signature'}, 'sha256=' . hmac_sha256_hex($body, 'sign-with-this'), 'signed');
like($headers->{'x-mls-delivery'}, qr/^\d+$/, 'and numbered');
is(waiting(), 0, 'nothing waits');

failing_sync();
($event) = deliveries();
is(join('|', @$event{qw(event status sqlstate error_class)}), 'failed|failed|HV00M|network', 'a failure')
  or diag(explain($event));
like($event->{message}, qr/^could not fetch/, 'with its message');
unlike($body . JSON::PP::encode_json($event), qr/static-token-value|sign-with-this/, 'and no secret');
sync_row($node, 'one', 'status');
is(events(), 'sync:recovered', 'a recovery');
sync_row($node, 'one', 'status');
is(events(), 'sync:finished', 'and calm again');
$node->safe_psql('postgres', q{SELECT * FROM mls_purge('one')});
is(events(), 'purge:finished', 'a purge');
$node->safe_psql('postgres', q{SELECT mls_rebuild('one.property')});
is(events(), '', 'a rebuild has no worker');
sync_row($node, 'one', 'status');
is(events(), 'rebuild:finished sync:finished', 'the next one tells');

$node->safe_psql('postgres', q{ALTER SERVER one OPTIONS (ADD webhook_events 'started, failed')});
sync_row($node, 'one', 'status');
failing_sync();
is(events(), 'sync:started sync:started sync:failed', 'events can be chosen');
like(sql_error($node, q{ALTER SERVER one OPTIONS (SET webhook_events 'finished, faild')}),
	qr/invalid value for option "webhook_events": "faild".*Perhaps you meant "failed"/s, 'by their names');
$node->safe_psql('postgres', q{ALTER SERVER one OPTIONS (DROP webhook_events)});

# ---- A receiver in trouble ----

# A receiver that is busy holds back nobody else, whatever the quota of the source.
for my $fault ([ 'status', status => 500 ], [ 'status', status => 404 ], [ 'status', status => 429, headers => { 'Retry-After' => '3600' } ], [ 'status', status => 503, headers => { 'Retry-After' => '100' } ],
	['redirect', to => '/elsewhere'], ['close'])
{
	my ($kind, %more) = @$fault;
	deliveries();
	$hook->fault(kind => $kind, match => 'hook', times => 1, %more);
	is(sync_row($node, 'one', 'status'), 'finished', "$kind: the sync does not fail");
	is(events(), '', "$kind: the event was not taken");
	is($node->safe_psql('postgres', q{
		SELECT attempts, next_attempt_at > now() + interval '30 seconds', last_error <> '' FROM mls.webhook}),
		'1|t|t', "$kind: it waits");
	sync_row($node, 'one', 'status');
	is(events(), '', "$kind: and what comes after waits behind it");
	is(waiting(), 2, "$kind: both wait");
	make_due();
	sync_row($node, 'one', 'status');
	like(events(), qr/^sync:(finished|recovered) sync:finished sync:finished$/, "$kind: then all come, in order");
	is(waiting(), 0, "$kind: and nothing waits");
}
$hook->fault(kind => 'status', status => 503, match => 'hook', times => 3);
for my $minutes (1, 2, 4)
{
	make_due();
	sync_row($node, 'one', 'status');
	is($node->safe_psql('postgres', qq{
		SELECT next_attempt_at - now() BETWEEN interval '$minutes minutes' - interval '20 seconds'
		       AND interval '$minutes minutes' FROM mls.webhook ORDER BY id LIMIT 1}), 't',
		"attempts come later and later: $minutes");
}
make_due();
sync_row($node, 'one', 'status');
is(waiting(), 0, 'until it is well again');
deliveries();

# A receiver that keeps silent, and one that never comes to an end.
for my $fault ([ 'stall', times => 1 ], [ 'drip', times => 1, delay_ms => 500 ])
{
	my ($kind, %more) = @$fault;
	$hook->fault(kind => $kind, match => 'hook', %more);
	my $begun = time;
	is(sync_row($node, 'one', 'status'), 'finished', "$kind: the sync finishes");
	cmp_ok(time - $begun, '<', 9, "$kind: in time");
	like($node->safe_psql('postgres', 'SELECT last_error FROM mls.webhook'), qr/timed out|receive/, "$kind: the event waits");
	$hook->control('release');
	$hook->control('clear');
	make_due();
	sync_row($node, 'one', 'status');
	deliveries();
	is(waiting(), 0, "$kind: all is told in the end");
}

# Nobody there at all; and an address that may not be asked.
$node->safe_psql('postgres', qq{ALTER SERVER one OPTIONS (SET webhook 'http://127.0.0.1:1/hook')});
is(sync_row($node, 'one', 'status'), 'finished', 'nobody listens: the sync finishes');
like($node->safe_psql('postgres', 'SELECT last_error FROM mls.webhook'),
	qr/could not connect to source "webhook of one"/, 'nobody listens: the queue says so');
$node->safe_psql('postgres', qq{ALTER SERVER one OPTIONS (SET webhook 'http://localhost:$hook->{port}/hook')});
make_due();
is(sync_row($node, 'one', 'status'), 'finished', 'an address outside mls_fdw.allowed_hosts');
like($node->safe_psql('postgres', 'SELECT last_error FROM mls.webhook ORDER BY id LIMIT 1'),
	qr/may not be asked/, 'is not asked');
is(events(), '', 'at all');
$node->safe_psql('postgres', qq{ALTER SERVER one OPTIONS (SET webhook '$url')});
make_due();
sync_row($node, 'one', 'status');
is(events(), 'sync:finished sync:finished sync:finished', 'with the right address all are delivered');

# ---- What is lost, and when ----

# A crash between the run and its delivery.
$hook->fault(kind => 'stall', match => 'hook', times => 1);
my $sync = start_psql($node, q{SELECT status FROM mls_sync('one')});
$node->poll_query_until('postgres', q{SELECT attempts = 1 FROM mls.webhook}) or die 'not posted';
$node->stop('immediate');
$node->start;
end_psql($sync);
$hook->control('release');
$hook->control('clear');
is(waiting(), 1, 'a crash loses no event');
make_due();
deliveries();
sync_row($node, 'one', 'status');
like(events(), qr/^sync:finished sync:\w+$/, 'it is delivered after it');

# Retention
$hook->fault(kind => 'status', status => 500, match => 'hook', times => 1);
sync_row($node, 'one', 'status');
$node->safe_psql('postgres', q{UPDATE mls.webhook SET created_at = now() - interval '73 hours'});
sync_row($node, 'one', 'status');
is(waiting(), 0, 'after three days an event is given up');
is(events(), 'sync:finished', 'later ones are not held up');
is($node->safe_psql('postgres', q{SELECT reason, solved_at IS NOT NULL FROM mls.issue}),
	'the webhook did not take all events|t', 'it is an issue, which ended when events were taken again');
$node->safe_psql('postgres', q{
	INSERT INTO mls.webhook (subscription, body, next_attempt_at)
	SELECT s.id, '{}', now() + interval '1 hour' FROM mls.subscription s, generate_series(1, 1500)});
sync_row($node, 'one', 'status');
is(waiting(), 1000, 'no more than a thousand wait');
is($node->safe_psql('postgres', q{SELECT kind, times, solved_at IS NULL FROM mls.issue}), 'webhook|2|t', 'the issue is open again');
$node->safe_psql('postgres', q{DELETE FROM mls.webhook; ALTER SERVER one OPTIONS (DROP webhook)});
sync_row($node, 'one', 'status');
is($node->safe_psql('postgres', q{SELECT solved_at IS NOT NULL FROM mls.issue}), 't', 'without a webhook it ends');

# Without a webhook nothing is queued.
subscribe_property($node, $mls, 'two');
sync_row($node, 'two', 'status');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM mls.webhook w JOIN mls.subscription s ON s.id = w.subscription
	WHERE s.source = 'two'}), 0, 'a source without a webhook queues nothing');

$mls->stop;
$hook->stop;
$node->stop;
done_testing();
