# MlsModel: random rounds against the test server, from a seed.
#
# A round changes the server's data, perhaps lets processes work while the source
# or PostgreSQL misbehaves (MlsTrouble), then settles: the faults are cleared, all
# sources synced to their end, and every layer compared with the server's truth
# (MlsTruth).  What was removed at the server may still be here then; a purge has
# to take it out, exactly it, and then the copies have to be the truth.
#
# The data keep one promise, which is all a sync may rely on: what becomes visible
# at an instant of the server's clock is stamped no longer than the overlap before
# it, and no record is stamped earlier than it was before.  Where the promise is
# broken on purpose, and where a source pages by positions while records are taken
# out, a reconcile has to make good.  Runs may last long: hours can pass while pages
# are read.
#
# The protocol is a face of the server (MlsFace).
package MlsModel;

use strict;
use warnings;

use JSON::PP ();
use MlsFace;
use MlsTest;
use MlsTruth;
use POSIX qw(strftime);
use Time::Local qw(timegm);

use parent 'MlsTrouble';

my $TICKS = 10_000_000;    # of a second, as the server's timestamps have seven digits
my $OVERLAP = 600;         # of the sources, seconds
my $LATE = 60;             # how far back a record is stamped when it appears
my $SKEW = 30;             # how far the clock goes back
my $ATTEMPTS = 5;

my $true = JSON::PP::true();
my $false = JSON::PP::false();

# ---- Beginning ----

# node, seed, and perhaps face (reso), sources (how many of the face's: 2), or their names;
# shared: no prefix keeps their keys apart; listings: how many there are
sub new
{
	my ($class, $node, $seed, %options) = @_;
	my $self = bless { node => $node, seed => $seed, state => $seed * 7919 + 17, round => 0,
		face => MlsFace->new($options{face} || 'reso'), story => [], touched => {}, floor => 0,
		gone => {}, absent => {}, unpurged => 0, astray => {}, pages => {},
		crashes => 0, settled => 0, log => 0 }, $class;
	my $listings = 150 + $self->number(150);
	$self->{mls} = start_mls(listings => $options{listings} || $listings, fields => 'small', seed => $seed,
		%{ $self->{face}{arguments} || {} });
	my $face = $self->{face};
	$self->{mls}->control('option', { %{ $face->{options} }, schema => $face->{schema} || {} });
	$self->{mls}->control('set', { resource => $face->{resource}, fields => $face->{new} }) if %{ $face->{new} };
	$face->{begin}->($self) if $face->{begin};
	$self->{keys} = JSON::PP::decode_json($self->{mls}->get("keys?resource=$face->{resource}"));
	$self->control('clock', step => 0.01);
	$self->{clock} = $self->{top} = $self->server_clock;
	$self->choose_sources($options{sources} || 2);
	$self->{names} = $options{names} if $options{names};
	$self->{face}{create}->($self, $_, {
		overlap => $OVERLAP, ($options{shared} ? () : (key_prefix => "$_:")), %{ $self->{face}{sources}{$_} } }) for $self->names;
	$self->sql(join ';', map { "SELECT mls_subscribe('$_.property')" } $self->names);
	return $self;
}

# Some of the face's sources, another choice for each seed.
sub choose_sources
{
	my ($self, $count) = @_;
	my @all = sort keys %{ $self->{face}{sources} };
	my @chosen = map { $all[ ($self->{seed} + $_ * 2) % @all ] } 0 .. $count - 1;
	my %chosen = map { $_ => 1 } @chosen;
	$self->{names} = [ sort keys %chosen ];
	return;
}

sub names
{
	my ($self) = @_;
	return @{ $self->{names} };
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
	$body{resource} = $self->{face}{resource} if $path =~ /insert|update|touch|tie|delete|restore/;
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
	my %of = %{ $self->{face}{fields} };
	my @all = (
		$of{city} => $self->one_of('Austin', "O'Brien \\ \"x\"", "\x{DC}mlaut \x{1F3E1}", ''),
		$of{list_price} => 100 + $self->number(1_000_000) / 4,
		$of{bedrooms_total} => $self->number(9));
	my $count = 1 + $self->number(3);
	return { @all[ 0 .. 2 * $count - 1 ] };
}

# An instant for a change that shows late, and its field.
sub late_stamp
{
	my ($self, $fields) = @_;
	my $at = $self->{clock} - $self->number($LATE * $TICKS);
	$at -= $at % $TICKS if $self->{face}{seconds};
	$fields->{ $self->{face}{fields}{modified} } = stamp($at);
	return $at;
}

sub insert
{
	my ($self, $late) = @_;
	my $count = 1 + $self->number(6);
	my %fields = (%{ $self->fields }, %{ $self->{face}{new} });
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
	my $size = $self->one_of(map { $self->{face}{sources}{$_}{page_size} } $self->names);
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
		push @told, "@keys at $text";
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
	return $self->update if !exists $self->{face}{new}{MlgCanView};
	my @keys = $self->some_keys(1 + $self->number(8), $self->{clock}) or return;
	$self->control('update', keys => \@keys, fields => { MlgCanView => $shown ? $true : $false });
	$self->note_touched(@keys);
	$self->{absent}{$_} = 1 for @keys;
	$self->tell(($shown ? 'show ' : 'hide ') . "@keys");
	return;
}

# Takes records away for good, a few or many.
sub remove
{
	my ($self) = @_;
	my $most = $self->one_of(2, 8, 8, 40);
	my %left = map { $_ => 1 } @{ $self->{keys} };
	my @keys = $self->some_keys(1 + $self->number($most), $self->{clock});
	return if !@keys || @keys > %left / 2;
	$self->control('delete', keys => \@keys);
	delete @left{@keys};
	$self->{keys} = [ sort keys %left ];
	$self->{gone}{$_} = $self->{absent}{$_} = 1 for @keys;
	$self->{unpurged} = $self->{took_out} = 1;
	$self->tell("remove @keys");
	return;
}

# One that was removed comes back: changed, or as it was, which only a reconcile can notice.
sub bring_back
{
	my ($self, $as_it_was) = @_;
	my @gone = sort keys %{ $self->{gone} } or return;
	my $key = $self->one_of(@gone);
	return if ($self->{touched}{$key} // 0) > $self->{clock};
	$self->control('restore', keys => [$key]);
	delete $self->{gone}{$key};
	$self->{absent}{$key} = 1;
	push @{ $self->{keys} }, $key;
	if ($as_it_was)
	{
		$self->{astray}{$_} = 1 for $self->names;
	}
	else
	{
		$self->control('touch', keys => [$key]);
		$self->note_touched($key);
	}
	$self->tell('bring back ' . ($as_it_was ? 'as it was ' : '') . $key);
	return;
}

sub change_pages
{
	my ($self) = @_;
	my @pages = @{ $self->{face}{pages} } or return;
	my (%chosen, %options);
	while (my ($name, $values) = splice @pages, 0, 2)
	{
		my $value = $chosen{$name} = $self->one_of(@$values);
		$name =~ /(.*)[.](.*)/ ? ($options{$1}{$2} = $value) : ($options{$name} = $value);
	}
	$self->control('option', %options);
	$self->{pages} = \%chosen;
	$self->tell(join ' ', 'pages', map { "$_ $chosen{$_}" } sort keys %chosen);
	return;
}

sub change_data
{
	my ($self) = @_;
	$self->do_one_of([ 4, 'insert' ], [ 2, 'insert', 1 ], [ 4, 'update' ], [ 3, 'update', 1 ],
		[ 3, 'touch' ], [ 4, 'tie' ], [ 3, 'flag', 0 ], [ 2, 'flag', 1 ], [ 4, 'remove' ],
		[ 2, 'bring_back' ], [ 1, 'bring_back', 1 ], [ 3, 'forward' ], [ 2, 'backward' ]);
	return;
}

# A source's copies are dropped, and its first load begins again, with trouble or in the settling.
sub load_anew
{
	my ($self) = @_;
	my $name = $self->one_of($self->names);
	$self->tell("$name is loaded anew");
	$self->sql("SELECT mls_unsubscribe('$name.property', true), mls_subscribe('$name.property')");
	delete $self->{astray}{$name};
	$self->do_one_of([ 2, 'work_in_trouble', 'sync', $name ], [ 3, 'hold', 'sync', $name ], [ 1, 'tell', 'later' ]);
	return;
}

# ---- Settling ----

# Calls a function of the extension for each of some sources; "%s" stands for the name.
# Returns the last line of output of each call, and the first line of the first error.
sub call_each
{
	my ($self, $select, @names) = @_;
	my (undef, $out, $err) = $self->{node}->psql('postgres',
		join('', map { sprintf("$select;\n", $_) } @names), on_error_stop => 0);
	return ([ split /\n/, $out ], ($err =~ /ERROR: *(.*)/)[0] // '');
}

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
sub sync_all
{
	my ($self) = @_;
	for my $attempt (1 .. $ATTEMPTS)
	{
		my $open = $self->interrupted;
		my ($out, $err) = $self->call_each(q{SELECT status FROM mls_sync('%s')}, $self->names);
		my $fine = $err eq '' && @$out == $self->names;
		$self->tell("settle: $open interrupted before, " . ($fine ? 'fine' : "failed: $err"));
		return '' if $fine && !$open;
		return "a sync failed without cause: $err" if !$fine && !$open;
	}
	return "still interrupted after $ATTEMPTS runs";
}

# What a process that is not disturbed must say of each source.
sub must_say
{
	my ($self, $what, $select, $expected, @names) = @_;
	my ($out, $err) = $self->call_each($select, @names);
	my $said = $err || join ', ', @$out;
	$self->tell("$what of @names: $said");
	return $err eq '' && @$out == @names && !grep({ $_ !~ $expected } @$out) ? ''
	  : "$what of @names says: $said";
}

# Where a sync cannot know, a reconcile finds it.
sub reconcile_astray
{
	my ($self) = @_;
	my @names = grep { $self->{astray}{$_} } $self->names;
	$self->{astray} = {};
	return '' if !@names;
	return $self->must_say('reconcile', q{SELECT status FROM mls_reconcile('%s')}, qr/^finished$/, @names);
}

# A dry run changes no row.
sub dry_run
{
	my ($self) = @_;
	my $process = $self->one_of('purge', 'reconcile');
	my $rows = join ' UNION ALL ', map { qq{
		SELECT '$_', md5(string_agg(b.xmin || b.key, '' ORDER BY b.key)) FROM bronze.${_}_$self->{face}{copies} b
		UNION ALL SELECT '$_', md5(string_agg(s.xmin || s.listing_key, '' ORDER BY s.listing_key))
		  FROM silver.${_}_$self->{face}{copies} s} } $self->names;
	my $before = $self->sql($rows);
	my $wrong = $self->must_say("dry $process", "SELECT status FROM mls_$process('%s', dry_run => true)",
		qr/^finished$/, $self->names);
	return $wrong || ($self->sql($rows) eq $before ? '' : "the dry $process changed something");
}

# Purges what was removed at the server; a second purge has nothing to do.
sub purge_all
{
	my ($self) = @_;
	my $wrong = $self->must_say('purge', q{SELECT status FROM mls_purge('%s', force => true)}, qr/^finished$/,
		$self->names);
	return $wrong if $wrong ne '';
	$self->{unpurged} = 0;
	return $self->number(4) ? '' : $self->must_say('second purge',
		q{SELECT missing FROM mls_purge('%s')}, qr/^0$/, $self->names);
}

# Did a purge take out what was never away?
sub wrongly_removed
{
	my ($self) = @_;
	my @wrong;
	for my $removed (removed_by_purges($self))
	{
		my ($name, $key) = @$removed;
		push @wrong, "$key of $name" if !$self->{gone}{$key} && !$self->{absent}{$key};
	}
	return @wrong ? 'purged, though at the server all the time: ' . join(', ', @wrong) : '';
}

# The way to rest: what is wrong on it, or nothing.
sub settle
{
	my ($self) = @_;
	$self->{mls}->control('clear');
	my @gone = sort keys %{ $self->{gone} };
	my $wrong = $self->wrongly_removed || $self->sync_all || $self->reconcile_astray;
	$wrong ||= differences_from_truth($self, @gone) if $self->{unpurged};
	$wrong ||= $self->dry_run if !$self->number(6);
	$wrong ||= $self->purge_all if $self->{unpurged};
	$wrong ||= differences_from_truth($self);
	$wrong ||= $self->must_say('reconcile', q{SELECT different FROM mls_reconcile('%s')}, qr/^0$/,
		$self->one_of($self->names)) if !$self->number(4);
	$self->{absent} = {} if $wrong eq '';
	$self->{took_out} = 0;
	return $wrong;
}

# Whatever may fail for a while is tried until it does not; what is wrong, or nothing.
sub until_fine
{
	my ($self, $process, $expected, @names) = @_;
	@names = $self->names if !@names;
	my $said = '';
	for my $attempt (1 .. $ATTEMPTS)
	{
		my @said = map { my (undef, $out, $err) = $self->try_sql($self->call_of($process, $_)); "$out$err" } @names;
		return '' if !grep { $_ !~ $expected } @said;
		$said = join ', ', @said;
		$self->tell("settle: $process says $said");
	}
	return "$process says $said";
}

# ---- Rounds ----

# One round; returns what is wrong with it.
sub play
{
	my ($self) = @_;
	$self->{round}++;
	$self->change_data for 0 .. $self->number(4);
	$self->change_pages if !$self->number(4);
	for (0 .. $self->number(2))
	{
		$self->do_one_of([ 8, 'work_in_trouble', 'sync' ], [ 4, 'work_in_trouble', 'purge' ],
			[ 3, 'work_in_trouble', 'reconcile' ], [ 1, 'stall' ], [ 8, 'hold' ], [ 2, 'block' ],
			[ 2, 'undo' ], [ 3, 'change_data' ], [ 1, 'revoke' ], [ $self->{face}{anew} // 0, 'load_anew' ]);
		# The fault "moving" may have stamped any record, up to the highest clock.
		$self->set_clock($self->server_clock);
		$self->{floor} = $self->{top} if delete $self->{moving};
		$self->note_astray;
	}
	return '' if !$self->number(6);
	my $wrong = $self->settle;
	$self->{settled}++;
	# What was seen to be right is no part of the story of what goes wrong later.
	$self->{story} = [] if $wrong eq '';
	return $wrong;
}

# Plays rounds up to the first that goes wrong, and settles after the last; returns its story, or nothing.
sub play_all
{
	my ($self, $rounds) = @_;
	for (1 .. $rounds)
	{
		my $wrong = $self->play;
		$wrong = $self->settle if $wrong eq '' && $_ == $rounds;
		return join "\n", "seed $self->{seed}, round $self->{round}: $wrong",
		  "replay with MLS_SEED=$self->{seed} MLS_ROUNDS=$self->{round}; since the last settled round:",
		  @{ $self->{story} }
		  if $wrong ne '';
	}
	return '';
}

1;
