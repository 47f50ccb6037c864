# MlsDatasets: random rounds in which files come, change, grow, vanish, are renamed, replaced by
# other bytes of the same length and time, and broken, while syncs of them are killed; from a seed.
#
# There is a folder and a source for each mode, with and without a key of its own.  After each
# settled round silver is what the files say (or, where a mode keeps it, have said), by what is
# known here of each file's rows; and mls.file says of each file what is true.
package MlsDatasets;

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use IO::Compress::Gzip qw(gzip $GzipError);
use JSON::PP ();
use MlsBooks;
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

use parent 'MlsModel';

my %options = (
	mirror => q{mode 'mirror'},
	mirror_keyed => q{mode 'mirror', key 'Id'},
	replace => q{mode 'replace', key 'Id'},
	replace_lines => q{mode 'replace'},
	upsert => q{mode 'upsert', key 'Id'},
	append => q{mode 'append'},
	append_keyed => q{mode 'append', key 'Id'});

my @kinds = ('csv', 'csv', 'csv', 'csv.gz', 'tsv', 'json', 'json.gz', 'ndjson', 'ndjson', 'ndjson.gz', 'xlsx');
my @names = ('Ann', 'Bob', "O'Neil, Pat", 'Say "hi"', "Zo\xc3\xab", 'a|b;c', '5" pipe', '=1+1', 'Tab	here');

sub new
{
	my ($class, $node, $seed, $directory) = @_;
	my $self = bless { node => $node, seed => $seed, state => $seed * 7919 + 17, round => 0, settled => 0, crashes => 0,
		names => [ sort keys %options ], story => [], directory => $directory, ids => 0, made => 0,
		now => time - 1_000_000, files => {}, kept => {}, told => {} }, $class;
	for my $name ($self->names)
	{
		$self->create($name);
		$self->add_file($name) for 1 .. 2;
	}
	return $self;
}

sub create
{
	my ($self, $name) = @_;
	mkdir "$self->{directory}/$name" or die;
	my $key = $options{$name} =~ /key/ ? 'Id' : $name =~ /append/ ? '_sha256,_line' : '_file,_line';
	$self->sql(qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$self->{directory}/$name', $options{$name},
			files 'x=*', settle '0', page_size '5', schema_policy 'ignore');
		CREATE SCHEMA $name;
		CREATE FOREIGN TABLE $name.x (id text OPTIONS (field 'Id'), name text OPTIONS (field 'Name'), amount numeric OPTIONS (field 'Amount'),
			file text OPTIONS (field '_file'), line bigint OPTIONS (field '_line')@{[ $name eq 'append' ? q{, sha256 text OPTIONS (field '_sha256')} : '' ]})
			SERVER $name OPTIONS (resource 'x', key '$key');
		SELECT mls_subscribe('$name.x')});
	$self->{files}{$name} = {};
	$self->{kept}{$name} = {};
	$self->{told}{$name} = {};
	return;
}

sub call_of
{
	my ($self, $process, $name) = @_;
	return "SELECT string_agg(status, ' ') FROM mls_$process('$name'" . ($process eq 'purge' ? ', force => true' : '') . ')';
}

# ---- Files ----

# Rows that nobody has had; some have the identity of an earlier one, where there is a key to say which counts.
sub new_rows
{
	my ($self, $name, $count) = @_;
	my @rows;
	for (1 .. $count)
	{
		my $id = $name =~ /^(?:mirror_keyed|replace)$/ ? 'k' . $self->number(60) : 'r' . ++$self->{ids};
		my $amount = $self->number(30) ? sprintf('%d.%02d', $self->number(9000) + 1000, $self->number(90) + 10) : 'oops';
		push @rows, [ $id, $self->one_of(@names), $amount ];
	}
	return \@rows;
}

sub cell
{
	my ($text) = @_;
	return $text =~ /[",;\t\r\n|]/ ? '"' . $text =~ s/"/""/gr . '"' : $text;
}

sub object
{
	my ($row) = @_;
	my ($id, $name, $amount) = map { s/(["\\])/\\$1/gr =~ s/\t/\\t/gr } @$row;
	$amount = qq("$amount") if $amount eq 'oops';
	return qq({"Id": "$id", "Name": "$name", "Amount": $amount});
}

# The bytes of a file, and by rows the lines they stand in.
sub bytes_of
{
	my ($file) = @_;
	my ($kind) = $file->{kind} =~ /^(\w+)/;
	my @rows = @{ $file->{rows} };
	my $bytes;
	if ($kind eq 'csv' || $kind eq 'tsv')
	{
		my $between = $kind eq 'csv' ? ',' : "\t";
		$bytes = join '', map { join($between, map { cell($_) } @$_) . "\n" } [qw(Id Name Amount)], @rows;
	}
	elsif ($kind eq 'json') { $bytes = '[' . join(",\n", map { object($_) } @rows) . ']'; }
	elsif ($kind eq 'ndjson') { $bytes = join '', map { object($_) . "\n" } @rows; }
	else { $bytes = plain_book(One => [ [qw(Id Name Amount)], @rows ]); }
	return $bytes if $file->{kind} !~ /gz$/;
	gzip(\$bytes, \my $packed, Time => 1) or die $GzipError;
	return $packed;
}

sub first_line
{
	my ($file) = @_;
	return $file->{kind} =~ /json/ ? 1 : 2;
}

# Puts a file, with the time that it is to have.
sub put
{
	my ($self, $name, $file, $bytes) = @_;
	my $path = "$self->{directory}/$name";
	$bytes //= bytes_of($file);
	open my $to, '>:raw', "$path/.new" or die;
	print $to $bytes;
	close $to or die;
	utime $file->{time}, $file->{time}, "$path/.new";
	rename "$path/.new", "$path/$file->{name}" or die "$file->{name}: $!";
	$file->{sha256} = sha256_hex($bytes);
	return;
}

sub next_time
{
	my ($self) = @_;
	return $self->{now} += 10;
}

# What may be read from now on; where rows are kept it may stay for ever.
sub show
{
	my ($self, $name, $file) = @_;
	$self->{told}{$name}{ typed($_) } = 1 for @{ $file->{rows} };
	return;
}

sub some_source
{
	my ($self) = @_;
	return $self->one_of($self->names);
}

sub some_file
{
	my ($self, $name, $test) = @_;
	my @all = map { $self->{files}{$name}{$_} } sort keys %{ $self->{files}{$name} };
	@all = grep { $test->($_) } @all if $test;
	return @all ? $self->one_of(@all) : undef;
}

# ---- Changes ----

sub add_file
{
	my ($self, $name, $count) = @_;
	$name //= $self->some_source;
	$self->remove_file($name) if keys %{ $self->{files}{$name} } > 5;
	my $kind = $self->one_of(@kinds);
	$count //= $self->one_of(1, 3, 8, 20, 70);
	my $file = { kind => $kind, rows => $self->new_rows($name, $count), time => $self->next_time };
	$file->{name} = $self->one_of('a'..'h') . ++$self->{made} . ".$kind";
	$self->{files}{$name}{ $file->{name} } = $file;
	$self->show($name, $file);
	$self->put($name, $file);
	$self->tell("$name: $file->{name} comes, $count rows");
	return;
}

# Where each file counts once one that was taken must not change, and has to be as it was before a
# round settles.
sub keep_base
{
	my ($name, $file) = @_;
	$file->{base} //= $file->{rows} if $name =~ /append/;
	return;
}

sub may_change
{
	my ($name, $file) = @_;
	return $name !~ /append/ || ($file->{settled} && !$file->{has_grown});
}

sub change_file
{
	my ($self) = @_;
	my $name = $self->some_source;
	my $file = $self->some_file($name, sub { may_change($name, $_[0]) }) or return;
	my @rows = map { [@$_] } @{ $file->{rows} };
	keep_base($name, $file);
	splice @rows, $self->number(scalar @rows), 1 if $self->number(2) && @rows > 1;
	$rows[ $self->number(scalar @rows) ][2] = sprintf '%d.50', 1000 + $self->number(8000) for 0 .. $self->number(3);
	push @rows, @{ $self->new_rows($name, $self->number(4)) };
	@$file{qw(rows time)} = (\@rows, $self->next_time);
	$self->show($name, $file) if $name !~ /append/;
	$self->put($name, $file);
	$self->tell("$name: $file->{name} changes to " . @rows . ' rows');
	return;
}

# Other bytes, of the same length and time: only the clock of the system shows it.
sub swap_bytes
{
	my ($self) = @_;
	my $name = $self->some_source;
	my $file = $self->some_file($name, sub { $_[0]{kind} =~ /^(?:csv|tsv|json|ndjson)$/ && may_change($name, $_[0]) }) or return;
	my @rows = map { [@$_] } @{ $file->{rows} };
	my ($row) = grep { $_->[2] =~ /^\d{4}\.\d\d$/ } @rows or return;
	keep_base($name, $file);
	$row->[2] = sprintf '%d.%02d', $self->number(9000) + 1000, $self->number(90) + 10;
	$file->{rows} = \@rows;
	$self->show($name, $file) if $name !~ /append/;
	$self->put($name, $file);
	$self->tell("$name: $file->{name} has other bytes, as many as before");
	return;
}

# Lines behind those that are there.
sub grow
{
	my ($self, $name, $count) = @_;
	$name //= $self->some_source;
	$count //= 1 + $self->number(40);
	my $file = $self->some_file($name, sub { $_[0]{kind} =~ /^(?:csv|tsv|ndjson)$/ && !$_[0]{base} && !$_[0]{broken} && !$_[0]{copy} }) or return;
	$file->{rows} = [ @{ $file->{rows} }, @{ $self->new_rows($name, $count) } ];
	$file->{time} = $self->next_time;
	$file->{has_grown} = 1;
	$self->show($name, $file);
	$self->put($name, $file);
	$self->tell("$name: $file->{name} grows to " . @{ $file->{rows} } . ' rows');
	return;
}

sub remove_file
{
	my ($self, $name) = @_;
	$name //= $self->some_source;
	my $file = $self->some_file($name) or return;
	unlink "$self->{directory}/$name/$file->{name}" or die;
	delete $self->{files}{$name}{ $file->{name} };
	$self->tell("$name: $file->{name} is gone");
	return;
}

sub rename_file
{
	my ($self) = @_;
	my $name = $self->some_source;
	# One that has grown, or changed, since it was read is another under another name.
	my $file = $self->some_file($name, sub { $name !~ /append/ || !($_[0]{has_grown} || $_[0]{base} || $_[0]{broken}) }) or return;
	my $new = $self->one_of('a'..'h') . ++$self->{made} . ".$file->{kind}";
	rename "$self->{directory}/$name/$file->{name}", "$self->{directory}/$name/$new" or die;
	delete $self->{files}{$name}{ $file->{name} };
	$self->tell("$name: $file->{name} becomes $new");
	$file->{name} = $new;
	$self->{files}{$name}{$new} = $file;
	return;
}

sub copy_file
{
	my ($self) = @_;
	my $name = $self->one_of(grep { !/upsert/ } $self->names);
	my $file = $self->some_file($name, sub { !$_[0]{base} && !$_[0]{broken} && !$_[0]{has_grown} }) or return;
	my %copy = (%$file, name => $self->one_of('a'..'h') . ++$self->{made} . ".$file->{kind}", time => $self->next_time);
	$copy{copy} = $file->{copy} = 1;
	$self->{files}{$name}{ $copy{name} } = \%copy;
	$self->put($name, \%copy);
	$self->tell("$name: $copy{name} is a copy of $file->{name}");
	return;
}

sub touch_file
{
	my ($self) = @_;
	my $name = $self->some_source;
	my $file = $self->some_file($name) or return;
	$file->{time} = $self->next_time;
	utime $file->{time}, $file->{time}, "$self->{directory}/$name/$file->{name}" or die;
	$self->tell("$name: $file->{name} has another time");
	return;
}

# Half of it, a quote that is never closed, a line that is none, a folder in its place.
sub break_file
{
	my ($self) = @_;
	my $name = $self->some_source;
	my $file = $self->some_file($name, sub { may_change($name, $_[0]) }) or return;
	my $bytes = bytes_of($file);
	keep_base($name, $file);
	if ($file->{kind} =~ /^[ct]sv$/) { $bytes .= qq("never closed\n); }
	elsif ($file->{kind} eq 'ndjson') { $bytes = qq({"Id": "half\n$bytes); }
	else { $bytes = substr $bytes, 0, length($bytes) / 2; }
	$file->{broken} = 1;
	$file->{time} = $self->next_time;
	$self->put($name, $file, $bytes);
	$self->tell("$name: $file->{name} is broken");
	return;
}

# As it should be; where each file counts once, as it was.
sub mend
{
	my ($self, $name) = @_;
	for my $file (map { $self->{files}{$name}{$_} } sort keys %{ $self->{files}{$name} })
	{
		next if !$file->{broken} && !$file->{base};
		$file->{rows} = $file->{base} if $file->{base};
		delete @$file{qw(base broken)};
		$file->{time} = $self->next_time;
		$self->put($name, $file);
		$self->tell("$name: $file->{name} is mended");
	}
	return;
}

sub change_data
{
	my ($self) = @_;
	$self->do_one_of([ 6, 'add_file' ], [ 4, 'change_file' ], [ 2, 'swap_bytes' ], [ 5, 'grow' ], [ 3, 'remove_file' ], [ 2, 'rename_file' ], [ 2, 'copy_file' ],
		[ 1, 'touch_file' ], [ 2, 'break_file' ]);
	return;
}

# ---- Work ----

sub work
{
	my ($self, $process) = @_;
	my $name = $self->some_source;
	my (undef, $out, $err) = $self->try_sql($self->call_of($process, $name));
	$self->tell("$process of $name: $out $err");
	return;
}

sub read_all
{
	my ($self) = @_;
	my $name = $self->some_source;
	my (undef, $out, $err) = $self->try_sql("SELECT status FROM mls_sync('$name', full => true)");
	$self->tell("all of $name: $out $err");
	return;
}

# Something happens when some pages have come.
sub hold
{
	my ($self) = @_;
	my $name = $self->some_source;
	my $pages = 1 + $self->number(40);
	# There is something to read, which takes its time.
	$self->do_one_of([ 3, 'add_file', $name, 200 + $self->number(300) ], [ 2, 'grow', $name, 200 + $self->number(200) ]);
	my $psql = start_psql($self->{node}, $self->call_of($self->one_of('sync', 'sync', 'sync', 'purge'), $name));
	MlsTrouble::comes_while($psql, sub { $self->sql("SELECT count(*) FROM mls.run WHERE status = 'running' AND pages >= $pages") });
	$self->tell("$name is met after $pages pages");
	$self->do_one_of([ 5, 'kill_worker' ], [ 2, 'terminate_worker' ], [ 2, 'cancel_caller' ], [ 2, 'stop_server' ], [ 4, 'change_data' ]);
	$self->hear_end($psql);
	return;
}

# ---- The law ----

# Rows of silver: id, name, amount, file, line.
sub silver
{
	my ($self, $name) = @_;
	return [ map { [ split /\x01/, $_, -1 ] } split /\x02\n?/, $self->sql(qq{
		SELECT concat_ws(e'\\x01', id, name, coalesce(round(amount, 2)::text, ''), file, line) || e'\\x02' FROM silver.${name}_x}) ];
}

sub typed
{
	my ($row, @more) = @_;
	my ($id, $who, $amount) = @$row;
	return join '|', $id, $who, ($amount eq 'oops' ? '' : $amount), @more;
}

sub files_in_order
{
	my ($self, $name) = @_;
	my %files = %{ $self->{files}{$name} };
	my @all = map { $files{$_} } sort keys %files;
	return @all if $name !~ /^replace/ || !@all;
	my ($newest) = sort { $b->{time} <=> $a->{time} || $b->{name} cmp $a->{name} } @all;
	return $newest;
}

# What silver must be, row by row: of a mirror and of the newest file.
sub expected
{
	my ($self, $name) = @_;
	my %rows;
	for my $file ($self->files_in_order($name))
	{
		my $line = first_line($file);
		for my $row (@{ $file->{rows} })
		{
			my $key = $options{$name} =~ /key/ ? $row->[0] : "$file->{name} $line";
			$rows{$key} = typed($row, $file->{name}, $line++);
		}
	}
	return sort values %rows;
}

# Where rows are kept: each that is in a file is here as it is, each that was here still is, and
# all were in a file once.
sub wrong_kept
{
	my ($self, $name, @silver) = @_;
	my @wrong;
	my (%have, %ids);
	for my $row (@silver)
	{
		$have{ join '|', @$row[ 0 .. 2 ] }++;
		$ids{ $row->[0] }++;
	}
	push @wrong, map { "$name has $_ $ids{$_} times" } grep { $ids{$_} > 1 } sort keys %ids;
	push @wrong, map { "$name has $_, which no file had" } grep { !$self->{told}{$name}{$_} } sort keys %have;
	for my $file ($self->files_in_order($name))
	{
		push @wrong, map { "$name lacks $_ of $file->{name}" } grep { !$have{$_} } map { typed($_) } @{ $file->{rows} };
	}
	push @wrong, map { "$name has $_ no more" } grep { !$ids{$_} } sort keys %{ $self->{kept}{$name} };
	$self->{kept}{$name} = \%ids;
	return @wrong;
}

sub wrong_rows
{
	my ($self, $name) = @_;
	my @silver = @{ $self->silver($name) };
	return $self->wrong_kept($name, @silver) if $name =~ /append|upsert/;
	my @have = sort map { join '|', @$_ } @silver;
	my @expected = $self->expected($name);
	my (%have, %expected);
	$have{$_}++ for @have;
	$expected{$_}++ for @expected;
	return (map({ "$name lacks $_" } grep { !$have{$_} } @expected), map({ "$name has $_" } grep { !$expected{$_} || $have{$_} > 1 } @have));
}

# What mls.file says of each file.
sub wrong_files
{
	my ($self, $name) = @_;
	my %rows;
	for my $line (split /\n/, $self->sql(qq{
		SELECT concat_ws('|', f.name, f.state, f.rows, f.rejected, f.sha256, coalesce(f.error, ''), f.failures, f.bytes) FROM mls.file f
		  JOIN mls.subscription s ON s.id = f.subscription WHERE s.source = '$name' AND f.state <> 'gone'}))
	{
		my ($file, @row) = split /\|/, $line, -1;
		$rows{$file} = join '|', @row;
	}
	my @wrong;
	for my $file ($self->files_in_order($name))
	{
		my $expected = join '|', 'synced', scalar @{ $file->{rows} }, 0, $file->{sha256}, '', 0, -s "$self->{directory}/$name/$file->{name}";
		my $row = delete $rows{ $file->{name} } // 'nothing';
		push @wrong, "mls.file says of $name $file->{name}: $row, not $expected" if $row ne $expected;
	}
	return (@wrong, map { "mls.file has $name $_: $rows{$_}" } sort keys %rows);
}

sub wrong_source
{
	my ($self, $name) = @_;
	$self->mend($name);
	my $wrong = $self->until_fine('sync', qr/^finished$/, $name);
	$wrong ||= join "\n", grep { /lacks/ } $self->wrong_rows($name) if $name =~ /^(?:mirror|replace)/;
	$wrong ||= $self->until_fine('purge', qr/^finished$/, $name) || $self->until_fine('sync', qr/^finished$/, $name) if $name =~ /^(?:mirror|replace)/;
	return $wrong if $wrong;
	$_->{settled} = 1, delete $_->{has_grown} for values %{ $self->{files}{$name} };
	my @wrong = ($self->wrong_rows($name), $self->wrong_files($name));
	# What is here is not read again.
	my (undef, $out, $err) = $self->try_sql("SELECT concat_ws(' ', status, received) FROM mls_sync('$name')");
	push @wrong, "a sync of nothing says $out$err" if "$out$err" ne 'finished 0';
	my $open = $self->sql("SELECT count(*) FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription WHERE s.source = '$name' AND kind = 'file' AND solved_at IS NULL");
	push @wrong, "$name has $open issues of files" if $open;
	return join "\n", @wrong[ 0 .. ($#wrong < 9 ? $#wrong : 9) ];
}

sub settle
{
	my ($self) = @_;
	$self->wait_for_server;
	for my $name ($self->names)
	{
		my $wrong = $self->wrong_source($name);
		return $wrong if $wrong ne '';
	}
	$self->tell('settled');
	return '';
}

# ---- Rounds ----

sub play
{
	my ($self) = @_;
	$self->{round}++;
	$self->change_data for 0 .. 6 + $self->number(10);
	$self->do_one_of([ 4, 'work', 'sync' ], [ 2, 'work', 'purge' ], [ 8, 'hold' ], [ 1, 'read_all' ], [ 6, 'change_data' ]) for 0 .. 3 + $self->number(5);
	return '' if $self->number(3) == 0;
	my $wrong = $self->settle;
	$self->{settled}++;
	$self->{story} = [] if $wrong eq '';
	return $wrong;
}

# Plays so many rounds of each seed, or those that the environment asks for, on a node of its own.
sub play_seeds
{
	my ($class, $rounds, $promise, %settings) = @_;
	for my $seed (split ' ', $ENV{MLS_SEED} || ($ENV{MLS_LONG} ? '1 2 3 4' : '1'))
	{
		my $directory = PostgreSQL::Test::Utils::tempdir . '/files';
		mkdir $directory or die "$directory: $!";
		my $node = new_node("seed$seed", restart_after_crash => 'on', 'mls_fdw.file_directories' => "'$directory'", %settings);
		my $self = $class->new($node, $seed, $directory);
		is($self->play_all($ENV{MLS_ROUNDS} || ($ENV{MLS_LONG} ? 40 : $rounds)), '', "seed $seed $promise");
		note("$self->{settled} settled rounds, $self->{crashes} crashes");
		$node->stop;
	}
	done_testing();
	return;
}

1;
