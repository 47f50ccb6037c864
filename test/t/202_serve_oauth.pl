# Who asks mls_serve: tokens by OAuth 2.0, what is refused, what is taken back, how often one
# may ask.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 hmac_sha512);
use JSON::PP;
use MIME::Base64 qw(encode_base64 encode_base64url decode_base64url);
use MlsServe;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

need_serve();
my $node = new_node('serve_oauth');
my $mls = start_mls(listings => 60);
create_source($node, $mls, 'east', schema_check_interval => 0);
my $tmp = $PostgreSQL::Test::Utils::tmp_check;

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

query(q{SELECT mls_subscribe(t::regclass) FROM unnest('{east.property,east.office}'::text[]) t});
is(query(q{SELECT count(*) FROM mls_sync() WHERE status <> 'finished'}), 0, 'synced');
query(q{
	UPDATE gold.property p SET "InternetEntireListingDisplayYN" = true, "ListOfficeKey" = CASE WHEN n <= 20 THEN 'O1' WHEN n <= 30 THEN 'O2' ELSE 'O3' END
	  FROM (SELECT "ListingKey" AS k, row_number() OVER (ORDER BY "ListingKey") AS n FROM gold.property) x WHERE x.k = p."ListingKey";
	CREATE ROLE idx;
	CREATE ROLE broker;
	CREATE ROLE authenticator LOGIN NOINHERIT;
	SELECT mls_audience('idx', 'Property', '{City,ListPrice,ListOfficeKey}', $$"ListOfficeKey" = ANY ((SELECT mls.claim('offices'))::text[])$$);
	SELECT mls_audience('broker', 'Property', '{City,ListPrice,ListOfficeKey,PrivateRemarks}');
	SELECT mls_serve_grant('authenticator')});

# A consumer, as (client id, secret).
sub consumer
{
	my ($name, $role, $claims, $limits) = @_;
	return split /\|/, query(sprintf q{SELECT client_id, secret FROM mls_consumer_add('%s', '%s', '%s', '%s')}, $name, $role, $claims || '{}', $limits || '{}');
}

my ($one, $secret) = consumer('First Realty', 'idx', '{"offices": ["O1", "O2"]}');
my ($none, $none_secret) = consumer('Nobody', 'idx');
my ($broker, $broker_secret) = consumer('Broker', 'broker');

sub write_keys
{
	my (@lines) = @_;
	unlink "$tmp/keys";
	append_to_file("$tmp/keys", join("\n", @lines) . "\n");
	chmod 0600, "$tmp/keys";
	return;
}

my ($old_key, $new_key) = ('old ' . 'o' x 40, 'new ' . 'n' x 40);
write_keys('# the one key', $old_key);
my %flags = (jwt_secret_file => "$tmp/keys", basic => '', trusted_proxies => '127.0.0.1', admin => '127.0.0.1:0', public_url => 'https://api.example.com/odata');
my $serve = start_serve($node, %flags);

# ---- the token endpoint ----

sub oauth
{
	my (%how) = @_;
	return $serve->get('/oauth/token', %how);
}

sub is_oauth_error
{
	my ($answer, $status, $error, $what) = @_;
	is("$answer->{status} " . ($answer->{json} ? $answer->{json}{error} : $answer->{body}), "$status $error", $what) or diag($answer->{body});
	is($answer->{headers}{'cache-control'}, 'no-store', 'not to be kept');
	return $answer;
}

my %good = (grant_type => 'client_credentials', client_id => $one, client_secret => $secret);
my $answer = oauth(form => \%good);
is($answer->{status}, 200, 'credentials in the form') or diag($answer->{body});
is($answer->{json}{token_type}, 'Bearer', 'give a bearer token');
is($answer->{json}{expires_in}, 3600, 'for an hour');
like($answer->{body}, qr/"expires_in":3600\b/, 'which is a number');
is($answer->{headers}{'cache-control'}, 'no-store', 'not to be kept');
my $token = $answer->{json}{access_token};
is(oauth(form => { grant_type => 'client_credentials' }, user => "$one:$secret")->{status}, 200, 'or in the header');
is(oauth(form => { grant_type => 'client_credentials' }, headers => { Authorization => 'basic ' . encode_base64("$one:$secret", '') })->{status}, 200, 'in small letters');
my $encoded = join ':', map { s/([^A-Za-z])/sprintf '%%%02x', ord $1/ger } $one, $secret;
is(oauth(form => { grant_type => 'client_credentials' }, user => $encoded)->{status}, 200, 'encoded, as the standard has it');
is_oauth_error(oauth(body => encode_json(\%good), headers => { 'Content-Type' => 'application/json' }), 400, 'invalid_request', 'JSON is no form');
is_oauth_error(oauth(form => { %good, grant_type => 'password' }), 400, 'unsupported_grant_type', 'there is one grant');
is_oauth_error(oauth(form => { client_id => $one, client_secret => $secret }), 400, 'invalid_request', 'which is said');
is_oauth_error(oauth(form => \%good, curl => [ '--data', 'client_id=x' ]), 400, 'invalid_request', 'nothing is said twice');
is_oauth_error(oauth(form => \%good, user => "$one:$secret"), 400, 'invalid_request', 'nor in two ways');
is_oauth_error(oauth(form => { grant_type => 'client_credentials' }), 401, 'invalid_client', 'without credentials there is none');
is_oauth_error($serve->get("/oauth/token?client_secret=$secret", form => \%good), 400, 'invalid_request', 'nothing stands in the address');
is(oauth()->{headers}{allow}, 'POST, OPTIONS', 'it is to be posted');
my $wrong = is_oauth_error(oauth(form => { grant_type => 'client_credentials' }, user => "$one:wrong"), 401, 'invalid_client', 'a wrong secret');
my $unknown = is_oauth_error(oauth(form => { grant_type => 'client_credentials' }, user => 'nobody:wrong'), 401, 'invalid_client', 'an unknown client');
is($unknown->{body}, $wrong->{body}, 'are told alike');
is(join(' ', sort keys %{ $unknown->{headers} }), join(' ', sort keys %{ $wrong->{headers} }), 'in all headers');
like($wrong->{headers}{'www-authenticate'}, qr/^Basic /, 'with the way to log in');
is_oauth_error(oauth(form => { grant_type => 'client_credentials' }, headers => { Authorization => 'Basic %%%' }), 401, 'invalid_client', 'a header that is none');
is_oauth_error(oauth(body => 'grant_type=client_credentials&client_id=a%00b&client_secret=x'), 400, 'invalid_request', 'a NUL');

$answer = $serve->get('http://' . $serve->{place} . '/.well-known/oauth-authorization-server/odata');
is($answer->{json}{issuer}, 'https://api.example.com/odata', 'it describes itself');
is($answer->{json}{token_endpoint}, 'https://api.example.com/odata/oauth/token', 'by its public address');

# ---- what a token is good for ----

is($serve->get('/Property/$count', token => $token)->{body}, '30', 'the claims of a consumer reach the policies');
is($serve->get('/Property/$count', token => $serve->token($none, $none_secret))->{body}, '0', 'without the claim there are no rows');
my $broker_token = $serve->token($broker, $broker_secret);
is($serve->get('/Property/$count', token => $broker_token)->{body}, '60', 'another role sees another part');
like($serve->get('/$metadata', token => $broker_token)->{body}, qr/PrivateRemarks/, 'and other fields');
unlike($serve->get('/$metadata', token => $token)->{body}, qr/PrivateRemarks/, 'than the first');
is($serve->get('/Property?$select=PrivateRemarks', token => $token)->{body}, $serve->get('/Property?$select=Nothingatall', token => $token)->{body} =~ s/Nothingatall/PrivateRemarks/r,
	'what it does not see is as what is not there');
is($serve->get('/Property/$count', user => "$one:$secret")->{body}, '30', 'client id and secret do as well, where it was allowed');
is($serve->get('/Property/$count', user => "$one:$secret")->{body}, '30', 'again');
is($serve->get('/Property/$count', user => "$one:wrong")->{status}, 401, 'but not a wrong one');
{
	my ($records) = $serve->all_records('/Property?$select=ListOfficeKey', token => $token, headers => { Prefer => 'odata.maxpagesize=7' });
	my %offices = map { $_->{ListOfficeKey} => 1 } @$records;
	is(join(' ', sort keys %offices), 'O1 O2', 'pages too');
	my $link = $serve->get('/Property?$select=ListOfficeKey', token => $broker_token, headers => { Prefer => 'odata.maxpagesize=7' })->{json}{'@odata.nextLink'} =~ s{^\Q$serve->{root}\E}{/}r;
	my $foreign = $serve->get($link, token => $token);
	ok(!grep({ $_->{ListOfficeKey} !~ /^O[12]$/ } @{ $foreign->{json}{value} || [] }), 'the next page of another consumer shows his own rows only');
}
my $bare = $serve->get('/Property');
is($bare->{status}, 401, 'without a token nothing is told');
like($bare->{headers}{'www-authenticate'}, qr/^Bearer realm="[^"]*"$/m, 'but how to get one');
unlike($bare->{headers}{'www-authenticate'}, qr/error=/, 'and that is no error');
like($bare->{headers}{'odata-version'}, qr/^4/, 'with a version');
ok($bare->{json}{error}{code}, 'and an error of OData');
is($serve->get("/Property?access_token=$token")->{status}, 401, 'a token in the address is none');
is($serve->get($_)->{status}, 401, "$_ is not for nobody") for '/', '/$metadata', '/Nothing';

# ---- many at once: nobody gets what is another's ----

{
	my ($office, $office_secret) = consumer('Second Realty', 'idx', '{"offices": ["O3"]}');
	my $office_token;
	wait_until('a new consumer logs in', sub { defined($office_token = $serve->token($office, $office_secret)) }, 10);
	wait_until('and is known', sub { $serve->get('/Property/$count', token => $office_token)->{status} == 200 }, 10);
	my %of = (mine => [ $token, qr/^O[12]$/ ], his => [ $office_token, qr/^O3$/ ], all => [ $broker_token, qr/^O[123]$/ ]);
	my @running;
	for my $who (sort keys %of)
	{
		my @command = ('curl', '-sS', '-Z', '--parallel-max', 20, '-H', "Authorization: Bearer $of{$who}[0]", '-o', "$tmp/${who}_#1",
			$serve->{url} . '/Property?$select=ListOfficeKey&$top=30&$orderby=City&times=[1-300]');
		push @running, IPC::Run::start(\@command, '<', \undef, '>', \my $out, '2>', \my $err);
	}
	IPC::Run::finish($_) for @running;
	my ($answers, $foreign, %status) = (0, 0);
	for my $who (sort keys %of)
	{
		for my $file (glob "$tmp/${who}_*")
		{
			my $json = eval { decode_json(slurp_file($file)) } || {};
			$answers++ if $json->{value};
			$foreign += grep { $_->{ListOfficeKey} !~ $of{$who}[1] } @{ $json->{value} || [] };
			$status{ $json->{error}{code} }++ if $json->{error};
			unlink $file;
		}
	}
	is($foreign, 0, 'among many requests at once there is no foreign row');
	cmp_ok($answers, '>', 100, 'most of which were answered');
	is(join(' ', grep { $_ ne 'Busy' } keys %status), '', 'the rest are to come again');
	query(q{SELECT mls_consumer_remove('Second Realty')});
	wait_until('one who is removed is nobody', sub { $serve->get('/Property/$count', token => $office_token)->{status} == 401 }, 5);

	query(q{CREATE ROLE third; SELECT mls_audience('third', 'Office', '{OfficeName}'); SELECT mls_serve_grant('authenticator')});
	my ($late, $late_secret) = consumer('Late', 'third');
	my $late_token;
	wait_until('of an audience that is new', sub { defined($late_token = $serve->token($late, $late_secret)) }, 10);
	wait_until('it is served without a restart', sub { $serve->get('/Office?$top=1', token => $late_token)->{status} == 200 }, 10);
	is($serve->get('/Property', token => $late_token)->{status}, 404, 'what it is shown, and nothing else');
}

# ---- tokens that are not ours ----

my ($head, $body) = map { decode_json(decode_base64url($_)) } (split /\./, $token)[ 0, 1 ];
is($head->{alg}, 'HS256', 'the algorithm');
is($head->{kid}, 'old', 'and the key are named');
is($body->{iss}, 'https://api.example.com/odata', 'who gave it');
is_deeply($body->{offices}, [ 'O1', 'O2' ], 'and the claims, for who shares the key');

sub made
{
	my ($h, $b, $key, $mac) = @_;
	my $text = join '.', map { encode_base64url(encode_json($_)) } { %$head, %$h }, { %$body, %$b };
	return "$text." . encode_base64url(($mac || \&hmac_sha256)->($text, $key // 'o' x 40));
}

my $now = time;
my $fits = made({}, {});
is($serve->get('/Property/$count', token => $fits)->{body}, '30', 'made by hand with the key it fits');
my %bad = (
	'none' => made({ alg => 'none' }, {}) =~ s/[^.]*\z//r,
	'none, signed' => made({ alg => 'none' }, {}),
	'another algorithm' => made({ alg => 'HS512' }, {}, undef, \&hmac_sha512),
	'RS256 in name' => made({ alg => 'RS256' }, {}),
	'another key' => made({}, {}, 'x' x 40),
	'a key that there is not' => made({ kid => 'other' }, {}),
	'a key that is no name' => made({ kid => 7 }, {}),
	'critical extensions' => made({ crit => ['exp'] }, {}),
	'expired' => made({}, { exp => $now - 60 }),
	'without an end' => made({}, { exp => undef }),
	'an end that is no number' => made({}, { exp => 'never' }),
	'not valid yet' => made({}, { nbf => $now + 120 }),
	'made tomorrow' => made({}, { iat => $now + 86400 }),
	'for somebody else' => made({}, { aud => 'https://elsewhere.example.com' }),
	'for nobody' => made({}, { aud => undef }),
	'from elsewhere' => made({}, { iss => 'https://elsewhere.example.com' }),
	'a role that there is not' => made({}, { role => 'superman' }),
	'another consumer\'s role' => made({}, { role => 'broker' }),
	'the role that connects' => made({}, { role => 'authenticator' }),
	'the owner' => made({}, { role => 'postgres' }),
	'a client that there is not' => made({}, { client_id => 'nobody' }),
	'a client that is no text' => made({}, { client_id => 5 }),
	'four parts' => "$token.x",
	'two parts' => $token =~ s/\.[^.]*\z//r,
	'nothing' => 'x',
	'a padded signature' => "$token=",
	'another spelling of the signature' => $token =~ tr/_-/\/+/r . 'A',
	'a large one' => 'a' x 20_000,
);
my $database_asked = q{SELECT coalesce(sum(extract(epoch FROM state_change))::text, '') FROM pg_stat_activity WHERE application_name = 'mls_serve'};
my $before = query($database_asked);
for my $what (sort keys %bad)
{
	my $refused = $serve->get('/Property/$count', token => $bad{$what});
	is($refused->{status}, 401, "401: $what") or diag($refused->{body});
	like($refused->{headers}{'www-authenticate'} // '', qr/error="invalid_token"/, 'as an invalid token');
}
append_to_file("$tmp/megabyte", 'Authorization: Bearer ' . 'a' x 1_000_000);
# Who is still sending when the connection is closed may not hear why: newer curl does not.
like($serve->get('/Property', curl => [ '-H', "\@$tmp/megabyte" ])->{status}, qr/^(431|0)$/, 'one of a megabyte is not even read');
is($serve->get('/Property', token => 'a' x 60_000)->{status}, 401, 'nor a very large one');
is($serve->get('/Property', headers => { Authorization => 'Digest x' })->{status}, 401, 'other ways are none');
is($serve->get('/Property', token => $token, curl => [ '-H', "Authorization: Bearer $token" ])->{status}, 401, 'two tokens are none');
is(query($database_asked), $before, 'the database was not asked once');
{
	my $altered = 0;
	for my $i (grep { $_ % 7 == 0 } 0 .. length($token) - 1)
	{
		my $text = $token;
		substr($text, $i, 1) = substr($text, $i, 1) eq 'A' ? 'B' : 'A';
		$altered++ if $serve->get('/Property/$count', token => $text)->{status} != 401;
	}
	is($altered, 0, 'an altered token is none');
}

# ---- what is taken back ----

my $second = $serve->token($one, $secret);
$answer = $serve->get('/oauth/introspect', form => { token => $second }, user => "$one:$secret");
is($answer->{json}{active}, JSON::PP::true, 'a token is said to hold');
is($answer->{json}{sub}, 'First Realty', 'and whose it is');
is($serve->get('/oauth/introspect', form => { token => $second }, user => "$broker:$broker_secret")->{body}, '{"active":false}', 'to nobody else');
is($serve->get('/oauth/introspect', form => { token => 'x' }, user => "$one:$secret")->{body}, '{"active":false}', 'what is no token does not');
is($serve->get('/oauth/introspect', form => { token => $second })->{status}, 401, 'who asks says who he is');
is($serve->get('/oauth/revoke', form => { token => $second }, user => "$broker:$broker_secret")->{status}, 200, 'somebody else\'s revocation');
is($serve->get('/Property/$count', token => $second)->{status}, 200, 'changes nothing');
is($serve->get('/oauth/revoke', form => { token => 'x' }, user => "$one:$secret")->{status}, 200, 'what is unknown is revoked');
is($serve->get('/oauth/revoke', form => { token => $second }, user => "$one:$secret")->{status}, 200, 'so is one\'s own');
is($serve->get('/Property/$count', token => $second)->{status}, 401, 'which holds no more');
is($serve->get('/Property/$count', token => $token)->{status}, 200, 'others do');
is($serve->get('/oauth/introspect', form => { token => $second }, user => "$one:$secret")->{body}, '{"active":false}', 'and it is said so');
my $other = start_serve($node, %flags);
is($other->get('/Property/$count', token => $second)->{status}, 401, 'another process knows it as well');
my $third = $other->token($one, $secret);
is($serve->get('/Property/$count', token => $third)->{status}, 200, 'tokens are good for both');
$other->get('/oauth/revoke', form => { token => $third }, user => "$one:$secret");
wait_until('and so is what is taken back', sub { $serve->get('/Property/$count', token => $third)->{status} == 401 }, 5);
is($other->stop, 0, 'it ends');

query(q{SELECT mls_consumer_revoke('First Realty')});
wait_until('all tokens of a consumer are taken back', sub { $serve->get('/Property/$count', token => $token)->{status} == 401 }, 5);
is($serve->get('/Property/$count', token => $broker_token)->{status}, 200, 'not those of others');
$token = $serve->token($one, $secret);
is($serve->get('/Property/$count', token => $token)->{body}, '30', 'he gets a new one');
query(q{SELECT mls_consumer_alter('First Realty', claims => '{"offices": ["O3"]}')});
wait_until('what he may see changes', sub { ($serve->get('/Property/$count', user => "$one:$secret")->{body} // '') eq '30' && $serve->get('/Property?$top=1', user => "$one:$secret")->{body} =~ /"O3"/ }, 10);
is($serve->get('/Property/$count', token => $token)->{status}, 401, 'tokens from before are void');
query(q{SELECT mls_consumer_alter('First Realty', active => false)});
wait_until('one who is not served any more', sub { $serve->get('/Property/$count', user => "$one:$secret")->{status} == 401 }, 5);
is(oauth(form => \%good)->{status}, 401, 'gets no token');
query(q{SELECT mls_consumer_alter('First Realty', active => true)});
wait_until('until he is', sub { oauth(form => \%good)->{status} == 200 }, 10);

# ---- what a token is for ----

query(q{SELECT mls_audience('broker', 'Office', '{OfficeName}')});
my $broker_form = { grant_type => 'client_credentials', client_id => $broker, client_secret => $broker_secret };
sub scoped
{
	my ($scope, %more) = @_;
	return oauth(form => { %$broker_form, %more, defined $scope ? (scope => $scope) : () });
}
wait_until('a further resource', sub { $serve->get('/Office?$top=1', token => $serve->token($broker, $broker_secret))->{status} == 200 }, 10);
is(scoped()->{json}{scope}, 'api', 'a token is for all that its role reads');
is(scoped('api')->{json}{scope}, 'api', 'which has a name');
is(scoped('Office api')->{json}{scope}, 'api', 'that comes before others');
is(scoped('')->{json}{scope}, 'api', 'and may be left away');
is(scoped('odata')->{json}{scope}, 'api', 'or be what others call it');
is(scoped('Office Property  Office')->{json}{scope}, 'Office Property', 'or it is for some of it');
is_oauth_error(scoped($_), 400, 'invalid_scope', "\"$_\" is no scope") for 'Media', 'Office Media', 'office', 'openid', "Office\tProperty", 'api admin', 'Office"', ('Office ' x 3000) . 'x';
my $narrow_one = scoped('Office')->{json}{access_token};
is(decode_json(decode_base64url((split /\./, $narrow_one)[1]))->{scope}, 'Office', 'it says so');
is($serve->get('/oauth/introspect', form => { token => $narrow_one }, user => "$broker:$broker_secret")->{json}{scope}, 'Office', 'and so does introspection');
is($serve->get('/Office?$top=1', token => $narrow_one)->{status}, 200, 'what it is for is read');
is($serve->get('/$metadata', token => $narrow_one)->{status}, 200, 'the description is');
for my $outside ('/Property', '/Property?$top=0', '/Property/$count', "/Property('x')", "/Property('x')/City", '/Property/?$filter=City%20eq%20null')
{
	my $refused = $serve->get($outside, token => $narrow_one);
	is("$refused->{status} " . ($refused->{json} ? $refused->{json}{error}{code} : ''), '403 InsufficientScope', "$outside is not in its scope");
	like($refused->{headers}{'www-authenticate'} // '', qr/error="insufficient_scope", scope="Property"/, 'and it is said which would be');
	like($refused->{headers}{'odata-version'} // '', qr/^4/, 'as OData has it');
}
is($serve->get('/Nothing', token => $narrow_one)->{status}, 404, 'what is not there is not');
query(q{SELECT mls_consumer_alter('Broker', claims => '{"scope": "Property"}')});
wait_until('a consumer that may ask for less', sub { (scoped()->{json}{scope} // '') eq 'Property' }, 10);
is(scoped('api')->{json}{scope}, 'Property', 'gets no more');
is_oauth_error(scoped('Office'), 400, 'invalid_scope', 'nor anything else');
is($serve->get('/Property/$count', token => $serve->token($broker, $broker_secret))->{status}, 200, 'with its token it reads that');
is($serve->get('/Office', token => $serve->token($broker, $broker_secret))->{status}, 403, 'and nothing else');
# Known as soon as the program has heard of it, as all that is said to it by a notice.
wait_until('nor without one', sub { $serve->get('/Office', user => "$broker:$broker_secret")->{status} == 403 }, 10);
is($serve->get('/Office', token => made({}, { client_id => $broker, sub => 'Broker', role => 'broker', scope => 'api', ver => 4102444800000000 }))->{status}, 403, 'nor with one that says more');
is($serve->get('/Property', token => made({}, { scope => ['Property'] }))->{status}, 401, 'a scope that is no text');
my (undef, undef, $refusal) = $node->psql('postgres', q{SELECT mls_consumer_alter('Broker', claims => '{"scope": ["Property"]}')});
like($refusal, qr/the scope of a consumer is a text/, 'a scope is a text');
query(q{SELECT mls_consumer_alter('Broker', claims => '{}')});
wait_until('it may ask for all again', sub { (scoped()->{json}{scope} // '') eq 'api' }, 10);

# ---- new keys, new secrets ----

$token = $serve->token($one, $secret);
write_keys($new_key, $old_key);
$serve->signal('HUP');
wait_until('a new key signs', sub { my $t = $serve->token($one, $secret); $t && decode_json(decode_base64url((split /\./, $t)[0]))->{kid} eq 'new' }, 10);
is($serve->get('/Property/$count', token => $token)->{status}, 200, 'the old one is believed yet');
write_keys('broken');
$serve->signal('HUP');
wait_until('a file that is not right is said', sub { $serve->log_text =~ /keys stay as they were/ }, 10);
is($serve->get('/Property/$count', token => $token)->{status}, 200, 'and changes nothing');
write_keys($new_key);
$serve->signal('HUP');
wait_until('until it is taken away', sub { $serve->get('/Property/$count', token => $token)->{status} == 401 }, 10);
# From secrets to RSA and from one RSA key to the next, while requests go on.
is($serve->get('/.well-known/jwks.json')->{status}, 404, 'secrets have no public half');
sub rsa
{
	my ($name, @how) = @_;
	@how = ('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048') unless @how;
	system_or_bail('openssl', @how, '-quiet', '-out', "$tmp/$name.pem");
	return "$name\n" . slurp_file("$tmp/$name.pem");
}
my ($rsa_a, $rsa_b) = (rsa('rsa-a'), rsa('rsa-b'));
sub kids { my $json = $serve->get('/.well-known/jwks.json')->{json}; return join ' ', map { $_->{kid} } @{ $json ? $json->{keys} : [] } }
sub signer { my $t = $serve->token($one, $secret); return join ' ', @{ decode_json(decode_base64url((split /\./, $t)[0])) }{qw(alg kid)} }
my $hs_token = $serve->token($one, $secret);
my $storm = $serve->storm('/Property?$top=1', 2000, headers => { Authorization => "Bearer $hs_token" });
write_keys($new_key, $rsa_a);
$serve->signal('HUP');
wait_until('a public key is shown before it signs', sub { kids() eq 'rsa-a' }, 10);
is(signer(), 'HS256 new', 'the first key signs');
write_keys($rsa_a, $new_key);
$serve->signal('HUP');
wait_until('RSA signs', sub { signer() eq 'RS256 rsa-a' }, 10);
my $rs_token = $serve->token($one, $secret);
is($serve->get('/Property/$count', token => $rs_token)->{body}, '30', 'its tokens are taken');
is($serve->get('/Property/$count', token => $hs_token)->{body}, '30', 'and the others yet');
write_keys($rsa_a, $rsa_b, $new_key);
$serve->signal('HUP');
wait_until('the next is shown', sub { kids() eq 'rsa-a rsa-b' }, 10);
write_keys($rsa_b, $rsa_a, $new_key);
$serve->signal('HUP');
wait_until('and signs', sub { signer() eq 'RS256 rsa-b' }, 10);
is($serve->get('/Property/$count', token => $_)->{body}, '30', 'all that were given hold') for $rs_token, $hs_token, $serve->token($one, $secret);
my ($statuses, $wrong_ones) = $serve->storm_end($storm);
is(join(' ', %$statuses) . $wrong_ones, '200 2000', 'and no request failed meanwhile');
my $description = $serve->get('http://' . $serve->{place} . '/.well-known/oauth-authorization-server/odata');
is($description->{json}{jwks_uri}, 'https://api.example.com/odata/.well-known/jwks.json', 'the keys are where it says');
is_deeply($description->{json}{scopes_supported}, ['api'], 'scopes too');
is($serve->get('/.well-known/oauth-authorization-server')->{body}, $description->{body}, 'it is found behind the issuer as well');
is($serve->get('/.well-known/jwks.json', method => 'POST', body => '')->{status}, 405, 'it is only read');
is($serve->get('/.well-known/jwks.json')->{body}, $serve->get("http://$serve->{place}/.well-known/jwks.json$_")->{body}, "or before the path \"$_\"") for '', '/odata';
is($serve->get("http://$serve->{place}/.well-known/jwks.json$_")->{status}, 404, "nothing is at \"$_\"") for '/elsewhere', '/odat', '/odata/x', 'x';
unlike($serve->get('/.well-known/jwks.json')->{body}, qr/"(?:d|p|q|dp|dq|qi|k)"|new/, 'nothing of it is secret');
{
	# Whoever has the public half can see that a token is ours: by what openssl makes of it.
	my ($key) = grep { $_->{kid} eq 'rsa-b' } @{ $serve->get('/.well-known/jwks.json')->{json}{keys} };
	my ($modulus) = run_command([ 'openssl', 'rsa', '-in', "$tmp/rsa-b.pem", '-noout', '-modulus' ]);
	is('Modulus=' . uc unpack('H*', decode_base64url($key->{n})), $modulus, 'the modulus is told');
	is("$key->{kty} $key->{use} $key->{alg} $key->{e}", 'RSA sig RS256 AQAB', 'and the rest');
	system_or_bail('openssl', 'pkey', '-in', "$tmp/rsa-b.pem", '-pubout', '-out', "$tmp/rsa-b.pub");
	my ($signed, $mac) = $serve->token($one, $secret) =~ /^(.*)\.([^.]*)\z/;
	append_to_file("$tmp/signed", $signed);
	append_to_file("$tmp/mac", decode_base64url($mac));
	command_ok([ 'openssl', 'dgst', '-sha256', '-verify', "$tmp/rsa-b.pub", '-signature', "$tmp/mac", "$tmp/signed" ], 'and openssl believes the signature');
}
write_keys($rsa_b);
$serve->signal('HUP');
wait_until('a secret that is taken away', sub { $serve->get('/Property/$count', token => $hs_token)->{status} == 401 }, 10);
is($serve->get('/Property/$count', token => $rs_token)->{status}, 401, 'as a key that is');
# What is no key.
my $public = "pub\n" . slurp_file("$tmp/rsa-b.pub");
my $elliptic = rsa('ec', 'genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256');
my $short = rsa('short', 'genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024');
my $locked = rsa('locked', 'genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-aes256', '-pass', 'pass:open');
my %no_keys = (
	'a public key' => [ $public, qr/no private RSA key/ ],
	'an elliptic one' => [ $elliptic, qr/no private RSA key/ ],
	'a short one' => [ $short, qr/2048 to 4096 bits/ ],
	'one with a passphrase' => [ $locked, qr/no private RSA key/ ],
	'half of one' => [ substr($rsa_a, 0, 600), qr/does not end/ ],
	'a name alone' => [ 'alone', qr/below it an RSA key/ ],
	'a name before another' => [ "alone\n$old_key", qr/below it an RSA key/ ],
	'a name twice' => [ "$rsa_a\n$rsa_a", qr/one name/ ],
	'one that is long' => [ "long\n-----BEGIN PRIVATE KEY-----\n" . ('A' x 64 . "\n") x 400, qr/too long/ ]);
for my $what (sort keys %no_keys)
{
	my ($lines, $says) = @{ $no_keys{$what} };
	my $before_it = length $serve->log_text;
	write_keys($lines);
	$serve->signal('HUP');
	wait_until("$what is told", sub { substr($serve->log_text, $before_it) =~ /keys stay as they were/ }, 10);
	like(substr($serve->log_text, $before_it), $says, "$what is none");
	unlike(substr($serve->log_text, $before_it), qr/[A-Za-z0-9+\/]{40}/, 'and nothing of it is told');
}
is(signer(), 'RS256 rsa-b', 'the key is what it was');

my (undef, $rotated) = split /\|/, query(q{SELECT client_id, secret FROM mls_consumer_rotate('First Realty')});
isnt($serve->token($one, $rotated), undef, 'a new secret');
isnt($serve->token($one, $secret), undef, 'and the old one');
query(q{SELECT mls_consumer_rotate('First Realty', '0')});
is($serve->token($one, $secret), undef, 'until it ends');

# ---- how often ----

my ($few, $few_secret) = consumer('Few', 'broker', '{}', '{"per_second": 0.5, "burst": 3}');
my ($daily, $daily_secret) = consumer('Daily', 'broker', '{}', '{"per_day": 4}');
my ($narrow, $narrow_secret) = consumer('Narrow', 'broker', '{}', '{"concurrency": 1, "page_size": 7}');
my ($few_token, $daily_token, $narrow_token) = map { my $t; my ($id, $s) = @$_; wait_until('it may log in', sub { defined($t = $serve->token($id, $s)) }, 10); $t }
  [ $few, $few_secret ], [ $daily, $daily_secret ], [ $narrow, $narrow_secret ];
wait_until('the consumers are known', sub { $serve->get('/$metadata', token => $narrow_token)->{status} == 200 }, 10);
my @statuses = map { $serve->get('/Property?$top=1', token => $few_token) } 1 .. 6;
is(scalar(grep { $_->{status} == 200 } @statuses[ 0 .. 2 ]), 3, 'a burst is answered');
my ($refused) = grep { $_->{status} == 429 } @statuses;
ok($refused, 'then it is too many');
like($refused->{headers}{'retry-after'}, qr/^[12]$/, 'with the time to wait');
ok($refused->{json}{error}{code}, 'as an error of OData');
wait_until('after which it goes on', sub { $serve->get('/Property?$top=1', token => $few_token)->{status} == 200 }, 20);
@statuses = map { $serve->get('/Property?$top=1', token => $daily_token) } 1 .. 6;
is(join(' ', map { $_->{status} } @statuses), '200 200 200 200 429 429', 'four a day');
cmp_ok($statuses[5]{headers}{'retry-after'}, '<=', 86400, 'and then tomorrow');
is(scalar @{ $serve->get('/Property', token => $narrow_token)->{json}{value} }, 7, 'a consumer has pages of his own size');
{
	my $locker = $node->background_psql('postgres');
	$locker->query_safe('BEGIN; LOCK TABLE gold.property IN ACCESS EXCLUSIVE MODE');
	my $running = $serve->begin('/Property?$top=1', token => $narrow_token);
	wait_until('one runs', sub { $serve->metric('requests_in_flight') == 1 });
	is($serve->get('/Property?$top=1', token => $narrow_token)->{status}, 429, 'a second one at the same time is too many');
	$locker->query_safe('COMMIT');
	is($serve->finish($running)->{status}, 200, 'the first is answered');
	$locker->quit;
}

# ---- guessing ----

my @guesses = map { oauth(form => { grant_type => 'client_credentials', client_id => $broker, client_secret => "guess$_" }, headers => { 'X-Forwarded-For' => '10.9.9.9' }) } 1 .. 8;
is($guesses[0]{status}, 401, 'a guess is wrong');
my ($slow) = grep { $_->{status} == 429 } @guesses;
ok($slow, 'some of them later one has to wait');
like($slow->{headers}{'retry-after'}, qr/^\d+$/, 'so many seconds');
# Until the wait is longer than a slow machine takes for one request.
wait_until('the wait grows', sub { my $again = oauth(form => { grant_type => 'client_credentials', client_id => $broker, client_secret => 'guess' }, headers => { 'X-Forwarded-For' => '10.9.9.9' }); ($again->{headers}{'retry-after'} // 0) >= 7 }, 60);
is(oauth(form => { grant_type => 'client_credentials', client_id => $broker, client_secret => $broker_secret }, headers => { 'X-Forwarded-For' => '10.9.9.9' })->{status}, 429, 'even if it were right then');
is(oauth(form => { grant_type => 'client_credentials', client_id => $broker, client_secret => $broker_secret }, headers => { 'X-Forwarded-For' => '10.9.9.8' })->{status}, 200, 'from elsewhere the consumer is not kept out');

# ---- what is written down ----

is($serve->stop, 0, 'it ends');
is(query(q{SELECT count(*) > 20 FROM mls.serve_log WHERE consumer = 'First Realty' AND role = 'idx' AND status = 200 AND resource = 'Property'}), 't', 'who asked for what is written down');
is(query(q{SELECT count(*) FROM mls.serve_log WHERE status = 429}) > 3, 1, 'and what was refused');
for my $hidden ($secret, $token, $broker_secret, 'guess')
{
	is(query(qq{SELECT count(*) FROM mls.serve_log l WHERE position('$hidden' IN l::text) > 0}), 0, 'no secret stands there');
	unlike($serve->log_text, qr/\Q$hidden\E/, 'nor in the log');
}

$mls->stop;
$node->stop;
done_testing();
