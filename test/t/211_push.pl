# Push: events of records posted to receivers, in order, from the last one that was taken, to
# each what its consumer may see; who is busy, broken or silent holds back nobody.
use strict;
use warnings;

use JSON::PP ();
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('push');
my $mls = start_mls(listings => 40);
my %hook = map { $_ => start_mls(listings => 1) } 'all', 'a';
my %url = map { $_ => "http://127.0.0.1:$hook{$_}{port}/hook" } keys %hook;
create_source($node, $mls, 'east', schema_check_interval => 0);

sub query
{
	my ($sql, @more) = @_;
	return scalar $node->safe_psql('postgres', $sql, @more);
}

# What a receiver has taken since the last call: bodies, and the headers of the last.
my (%seen, $headers);
sub taken
{
	my ($name) = @_;
	my @all = @{ JSON::PP::decode_json($hook{$name}->get('deliveries')) };
	my @new = @all[ $seen{$name} // 0 .. $#all ];
	$seen{$name} = @all;
	$headers = { map { lc($_) => $new[-1]{headers}{$_} } keys %{ $new[-1]{headers} } } if @new;
	return map { JSON::PP::decode_json($_->{body}) } @new;
}

sub keys_of
{
	return join ' ', map { "$_->{ResourceName}:$_->{ResourceRecordKey}" } map { @{ $_->{value} } } @_;
}

sub state_of
{
	my ($name, $columns) = @_;
	return query("SELECT $columns FROM mls.push_status WHERE consumer = '$name'");
}

# Nothing waits for the clock here.  A receiver that is left alone for so many seconds is from then on.
my $pushed_at;
sub push_now
{
	$pushed_at = query('UPDATE mls.push SET next_attempt_at = now(); SELECT clock_timestamp()');
	return query('SELECT count(*) FROM mls_push(30)');
}

sub is_left_alone
{
	my ($seconds, $what) = @_;
	return is(query(qq{SELECT next_attempt_at BETWEEN '$pushed_at'::timestamptz + interval '$seconds seconds' AND clock_timestamp() + interval '$seconds seconds' FROM mls.push WHERE consumer = 'all'}), 't', $what);
}

sub change
{
	my ($key, $city) = @_;
	return query(qq{UPDATE gold.property SET "City" = '$city' WHERE "ListingKey" = '$key'});
}

query(q{SELECT mls_subscribe(t::regclass) FROM unnest('{east.property,east.media,east.office}'::text[]) t});
is(query(q{SELECT count(*) FROM mls_sync() WHERE status <> 'finished'}), 0, 'synced');
query(q{CREATE ROLE idx; CREATE ROLE office; CREATE ROLE stranger LOGIN; SELECT mls_grant('stranger'); CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
	UPDATE gold.property SET "ListOfficeKey" = CASE WHEN "ListingKey" < 'LK00000021' THEN 'A' ELSE 'B' END, "InternetEntireListingDisplayYN" = NULL;
	SELECT mls_protect(l::regrole, l, r) FROM unnest('{idx,office}'::text[]) l, unnest('{Property,Office,Media}'::text[]) r;
	SELECT mls_serve_events('{Property}');
	SELECT mls_consumer_add('all', 'idx', '{"sources": ["east"]}'), mls_consumer_add('a', 'office', '{"sources": ["east"], "offices": ["A"]}'), mls_consumer_add('none', 'idx')});

# ---- Receivers ----

for my $bad ([ q{'nobody', 'https://x.example/', 't'}, '42704: there is no consumer "nobody" of yours' ], [ q{'all', 'ftp://x/', 't'}, '22023: this is no address' ],
	[ q{'all', 'https://user:pass@x/', 't'}, '22023: this is no address' ], [ q{'all', E'https://x/\\r\\nA: b', 't'}, '22023: this is no address' ], [ q{'all', 'https://x/', E'a\\r\\nHost: b'}, '22023: this is no bearer token' ],
	[ q{'all', 'https://x/', 't', event_source => E'a\\nb'}, '22023: this is no value of the header' ], [ q{'all', 'https://x/', 't', batch => 0}, '22023: a request has 1 to 10,000 events' ],
	[ q{'all', 'https://x/', 't', since => 1000000}, '22023: there is no event 1000000' ], [ q{'all', NULL, 't'}, '22023: a receiver has an address' ])
{
	my ($arguments, $error) = @$bad;
	like(sql_error($node, "SELECT mls_push_add($arguments)"), qr/\Q$error\E/, "refused: $arguments");
}
query(qq{SELECT mls_push_add('all', '$url{all}', 'token-of-all', event_source => 'East MLS', batch => 10), mls_push_add('a', '$url{a}', 'token-of-a', since => 0)});
like(sql_error($node, qq{SELECT mls_push_add('all', '$url{all}', 't')}), qr/42710: events are posted to consumer "all" already/, 'once');

# ---- Events ----

push_now();
is(keys_of(taken('all')), '', 'from now on');
my @first = taken('a');
my $office = query(q{SELECT string_agg('Property:' || "ListingKey", ' ' ORDER BY e.sequence) FROM mls.entity_event e JOIN gold.property ON "ListingKey" = e.key WHERE "ListOfficeKey" = 'A'});
is(keys_of(@first), $office, 'or from the first: an office has those of its listings');
is($first[0]{'@reso.context'}, 'urn:reso:metadata:2.0:resource:entityevent', 'as RESO has it');
is($headers->{authorization} . '|' . $headers->{'content-type'} . '|' . ($headers->{entityeventsource} // 'none'), 'Bearer token-of-a|application/json|none', 'with its own token');
is(state_of('a', 'state, behind, attempts, last_status, last_error IS NULL'), 'up to date|0|0|200|t', 'and is up to date');
my $last = query('SELECT max(sequence) FROM mls.entity_event');
is(state_of('all', 'acknowledged') . ' ' . state_of('a', 'acknowledged'), "$last $last", 'also of what is not for it');
change('LK00000003', 'One');
change('LK00000030', 'Two');
push_now();
my @news = taken('all');
is(keys_of(@news), 'Property:LK00000003 Property:LK00000030', 'what changed, in order');
is_deeply([ map { $_->{EntityEventSequence} } @{ $news[0]{value} } ], [ split /,/, query(qq{SELECT string_agg(sequence::text, ',' ORDER BY sequence) FROM mls.entity_event WHERE sequence > $last}) ], 'by its numbers');
is($headers->{entityeventsource}, 'East MLS', 'from whom');
is(keys_of(taken('a')), 'Property:LK00000003', 'each what it may see');
push_now();
is(keys_of(taken('all'), taken('a')), '', 'once');
query(q{UPDATE gold.property SET "City" = 'All'});
push_now();
my @batches = taken('all');
is(join(' ', map { scalar @{ $_->{value} } } @batches), '10 10 10 10', 'many in several requests');
my @numbers = map { $_->{EntityEventSequence} } map { @{ $_->{value} } } @batches;
is_deeply(\@numbers, [ sort { $a <=> $b } @numbers ], 'in order');
taken('a');
$mls->control('update', { resource => 'Property', keys => ['LK00000007'], fields => { City => 'From the source' } });
is(query(q{SELECT status FROM mls_sync('east', 'Property')}), 'finished', 'a sync');
is(keys_of(taken('all')) . ' ' . keys_of(taken('a')), 'Property:LK00000007 Property:LK00000007', 'posts at its end');

# ---- A receiver in trouble ----

for my $fault ([ 'status', status => 500 ], [ 'status', status => 401 ], [ 'redirect', to => '/elsewhere' ], ['close'], ['stall'], [ 'drip', delay_ms => 500 ])
{
	my ($kind, %more) = @$fault;
	$hook{all}->fault(kind => $kind, match => 'hook', times => 1, %more);
	change('LK00000004', "$kind @{[ %more ]}");
	push_now();
	is(keys_of(taken('a')), 'Property:LK00000004', "$kind @{[ %more ]}: others get theirs");
	# Who keeps silent may have it already: it comes again.
	is(keys_of(taken('all')), $kind =~ /^(?:stall|drip)$/ ? 'Property:LK00000004' : '', 'it does not say that it has');
	is(state_of('all', q{state, attempts, last_error <> '' AND last_error !~ 'token-of'}), 'failing|1|t', 'which is seen');
	is_left_alone(10, 'it is left alone for a while');
	if ("@{[ %more ]}" eq 'status 500')
	{
		query(q{UPDATE mls.push SET next_attempt_at = now() + interval '1 hour'; SELECT count(*) FROM mls_push()});
		is(keys_of(taken('all')), '', 'even if asked');
	}
	$hook{all}->control('release');
	$hook{all}->control('clear');
	change('LK00000005', "$kind @{[ %more ]}");
	push_now();
	is(keys_of(taken('all')), 'Property:LK00000004 Property:LK00000005', 'then it has all, in order');
	taken('a');
}
for my $answer ([ 429, 7200, 7200 ], [ 429, 2, 2 ], [ 503, 2, 10 ])
{
	my ($status, $after, $wait) = @$answer;
	$hook{all}->fault(kind => 'status', status => $status, match => 'hook', times => 1, headers => { 'Retry-After' => $after });
	change('LK00000006', "$status $after");
	push_now();
	is(state_of('all', 'last_status'), $status, "$status, Retry-After $after");
	is_left_alone($wait, "left alone for $wait seconds");
	is(keys_of(taken('a')), 'Property:LK00000006', 'of it alone');
	push_now();
	is(keys_of(taken('all')), 'Property:LK00000006', 'after that it has it');
}
$hook{all}->fault(kind => 'status', status => 500, match => 'hook', times => 3);
change('LK00000006', 'later and later');
for my $seconds (10, 20, 40)
{
	push_now();
	is_left_alone($seconds, "attempts come later and later: $seconds");
}
push_now();
is(keys_of(taken('all')), 'Property:LK00000006', 'until it is well again');
taken('a');
query(q{SELECT mls_push_alter('all', url => 'http://localhost:1/hook')});
change('LK00000006', 'to where it may not be');
push_now();
like(state_of('all', 'last_error'), qr/may not be asked/, 'an address outside mls_fdw.allowed_hosts is not asked');
query(q{SELECT mls_push_alter('all', url => 'http://127.0.0.1:1/hook')});
push_now();
like(state_of('all', 'last_error'), qr/could not connect to source "receiver of all"/, 'nobody listens');
query(qq{SELECT mls_push_alter('all', url => '$url{all}', token => 'another-token')});
query('SELECT count(*) FROM mls_push()');
is(keys_of(taken('all')) . " $headers->{authorization}", 'Property:LK00000006 Bearer another-token', 'what is altered holds at once');
taken('a');

# ---- What is lost: nothing ----

# The process is killed while the receiver thinks, and the server while it does.
for my $end ('kill', 'crash')
{
	$hook{all}->fault(kind => 'stall', match => 'hook', times => 1);
	change('LK00000009', $end);
	query('UPDATE mls.push SET next_attempt_at = now()');
	my $pushing = start_psql($node, 'SELECT count(*) FROM mls_push()');
	ok($node->poll_query_until('postgres', q{SELECT attempts = 1 FROM mls.push WHERE consumer = 'all'}), "$end: it is being posted");
	if ($end eq 'kill')
	{
		query(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'mls_fdw push'});
	}
	else
	{
		$node->stop('immediate');
		$node->start;
	}
	end_psql($pushing);
	$hook{all}->control('release');
	$hook{all}->control('clear');
	is(keys_of(taken('all')), 'Property:LK00000009', "$end: it came, and was not answered");
	push_now();
	is(keys_of(taken('all')), 'Property:LK00000009', "$end: it comes again");
	taken('a');
}
# Two at once post nothing twice.
query(q{UPDATE gold.property SET "City" = 'Both'; UPDATE mls.push SET next_attempt_at = now()});
end_psql($_) for map { start_psql($node, 'SELECT count(*) FROM mls_push()') } 1 .. 2;
my @both = map { $_->{EntityEventSequence} } map { @{ $_->{value} } } taken('all');
is(scalar(@both), 40, 'two at once post nothing twice');
is_deeply(\@both, [ sort { $a <=> $b } @both ], 'and in order');
taken('a');

# ---- Paused, again, removed ----

query(q{SELECT mls_push_alter('all', paused => true)});
change('LK00000010', 'paused');
push_now();
is(keys_of(taken('all')) . '|' . keys_of(taken('a')) . '|' . state_of('all', 'state'), '|Property:LK00000010|paused', 'paused');
query(q{SELECT mls_push_alter('all', paused => false)});
push_now();
is(keys_of(taken('all')), 'Property:LK00000010', 'and on again');
my $before = query('SELECT max(sequence) FROM mls.entity_event');
change('LK00000011', 'again');
push_now();
taken('all');
query(qq{SELECT mls_push_resend('all', $before)});
query('SELECT count(*) FROM mls_push()');
is(keys_of(taken('all')), 'Property:LK00000011', 'again from a number');
query(q{SELECT mls_push_resend('all', 0)});
push_now();
is(scalar(map { @{ $_->{value} } } taken('all')), query('SELECT count(*) FROM mls.entity_event'), 'or from the first');
query(q{SELECT mls_consumer_alter('a', claims => '{"sources": ["east"], "offices": ["B"]}')});
taken('a');
change('LK00000030', 'of B now');
push_now();
is(keys_of(taken('a')), 'Property:LK00000030', 'what a consumer may see is judged when it is posted');
query(q{SELECT mls_consumer_alter('a', active => false)});
change('LK00000030', 'nobody');
push_now();
is(keys_of(taken('a')), '', 'a consumer that is not active gets nothing');
query(qq{SELECT mls_push_add('none', '$url{a}', 't', since => 0)});
push_now();
is(keys_of(taken('a')) . state_of('none', 'state'), 'up to date', 'nor one without claims');

# ---- Rights ----

for my $call (q{mls_push_add('all', 'https://x.example/', 't')}, q{mls_push_alter('all', paused => true)}, q{mls_push_resend('all', 0)}, q{mls_push_remove('all')})
{
	my ($status, $out, $err) = $node->psql('postgres', "SELECT $call", extra_params => [ '-U', 'stranger' ]);
	like($err, qr/there is no consumer "all" of yours/, "a stranger may not $call");
}
taken('all');
change('LK00000012', 'stranger');
query(q{UPDATE mls.push SET next_attempt_at = now()});
is(query('SELECT count(*) FROM mls_push()', extra_params => [ '-U', 'stranger' ]), 0, 'who asks for it posts for his own receivers');
is(keys_of(taken('all')), '', 'not for those of others');
is(query('SELECT count(*) FROM mls.push_token', extra_params => [ '-U', 'stranger' ]) . query('SELECT count(*) FROM mls.push_status', extra_params => [ '-U', 'stranger' ]), '00', 'and sees none');
is(query('SELECT count(*) FROM mls.push_status', extra_params => [ '-U', 'watcher' ]), 3, 'who watches sees all');
is(query('SELECT count(*) FROM mls.serve_log; SELECT count(consumer) FROM mls.consumer', extra_params => [ '-U', 'watcher' ]), "0\n0", 'the log of requests too, and no consumer');
my (undef, undef, $err) = $node->psql('postgres', 'SELECT count(*) FROM mls.push_token', extra_params => [ '-U', 'watcher' ]);
like($err, qr/permission denied for table push_token/, 'but no token');
query(q{CREATE ROLE owner LOGIN; SELECT mls_grant('owner'); SELECT mls_consumer_remove('none'), mls_consumer_remove('a')});
is(query('SELECT string_agg(consumer, \' \') FROM mls.push'), 'all', 'a receiver goes with its consumer');
is(query('SELECT count(*) FROM mls.push_token'), 1, 'and its token with it');
query(q{SELECT mls_push_remove('all')});
push_now();
is(keys_of(taken('all')), '', 'removed');

$_->stop for $mls, values %hook;
$node->stop;
done_testing();
