# MlsModel: random rounds against the test server, from a seed.
#
# A round changes the server's data, perhaps syncs while the source or PostgreSQL
# misbehaves, then settles: the faults are cleared, all sources synced to their
# end, and every layer compared with the server's truth.
#
# The data keep one promise, which is all a sync may rely on: what becomes visible
# at an instant of the server's clock is stamped no longer than the overlap before
# it, and no record is stamped earlier than it was before.
# Runs may last longer than that: hours can pass while pages are read.
package MlsModel;

use strict;
use warnings;

use JSON::PP ();
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use POSIX qw(strftime);
use Time::HiRes ();
use Time::Local qw(timegm);

my $TICKS = 10_000_000;    # of a second, as the server's timestamps have seven digits
my $OVERLAP = 600;         # of the sources, seconds
my $LATE = 60;             # how far back a record is stamped when it appears
my $SKEW = 30;             # how far the clock goes back
my $ATTEMPTS = 5;

my $true = JSON::PP::true();
my $false = JSON::PP::false();

# Each source reads the same data in its own way.
my %sources = (
	key => { page_size => 40, retries => 1 },
	link => { page_size => 30, ordering => 'none' },
	top => { page_size => 25, ordering => 'none', prefer => 'false' },
	time => { page_size => 50, ordering => 'timestamp', retries => 1 },
	grid => {
		page_size => 35, platform => 'mlsgrid', originating_system => 'actris', push_count => 'true',
		requests_per_second => 0, requests_per_hour => 0, requests_per_day => 0 });

# ---- Beginning ----

sub new
{
	my ($class, $node, $seed) = @_;
	my $self = bless { node => $node, seed => $seed, state => $seed * 7919 + 17, round => 0,
		story => [], touched => {}, floor => 0, crashes => 0, settled => 0, log => 0 }, $class;
	$self->{mls} = start_mls(listings => 150 + $self->number(150), fields => 'small', seed => $seed);
	$self->{mls}->control('option', {
		date => 'logical', expires_in => 2,
		schema => { add => [
			{ field => 'MlgCanView', type => 'Edm.Boolean' },
			{ field => 'OriginatingSystemName', type => 'Edm.String' } ] } });
	$self->{mls}->control('set', { resource => 'Property',
		fields => { MlgCanView => $true, OriginatingSystemName => 'actris' } });
	$self->{keys} = JSON::PP::decode_json($self->{mls}->get('keys?resource=Property'));
	$self->control('clock', step => 0.01);
	$self->{clock} = $self->{top} = $self->server_clock;
	$self->add_source($_) for sort keys %sources;
	return $self;
}

sub add_source
{
	my ($self, $name) = @_;
	my $port = $self->{mls}{port};
	create_property($self->{node}, $self->{mls}, $name, overlap => $OVERLAP, key_prefix => "$name:",
		token_url => "http://127.0.0.1:$port/oauth/token", %{ $sources{$name} });
	$self->sql(qq{
		ALTER USER MAPPING FOR CURRENT_USER SERVER $name
			OPTIONS (DROP token, ADD client_id 'demo', ADD client_secret 's3cret-demo-value')})
	  if $name =~ /key|grid/;
	$self->sql("SELECT mls_subscribe('$name.property')");
	return;
}

# ---- Chance ----

# A number below n.  Perl's rand is shared with the test modules, so it cannot be replayed.
sub number
{
	my ($self, $n) = @_;
	$self->{state} = ($self->{state} * 1103515245 + 12345) % 2147483648;
	return int($self->{state} / 2147483648 * $n);
}

sub one_of
{
	my ($self, @choices) = @_;
	return $choices[ $self->number(scalar @choices) ];
}

# Runs one of [weight, name, arguments]; the name is that of a method.
sub do_one_of
{
	my ($self, @choices) = @_;
	my $total = 0;
	$total += $_->[0] for @choices;
	my $at = $self->number($total);
	for my $choice (@choices)
	{
		my ($weight, $name, @arguments) = @$choice;
		return $self->$name(@arguments) if $at < $weight;
		$at -= $weight;
	}
	return;
}

# ---- Speaking ----

sub tell
{
	my ($self, $line) = @_;
	push @{ $self->{story} }, "round $self->{round}: $line";
	print STDERR "round $self->{round}: $line\n" if $ENV{MLS_TELL};
	return;
}

sub control
{
	my ($self, $path, %body) = @_;
	$body{resource} = 'Property' if $path =~ /insert|update|touch|tie|delete/;
	return $self->{mls}->control($path, \%body);
}

sub sql
{
	my ($self, $sql) = @_;
	return $self->{node}->safe_psql('postgres', $sql);
}

# Runs a statement that may fail; returns its status, its output and the first line of its error.
sub try_sql
{
	my ($self, $sql) = @_;
	my ($status, $out, $err) = $self->{node}->psql('postgres', $sql);
	return ($status, $out, ($err // '') =~ s/\n.*//sr);
}

# ---- The clock ----

sub stamp
{
	my ($ticks) = @_;
	return strftime('%Y-%m-%dT%H:%M:%S', gmtime(int($ticks / $TICKS)))
	  . sprintf('.%07dZ', $ticks % $TICKS);
}

sub server_clock
{
	my ($self) = @_;
	my $now = $self->control('clock')->{now};
	my ($year, $month, $day, $hour, $minute, $second, $rest) =
	  $now =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)(?:\.(\d+))?Z$/ or die $now;
	return timegm($second, $minute, $hour, $day, $month - 1, $year) * $TICKS
	  + substr(($rest // '') . '0000000', 0, 7);
}

sub set_clock
{
	my ($self, $ticks) = @_;
	$self->control('clock', now => stamp($ticks));
	$self->{clock} = $ticks;
	$self->{top} = $ticks if $ticks > $self->{top};
	return;
}

sub forward
{
	my ($self) = @_;
	my @seconds = (1, 5);
	push @seconds, 200, 3600, 7200;
	my $seconds = $self->one_of(@seconds);
	$self->tell("clock forward $seconds s");
	$self->set_clock($self->{clock} + $seconds * $TICKS + $self->number($TICKS));
	return;
}

# Never further back than $SKEW behind what was reached.
sub backward
{
	my ($self) = @_;
	my $to = $self->{clock} - (1 + $self->number($SKEW)) * $TICKS;
	my $least = $self->{top} - $SKEW * $TICKS;
	$to = $least if $to < $least;
	$self->tell('clock back to ' . stamp($to));
	$self->set_clock($to);
	return;
}

# ---- Changing data ----

# Up to n keys whose records may be stamped with an instant.
sub some_keys
{
	my ($self, $n, $at) = @_;
	return if $at < $self->{floor};
	my @free = grep { ($self->{touched}{$_} // 0) <= $at } @{ $self->{keys} };
	my @chosen;
	push @chosen, splice @free, $self->number(scalar @free), 1 while @chosen < $n && @free;
	return @chosen;
}

# After the server stamped records by its own clock.
sub note_touched
{
	my ($self, @keys) = @_;
	$self->set_clock($self->server_clock);
	$self->{touched}{$_} = $self->{clock} for @keys;
	return;
}

sub fields
{
	my ($self) = @_;
	my @all = (
		City => $self->one_of('Austin', "O'Brien \\ \"x\"", "\x{DC}mlaut \x{1F3E1}", ''),
		ListPrice => 100 + $self->number(1_000_000) / 4,
		BedroomsTotal => $self->number(9));
	my $count = 1 + $self->number(3);
	return { @all[ 0 .. 2 * $count - 1 ] };
}

# An instant for a change that shows late, and its field.
sub late_stamp
{
	my ($self, $fields) = @_;
	my $at = $self->{clock} - $self->number($LATE * $TICKS);
	$fields->{ModificationTimestamp} = stamp($at);
	return $at;
}

sub insert
{
	my ($self, $late) = @_;
	my $count = 1 + $self->number(6);
	my %fields = (%{ $self->fields }, MlgCanView => $true, OriginatingSystemName => 'actris');
	my $at = $late ? $self->late_stamp(\%fields) : $self->{clock};
	my $keys = $self->control('insert', count => $count, fields => \%fields)->{keys};
	push @{ $self->{keys} }, @$keys;
	$self->note_touched(@$keys);
	$self->tell("insert $count at " . stamp($at) . ": @$keys");
	return;
}

sub update
{
	my ($self, $late) = @_;
	my %fields = %{ $self->fields };
	my $at = $late ? $self->late_stamp(\%fields) : $self->{clock};
	my @keys = $self->some_keys(1 + $self->number(20), $at) or return;
	$self->control('update', keys => \@keys, fields => \%fields);
	$self->note_touched(@keys);
	$self->tell('update ' . @keys . ' at ' . stamp($at) . ": @keys");
	return;
}

sub touch
{
	my ($self) = @_;
	my $most = $self->one_of(10, 60, scalar @{ $self->{keys} });
	my @keys = $self->some_keys(1 + $self->number($most), $self->{clock}) or return;
	$self->control('touch', keys => \@keys);
	$self->note_touched(@keys);
	$self->tell('touch ' . @keys);
	return;
}

# One timestamp for exactly one page, or several, or neither; perhaps others a digit beside it.
sub tie
{
	my ($self) = @_;
	my $size = $self->one_of(map { $_->{page_size} } @sources{ sort keys %sources });
	my $count = $self->one_of($size - 1, $size, $size + 1, 2 * $size, 3, 3 * $size + 1);
	my $at = $self->{clock} + $self->number($TICKS);
	my @told;
	for my $step (0 .. $self->number(3))
	{
		my @keys = $self->some_keys($count, $at) or last;
		my $text = stamp($at);
		$text =~ s/[.]?0*Z$/Z/ if $self->number(2);
		$self->control('tie', keys => \@keys, timestamp => $text);
		$self->{touched}{$_} = $at for @keys;
		push @told, scalar(@keys) . " at $text";
		$at += 1 + $self->number(2) * $self->number(20);
		$count = 1 + $self->number(2 * $size);
	}
	$self->set_clock($at + $TICKS);
	$self->tell('tie ' . join(', ', @told));
	return;
}

sub flag
{
	my ($self, $shown) = @_;
	my @keys = $self->some_keys(1 + $self->number(8), $self->{clock}) or return;
	$self->control('update', keys => \@keys, fields => { MlgCanView => $shown ? $true : $false });
	$self->note_touched(@keys);
	$self->tell(($shown ? 'show ' : 'hide ') . "@keys");
	return;
}

sub change_pages
{
	my ($self) = @_;
	my %options = (
		max_page => $self->one_of(7, 20, 35, 1000),
		link => $self->one_of('token', 'skip', 'relative'),
		top => $self->one_of('total', 'page'));
	$self->control('option', %options);
	$self->tell(join ' ', 'pages', map { "$_ $options{$_}" } sort keys %options);
	return;
}

sub change_data
{
	my ($self) = @_;
	$self->do_one_of([ 4, 'insert' ], [ 2, 'insert', 1 ], [ 4, 'update' ], [ 3, 'update', 1 ],
		[ 3, 'touch' ], [ 4, 'tie' ], [ 3, 'flag', 0 ], [ 2, 'flag', 1 ], [ 3, 'forward' ], [ 2, 'backward' ]);
	return;
}

# ---- Misbehaving ----

sub add_fault
{
	my ($self) = @_;
	my %rule = (times => $self->one_of(1, 1, 2), skip => $self->number(7), %{ $self->one_of(
		{ kind => 'status', status => 500 },
		{ kind => 'status', status => 429, headers => { 'Retry-After' => '1' } },
		{ kind => 'status', status => 401 },
		{ kind => 'truncate' }, { kind => 'truncate', length => 'wrong' }, { kind => 'truncate', length => 'chunked' },
		{ kind => 'close' }, { kind => 'garbage_json' }, { kind => 'html200' },
		{ kind => 'empty_page' }, { kind => 'drop_link' }, { kind => 'drop_link', times => -1 },
		{ kind => 'expired_link' }, { kind => 'repeat_page' }, { kind => 'loop' },
		{ kind => 'wrong_count', by => 3 }, { kind => 'wrong_count', by => -3 }, { kind => 'no_count' },
		{ kind => 'moving', record => $self->number(40), times => 1 + $self->number(6) },
		{ kind => 'moving', record => 0, times => 30 },
		{ kind => 'refuse_or', skip => 0, times => 4 }, { kind => 'refuse_orderby', skip => 0 },
		{ kind => 'refuse_field', skip => 0, field => 'ModificationTimestamp', in => 'orderby' },
		{ kind => 'token_expired' }) });
	$self->{mls}->fault(resource => 'Property', %rule);
	$self->tell(join ' ', 'fault', map { ref $rule{$_} ? $_ : "$_ $rule{$_}" } sort keys %rule);
	return;
}

# Syncs one source or all; what fails may fail.
sub sync_in_trouble
{
	my ($self) = @_;
	my $some = $self->number(3) ? q{'} . $self->one_of(sort keys %sources) . q{'} : '';
	$self->add_fault for 0 .. $self->number(2);
	my (undef, $out, $err) = $self->try_sql(
		"SELECT string_agg(source || ' ' || status, ', ' ORDER BY source) FROM mls_sync($some)");
	$self->control('clear');
	$self->tell("sync($some): $out $err");
	return;
}

# An answer that does not come in time.
sub stall
{
	my ($self) = @_;
	my $name = $self->one_of(sort keys %sources);
	my $kind = $self->one_of('stall', 'stall_body');
	my $skip = $self->number(5);
	$self->sql("ALTER SERVER $name OPTIONS (ADD timeout_ms '300')");
	$self->{mls}->fault(kind => $kind, resource => 'Property', skip => $skip, times => 2);
	my (undef, $out, $err) = $self->try_sql("SELECT status FROM mls_sync('$name')");
	$self->control('clear');
	$self->sql("ALTER SERVER $name OPTIONS (DROP timeout_ms)");
	$self->tell("$kind of $name, skip $skip: $out $err");
	return;
}

# Is an answer held back?
sub is_held
{
	my ($self) = @_;
	return scalar grep { $_->{path} =~ m{/Property} && !defined $_->{status} }
	  $self->{mls}->requests($self->{log});
}

# Something happens between two pages.
sub hold
{
	my ($self) = @_;
	my $name = $self->one_of(sort keys %sources);
	my $skip = $self->number(9);
	my @log = $self->{mls}->requests($self->{log});
	$self->{log} = $log[-1]{id} if @log;
	$self->{mls}->fault(kind => 'stall', resource => 'Property', skip => $skip, times => 1);
	$self->tell("sync of $name is held after $skip pages");
	my $sync = start_psql($self->{node}, "SELECT status FROM mls_sync('$name')");
	while (!$self->is_held)
	{
		last if !$sync->{handle}->pumpable;
		$sync->{handle}->pump_nb;
		Time::HiRes::usleep(3000);
	}
	$self->do_one_of([ 12, 'change_while_held' ], [ 3, 'kill_worker' ], [ 3, 'terminate_worker' ],
		[ 3, 'stop_server' ], [ 2, 'revoke' ]);
	$self->control('clear');
	my $end = end_psql($sync) =~ s/\n.*//sr;
	$self->tell("the held sync ends: $end");
	$self->wait_for_server;
	return;
}

sub change_while_held
{
	my ($self) = @_;
	for (0 .. $self->number(5))
	{
		$self->change_data;
		$self->forward if !$self->number(3);
	}
	return;
}

sub worker
{
	my ($self) = @_;
	return $self->sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'mls_fdw sync' LIMIT 1");
}

sub kill_worker
{
	my ($self) = @_;
	my $pid = $self->worker || return;
	$self->tell('worker killed');
	kill 'KILL', $pid;
	$self->{crashes}++;
	return;
}

sub terminate_worker
{
	my ($self) = @_;
	my $pid = $self->worker || return;
	$self->tell('worker terminated');
	$self->sql("SELECT pg_terminate_backend($pid)");
	return;
}

sub stop_server
{
	my ($self) = @_;
	$self->tell('PostgreSQL stopped immediately');
	$self->{node}->stop('immediate');
	$self->{node}->start;
	$self->{crashes}++;
	return;
}

sub revoke
{
	my ($self) = @_;
	$self->tell('tokens revoked');
	$self->control('revoke');
	return;
}

# PostgreSQL restarts itself after a kill.
sub wait_for_server
{
	my ($self) = @_;
	$self->{node}->poll_query_until('postgres', q{
		SELECT NOT pg_is_in_recovery()
		   AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'mls_fdw sync')})
	  or die 'PostgreSQL did not come back';
	return;
}

# ---- Settling ----

# How many sources have an interrupted run.
sub interrupted
{
	my ($self) = @_;
	return $self->sql(q{
		SELECT count(*) FROM mls.subscription WHERE resume_timestamp IS NOT NULL OR resume_link IS NOT NULL});
}

# Syncs until every source has had a whole run of its own; a run that ends an
# interrupted one may find that its beginning has moved on, and fail.  Returns
# what is wrong.
sub settle
{
	my ($self) = @_;
	$self->control('clear');
	for my $attempt (1 .. $ATTEMPTS)
	{
		my $open = $self->interrupted;
		my ($status, $out, $err) =
		  $self->try_sql(q{SELECT count(*) FROM mls_sync() WHERE status <> 'finished'});
		my $fine = $status == 0 && $out eq '0';
		$self->tell("settle: $open interrupted before, " . ($fine ? 'fine' : "$out failed: $err"));
		return '' if $fine && !$open;
		return "a sync failed without cause: $err" if !$fine && !$open;
	}
	return "still interrupted after $ATTEMPTS runs";
}

# ---- Comparing ----

sub load_truth
{
	my ($self) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/truth_$self->{seed}.json";
	open my $out, '>', $file or die "$file: $!";
	print $out $self->{mls}->get('truth?resource=Property');
	close $out;
	return qq{
		CREATE TEMP TABLE lines (record text);
		\\copy lines FROM '$file' (FORMAT csv, DELIMITER e'\\x01', QUOTE e'\\x02')
		CREATE TEMP TABLE truth AS SELECT record::jsonb->>'ListingKey' AS key, record::jsonb AS r,
			(record::jsonb->>'MlgCanView')::boolean AS shown,
			regexp_replace(record::jsonb->>'ModificationTimestamp', '([.]\\d{6})\\d+', '\\1')::timestamptz AS at
			FROM lines;
	};
}

# Selects a line when two selections, whose first column is key, are not the same rows.
sub differ
{
	my ($what, $truth, $copy) = @_;
	return qq{
		SELECT '$what: ' || count(*) || ' differ, as ' || (array_agg(DISTINCT key ORDER BY key))[1:5]::text
		FROM (($truth EXCEPT ALL $copy) UNION ALL ($copy EXCEPT ALL $truth)) x HAVING count(*) > 0};
}

sub differences_of
{
	my ($name) = @_;
	my $there = $name eq 'grid' ? 'FROM truth WHERE shown' : 'FROM truth';
	my $bronze = "FROM bronze.${name}_property WHERE deleted_at IS NULL";
	my $columns = q{r->>'ListingId', (r->>'ListPrice')::numeric, (r->>'BedroomsTotal')::bigint, r->>'City', at};
	return join ' UNION ALL ',
	  differ("bronze of $name", "SELECT key, r $there", "SELECT key, record::jsonb $bronze"),
	  differ("timestamps of $name", "SELECT key, at $there", "SELECT key, modified_at $bronze"),
	  differ("silver of $name", "SELECT key, $columns $there", qq{
		SELECT listing_key, listing_id, list_price, bedrooms_total, city, modification_timestamp
		FROM silver.${name}_property}),
	  differ("gold of $name", "SELECT '$name:' || key AS key, $columns $there", qq{
		SELECT "ListingKey", "ListingId", "ListPrice", "BedroomsTotal", "City", "ModificationTimestamp"
		FROM gold.property WHERE mls_source = '$name'}),
	  qq{SELECT 'the cursor of $name is beyond its newest record' FROM mls.subscription WHERE source = '$name'
		AND cursor_at > (SELECT max(modified_at) FROM bronze.${name}_property)};
}

# The runs: none is open, all are accounted for.
my $check_runs = q{
	SELECT 'run ' || id || ' is still running' FROM mls.run WHERE status = 'running'
	UNION ALL
	SELECT 'run ' || id || ' does not add up' FROM mls.run
	WHERE received <> inserted + updated + unchanged + deleted
	UNION ALL
	SELECT 'subscription ' || id || ' is not at rest' FROM mls.subscription
	WHERE resume_timestamp IS NOT NULL OR resume_link IS NOT NULL
	UNION ALL
	SELECT 'issue: ' || reason FROM mls.issue};

# Every difference in a line; nothing when the copies are true.
sub compare
{
	my ($self) = @_;
	return $self->sql($self->load_truth
		  . join(' UNION ALL ', (map { differences_of($_) } sort keys %sources), $check_runs));
}

# ---- Rounds ----

# One round; returns what is wrong with it.
sub play
{
	my ($self) = @_;
	$self->{round}++;
	$self->change_data for 0 .. $self->number(4);
	$self->change_pages if !$self->number(4);
	$self->{calm} = 0;
	for (1 .. $self->number(3))
	{
		$self->do_one_of([ 10, 'sync_in_trouble' ], [ 2, 'stall' ], [ 8, 'hold' ], [ 4, 'change_data' ],
			[ 1, 'revoke' ]);
		# Faults may have stamped records of which the model does not know.
		$self->set_clock($self->server_clock);
		$self->{floor} = $self->{clock};
	}
	return '' if !$self->number(6);
	my $wrong = $self->settle || $self->compare;
	$self->{settled}++;
	$self->{calm} = 1;
	# What was seen to be right is no part of the story of what goes wrong later.
	$self->{story} = [] if $wrong eq '';
	return $wrong;
}

# Plays rounds up to the first that goes wrong; returns its story, or nothing.
sub play_all
{
	my ($self, $rounds) = @_;
	for (1 .. $rounds)
	{
		my $wrong = $self->play;
		return join "\n", "seed $self->{seed}, round $self->{round}: $wrong",
		  "replay with MLS_SEED=$self->{seed} MLS_ROUNDS=$self->{round}; since the last settled round:",
		  @{ $self->{story} }
		  if $wrong ne '';
	}
	return '';
}

1;
