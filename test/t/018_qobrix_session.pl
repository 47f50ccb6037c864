# Login to Qobrix: by key, or by a token got for a password; what is refused, and that no
# secret is told.
use strict;
use warnings;

use MlsQobrix;
use MlsTest;
use Test::More;

my $node = new_node('qobrix_session', log_min_messages => 'debug1');
my $mls = start_mls(listings => 8, qobrix => 60);
my ($user, $key, $password) = ('11111111-1111-4111-8111-111111111111', 'header-key-value', 'basic-pass-value');
my $count = 'SELECT count(*) > 10 FROM %s.users';

sub sql { return $node->safe_psql('postgres', $_[0]) }

sub log_in
{
	my ($name, $login) = @_;
	create_tenant($node, $mls, $name, tables => 'users, bayut_locations', login => $login, retries => 0);
	return;
}

# By key, or by password
log_in('by_key', "api_user '$user', api_key '$key'");
is(sql(sprintf $count, 'by_key'), 't', 'a key logs in');
log_in('by_password', "username 'agent', password '$password'");
is(sql(sprintf $count, 'by_password'), 't', 'and so does a password');
my $logins = sub { scalar grep { $_->{path} =~ m{/session/} } $mls->requests };
my $before = $logins->();
is(sql(join ';', map { sprintf $count, 'by_password' } 1 .. 3), "t\nt\nt", 'three queries of a session');
is($logins->() - $before, 1, 'share one token');

# A token that ends
$mls->fault(kind => 'status', status => 401, match => '/users', times => 1);
is(sql(sprintf $count, 'by_password'), 't', 'a token that is not taken any more is renewed');

# Refused
my %refused = (
	wrong_key => [ "api_user '$user', api_key 'not-the-key-at-all'", qr/28000.*credentials.*api_user and api_key/s ],
	wrong_user => [ "api_user '22222222-2222-4222-8222-222222222222', api_key '$key'", qr/28000.*credentials.*api_user and api_key/s ],
	key_alone => [ "api_key '$key'", qr/28000.*credentials.*option api_key/s ],
	wrong_password => [ "username 'agent', password 'not-the-password'", qr/28000.*credentials.*username and password/s ]);
for my $name (sort keys %refused)
{
	my ($login, $told) = @{ $refused{$name} };
	sql(qq{CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'qobrix', url 'http://127.0.0.1:$mls->{port}/api/v2', retries '0');
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS ($login); CREATE SCHEMA $name});
	like(sql_error($node, "IMPORT FOREIGN SCHEMA qobrix FROM SERVER $name INTO $name"), $told, "$name is told");
}
$mls->control('option', { qobrix => { otp => '123456' } });
like(sql_error($node, sprintf $count, 'by_password'), qr/28000.*asks for a second factor.*api_user and api_key/s, 'a second factor is told');
$mls->control('option', { qobrix => { otp => undef } });

# The schema
$mls->control('option', { qobrix => { envelope => JSON::PP::true(), schema_null => 'type' } });
sql('CREATE SCHEMA wrapped; IMPORT FOREIGN SCHEMA qobrix LIMIT TO (users) FROM SERVER by_key INTO wrapped');
is(sql('SELECT count(*) > 10 FROM wrapped.users'), 't', 'a schema may be wrapped, and tell of nulls in another way');
$mls->control('option', { qobrix => { schema => JSON::PP::false() } });
sql('CREATE SCHEMA closed');
like(sql_error($node, 'IMPORT FOREIGN SCHEMA qobrix FROM SERVER by_key INTO closed'), qr/shows the schema of no resource.*right to read schemas/s,
	'without the right to read schemas there is nothing to import');
$mls->control('reset');

# What goes wrong on the way
my %wrong = (
	html200 => [ {}, qr/no JSON/ ],
	garbage_json => [ {}, qr/HV00K|JSON/ ],
	null_data => [ {}, qr/no list of records/ ],
	truncate => [ {}, qr/HV00K|HV00N|08/ ],
	status => [ { status => 500 }, qr/The source answered 500/ ]);
for my $kind (sort keys %wrong)
{
	my ($rule, $told) = @{ $wrong{$kind} };
	$mls->fault(kind => $kind, match => '/api/v2/users', times => 1, %$rule);
	like(sql_error($node, sprintf $count, 'by_key'), $told, "$kind is an error in words");
	$mls->control('clear');
}
$mls->fault(kind => 'no_pagination', match => '/api/v2/bayut', times => -1);
is(sql('SELECT count(*) = count(DISTINCT id) AND count(*) > 40 FROM by_key.bayut_locations'), 't', 'without pagination pages are read to an empty one');
$mls->control('clear');
is(sql(q{SELECT count(*) FROM mls_check('by_key') WHERE NOT ok}), '0', 'mls_check finds nothing wrong');

# No secret is told
my $plan = plan_of($node, q{SELECT id FROM by_key.users WHERE username = 'x'});
like($plan, qr/users\?fields\[\]=id&fields\[\]=username&expand=false&media=false&search=\(username == 'x'\)&sort\[\]=id&limit=100/, 'EXPLAIN shows the request');
my $log = slurp_log();
for my $secret ($key, $password, 'not-the-key-at-all', 'not-the-password', qr/session-\d+-[0-9a-f]+/)
{
	unlike("$plan$log", qr/$secret/, 'and neither it nor the log holds a secret');
}

# The server's log without the statements that made the mappings.
sub slurp_log
{
	open my $in, '<', $node->logfile or die;
	my $text = join '', grep { !/CREATE USER MAPPING/ } <$in>;
	close $in;
	return $text;
}

$node->stop;
done_testing();
