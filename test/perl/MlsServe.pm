# MlsServe: the program mls_serve in TAP tests.  Starts it before a node on a free port of
# loopback, asks it with curl, stops it.
package MlsServe;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run ();
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

our @EXPORT = qw(need_serve start_serve serve_fails wait_until filter_url);

my $number = 0;
my %running;    # by process id

# A file that dies leaves none behind.
END
{
	local $?;
	kill 'TERM', keys %running;
}

# Skips the file where the program was not built, for want of its libraries.
sub need_serve
{
	plan skip_all => 'mls_serve is not built here' unless -x program();
	return;
}

# MLS_SERVE_PROGRAM names another one, as one built with sanitizers.
sub program
{
	return $ENV{MLS_SERVE_PROGRAM} || "$ENV{MLS_BIN}/mls_serve";
}

# The command line that serves a node: flags are those of the program without the dashes, '' for
# one that has no value (page_size => 10, basic => '').
sub command_of
{
	my ($node, %flags) = @_;
	my $user = delete $flags{user} || 'authenticator';
	my $database = delete $flags{dbname} || 'postgres';
	my %all = (
		listen => '127.0.0.1:0',
		database => 'host=' . $node->host . ' port=' . $node->port . " dbname=$database user=$user",
		%flags);
	my @command = (program());
	for my $name (sort keys %all)
	{
		(my $flag = "--$name") =~ s/_/-/g;
		push @command, $flag;
		push @command, $all{$name} if $all{$name} ne '';
	}
	return \@command;
}

# A program that serves, once it says so.
sub start_serve
{
	my ($node, %flags) = @_;
	my $err = '';
	my $handle = IPC::Run::start(command_of($node, %flags), '<', \undef, '>', \my $out, '2>', \$err);
	my $self = bless { handle => $handle, err => \$err, number => ++$number, asked => 0 }, __PACKAGE__;
	$running{ $self->pid } = 1;
	my $until = time + 60;
	# The site alone: nobody may ask for data.
	my $alone = $flags{site} && !grep { exists $flags{$_} } qw(jwt_secret_file anonymous basic);
	my $ready = $alone ? qr/site on .*\n/ : qr/listening on .*\n/;
	while ($err !~ $ready)
	{
		IPC::Run::pump_nb($handle);
		die "mls_serve did not start: $err" if !$handle->pumpable || time > $until;
		Time::HiRes::usleep(20_000);
	}
	($self->{place}, $self->{root}) = $err =~ /listening on (\S+) as (\S+)/;
	($self->{admin}) = $err =~ /metrics on (\S+)/;
	($self->{site}) = $err =~ /site on (\S+)/;
	$self->{url} = "http://$self->{site}" if $alone;
	return $self if $alone;
	$self->{url} = $self->{root} =~ s{^https?://[^/]+}{http://$self->{place}}r;
	$self->{url} =~ s{/\z}{};
	return $self;
}

# What the program says when it will not run.
sub serve_fails
{
	my ($node, %flags) = @_;
	my ($out, $err) = ('', '');
	my $status = IPC::Run::run(command_of($node, %flags), '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(60));
	ok(!$status, 'mls_serve does not start');
	return $err;
}

sub pid
{
	my ($self) = @_;
	return $self->{handle}{KIDS}[0]{PID};
}

# What it has said so far.
sub log_text
{
	my ($self) = @_;
	IPC::Run::pump_nb($self->{handle}) if $self->{handle};
	return ${ $self->{err} };
}

# The command of curl for a request; what comes back is in files of that name.
sub curl_command
{
	my ($self, $target, %how) = @_;
	my $base = "$PostgreSQL::Test::Utils::tmp_check/serve$self->{number}_" . ++$self->{asked};
	my $url = ($how{admin} ? "http://$self->{admin}" : $target =~ m{^https?://} ? '' : $self->{url}) . $target;
	my @command = ('curl', '-sS', '-g', '--path-as-is', '--max-time', $how{max_time} || 60, '-D', "$base.head", '-o', "$base.body");
	push @command, '-X', $how{method} if $how{method} && $how{method} ne 'HEAD';
	push @command, '-I' if ($how{method} // '') eq 'HEAD';
	push @command, '-H', 'Authorization: Bearer ' . $how{token} if defined $how{token};
	push @command, '-u', $how{user} if defined $how{user};
	push @command, '-H', "$_: $how{headers}{$_}" for sort keys %{ $how{headers} || {} };
	push @command, '--data-binary', $how{body} if defined $how{body};
	push @command, '--data-urlencode', "$_=$how{form}{$_}" for sort keys %{ $how{form} || {} };
	push @command, @{ $how{curl} || [] }, $url;
	return ($base, \@command);
}

sub answer_in
{
	my ($base) = @_;
	my $head = -e "$base.head" ? slurp_file("$base.head") : '';
	my $body = -e "$base.body" ? slurp_file("$base.body") : '';
	my ($last) = $head =~ /((?:HTTP\/[\d.]+ \d+[^\r\n]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n?))\z/;
	my ($status) = ($last // '') =~ /^HTTP\/[\d.]+ (\d+)/;
	my %headers;
	while (($last // '') =~ /^([^:\r\n]+):[ \t]*(.*?)\r?$/mg)
	{
		$headers{ lc $1 } = exists $headers{ lc $1 } ? $headers{ lc $1 } . "\n$2" : $2;
	}
	unlink "$base.head", "$base.body";
	# Reading many megabytes takes minutes: whoever asks for them looks at the text.
	my $json = length $body < 5_000_000 ? eval { JSON::PP->new->utf8->decode($body) } : undef;
	return { status => $status // 0, headers => \%headers, body => $body, json => $json };
}

# Asks; the answer has status, headers by lower-case name, body, and json if it is any.
sub get
{
	my ($self, $target, %how) = @_;
	my ($base, $command) = $self->curl_command($target, %how);
	my ($curl, @rest) = @$command;
	system($curl, '--stderr', "$base.err", @rest);
	my $answer = answer_in($base);
	$answer->{curl_error} = -e "$base.err" ? slurp_file("$base.err") : '';
	unlink "$base.err";
	return $answer;
}

# The same without waiting for the answer; finish() gives it.
sub begin
{
	my ($self, $target, %how) = @_;
	my ($base, $command) = $self->curl_command($target, %how);
	my $err = '';
	return { base => $base, handle => IPC::Run::start($command, '<', \undef, '>', \my $out, '2>', \$err) };
}

sub finish
{
	my ($self, $asked) = @_;
	IPC::Run::finish($asked->{handle});
	return answer_in($asked->{base});
}

# Asks for the same again and again, so many times, in the background; storm_end() gives how
# often each status came, and what was wrong otherwise.
sub storm
{
	my ($self, $target, $times, %how) = @_;
	my @command = ('curl', '-sS', '--path-as-is', '-o', '/dev/null', '-w', '%{http_code} %header{retry-after} %{errormsg}\n');
	push @command, '-H', "$_: $how{headers}{$_}" for sort keys %{ $how{headers} || {} };
	push @command, $self->{url} . $target . ($target =~ /\?/ ? '&' : '?') . "storm=[1-$times]";
	my ($out, $err) = ('', '');
	my $storm = { out => \$out, err => \$err };
	$storm->{handle} = IPC::Run::start(\@command, '<', \undef, '>', \$out, '2>', \$err);
	return $storm;
}

sub storm_so_far
{
	my ($self, $storm) = @_;
	IPC::Run::pump_nb($storm->{handle}) if $storm->{handle}->pumpable;
	return scalar(() = ${ $storm->{out} } =~ /\n/g);
}

sub storm_end
{
	my ($self, $storm) = @_;
	IPC::Run::finish($storm->{handle});
	my (%status, %wrong);
	for my $line (split /\n/, ${ $storm->{out} })
	{
		my ($status, $after) = $line =~ /^(\d+) (\S*)/;
		$status{$status}++;
		$wrong{$line}++ if $status == 0 || $status == 503 && $after !~ /^\d+\z/;
	}
	return (\%status, join '; ', sort keys %wrong);
}

# All records of a collection over its next links, and how many pages there were.
sub all_records
{
	my ($self, $target, %how) = @_;
	my @records;
	my $pages = 0;
	while (defined $target)
	{
		my $answer = $self->get($target, %how);
		die "$target: $answer->{status} $answer->{body}" unless $answer->{status} == 200 && $answer->{json};
		push @records, @{ $answer->{json}{value} };
		$target = $answer->{json}{'@odata.nextLink'};
		$target =~ s{^\Q$self->{root}\E}{/} if defined $target;
		die 'too many pages' if ++$pages > 10_000;
	}
	return (\@records, $pages);
}

# A token for a client id and its secret.
sub token
{
	my ($self, $client_id, $secret) = @_;
	my $answer = $self->get('/oauth/token', form => { grant_type => 'client_credentials', client_id => $client_id, client_secret => $secret });
	return $answer->{json} ? $answer->{json}{access_token} : undef;
}

# A figure of /metrics.
sub metric
{
	my ($self, $name) = @_;
	my $text = $self->get('/metrics', admin => 1)->{body};
	return $text =~ /^mls_serve_\Q$name\E(?:\{[^}]*\})? (-?\d+)$/m ? $1 : undef;
}

sub signal
{
	my ($self, $signal) = @_;
	kill $signal, $self->pid;
	return;
}

# Ends it as systemd would; the exit code.
sub stop
{
	my ($self) = @_;
	return unless $self->{handle};
	delete $running{ $self->pid };
	my $handle = delete $self->{handle};
	$handle->signal('TERM');
	eval { $handle->finish };
	my ($found) = ${ $self->{err} } =~ /^(.*(?:Sanitizer|runtime error).*(?:\n.*){0,30})/m;
	if (defined $found)
	{
		fail('it has no fault of memory');
		diag($found);
	}
	return $handle->full_result(0) // 0;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $@);
	eval { delete $running{ $self->pid } if $self->{handle}; };
	eval { $self->{handle}->kill_kill(grace => 5) if $self->{handle}; };
	return;
}

# ---- what tests of it have in common ----

# Waits until something holds.
sub wait_until
{
	my ($what, $condition, $seconds) = @_;
	my $until = time + ($seconds || 60);
	while (!$condition->())
	{
		if (time > $until)
		{
			fail("in time: $what");
			return 0;
		}
		Time::HiRes::usleep(50_000);
	}
	return 1;
}

# A text as it stands in a query.
sub filter_url
{
	my ($text) = @_;
	utf8::encode($text) if utf8::is_utf8($text);
	return $text =~ s{([^A-Za-z0-9_.~()',:/\$=-])}{sprintf '%%%02X', ord $1}ger;
}

1;
