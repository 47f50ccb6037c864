# Sessions with a RETS source: logins of all kinds, one round trip per call, sessions that
# are lost in every way, the logout; and pages of sources that cannot count to two.
use strict;
use warnings;

use JSON::PP ();
use MlsRets;
use MlsTest;
use Test::More;

my $mls = start_mls(listings => 300);
my $node = new_node('rets');
my $yes = JSON::PP::true();
my $no = JSON::PP::false();
my $all = q{SELECT count(s::text) || ' ' || count(DISTINCT l_listing_key) FROM r.property_all s};

create_rets($node, $mls, 'r', page_size => 100, tables => 'property_all');
is($node->safe_psql('postgres', q{
	SELECT array_to_string(ftoptions, ' ') FROM pg_foreign_table WHERE ftrelid = 'r.property_all'::regclass}),
	'resource=Property:ALL key=L_ListingKey timestamp=L_ModificationTimestamp', 'an imported class');

# What requests were made, as paths with their status.
sub traffic
{
	return join ' ', map { $_->{path} =~ s{/rets/}{}r . ":$_->{status}" } $mls->requests;
}

# ---- one round trip per call, one session per process ----

$mls->reset;
is($node->safe_psql('postgres', "$all; $all"), "300 300\n300 300", 'two statements of one session');
$node->poll_query_until('postgres', "SELECT 1 WHERE " . (traffic() =~ /logout/ ? 'true' : 'true'), '1');
is(traffic(), 'login:401 login:200 getmetadata:200 search:200 search:200 search:200 search:200 search:200 search:200 logout:200',
	'one login, the lookups once, one round trip per page, one logout');

# ---- credentials ----

for my $case (
	[ 'digest without qop', qop => undef ], [ 'qop auth-int', qop => 'auth-int' ],
	[ 'both qops', qop => 'auth,auth-int' ], [ 'Basic', scheme => 'basic' ], [ 'both schemes', scheme => 'both' ],
	[ 'a cookie with the 200', cookie_on => '200' ], [ 'short nonces', nonce_uses => 2 ],
	[ 'stale untold', nonce_uses => 2, tell_stale => $no ], [ 'absolute addresses', urls => 'absolute' ],
	[ 'an action', action => $yes ], [ 'version 1.5', version => '1.5' ], [ 'info lines', info_lines => $yes ],
	[ 'bare LF', line_end => "\n", equals => ' = ' ])
{
	my ($name, %options) = @$case;
	$mls->reset;
	rets_option($mls, %options);
	is($node->safe_psql('postgres', $all), '300 300', "login: $name");
}
$mls->reset;
rets_option($mls, ua_password => 'letmein');
like(sql_error($node, $all), qr/INVALID|28000|reply code 20041/, 'a user agent without its password is refused');
$node->safe_psql('postgres', q{ALTER USER MAPPING FOR CURRENT_USER SERVER r OPTIONS (ADD ua_password 'letmein')});
is($node->safe_psql('postgres', $all), '300 300', 'and with it, it is let in');
$node->safe_psql('postgres', q{ALTER USER MAPPING FOR CURRENT_USER SERVER r OPTIONS (SET password 'wrong-password-value')});
my $error = sql_error($node, $all);
like($error, qr/rejected the credentials/, 'a wrong password');
unlike($error, qr/wrong-password-value|letmein/, 'is not repeated');
$node->safe_psql('postgres', q{ALTER USER MAPPING FOR CURRENT_USER SERVER r OPTIONS (DROP username, DROP password)});
like(sql_error($node, $all), qr/HINT:  Check the options username and password/, 'no user name: the hint names what is missing');
$node->safe_psql('postgres', q{ALTER USER MAPPING FOR CURRENT_USER SERVER r OPTIONS (ADD username 'agent', ADD password 'wrong-password-value')});
is(scalar(grep { $_->{path} =~ /login/ } $mls->requests) <= 8, 1, 'and not tried again and again');
$node->safe_psql('postgres', q{ALTER USER MAPPING FOR CURRENT_USER SERVER r OPTIONS (SET password 'basic-pass-value')});

# ---- sessions lost ----

for my $form (qw(20701 20037 401 412 html))
{
	$mls->reset;
	$mls->fault(kind => 'session_loss', form => $form, match => '/rets/search', skip => 1);
	is($node->safe_psql('postgres', $all), '300 300', "a session lost by $form is opened again");
	$mls->reset;
	$mls->fault(kind => 'session_loss', form => $form, match => '/rets/search', times => -1);
	isnt(sql_error($node, $all), '', "... but once only ($form)");
	cmp_ok(scalar(grep { $_->{path} =~ /login/ && $_->{status} == 200 } $mls->requests), '<=', 2, '... with one new login');
}
$mls->reset;
$mls->fault(kind => 'rets_reply', code => 20210, match => '/rets/search', times => 1);
is($node->safe_psql('postgres', $all), '300 300', 'a busy source is asked again');
$mls->reset;
$mls->fault(kind => 'rets_status', code => 20200, match => '/rets/search', times => -1);
like(sql_error($node, $all), qr/reply code 20200/, 'an error behind the rows is an error');
$mls->reset;
$mls->fault(kind => 'rets_reply', code => 20200, text => 'no basic-pass-value here', match => '/rets/search', times => -1);
unlike(sql_error($node, $all), qr/basic-pass-value/, 'a secret that the source repeats is not shown');
$mls->reset;
$mls->fault(kind => 'rets_reply', code => 0, status => 403, match => '/rets/search', times => -1);
like(sql_error($node, $all), qr/answered 403/, 'a refusal that calls itself a success is not an empty table');
for my $case ([ 20206, 'no such field', qr/reply code 20206: no such field/ ], [ 20209, 'too slow', qr/reply code 20209: too slow/ ],
	[ 0, 'fine', qr/answered 500/ ], [ 20201, 'none', qr/answered 500/ ])
{
	my ($code, $text, $said) = @$case;
	$mls->reset;
	$mls->fault(kind => 'rets_reply', code => $code, text => $text, status => 500, match => '/rets/search', times => -1);
	like(sql_error($node, $all), $said, "status 500 with reply code $code: what is said of it");
	cmp_ok(scalar(grep { $_->{path} =~ /search/ } $mls->requests), '<=', $code == 20206 ? 6 : 2, '... and not asked more often for it');
}
$mls->reset;
$mls->fault(kind => 'rets_reply', code => 20050, text => 'closed for the night', status => 503, match => '/rets/login', times => -1);
like(sql_error($node, $all), qr/reply code 20050: closed for the night/, 'a login that fails says why');
$mls->reset;
$mls->fault(kind => 'status', status => 500, body => 'out of basic-pass-value', content_type => 'text/plain', match => '/rets/search', times => -1);
like(sql_error($node, $all), qr/answered 500 \(Internal Server Error\): out of (?!basic)/, 'a failure without RETS is quoted');
$node->safe_psql('postgres', q{ALTER SERVER r OPTIONS (SET url 'http://127.0.0.1:} . $mls->{port} . q{/rets/nowhere')});
like(sql_error($node, $all), qr/answered 404.*HINT:  Check the option url of the server/s, 'no login at the address: the hint names the option');
$node->safe_psql('postgres', q{ALTER SERVER r OPTIONS (SET url 'http://127.0.0.1:} . $mls->{port} . q{/rets/login')});
for my $fault ([ kind => 'empty_body' ], [ kind => 'truncate', at => 0.001 ], [ kind => 'no_end_tag' ])
{
	$mls->reset;
	$mls->fault(@$fault, match => '/rets/search', times => 1);
	is($node->safe_psql('postgres', $all), '300 300', "an answer spoilt by $fault->[1] is fetched again");
}
$mls->reset;
$mls->fault(kind => 'html200', match => '/rets/search', times => -1);
like(sql_error($node, $all), qr/status 200: a web page/, 'a web page that stays is called one');
for my $form (qw(code status empty))
{
	$mls->reset;
	rets_option($mls, no_rows => $form);
	is($node->safe_psql('postgres', 'SELECT count(*) FROM (SELECT * FROM r.property_all WHERE l_list_price < -1000000000000000 OFFSET 0) s'),
		'0', "no rows, told by $form");
}

# ---- paging ----

for my $case (
	[ 'small pages', max_rows => 40 ], [ 'MAXROWS at the end', exact_maxrows => $yes ],
	[ 'refused as too large', most_limit => 30 ], [ 'refused as too large, no Offset', most_limit => 30, offset => 'refused' ],
	[ '20208', over_limit => '20208', max_rows => 50 ], [ 'both', over_limit => 'both', max_rows => 50 ],
	[ 'a cut untold', over_limit => 'silent', max_rows => 30 ],
	[ 'a cut untold, no Offset', over_limit => 'silent', max_rows => 30, offset => 'refused' ],
	[ 'Offset refused', offset => 'refused' ], [ 'Offset ignored', offset => 'ignored' ],
	[ 'Offset unstable', offset => 'unstable' ], [ 'count last', count_last => $yes ],
	[ 'another delimiter', delimiter => '7C' ], [ 'rows without last delimiters', trailing_delimiter => $no ])
{
	my ($name, %options) = @$case;
	$mls->reset;
	rets_option($mls, %options);
	is($node->safe_psql('postgres', $all), '300 300', "pages: $name");
}
$mls->reset;
rets_option($mls, most_limit => 5);
like(sql_error($node, $all), qr/reply code 20208/, 'pages are not made smaller without end');
cmp_ok(scalar(grep { $_->{path} =~ /search/ } $mls->requests), '==', 5, '... but from 100 to 10 by halves');
$mls->reset;
rets_option($mls, over_limit => 'silent', max_rows => 30);
$mls->fault(kind => 'no_count', match => '/rets/search', times => -1);
is($node->safe_psql('postgres', $all), '300 300', 'pages: a cut untold, and no count');
$node->safe_psql('postgres', q{ALTER SERVER r OPTIONS (ADD paging 'keys')});
is($node->safe_psql('postgres', $all), '300 300', 'pages: ... by lists of keys');
$mls->control('clear');
is($node->safe_psql('postgres', $all), '300 300', 'pages: ... and with a count');
$node->safe_psql('postgres', q{ALTER SERVER r OPTIONS (DROP paging)});
$mls->reset;
rets_option($mls, offset => 'ignored', key_index => $no, max_rows => 100);
like(sql_error($node, $all), qr/too early/, 'a source that can neither page nor list is an error');

# ---- a user of several brokers ----

$mls->reset;
$mls->fault(kind => 'rets_reply', code => 20012, match => 'login(?!.*BrokerCode)', times => -1);
like(sql_error($node, $all), qr/20012.*HINT:  Name one in the address of the login: add \?BrokerCode=/s, 'several brokers: the hint says how to name one');
$node->safe_psql('postgres', qq{ALTER SERVER r OPTIONS (SET url 'http://127.0.0.1:$mls->{port}/rets/login?BrokerCode=BR22,B01')});
is($node->safe_psql('postgres', $all), '300 300', '... and so it works');

done_testing();
