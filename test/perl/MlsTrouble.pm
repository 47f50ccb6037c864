# MlsTrouble: what can happen to the processes of a model while they work.  Part of
# MlsModel.
package MlsTrouble;

use strict;
use warnings;

use MlsSync;
use MlsTruth;
use Time::HiRes ();

# ---- Faults of the source ----

sub add_fault
{
	my ($self) = @_;
	my %rule = (times => $self->one_of(1, 1, 2), skip => $self->number($self->{face}{pages_of_load} // 7),
		%{ $self->one_of(@{ $self->{face}{faults} }) });
	for my $name (sort keys %rule)
	{
		$rule{$name} = 1 + $self->number($rule{$name}{any}) if ref $rule{$name} && $rule{$name}{any};
	}
	$self->{mls}->fault(%{ $self->{face}{matching} }, %rule);
	$self->{moving} = 1 if $rule{kind} eq 'moving';
	$self->tell(join ' ', 'fault', map { ref $rule{$_} ? $_ : "$_ $rule{$_}" } sort keys %rule);
	return;
}

# What a process is called with; a purge sometimes may do what it likes.
sub call_of
{
	my ($self, $process, $name) = @_;
	my $arguments = $process eq 'purge' && $self->number(2) ? ', force => true' : '';
	return "SELECT source || ' ' || status FROM mls_$process('$name'$arguments)";
}

# One source is worked on; what fails may fail.
sub work_in_trouble
{
	my ($self, $process, $name) = @_;
	$name //= $self->one_of($self->names);
	$self->add_fault for 0 .. $self->number(3);
	my (undef, $out, $err) = $self->try_sql($self->call_of($process, $name));
	$self->control('clear');
	$self->tell("$process of $name: $out $err");
	return;
}

# An answer that does not come in time.
sub stall
{
	my ($self) = @_;
	my $name = $self->one_of($self->names);
	my $kind = $self->one_of('stall', 'stall_body');
	my $skip = $self->number(5);
	my $process = $self->one_of('sync', 'sync', 'purge', 'reconcile');
	$self->sql("ALTER SERVER $name OPTIONS (ADD timeout_ms '300')");
	$self->{mls}->fault(kind => $kind, %{ $self->{face}{matching} }, skip => $skip, times => 2);
	my (undef, $out, $err) = $self->try_sql($self->call_of($process, $name));
	$self->control('clear');
	$self->sql("ALTER SERVER $name OPTIONS (DROP timeout_ms)");
	$self->tell("$kind of $process of $name, skip $skip: $out $err");
	return;
}

# Where links count positions, records that are moved or taken out while they are
# followed make others be passed over: notes which sources that may concern.
sub note_astray
{
	my ($self) = @_;
	my $by_links = ($self->{pages}{link} // '') eq 'skip';
	for my $name ($self->names)
	{
		my $what = $self->{face}{positional}{$name} // '';
		$self->{astray}{$name} = 1
		  if ($by_links && $what =~ /moved/) || (($by_links || $what =~ /own/) && $what && $self->{took_out});
	}
	return;
}

# ---- Between two pages ----

# Is an answer held back?
sub is_held
{
	my ($self) = @_;
	return scalar grep { $_->{path} =~ $self->{face}{path} && !defined $_->{status} }
	  $self->{mls}->requests($self->{log});
}

# Waits for a condition, as long as a statement is at work; says whether it came.
sub comes_while
{
	my ($psql, $condition) = @_;
	while (!$condition->())
	{
		return 0 if !$psql->{handle}->pumpable;
		$psql->{handle}->pump_nb;
		Time::HiRes::usleep(3000);
	}
	return 1;
}

# Something happens between two pages.
sub hold
{
	my ($self, $process, $name) = @_;
	$name //= $self->one_of($self->names);
	$process //= $self->one_of('sync', 'sync', 'sync', 'purge', 'purge', 'reconcile');
	my $skip = $self->number($self->{face}{pages_of_load} // 9);
	my @log = $self->{mls}->requests($self->{log});
	$self->{log} = $log[-1]{id} if @log;
	$self->{mls}->fault(kind => 'stall', %{ $self->{face}{matching} }, skip => $skip, times => 1);
	$self->tell("$process of $name is held after $skip pages");
	my $psql = start_psql($self->{node}, $self->call_of($process, $name));
	comes_while($psql, sub { $self->is_held });
	$self->{divided}++ if $self->{face}{anew} && $self->sql('SELECT EXISTS (SELECT FROM mls.range)') eq 't';
	$self->do_one_of([ 12, 'change_while_held' ], [ 3, 'kill_worker' ], [ 3, 'terminate_worker' ],
		[ 2, 'cancel_caller' ], [ 2, 'stop_server' ], [ 2, 'revoke' ]);
	$self->control('clear');
	$self->hear_end($psql);
	return;
}

sub hear_end
{
	my ($self, $psql) = @_;
	my $end = end_psql($psql) =~ s/\n.*//sr;
	$self->tell("the statement ends: $end");
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

# ---- Between two statements ----

# A purge or a reconcile waits for a row that somebody has locked, and does not live to
# get it; or it does.
sub block
{
	my ($self) = @_;
	my @gone = sort keys %{ $self->{gone} } or return;
	my $key = literal($self->one_of(@gone));
	my $name = $self->one_of($self->names);
	my $process = $self->one_of('purge', 'purge', 'reconcile');
	my $lock = $self->{node}->background_psql('postgres');
	$lock->query_safe("BEGIN; SELECT 1 FROM bronze.${name}_$self->{face}{copies} WHERE key = $key FOR UPDATE");
	$self->tell("$process of $name must wait for $key");
	my $psql = start_psql($self->{node}, $self->call_of($process, $name));
	my $waits = comes_while($psql, sub { $self->worker(q{AND wait_event_type = 'Lock'}) });
	$self->do_one_of([ 3, 'kill_worker' ], [ 3, 'terminate_worker' ], [ 2, 'cancel_caller' ], [ 2, 'tell', 'nothing' ])
	  if $waits;
	eval { $lock->query_safe('COMMIT') };
	$self->hear_end($psql);
	eval { $lock->quit };
	return;
}

# ---- Ends ----

sub worker
{
	my ($self, $more) = @_;
	$more //= '';
	return $self->sql(qq{SELECT pid FROM pg_stat_activity
		WHERE backend_type IN ('mls_fdw sync', 'mls_fdw sync helper', 'mls_fdw purge', 'mls_fdw reconcile') $more
		ORDER BY random() LIMIT 1});
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

sub cancel_caller
{
	my ($self) = @_;
	$self->tell('statement cancelled');
	$self->sql(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '% FROM mls\_%'
		AND backend_type = 'client backend' AND pid <> pg_backend_pid()});
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
	for (1 .. 100)
	{
		my $is_back = eval { $self->{node}->poll_query_until('postgres', q{
			SELECT NOT pg_is_in_recovery()
			   AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type LIKE 'mls\_fdw %')}) };
		return if $is_back;
		# A psql that cannot connect may end before it has read its question.
		die $@ || 'PostgreSQL did not come back' unless $@ =~ /Broken pipe/;
	}
	die 'PostgreSQL did not come back';
}

# ---- Second thoughts ----

# A purge is taken back: what it removed is here again, until the next one.
sub undo
{
	my ($self) = @_;
	my @purges = split /\n/, $self->sql(q{SELECT id FROM mls.run WHERE process = 'purge' AND deleted > 0});
	return if !@purges;
	my $run = $self->one_of(@purges);
	my ($status, $out, $err) = $self->try_sql("SELECT mls_undo($run)");
	$self->{unpurged} = 1;
	$self->tell("undo of $run: $out $err");
	return;
}

1;
