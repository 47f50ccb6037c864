# Through TLS, as every real source is asked: a front with HTTP/2 and a certificate of a
# private authority stands before the test server.
use strict;
use warnings;

use JSON::PP ();
use MlsRets;
use MlsSync;
use MlsTest;
use MlsTls;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('tls');
my $mls = start_mls(listings => 120, samples => 5, fields => 'small', page_size => 50, max_page => 50);
my $authority = make_authority('Valley MLS authority');
my $stranger = make_authority('Another authority');
my $front = start_front($mls, make_certificate($authority, 'IP:127.0.0.1'));
my ($url, $ca) = ($front->url, $authority->{certificate});

sub query { return $node->safe_psql('postgres', @_); }

# ---- RESO: login, import, scan, sync, webhook ----

my ($token_url, $hook_url) = ($front->url('/oauth/token'), $front->url('/hook'));
query(qq{
	CREATE SERVER valley FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '$url', ca_file '$ca', page_size '50',
		auth 'oauth2', token_url '$token_url', retries '0', webhook '$hook_url');
	CREATE USER MAPPING FOR CURRENT_USER SERVER valley OPTIONS (client_id 'demo', client_secret 's3cret-demo-value');
	CREATE SCHEMA valley;
	IMPORT FOREIGN SCHEMA reso FROM SERVER valley INTO valley});
is(query('SELECT count(*), count(DISTINCT listing_key) FROM valley.property WHERE listing_key IS NOT NULL OFFSET 0'), '120|120',
	'a login, an import and a scan of several pages');
like(query(q{SELECT string_agg(format('%s %s %s', item, ok, detail), E'\n') FROM mls_check('valley')}),
	qr/^paging t A page of 2 records leads on to the next\. Its links are written with http, .* over https\.$/m,
	'mls_check says how the links are followed');
is(query(q{SELECT count(*) FROM mls_check('valley') WHERE NOT ok}), '0', 'and finds nothing wrong');
query(q{SET client_min_messages = warning; SELECT mls_subscribe('valley.property')});
is(sync_row($node, 'valley', 'status, received, inserted'), 'finished|120|120', 'a sync of several pages');
is(differences($node, $mls, 'valley'), '0', 'is a true copy');
is(scalar @{ JSON::PP::decode_json($mls->get('deliveries')) }, 1, 'its webhook was told');
$mls->control('update', { resource => 'Property', count => 7, fields => { City => 'Neustadt' } });
like(sync_row($node, 'valley', 'status, updated'), qr/^finished\|7$/, 'an increment');
is(query(q{SELECT status, different FROM mls_reconcile('valley')}), 'finished|0', 'a reconcile');
my @seen = $front->seen;
cmp_ok(scalar(grep { m{^HTTP/2\.0 TLSv1\.[23] GET /odata/Property} } @seen), '>=', 10, 'all by HTTP/2');
is(scalar(grep { !m{^HTTP/2\.0 TLSv1\.[23] } } @seen), 0, 'and nothing in another way');
cmp_ok(scalar(grep { m{^\S+ \S+ POST /oauth/token} } @seen), '>=', 1, 'the login');
cmp_ok(scalar(grep { m{^\S+ \S+ POST /hook} } @seen), '>=', 1, 'and the webhook, too');

# ---- links of a server that does not know of the front ----

my $scan = 'SELECT count(*) FROM (SELECT listing_key FROM valley.property OFFSET 0) p';
for my $origin ("http://127.0.0.1", "http://127.0.0.1:80", "http://127.0.0.1:$mls->{port}", "HTTP://127.0.0.1:8080")
{
	$mls->reset;
	$mls->fault(kind => 'foreign_link', match => 'Property', to => $origin, times => 1);
	is(query($scan), '120', "a link to $origin is followed at the source's own origin");
}
is(scalar(grep { my $asked = $_; grep { lc eq 'host' && $asked->{headers}{$_} =~ /:/ } keys %{ $asked->{headers} } } $mls->requests), 0,
	'through the front only');
for my $case (['http://example.com', qr/leaves https/], ['https://127.0.0.1:1', qr/./], ['https://example.com', qr/link to another host/],
	['ftp://127.0.0.1', qr/leaves https/], ['http://agent@127.0.0.1', qr/holds a user name/])
{
	my ($origin, $why) = @$case;
	$mls->reset;
	$mls->fault(kind => 'foreign_link', match => 'Property', to => $origin, times => 1);
	like(sql_error($node, $scan), $why, "a link to $origin is not");
}
$mls->reset;

# ---- RETS: a session ----

rets_option($mls, urls => 'absolute');
create_rets($node, $mls, 'house', url => $front->url('/rets/login'), ca_file => $ca);
is(query(q{SELECT count(*) FROM house.property_all}), '120', 'a RETS session whose login names addresses in plain http');
query(q{SET client_min_messages = warning; SELECT mls_subscribe('house.property_all')});
like(sync_row($node, 'house', 'status'), qr/^finished$/, 'a sync in one');
cmp_ok(scalar(grep { m{^HTTP/2\.0 .* /rets/} } $front->seen), '>=', 5, 'by HTTP/2');

# ---- certificates that are not trusted: each with the hint that fits ----

sub refused
{
	my ($front, $ca, $what) = @_;
	my $address = ref $front ? $front->url : $front;
	query(q{DROP SERVER IF EXISTS bad CASCADE});
	query(qq{CREATE SERVER bad FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '$address', retries '0' $ca);
		CREATE USER MAPPING FOR CURRENT_USER SERVER bad OPTIONS (token 'static-token-value')});
	my $error = sql_error($node, 'CREATE SCHEMA bad; IMPORT FOREIGN SCHEMA reso FROM SERVER bad INTO bad');
	query('DROP SCHEMA IF EXISTS bad CASCADE');
	return $error;
}
my $ours = ", ca_file '$ca'";
like(refused($front, '', 'issuer'), qr/HV00N.*HINT:  If the source has an authority of its own, the server option ca_file can name/s,
	'an unknown authority: ca_file is the cure');
like(refused($front, ", ca_file '$stranger->{certificate}'"),
	qr/HINT:  The file of the server option ca_file does not hold the authority/, 'the wrong ca_file: it is named');
my $expired = start_front($mls, make_certificate($authority, 'IP:127.0.0.1', from => -20, to => -2));
my $error = refused($expired, $ours);
like($error, qr/DETAIL:.*expired.*HINT:  Its operator has to renew it, unless the clock of this machine is wrong: it says \d{4}-/s, 'expired');
unlike($error, qr/ca_file/, 'ca_file is not blamed');
my $future = start_front($mls, make_certificate($authority, 'IP:127.0.0.1', from => 2, to => 20));
$error = refused($future, $ours);
like($error, qr/DETAIL:.*not yet valid.*HINT:  Check the clock of this machine: it says/s, 'not yet valid');
unlike($error, qr/ca_file/, 'ca_file is not blamed');
my $other = start_front($mls, make_certificate($authority, 'DNS:api.example.com'));
$error = refused($other, $ours);
like($error, qr/HINT:  The certificate is for another name than "127\.0\.0\.1"\. Use the name it is for/, 'of another name');
unlike($error, qr/ca_file/, 'ca_file is not blamed');
like(refused("https://127.0.0.1:$mls->{port}/odata", $ours), qr/HINT:  What answers there does not speak TLS/, 'no TLS at all');
like(refused($front, ", ca_file '" . $authority->{key} . "'"), qr/HINT:  Check the server option ca_file: certificates in PEM format/,
	'a ca_file that holds none');

# ---- a token endpoint of its own mind ----

sub login_with
{
	my (%answer) = @_;
	$mls->reset;
	$mls->fault(kind => 'status', status => 200, match => '/oauth/token', times => -1, content_type => 'application/json', %answer);
	return;
}
query(q{DROP SERVER IF EXISTS bad CASCADE});
query(qq{CREATE SERVER bad FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '$url', ca_file '$ca', auth 'oauth2', token_url '$token_url', retries '0');
	CREATE USER MAPPING FOR CURRENT_USER SERVER bad OPTIONS (client_id 'demo', client_secret 's3cret-demo-value')});
my $import = 'DROP SCHEMA IF EXISTS bad CASCADE; CREATE SCHEMA bad; IMPORT FOREIGN SCHEMA reso FROM SERVER bad INTO bad';
login_with(body => '{"error":"invalid_client","error_description":"No such client; s3cret-demo-value."}');
$error = sql_error($node, $import);
like($error, qr/28000: source "bad" rejected the credentials.*answered 200 \(invalid_client: No such client; \*+\.\)/s,
	'an error with status 200 is quoted, without secrets');
login_with(body => '{"error":"temporarily_unavailable"}');
like(sql_error($node, $import), qr/could not log in to source "bad".*answered 200 \(temporarily_unavailable\)/s, 'whatever it is');
login_with(body => '{"error":{"code":"500","message":"The directory sleeps."}}');
like(sql_error($node, $import), qr/answered 200 \(The directory sleeps\.\)/, 'in whatever form');
login_with(body => '{"token":"x"}');
like(sql_error($node, $import), qr/holds no access token/, 'an answer without token or error');
login_with(body => "\x{FEFF}" . '{"access_token":"static-token-value","token_type":"bearer","expires_in":3600}');
query($import);
is(query(q{SELECT count(*) FROM bad.office}), query('SELECT count(*) FROM valley.office'), 'a mark before the JSON does no harm');

# A mark before a page does not, either.
$mls->reset;
$mls->fault(kind => 'status', status => 200, match => '/Office', content_type => 'application/json',
	body => "\x{FEFF}" . '{"value":[{"OfficeKey":"1"},{"OfficeKey":"2"}]}');
is(query(q{SELECT string_agg(office_key, ',') FROM bad.office}), '1,2', 'nor before a page');

done_testing();
