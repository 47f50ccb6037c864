# Bounds that the pages promise: how deep JSON may be nested, that nothing of the environment
# is asked for certificates and proxies, how long a connection may take, and bytes in an hour.
use strict;
use warnings;

use IO::Socket::INET;
use JSON::PP ();
use MlsSync;
use MlsTest;
use MlsTls;
use PostgreSQL::Test::Utils;
use Socket qw(INADDR_LOOPBACK SOCK_STREAM PF_INET SOMAXCONN sockaddr_in unpack_sockaddr_in);
use Test::More;

my $mls = start_mls(listings => 60, fields => 'small');
my $authority = make_authority('Valley MLS authority');
my $front = start_front($mls, make_certificate($authority, 'IP:127.0.0.1'));

# A server whose environment trusts the authority of the source, and has all go through a
# proxy that is not there.
my $node;
{
	my $nowhere = 'http://127.0.0.1:9';
	local @ENV{qw(SSL_CERT_FILE CURL_CA_BUNDLE)} = ($authority->{certificate}) x 2;
	local $ENV{SSL_CERT_DIR} = PostgreSQL::Test::Utils::tempdir();
	local @ENV{qw(http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY)} = ($nowhere) x 5;
	$node = new_node('bounds');
}
sub query { return $node->safe_psql('postgres', @_); }

# ---- The environment ----

create_property($node, $mls, 'plain', page_size => 100);
is(query('SELECT count(*) FROM plain.property OFFSET 0'), 60, 'no proxy of the environment is used');
like(sql_error($node, q{ALTER SERVER plain OPTIONS (ADD proxy 'http://127.0.0.1:9'); SELECT * FROM plain.property}),
	qr/could not connect to source "plain"/, 'but that of the option');
my $url = $front->url;
query(q{ALTER SERVER plain OPTIONS (DROP proxy)});
create_property($node, $mls, 'secure', url => $url);
like(sql_error($node, 'SELECT * FROM secure.property'), qr/could not connect to source "secure".*certificate/si,
	'an authority that the environment trusts is not trusted');
query("ALTER SERVER secure OPTIONS (ADD ca_file '$authority->{certificate}')");
is(query('SELECT count(*) FROM secure.property OFFSET 0'), 60, 'but that of the option ca_file');
query(q{ALTER SERVER secure OPTIONS (SET ca_file '} . make_authority('Another authority')->{certificate} . q{')});
like(sql_error($node, 'SELECT * FROM secure.property'), qr/could not connect to source "secure".*certificate/si,
	'and not beside it');

# ---- Nesting ----

sub nested { my ($depth) = @_; my $value = JSON::PP::true(); $value = [$value] for 1 .. $depth; return $value; }
for my $case ([ 150, 1 ], [ 198, 1 ], [ 230, 0 ], [ 450, 0 ])
{
	my ($depth, $fine) = @$case;
	$mls->fault(kind => 'member', name => 'extra', value => nested($depth), times => -1);
	my ($status, $out, $err) = $node->psql('postgres', 'SELECT count(*) FROM (SELECT listing_key FROM plain.property OFFSET 0) p');
	if ($fine) { is("$status $out", '0 60', "JSON nested $depth deep is read"); }
	else { like($err, qr/could not read page 1 of resource "Property".*The answer is nested more than 200 levels deep\./s, "JSON nested $depth deep is not"); }
	$mls->reset;
}
my $text = '[' x 100000 . ']' x 100000;
isnt((($node->psql('postgres', "SELECT mls_row(NULL::plain.property, '{\"ListingKey\": $text}')"))[0]), 0, 'nor is a record of one\'s own');
is(query('SELECT 1'), 1, 'and the server is still there');

# ---- A connection that is not made ----

# A socket that listens and has all the connections it holds: further ones get no answer.
socket(my $deaf, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
bind($deaf, sockaddr_in(0, INADDR_LOOPBACK)) or die "bind: $!";
listen($deaf, 0) or die "listen: $!";
my ($port) = unpack_sockaddr_in(getsockname $deaf);
my @waiting;
for (1 .. 20)
{
	my $one = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 1) or last;
	push @waiting, $one;
}
cmp_ok(scalar @waiting, '<', 20, 'a socket holds no more connections');
create_property($node, $mls, 'deaf', url => "http://127.0.0.1:$port/odata", connect_timeout_ms => 700, timeout_ms => 600000);
my $begin = time;
like(sql_error($node, 'SELECT * FROM deaf.property'), qr/timed out after \d+ s waiting for source "deaf".*(?:connection|trying) \d+ ms/s,
	'no connection in connect_timeout_ms is an error');
cmp_ok(time - $begin, '<', 120, 'long before timeout_ms');
undef @waiting;
close $deaf;

# ---- Bytes in an hour ----

create_property($node, $mls, 'thrifty', page_size => 10, bytes_per_hour => 1200);
$mls->reset;
like(sql_error($node, 'SELECT count(*) FROM (SELECT * FROM thrifty.property OFFSET 0) p'),
	qr/53400.*quota of source "thrifty" is used up.*It allows 1200 bytes per hour\. The next request is possible in/s,
	'a query ends where the bytes of an hour are used up');
my @asked = grep { $_->{path} =~ /Property/ } $mls->requests;
cmp_ok(scalar @asked, '<', 6, 'not all of its pages were asked for');
my ($spent, $allowed) = split /\|/, query(q{SELECT used, allowed FROM mls_quota('thrifty') WHERE "window" = 'bytes per hour'});
is($allowed, 1200, 'mls_quota shows the limit');
cmp_ok($spent, '>=', 1200, 'and what was received');
sql_error($node, 'SELECT listing_key FROM thrifty.property LIMIT 1');
is(scalar(grep { $_->{path} =~ /Property/ } $mls->requests), scalar @asked, 'in another session nothing is asked any more');
query(q{ALTER SERVER thrifty OPTIONS (SET bytes_per_hour '100MB')});
is(query('SELECT count(*) FROM (SELECT * FROM thrifty.property OFFSET 0) p'), 60, 'a larger limit lets it go on');

$node->stop;
done_testing();
