# What a stranger types wrong, and whether the answer lets him type it right: each error
# names what was asked, the nearest right name, and what to do.
use strict;
use warnings;

use MlsQobrix;
use MlsRets;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('words');
my $mls = start_mls(listings => 60, fields => 'small');
my $url = $mls->url;
create_source($node, $mls, 'trestle', page_size => 100);
create_source($node, $mls, 'bare');

# An error of SQL: its text holds all of these, in this order, and no line of context.
sub says
{
	my ($sql, $name, @parts) = @_;
	my $error = sql_error($node, $sql);
	my $pattern = join '.*', map { ref $_ ? $_ : quotemeta } @parts;
	like($error, qr/$pattern/s, $name);
	unlike($error, qr/SQL statement|PL\/pgSQL function|after page 0/, '... without a look inside of us')
	  unless $error =~ /^psql.*relation .* already exists/;
	return $error;
}

# ---- Subscriptions ----

says(q{SELECT * FROM mls_sync('trestle')}, 'nothing is subscribed yet',
	'42704', 'there is no such subscription: source "trestle"', 'Nothing is subscribed yet', 'mls_subscribe');
$node->safe_psql('postgres', q{
	SELECT mls_subscribe('trestle.property');
	SELECT mls_subscribe('trestle.open_house');
	SELECT * FROM mls_sync()});

my %functions = (
	mls_sync => '*', mls_purge => '*', mls_reconcile => '*', mls_remap => '*', mls_count => '*', mls_verify => '*',
	mls_schema_accept => '*', mls_compare => q{, 'Property', 'LK00000007'}, mls_layers => q{, 'Property', 'LK00000007'});
for my $function (sort keys %functions)
{
	my $rest = $functions{$function} eq '*' ? '' : $functions{$function};
	says("SELECT * FROM $function('tresle'$rest)", "$function names the source that was meant",
		'42704', 'there is no such subscription: ', 'source "tresle"', 'Perhaps you meant source "trestle"');
	is($node->safe_psql('postgres', "SELECT count(*) >= 0 FROM $function('Trestle'$rest)"), 't',
		"$function knows a name in another case");
}
for my $function (qw(mls_sync mls_purge mls_reconcile mls_remap mls_count mls_schema_accept))
{
	says("SELECT * FROM $function('trestle', 'Propetry')", "$function names the resource that was meant",
		'there is no such subscription: resource "Propetry" of source "trestle"', 'Perhaps you meant resource "Property"');
	is($node->safe_psql('postgres', "SELECT count(*) >= 0 FROM $function('trestle', 'openhouse')"), 't',
		"$function knows a resource in another case");
}
says(q{SELECT * FROM mls_sync('trestle', 'open_house')}, 'the name of a foreign table is no resource, but leads to it',
	q{Name source and resource: 'trestle', 'OpenHouse'});
says(q{SELECT * FROM mls_sync('trestle.property')}, 'nor is it a source', q{Name source and resource: 'trestle', 'Property'});
says(q{SELECT * FROM mls_sync('Property')}, 'a resource in the place of a source', q{'trestle', 'Property'});
says(q{SELECT * FROM mls_sync('trestle', 'Member')}, 'a foreign table that is not subscribed',
	q{Foreign table trestle.member is not subscribed: SELECT mls_subscribe('trestle.member')});
says(q{SELECT * FROM mls_sync('bare')}, 'a server without a subscription', 'Nothing of server "bare" is subscribed');
says(q{SELECT * FROM mls_sync('entirely_else')}, 'a name that is near to none', 'Sources with subscriptions: trestle');
says(q{SELECT * FROM mls_count(resource => 'Memory')}, 'a resource alone', 'resource "Memory"');

# Two names that differ in case alone are two names.
$node->safe_psql('postgres', q{
	CREATE SERVER "Trestle" FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '} . $url . q{', key_prefix 'T-');
	CREATE USER MAPPING FOR CURRENT_USER SERVER "Trestle" OPTIONS (token 'static-token-value');
	CREATE SCHEMA twin;
	IMPORT FOREIGN SCHEMA reso LIMIT TO (member) FROM SERVER "Trestle" INTO twin;
	SELECT mls_subscribe('twin.member')});
is($node->safe_psql('postgres', q{SELECT string_agg(source || '.' || resource, ' ' ORDER BY resource) FROM mls_count('trestle')}),
	'trestle.OpenHouse trestle.Property', 'an exact name is one source');
is($node->safe_psql('postgres', q{SELECT source || '.' || resource FROM mls_count('Trestle')}), 'Trestle.Member', 'so is the other');
says(q{SELECT * FROM mls_count('TRESTLE')}, 'a third spelling is neither', '42P09', 'source "TRESTLE" is ambiguous',
	'Write it as one of: Trestle, trestle');
like($node->safe_psql('postgres', q{SELECT detail FROM mls_check('TRESTLE') WHERE NOT ok}),
	qr/ambiguous.*"Trestle" and "trestle"|ambiguous.*"trestle" and "Trestle"/, 'for mls_check too');
$node->safe_psql('postgres', q{SELECT mls_unsubscribe('twin.member', true); DROP SERVER "Trestle" CASCADE});

# A role sees the names of its own subscriptions only.
$node->safe_psql('postgres', q{CREATE ROLE stranger; SELECT mls_grant('stranger')});
unlike(sql_error($node, q{SET ROLE stranger; SELECT * FROM mls_sync('trestl')}), qr/Perhaps you meant source/,
	'no name of another role\'s subscription is told');

# ---- Servers ----

like($node->safe_psql('postgres', q{SELECT detail FROM mls_check('tresle')}), qr/"tresle" does not exist.*"trestle"/, 'mls_check');
says(q{SELECT * FROM mls_quota('tresle')}, 'mls_quota', '"tresle" does not exist', 'Perhaps you meant "trestle"');
says(q{SELECT mls_schedule('tresle', sync => '* * * * *')}, 'mls_schedule', '"tresle" does not exist', 'Perhaps you meant "trestle"');
says(q{SELECT mls_unschedule('tresle')}, 'mls_unschedule', '"tresle" does not exist', 'Perhaps you meant "trestle"');

# ---- Options ----

my %wrong = (
	ulr => 'url', base_url => 'url', baseUrl => 'url', endpoint => 'url', URL => 'url', pagesize => 'page_size',
	batch_size => 'page_size', timeout => 'timeout_ms', tokenurl => 'token_url', plattform => 'platform');
for my $option (sort keys %wrong)
{
	says(qq{CREATE SERVER x FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', "$option" '$url')}, "option $option",
		'HV00D', qq{invalid option "$option"}, qq{Perhaps you meant the option "$wrong{$option}"});
}
says(qq{CREATE SERVER x FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '$url', username 'x')},
	'an option of the user mapping', 'It is an option of another object: user mapping');
says(qq{CREATE SERVER x FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '$url', passwrd 'x')},
	'and a misspelt one', 'Perhaps you meant the option "password" of another object: user mapping');
my %secrets = (user => 'username', login => 'username', pwd => 'password', secret => 'client_secret', access_token => 'token', apikey => 'api_key');
for my $option (sort keys %secrets)
{
	says(qq{CREATE USER MAPPING FOR PUBLIC SERVER bare OPTIONS ("$option" 'x')}, "option $option of a user mapping",
		qq{Perhaps you meant the option "$secrets{$option}"});
}
says(q{CREATE FOREIGN TABLE x (a text) SERVER bare OPTIONS (table_name 'Property')}, 'table_name', 'Perhaps you meant the option "resource"');
says(q{CREATE FOREIGN TABLE x (a text OPTIONS (column_name 'A')) SERVER bare OPTIONS (resource 'Property')}, 'column_name',
	'Perhaps you meant the option "field"');
says(qq{CREATE SERVER x FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reos', url '$url')}, 'a value', 'Perhaps you meant "reso"');

# ---- Half a login ----

my %halves = (password => 'username', client_secret => 'client_id', username => 'password', client_id => 'client_secret', api_user => 'api_key');
for my $half (sort keys %halves)
{
	$node->safe_psql('postgres', qq{
		DROP USER MAPPING IF EXISTS FOR CURRENT_USER SERVER bare;
		CREATE USER MAPPING FOR CURRENT_USER SERVER bare OPTIONS ($half 'x')});
	says('SELECT * FROM bare.property', "$half alone", qq{lacks option "$halves{$half}"},
		qq{ALTER USER MAPPING FOR postgres SERVER bare OPTIONS (ADD $halves{$half} '...')});
}
$node->safe_psql('postgres', q{
	DROP USER MAPPING FOR CURRENT_USER SERVER bare;
	CREATE USER MAPPING FOR PUBLIC SERVER bare OPTIONS (client_id 'demo', client_secret 's3cret-demo-value')});

# ---- Where the token is ----

says('SELECT * FROM bare.property', 'no token endpoint', 'lacks option "token_url"');
$node->safe_psql('postgres', q{ALTER SERVER bare OPTIONS (ADD platform 'trestle', ADD retries '0')});
like($node->safe_psql('postgres', q{SELECT string_agg(detail, E'\n') FROM mls_check('bare') WHERE item IN ('credentials', 'service')}),
	qr/token is asked for at https.*endpoint of platform "trestle".*set the option token_url/s,
	'a token endpoint of the platform is told when url is elsewhere');
$node->safe_psql('postgres', qq{ALTER SERVER bare OPTIONS (ADD token_url '} . ($url =~ s{/odata}{/oauth/token}r) . q{')});
is($node->safe_psql('postgres', q{SELECT count(*) FROM bare.property}), 60, 'and with one of its own all is well');

# ---- Cleaning, tracking, comparing ----

says(q{SELECT mls_clean_set('{trimm}')}, 'a step of cleaning', '22023', '"trimm"', 'Perhaps you meant "trim"');
says(q{SELECT mls_clean_set('{wash}')}, 'one that is near to none', 'Steps are: trim, empty, lower, number');
says(q{SELECT mls_track('trestle.member')}, 'tracking', 'trestle.member is not subscribed', 'mls_subscribe');
$node->safe_psql('postgres', q{ALTER SERVER trestle OPTIONS (ADD key_prefix 'P-'); SELECT * FROM mls_sync('trestle')});
my $id = $node->safe_psql('postgres', q{SELECT "ListingId" FROM gold.property WHERE "ListingKey" = 'P-LK00000007'});
says(q{SELECT * FROM mls_compare('trestle', 'Property', 'P-LK00000007')}, "gold's key", 'P0002', 'has the key "P-LK00000007"',
	q{mls_compare('trestle', 'Property', 'LK00000007')});
says(qq{SELECT * FROM mls_compare('trestle', 'Property', '$id')}, 'a listing number', q{mls_compare('trestle', 'Property', 'LK00000007')}, 'ListingId');
says(q{SELECT * FROM mls_compare('trestle', 'Property', ' lk00000007')}, 'a key in another case', q{mls_compare('trestle', 'Property', 'LK00000007')});
says(q{SELECT * FROM mls_compare('trestle', 'Property', 'nobody')}, 'nobody', 'the field ListingKey');

# ---- Where the source is ----

my $site = $url =~ s{/odata}{}r;
says(qq{CREATE SERVER x FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '$url/\$metadata')}, 'url is that of the metadata',
	'invalid value for option "url"', "url '$url'");
my ($status, $out, $err) = $node->psql('postgres', qq{
	CREATE SERVER x FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '$url/Property');
	CREATE USER MAPPING FOR CURRENT_USER SERVER x OPTIONS (token 'static-token-value')});
like($err, qr/WARNING:.*ends in "Property".*url '\Q$url\E'/s, 'url is that of a resource');
says('IMPORT FOREIGN SCHEMA reso FROM SERVER x INTO public', '... and the error of its use says what it should be',
	'could not fetch metadata', 'root of the service, without a resource', "$url/Property");
$node->safe_psql('postgres', "ALTER SERVER x OPTIONS (SET url '$site')");
says('IMPORT FOREIGN SCHEMA reso FROM SERVER x INTO public', 'url is that of the site', 'could not fetch metadata', '/odata', 'has no path');

# ---- Importing ----

($status, $out, $err) = $node->psql('postgres', q{IMPORT FOREIGN SCHEMA reso LIMIT TO (OpenHouse, "Prperty") FROM SERVER bare INTO public});
like($err, qr/no resource "openhouse".*Write open_house or "OpenHouse"/s, 'a resource in another spelling');
like($err, qr/no resource "Prperty".*Write property or "Property"/s, 'and a misspelt one');
says('IMPORT FOREIGN SCHEMA reso LIMIT TO (property) FROM SERVER bare INTO bare', 'importing twice',
	'42P07', 'relation "property" already exists', 'EXCEPT (property)');

# ---- A filter that the source does not understand ----

$node->safe_psql('postgres', q{ALTER FOREIGN TABLE bare.member OPTIONS (ADD filter 'MemberStaus eq Active'); SELECT mls_subscribe('bare.member')});
for my $sql ('SELECT * FROM bare.member', 'SELECT count(*) FROM bare.member', q{SELECT * FROM mls_sync('bare')})
{
	says($sql, "a bad filter: $sql", 'answered 400', 'The request was: Member?', '$filter=MemberStaus eq Active',
		'option filter of foreign table bare.member: MemberStaus eq Active');
}
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE bare.member OPTIONS (DROP filter); SELECT * FROM mls_sync('bare')});

# One that does not speak of what is wrong but fails; and what goes with the records.
$mls->fault(kind => 'status', resource => 'Member', status => 500, times => -1);
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE bare.member OPTIONS (ADD filter 'MemberStatus eq Active')});
says('SELECT * FROM bare.member', 'a filter at which the source fails', 'answered 500', 'The request was: Member?',
	'option filter of foreign table bare.member: MemberStatus eq Active');
$mls->reset;
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE bare.member OPTIONS (DROP filter); SELECT * FROM mls_sync('bare')});
$mls->fault(kind => 'refuse_expand', times => -1);
$node->safe_psql('postgres', q{CREATE FOREIGN TABLE bare.with_media ("ListingKey" text, "Media" jsonb) SERVER bare
	OPTIONS (resource 'Property', key 'ListingKey', expand 'Media')});
says('SELECT * FROM bare.with_media', 'an option expand that the source does not take', 'answered 400', 'The request was: Property?',
	'option expand of foreign table bare.with_media: Media');
$mls->reset;

# RETS: a field that is not there, words that are no query, and a status in place of a reply.
create_rets($node, $mls, 'paper', retries => 0);
my %code = ('(L_Staus=|A)' => '20200', 'nonsense' => '20206');
for my $filter (sort keys %code)
{
	$node->safe_psql('postgres', "ALTER FOREIGN TABLE paper.property_res OPTIONS (ADD filter '$filter')");
	for my $sql ('SELECT * FROM paper.property_res', 'SELECT count(*) FROM paper.property_res',
		q{SELECT * FROM paper.property_res WHERE l_city = 'Austin'})
	{
		says($sql, "a bad filter of RETS: $sql", "reply code $code{$filter}", qr/The request was: Property:RES\?Query=/,
			$filter, "option filter of foreign table paper.property_res: $filter");
	}
	$node->safe_psql('postgres', 'ALTER FOREIGN TABLE paper.property_res OPTIONS (DROP filter)');
}
for my $reply ([ rets_reply => (code => 20203) ], [ rets_reply => (code => 20205) ], [ status => (status => 400) ], [ status => (status => 500) ])
{
	my ($kind, %how) = @$reply;
	$node->safe_psql('postgres', q{ALTER FOREIGN TABLE paper.property_res OPTIONS (ADD filter '(L_ListPrice=1+)')});
	$mls->fault(kind => $kind, match => 'SearchType=Property', times => -1, %how);
	says('SELECT * FROM paper.property_res', "a filter that is answered with @{[values %how]}", values %how,
		'The request was: Property:RES', '(L_ListPrice=1+)', 'option filter of foreign table paper.property_res');
	$mls->control('clear');
	$node->safe_psql('postgres', q{ALTER FOREIGN TABLE paper.property_res OPTIONS (DROP filter)});
}
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM paper.property_res'), '>', 0, 'without it all is well');

# Qobrix answers 500 to a search that it cannot read.
create_tenant($node, $mls, 'crm', retries => 0);
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE crm.users OPTIONS (ADD filter 'staus == "x"')});
for my $sql ('SELECT * FROM crm.users', 'SELECT count(*) FROM crm.users')
{
	says($sql, "a bad filter of Qobrix: $sql", 'answered 500', 'The request was: users?', 'staus == "x"',
		'option filter of foreign table crm.users: staus == "x"');
}

# ---- What was dropped comes back by following the hints ----

# Runs the command that the hint of an error holds.
sub follow
{
	my ($error) = @_;
	my ($command) = $error =~ /HINT:  (.*;)/ or return fail('a hint with a command');
	$node->safe_psql('postgres', $command);
	pass("follows: $command");
	return;
}

my $copy = q{SELECT count(*), count(member_key), count(modification_timestamp) FROM silver.bare_member};
my $before = $node->safe_psql('postgres', $copy);
for my $column (qw(modification_timestamp member_key))
{
	$node->safe_psql('postgres', "ALTER FOREIGN TABLE bare.member DROP COLUMN $column");
	follow(says(q{SELECT * FROM mls_sync('bare')}, "$column is missing", "foreign table bare.member", 'ALTER FOREIGN TABLE bare.member ADD COLUMN'));
	is($node->safe_psql('postgres', q{SELECT status FROM mls_sync('bare')}), 'finished', '... and the sync goes on');
	is($node->safe_psql('postgres', $copy), $before, '... with the same column of silver');
}
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE bare.member OPTIONS (DROP timestamp)});
says(q{SELECT * FROM mls_sync('bare')}, 'no timestamp any more', 'no timestamp column any more', 'ADD timestamp', 'mls_subscribe()');
is($node->safe_psql('postgres', q{SET client_min_messages = error; SELECT FROM mls_subscribe('bare.member'); SELECT status FROM mls_sync('bare')}),
	'finished', '... and subscribing again has it read whole');

my $rows = $node->safe_psql('postgres', 'SELECT count(*) FROM silver.bare_member');
$node->safe_psql('postgres', 'DROP FOREIGN TABLE bare.member');
says(q{SELECT * FROM mls_sync('bare')}, 'the foreign table is gone', 'the foreign table of resource "Member" of source "bare" was dropped',
	'Make it again and call mls_subscribe()');
($status, $out, $err) = $node->psql('postgres', q{
	IMPORT FOREIGN SCHEMA reso LIMIT TO (member) FROM SERVER bare INTO bare; SELECT mls_subscribe('bare.member')});
like($err, qr/takes the place of one that was dropped/, 'made again, it takes its place');
is($node->safe_psql('postgres', q{SELECT status, inserted FROM mls_sync('bare')}), 'finished|0', '... with all that was there');
is($node->safe_psql('postgres', q{SELECT count(*), (SELECT count(*) FROM mls.subscription WHERE source = 'bare') FROM silver.bare_member}), "$rows|1",
	'... as the same subscription');
$node->safe_psql('postgres', q{CREATE SCHEMA second; IMPORT FOREIGN SCHEMA reso LIMIT TO (member) FROM SERVER bare INTO second});
says(q{SELECT mls_subscribe('second.member')}, 'a second table while the first is there', 'already subscribed', 'bare.member', 'mls_unsubscribe');


# ---- What is there, but not here or not for everybody ----

says(q{SELECT mls_rebuild('second.member')}, 'what is not subscribed is not rebuilt', 'second.member is not subscribed', q{SELECT mls_subscribe('second.member')});
$node->safe_psql('postgres', q{CREATE ROLE carl LOGIN; SELECT mls_grant('carl')});
for my $named (q{'bare'}, q{'bare', 'Member'}, q{'bare.member'})
{
	($status, $out, $err) = $node->psql('postgres', "SELECT * FROM mls_sync($named)", extra_params => [ '-U', 'carl' ]);
	like($err, qr/there is no such subscription.*tables of role postgres is worked on by those who have its privileges/s, "another's: $named");
	unlike($err, qr/subscribed yet|mls_subscribe/, '... which is not as if nobody had it');
}
$mls->fault(kind => 'status', status => 404, resource => 'Member', times => 1);
says(q{SELECT * FROM mls_sync('bare')}, 'nothing there', 'answered 404', 'the option url of the server', 'the option resource of foreign table bare.member', 'mls_check()');

$mls->stop;
done_testing();
