# MlsBrowser: Debian's Chromium in TAP tests, without a screen, by chromedriver (WebDriver is JSON
# over HTTP).  What the page says to the console and which addresses it asks for are kept.
package MlsBrowser;

use strict;
use warnings;

use HTTP::Tiny;
use IPC::Run ();
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use Scalar::Util ();
use Time::HiRes ();

my $json = JSON::PP->new->utf8->canonical;
my %running;

# A file that dies leaves none behind.
END
{
	local ($?, $@);
	$_->end for values %running;
}

# Whether there is one.
sub there
{
	return scalar grep { -x "$_/chromedriver" } split /:/, $ENV{PATH};
}

# directory is where the browser may write; options: width, height, dark => 1.
sub new
{
	my ($class, $directory, %options) = @_;
	my ($out, $err) = ('', '');
	mkdir "$directory/home";
	local $ENV{HOME} = "$directory/home";
	local $ENV{XDG_CONFIG_HOME} = "$directory/home";
	local $ENV{XDG_CACHE_HOME} = "$directory/home";
	my $handle = IPC::Run::start([ 'chromedriver', '--port=0', '--allowed-ips=' ], '<', \undef, '>', \$out, '2>', \$err);
	my $self = bless { handle => $handle, http => HTTP::Tiny->new(timeout => 60), requests => [], console => [] }, $class;
	Scalar::Util::weaken($running{$self} = $self);
	my $until = time + 30;
	while ($out !~ /successfully on port \d+/)
	{
		IPC::Run::pump_nb($handle);
		die "chromedriver did not start: $out $err" if time > $until || !$handle->pumpable;
		Time::HiRes::usleep(20_000);
	}
	my ($port) = $out =~ /successfully on port (\d+)/;
	$self->{url} = "http://127.0.0.1:$port";
	my @size = ($options{width} || 1280, $options{height} || 900);
	my $answer = $self->send('POST', '/session', { capabilities => { alwaysMatch => {
		browserName => 'chrome',
		'goog:loggingPrefs' => { browser => 'ALL', performance => 'ALL' },
		'goog:chromeOptions' => { args => [ '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking',
			'--disable-component-update', '--disable-sync', '--hide-scrollbars', '--lang=en-GB', "--user-data-dir=$directory/profile", "--window-size=$size[0],$size[1]" ] } } } });
	$self->{session} = "/session/$answer->{sessionId}";
	return $self;
}

sub send
{
	my ($self, $method, $path, $body) = @_;
	my $answer = $self->{http}->request($method, $self->{url} . $path, $body ? { content => $json->encode($body), headers => { 'content-type' => 'application/json' } } : {});
	my $value = eval { $json->decode($answer->{content})->{value} };
	die "$method $path: $answer->{status} " . (ref $value eq 'HASH' && $value->{message} || $answer->{content}) . "\n" unless $answer->{success};
	return $value;
}

sub command
{
	my ($self, $method, $path, $body) = @_;
	return $self->send($method, $self->{session} . $path, $method eq 'POST' ? $body || {} : undef);
}

sub go
{
	my ($self, $url) = @_;
	return $self->command('POST', '/url', { url => $url });
}

# A script's result; arguments are its "arguments".
sub js
{
	my ($self, $script, @arguments) = @_;
	return $self->command('POST', '/execute/sync', { script => $script, args => \@arguments });
}

# The same of one that calls its last argument with what it has to say.
sub js_later
{
	my ($self, $script, @arguments) = @_;
	return $self->command('POST', '/execute/async', { script => $script, args => \@arguments });
}

# Waits until a script gives something true; that.
sub wait_for
{
	my ($self, $what, $script, @arguments) = @_;
	my $until = time + 30;
	while (1)
	{
		my $value = eval { $self->js($script, @arguments) };
		return $value if $value && !(ref $value eq 'JSON::PP::Boolean' && !$value);
		if (time > $until)
		{
			my $text = eval { $self->js('return document.body.innerText.slice(0, 1500)') } // '';
			die "in time: $what\n$text\n";
		}
		Time::HiRes::usleep(40_000);
	}
}

# What there is of a selector, as its text, once it is there.
sub text_of
{
	my ($self, $selector) = @_;
	return $self->wait_for($selector, 'const e = document.querySelector(arguments[0]); return e ? e.innerText || " " : null', $selector);
}

sub element
{
	my ($self, $selector) = @_;
	$self->wait_for($selector, 'return document.querySelector(arguments[0]) !== null', $selector);
	my $found = $self->command('POST', '/element', { using => 'css selector', value => $selector });
	return (values %$found)[0];
}

# Clicks as a hand does: what is covered or hidden cannot be.
sub click
{
	my ($self, $selector) = @_;
	my $element = $self->element($selector);
	return $self->command('POST', "/element/$element/click");
}

sub type
{
	my ($self, $selector, $text) = @_;
	my $element = $self->element($selector);
	$self->command('POST', "/element/$element/clear");
	return $self->command('POST', "/element/$element/value", { text => $text });
}

# Reads what has come since: into requests (addresses) and console.
sub hear
{
	my ($self) = @_;
	for my $entry (@{ $self->command('POST', '/se/log', { type => 'performance' }) })
	{
		my $message = eval { $json->decode(Encode::encode('UTF-8', $entry->{message}))->{message} } || next;
		push @{ $self->{requests} }, $message->{params}{request}{url} if $message->{method} eq 'Network.requestWillBeSent';
	}
	push @{ $self->{console} }, map { "$_->{level}: $_->{message}" } @{ $self->command('POST', '/se/log', { type => 'browser' }) };
	return;
}

sub chrome
{
	my ($self, $name, $params) = @_;
	return $self->command('POST', '/goog/cdp/execute', { cmd => $name, params => $params || {} });
}

# The page as PNG: so wide, and as high as it is.
sub picture
{
	my ($self, $file, %how) = @_;
	$self->chrome('Emulation.setDeviceMetricsOverride', { width => $how{width}, height => $how{height} || 900, deviceScaleFactor => 1, mobile => $how{width} < 600 ? JSON::PP::true : JSON::PP::false });
	my $height = $how{height} || $self->js('return Math.min(document.documentElement.scrollHeight, arguments[0])', $how{most} || 2400);
	my $data = $self->chrome('Page.captureScreenshot', { format => 'png', captureBeyondViewport => JSON::PP::true, clip => { x => 0, y => 0, width => $how{width}, height => $height, scale => 1 } });
	open my $out, '>:raw', $file or die "$file: $!";
	print $out decode_base64($data->{data});
	close $out;
	return;
}

sub dark
{
	my ($self, $dark) = @_;
	return $self->chrome('Emulation.setEmulatedMedia', { features => [ { name => 'prefers-color-scheme', value => $dark ? 'dark' : 'light' } ] });
}

sub end
{
	my ($self) = @_;
	return unless $self && $self->{handle};
	delete $running{$self};
	eval { $self->send('DELETE', $self->{session}) if $self->{session} };
	my $handle = delete $self->{handle};
	eval { $handle->kill_kill(grace => 5) };
	return;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $@);
	$self->end;
	return;
}

require Encode;

1;
