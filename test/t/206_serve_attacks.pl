# mls_serve attacked: what a server before it let through (rows of other offices, SQL, personal
# data), what leaks beside the rows, tokens of pages that are forged, requests that are not well
# formed, connections that say nothing, two consumers at once, a database that goes away.
# With MLS_LONG=1 twenty times as many requests of two consumers.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use HTTP::Tiny;
use IO::Select;
use IO::Socket::INET;
use IPC::Run ();
use JSON::PP;
use MIME::Base64 qw(encode_base64url decode_base64url);
use MlsServe;
use MlsTest;
use PostgreSQL::Test::Utils;
use Socket qw(SHUT_WR);
use Symbol qw(gensym);
use Test::More;

need_serve();
my $node = new_node('serve_attacks', log_statement => 'none');
my $mls = start_mls(listings => 80);
create_source($node, $mls, 'east', schema_check_interval => 0);
my $tmp = $PostgreSQL::Test::Utils::tmp_check;

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

query(q{SELECT mls_subscribe(t::regclass) FROM unnest('{east.property,east.media,east.member,east.office,east.open_house}'::text[]) t});
is(query(q{SELECT count(*) FROM mls_sync() WHERE status <> 'finished'}), 0, 'synced');
query(q{
	CREATE ROLE office; CREATE ROLE idx; CREATE ROLE authenticator LOGIN NOINHERIT;
	ALTER TABLE gold.property ADD COLUMN IF NOT EXISTS "CoListOfficeKey" text, ADD COLUMN IF NOT EXISTS "PrivateRemarks" text;
	UPDATE gold.property SET "ListOfficeKey" = CASE WHEN "ListingKey" < 'LK00000041' THEN 'A' ELSE 'B' END, "CoListOfficeKey" = NULL,
		"InternetEntireListingDisplayYN" = "ListingKey" <> 'LK00000007', "InternetAddressDisplayYN" = "ListingKey" <> 'LK00000009', "StreetName" = 'Street ' || "ListingKey", "Latitude" = 30 + substr("ListingKey", 9, 2)::numeric / 100,
		"PrivateRemarks" = 'the key is under the mat', "City" = CASE WHEN "ListingKey" < 'LK00000041' THEN 'Town of A' ELSE 'Town of B' END, "ListPrice" = substr("ListingKey", 9, 2)::numeric * 1000,
		"Appliances" = ARRAY['Only of ' || CASE WHEN "ListingKey" < 'LK00000041' THEN 'A' ELSE 'B' END];
	UPDATE gold.member SET "OfficeKey" = CASE WHEN "MemberKey" < 'M000003' THEN 'A' ELSE 'B' END;
	INSERT INTO gold.office ("OfficeKey", "OfficeName", mls_source, mls_origin, mls_source_key) SELECT k, 'Office ' || k, 'east', 'Office', k FROM unnest('{A,B}'::text[]) k;
	DELETE FROM gold.media WHERE "ResourceName" = 'Property' AND "ResourceRecordKey" < 'LK00000008';
	INSERT INTO gold.media ("MediaKey", "ResourceRecordKey", "ResourceName", mls_source, mls_origin, mls_source_key)
	SELECT 'm-' || "ListingKey", "ListingKey", 'Property', 'east', 'Media', 'm-' || "ListingKey" FROM gold.property;
	SELECT mls_protect(l::regrole, l, r) FROM unnest('{idx,office}'::text[]) l, unnest('{Office,Property,Member,OpenHouse,Media}'::text[]) r;
	SELECT mls_serve_grant('authenticator')});
append_to_file("$tmp/keys", 'k1 ' . 'k' x 40 . "\n");
chmod 0600, "$tmp/keys";
my @with = (jwt_secret_file => "$tmp/keys", admin => '127.0.0.1:0', trusted_proxies => '127.0.0.1', max_connections => 3000, threads => 4, public_url => 'https://api.example.com/odata');
my %token;
my @consumers = map { my ($name, $role, $claims) = @$_; [ $name, split /\|/, query("SELECT client_id, secret FROM mls_consumer_add('$name', '$role', '$claims')") ] }
  [ 'A', 'office', '{"sources": ["east"], "offices": ["A"]}' ], [ 'B', 'office', '{"sources": ["east"], "offices": ["B"]}' ],
  [ 'all', 'idx', '{"sources": ["east"]}' ], [ 'none', 'office', '{"sources": ["east"], "offices": []}' ], [ 'no claims', 'office', '{}' ];
my $serve = start_serve($node, @with);
$token{ $_->[0] } = $serve->token($_->[1], $_->[2]) for @consumers;
is(scalar(grep { defined } values %token), 5, 'all have tokens');

# What comes to a request, over a connection that is kept; of headers those of curl's answers.
my $http = HTTP::Tiny->new(keep_alive => 1, max_redirect => 0, timeout => 120);

sub ask
{
	my ($url, $token, %how) = @_;
	my $got = $http->request($how{method} || 'GET', $url, { headers => { %{ $how{headers} || {} }, Authorization => "Bearer $token" } });
	return { status => $got->{status}, headers => $got->{headers}, body => $got->{content}, json => eval { decode_json($got->{content}) } };
}

# What a consumer is answered; the path and the values of options are encoded here.
sub as
{
	my ($who, $target, %how) = @_;
	my ($path, $options) = split /\?/, $target, 2;
	$path = filter_url($path);
	$options = join '&', map { my ($name, $value) = split /=/, $_, 2; filter_url($name) . (defined $value ? '=' . filter_url($value) : '') } split /&/, $options if defined $options;
	return ask($serve->{url} . $path . (defined $options ? "?$options" : ''), $token{$who}, %how);
}

# All of a text but letters and digits encoded.
sub encoded
{
	my ($text) = @_;
	utf8::encode($text);
	return $text =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ger;
}

# A target that is encoded.
sub at
{
	my ($who, $target, %how) = @_;
	return ask($serve->{url} . $target, $token{$who}, %how);
}

sub told
{
	my $answer = as(@_);
	return "$answer->{status} $answer->{body}";
}

# ---- rows of others (S1), nothing without claims (S2) ----

is(as('A', '/Property/$count')->{body}, 41, 'an office counts its own listings') or diag(query('SELECT count(*), min("ListingKey") FROM gold.property WHERE "ListOfficeKey" = \'A\''));
is(as('B', '/Property/$count')->{body}, 39, 'and another its own');
for my $filter (q{1 eq 1) or (1 eq 1}, q{ListingKey eq 'x') or (1 eq 1}, q{ListingKey eq 'x' or 1 eq 1}, q{not (ListOfficeKey eq 'A')}, q{ListOfficeKey ne 'A'}, q{true}, q{ListOfficeKey eq 'B' or true}, q{ListOfficeKey in ('A','B')}, q{Media/any()}, q{contains(ListOfficeKey,'')},
	q{ListingKey eq '' UNION SELECT secret FROM mls.consumer_secret --'}, q{ListOffice/OfficeKey eq 'B'}, q{ListOffice/OfficeKey ne null})
{
	my $answer = as('A', "/Property?\$select=ListingKey,ListOfficeKey&\$filter=$filter");
	ok($answer->{status} == 400 || $answer->{status} == 200 && $answer->{body} !~ /"ListOfficeKey":"(?!A")/, "no rows of others: $filter") or diag("$answer->{status} $answer->{body}");
}
for my $who ('none', 'no claims')
{
	is(as($who, "/$_/\$count")->{body}, 0, "who has no offices ($who) sees no $_") for qw(Property Media Member Office OpenHouse);
	unlike(as($who, '/Lookup?$filter=LookupName eq \'Appliances\'')->{body}, qr/Only of/, 'nor their values');
}

# What is hidden is as what is not there: by key, property, navigation, filter and count.
for my $path ("/Property('KEY')", "/Property(ListingKey='KEY')", "/Property('KEY')/City", "/Property('KEY')/City/\$value", "/Property('KEY')/Media", "/Property('KEY')/Media/\$count", "/Property('KEY')/ListAgent", "/Property('KEY')/OpenHouses", "/Property('KEY')?\$expand=Media",
	"/Property?\$filter=ListingKey eq 'KEY'&\$count=true", "/Property?\$filter=ListingKey in ('KEY')&\$count=true", "/Property/\$count?\$filter=ListingKey eq 'KEY'", "/Media/\$count?\$filter=ResourceRecordKey eq 'KEY'", "/Media('m-KEY')", "/Media?\$filter=startswith(MediaKey,'m-KEY')&\$count=true",
	"/OpenHouse/\$count?\$filter=ListingKey eq 'KEY'")
{
	is(told('A', $path =~ s/KEY/LK00000050/gr), told('A', $path =~ s/KEY/LK99999950/gr), "the listing of another office: $path");
	is(told('all', $path =~ s/KEY/LK00000007/gr), told('all', $path =~ s/KEY/LK99999907/gr), "a listing that is shown nowhere: $path");
}
is(as('A', '/Office?$count=true&$top=0')->{json}{'@odata.count'}, 1, 'offices are its own');
unlike(as('A', '/Property?$expand=Media,ListOffice,ListAgent,OpenHouses&$select=ListingKey')->{body}, qr/LK000000[4-9][1-9]|"OfficeKey":"B"/, 'nor is more expanded');
is(as('A', '/Property?$filter=Media/$count gt 0&$count=true&$top=0')->{json}{'@odata.count'}, as('A', '/Property?$filter=Media/any()&$count=true&$top=0')->{json}{'@odata.count'}, 'counts of what is expanded agree');
unlike(as('A', '/Lookup?$filter=LookupName eq \'Appliances\'')->{body}, qr/Only of B/, 'values of others are not told');
like(as('B', '/Lookup?$filter=LookupName eq \'Appliances\'')->{body}, qr/Only of B/, 'whose they are sees them');

# ---- fields that are withheld or masked (S11) ----

for my $hidden (qw(PrivateRemarks mls_source mls_origin ctid tableoid))
{
	for my $options ("\$filter=FIELD eq 'x'", '$filter=FIELD ne null', "\$filter=contains(FIELD,'key')", '$orderby=FIELD', '$orderby=City,FIELD desc', '$select=FIELD', '$expand=FIELD', '$filter=Media/any(m:m/FIELD eq null)', '$filter=ListAgent/FIELD eq null', '$expand=Media($filter=FIELD ne null)', '$expand=Media($select=FIELD)', '$filter=length(FIELD) gt 3')
	{
		my $answer = as('A', '/Property?' . $options =~ s/FIELD/$hidden/r);
		my $unknown = as('A', '/Property?' . $options =~ s/FIELD/Nothingatall/r);
		is("$answer->{status} $answer->{body}", "$unknown->{status} $unknown->{body}" =~ s/Nothingatall/$hidden/gr, "a withheld field is as one that is not there: $hidden, $options");
		is($answer->{status}, 400, 'and malformed');
	}
	is(as('A', "/Property('LK00000001')/$hidden")->{status}, 404, "nor has it an address: $hidden");
}
for my $document ('$metadata', '$metadata?$format=json', '', "Field?\$filter=contains(FieldName,'emark') or contains(FieldName,'mls_')")
{
	unlike(as('A', "/$document")->{body}, qr/PrivateRemarks|mls_|consumer|silver|bronze|gold/, "nor is it told of: /$document");
}
for my $filter (q{StreetName eq 'Street LK00000009'}, q{endswith(StreetName,'00000009')}, q{Latitude eq 30.09}, q{Latitude gt 30.085 and Latitude lt 30.095}, q{tolower(StreetName) eq 'street lk00000009'}, q{indexof(StreetName,'LK00000009') ge 0})
{
	is(as('all', "/Property?\$filter=$filter&\$count=true&\$top=0")->{json}{'@odata.count'}, 0, "a masked address is not found: $filter");
}
is_deeply(as('all', '/Property?$orderby=StreetName&$top=1&$select=StreetName')->{json}{value}[0]{StreetName}, undef, 'it is ordered as what is not there');

# ---- SQL (S1, S3, S4, S9) ----

query(q{ALTER ROLE authenticator SET log_statement = 'all'});
$serve->stop;
my $offset = -s $node->logfile;
$serve = start_serve($node, @with);
my @texts = ("' OR 1=1--", "'; DROP TABLE gold.property; --", "O'Fallon", 'Trinidad and Tobago', 'a eq b', '%', '_', '\\', "\\'", '$1', '$$', '"; --', '*/', '/*', "x' UNION SELECT 1", "\x{1F3E0}", "\x{fffd}", '&', '+', '#', "\t", "\r\n", "\x01", 'a' x 20_000, "''''", '); ROLLBACK; SET ROLE postgres; --', "E'\\x27'", "U&'\\0027'", 'pg_sleep(9)');
for my $text (@texts)
{
	my $quoted = $text =~ s/'/''/gr;
	my $name = substr($text, 0, 30) =~ s/([^ -~])/sprintf '{%x}', ord $1/ger;
	for my $filter ("City eq '$quoted'", "contains(City,'$quoted')", "startswith(City,'$quoted') or endswith(City,'$quoted')", "Appliances/any(x:x eq '$quoted')", "City in ('$quoted','$quoted')", "indexof(City,'$quoted') eq 3", "Media/any(m:m/MediaKey eq '$quoted')")
	{
		my $answer = at('A', '/Property?$select=City&$top=2&$filter=' . encoded($filter));
		is($answer->{status}, 200, "a text is a text: $name") or diag("$filter: $answer->{body}");
		is(scalar @{ $answer->{json}{value} || [] }, 0, 'which nothing has');
	}
	my %outcome;
	for my $target ("/Property('TEXT')", "/Property(ListingKey='TEXT')/Media", '/Property(TEXT)', '/TEXT', '/Property/TEXT', map { "/Property?$_" } 'TEXT=1', map { "\$$_=TEXT" } qw(orderby select expand filter top skip count skiptoken search format apply))
	{
		my $answer = at('A', $target =~ s/TEXT/encoded($target =~ m{'TEXT'} ? $quoted : $text)/er);
		$outcome{"$target: $answer->{status}"}++ unless $answer->{status} =~ /^(?:40[046]|413|414|501)$/ || $target =~ /TEXT=1/ && $answer->{status} == 200 || $target =~ /orderby/ && $text eq "''''";
		$outcome{"$target: $answer->{body}"}++ if $answer->{body} =~ /SELECT "|LINE \d|relation|syntax error at or near|pg_(?!sleep)|HINT/;
	}
	is(join('; ', sort keys %outcome), '', "as an option, a key, a path it is refused: $name");
}
{
	my $log = slurp_file($node->logfile, $offset);
	unlike($log, qr/(?:statement|execute [^:]*): [^\n]*(?:DROP TABLE|UNION SELECT|Trinidad|O'Fallon|pg_sleep|1=1)/, 'no text of a client is SQL');
	like($log, qr/execute [^:]*: [^\n]*SELECT/, 'SQL is what stands in the log');
	unlike($log, qr/ERROR: [^\n]*(?:syntax|unterminated|does not exist)/, 'and is well formed');
}
query(q{ALTER ROLE authenticator RESET log_statement});

for my $filter ('(' x 200 . 'true' . ')' x 200, 'not ' x 300 . 'CarportYN', '-' x 300 . '1 eq 1', join(' or ', ("City eq 'x'") x 500), 'City in (' . join(',', ("'x'") x 5000) . ')', q{City eq '} . 'a' x 60_000 . q{'}, 'ListPrice eq 1' . '0' x 3000, 'ListPrice gt 1e400', 'ListPrice div 0 gt 1', 'BedroomsTotal mod 0 eq 1',
	'BedroomsTotal mul 9223372036854775807 gt 1', 'BedroomsTotal add 9223372036854775807 gt 1', 'ModificationTimestamp gt 9999-12-31T23:59:59.999999999999Z', 'ModificationTimestamp gt 2024-02-30T00:00:00Z', 'ModificationTimestamp gt 2024-01-01T00:00:00Z', q{City eq 'a%00b'}, "City eq '\xff'", 'Media/any(a:' x 40 . 'true' . ')' x 40, 'round(ListPrice mul 1e200) gt 1', 'substring(City,-2147483648) eq null', 'substring(City,2147483647,2147483647) eq null')
{
	my $encoded = join '', map { /[A-Za-z0-9%(),':.-]/ ? $_ : sprintf '%%%02X', ord } split //, $filter;
	my $answer = at('A', "/Property?\$select=City&\$top=1&\$filter=$encoded");
	# A query may take its time, and is ended then, on a machine that is busy sooner.
	my $outcome = $answer->{status} . ($answer->{status} == 503 ? " $answer->{json}{error}{code}" : '');
	like($outcome, qr/^(?:200|400|413|414|503 QueryTimeout)$/, 'answered, refused or ended: ' . substr($filter, 0, 60)) or diag($answer->{body});
	ok($answer->{json}, 'in JSON') or diag($answer->{body});
	like($answer->{json}{error}{target} // '', qr/^(?:\$|query$)/, 'with the option that is wrong') or diag($answer->{body}) if $answer->{status} == 400;
}
# What only the data shows to be wrong names its option too.
for my $wrong ([ '$filter', '$filter=1 div (ListPrice sub ListPrice) eq 1' ], [ '$filter', '$filter=ListPrice divby 0 gt 1&$orderby=City' ], [ '$orderby', '$orderby=1 div (ListPrice sub ListPrice)' ],
	[ '$expand', '$expand=Media($filter=1 div (Order sub Order) eq 1 or Order eq null)&$top=80' ])
{
	my ($target, $options) = @$wrong;
	my $answer = as('A', "/Property?\$select=City&$options");
	is("$answer->{status} " . ($answer->{json}{error}{target} // $answer->{json}{error}{code} // ''), "400 $target", "$options names $target") or diag($answer->{body});
}

# ---- tokens of pages ----

sub checksum
{
	my ($bytes) = @_;
	use integer;
	my $hash = -3750763034362895579;    # 14695981039346656037
	$hash = ($hash ^ $_) * 1099511628211 for unpack('C*', $bytes), 0;
	return sprintf '%016x', $hash;
}

sub next_of
{
	my ($answer) = @_;
	my $link = $answer->{json}{'@odata.nextLink'};
	return defined $link ? $link =~ s{^\Q$serve->{root}\E}{/}r : undef;
}

{
	my $of_b = next_of(as('B', '/Property?$select=ListingKey,ListOfficeKey&$orderby=ListPrice&$count=true', headers => { Prefer => 'odata.maxpagesize=3' }));
	my ($page) = $of_b =~ /\$skiptoken=([^&]+)/;
	my $opened = at('A', $of_b);
	unlike($opened->{body}, qr/"ListOfficeKey":"B"/, 'the page of another shows one\'s own rows');
	is($opened->{status}, 200, 'if any');
	my ($body, $sum) = decode_base64url($page) =~ /^(.*);([0-9a-f]{16})$/s;
	is(checksum($body), $sum, 'such a token can be made by anybody');
	my @field = split /;/, $body;
	my %forged = (page => [ 4, 1_000_000 ], left => [ 2, 1_000_000 ], total => [ 3, '9223372036854775807' ], 'no time' => [ 5, -5 ], 'another request' => [ 1, '0' x 16 ], version => [ 0, 9 ], 'a text for a number' => [ 6, '3:abc3:abc' ], 'SQL' => [ 6, "8:1)or(1=13:abc" ], nulls => [ 6, '--' ], longer => [ 6, '99:1' ], 'less than nothing' => [ 6, '-5:1' ], 'too many' => [ 6, '1:11:11:1' ], 'a byte' => [ 6, "1:\xff1:1" ], 'a large number' => [ 4, '99999999999999999999' ]);
	for my $what (sort keys %forged)
	{
		my @parts = @field;
		$parts[ $forged{$what}[0] ] = $forged{$what}[1];
		my $text = join ';', @parts;
		my $link = $of_b =~ s/\Q$page\E/encode_base64url("$text;" . checksum($text))/er;
		my $answer = at('A', $link);
		like($answer->{status}, qr/^(?:200|400|410)$/, "a forged token: $what") or diag($answer->{body});
		is($answer->{json}{error}{target}, '$skiptoken', 'by name of what is wrong') if $answer->{status} == 400;
		unlike($answer->{body}, qr/"ListOfficeKey":"(?!A")/, 'shows nothing of others');
	}
	my $no_more = start_serve($node, @with, max_page_size => 5, anonymous => 'idx');
	$field[4] = 1_000_000;
	my $text = join ';', @field;
	my $many = $no_more->get($of_b =~ s/\Q$page\E/encode_base64url("$text;" . checksum($text))/er, token => $token{A});
	cmp_ok(scalar @{ $many->{json}{value} || [] }, '<=', 5, 'nor larger pages than there are');
	is($no_more->stop, 0, 'it ends');
	my %altered;
	for my $i (0 .. length($page) - 1)
	{
		my $link = $of_b;
		my $other = $page;
		substr($other, $i, 1) = substr($page, $i, 1) eq 'A' ? 'Q' : 'A';
		$altered{ at('B', $link =~ s/\Q$page\E/$other/r)->{status} }++;
	}
	is(join(' ', grep { !/^(?:400|410)$/ } keys %altered), '', 'altered in whatever byte it is none');
	my $other = $of_b =~ s/ListPrice/City/r;
	is(at('B', $other)->{status}, 400, 'nor is it one of another request');
}

# ---- tokens that take one key for another ----

# A program that believes a secret and an RSA key: the public half is known to everybody.
{
	system_or_bail('openssl', 'genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-quiet', '-out', "$tmp/$_.pem") for qw(ours theirs);
	my ($public) = run_command([ 'openssl', 'pkey', '-in', "$tmp/ours.pem", '-pubout' ]);
	append_to_file("$tmp/both", "rs\n" . slurp_file("$tmp/ours.pem") . slurp_file("$tmp/keys"));
	chmod 0600, "$tmp/both";
	my $both = start_serve($node, @with, jwt_secret_file => "$tmp/both");
	my $own = $both->token(@{ $consumers[0] }[ 1, 2 ]);
	my ($head, $body) = map { decode_json(decode_base64url($_)) } (split /\./, $own)[ 0, 1 ];
	is("$head->{alg} $head->{kid}", 'RS256 rs', 'a token by RSA');
	my $made = sub {
		my ($h, $b, $sign) = @_;
		my %all = (%$head, %$h);
		delete $all{$_} for grep { !defined $all{$_} } keys %all;
		my $text = join '.', map { encode_base64url(encode_json($_)) } \%all, { %$body, %$b };
		return "$text." . encode_base64url($sign->($text));
	};
	my $mac = sub { my ($key) = @_; return sub { hmac_sha256($_[0], $key) } };
	my $rsa = sub {
		my ($pem, @how) = @_;
		return sub {
			unlink "$tmp/to_sign", "$tmp/signature";
			append_to_file("$tmp/to_sign", $_[0]);
			system_or_bail('openssl', 'dgst', @how ? @how : '-sha256', '-sign', "$tmp/$pem.pem", '-out', "$tmp/signature", "$tmp/to_sign");
			return slurp_file("$tmp/signature");
		};
	};
	my $count = sub { my $answer = ask("$both->{url}/Property/\$count", $_[0]); return "$answer->{status} " . ($answer->{status} == 200 ? $answer->{body} : '') };
	is($count->($made->({}, {}, $rsa->('ours'))), '200 41', 'made by hand it fits');
	is($count->($made->({ kid => undef }, {}, $rsa->('ours'))), '200 41', 'without the name of the key too');
	is($count->($made->({ alg => 'HS256', kid => 'k1' }, {}, $mac->('k' x 40))), '200 41', 'so does one by the secret');
	is($count->($made->({ alg => 'HS256', kid => undef }, {}, $mac->('k' x 40))), '200 41', 'without the name too');
	my ($one_line) = $public =~ s/-----[^-]+-----|\s//gr;
	my ($jwk) = grep { $_->{kid} eq 'rs' } @{ $both->get('/.well-known/jwks.json')->{json}{keys} };
	my %keys = (pem => "$public\n", 'pem without its last line end' => $public, base64 => $one_line, der => MIME::Base64::decode_base64($one_line), modulus => decode_base64url($jwk->{n}), n => $jwk->{n}, jwk => encode_json($jwk), nothing => '', 'its name' => 'rs');
	my %bad;
	for my $what (keys %keys)
	{
		for my $kid ('rs', 'k1', undef)
		{
			$bad{"HMAC by the public key ($what), kid " . ($kid // 'none')} = $made->({ alg => 'HS256', kid => $kid }, {}, $mac->($keys{$what}));
		}
	}
	$bad{"$_ in name, the other by key"} = $made->({ alg => $_, kid => 'rs' }, {}, $mac->('k' x 40)) for qw(HS256 RS256);
	$bad{'RSA under the name of the secret'} = $made->({ kid => 'k1' }, {}, $rsa->('ours'));
	$bad{'RSA that says HS256'} = $made->({ alg => 'HS256' }, {}, $rsa->('ours'));
	$bad{'none under the name of the RSA key'} = $made->({ alg => $_ }, {}, sub { '' }) for 'none', 'None', 'NONE', '';
	$bad{'without an algorithm'} = $made->({ alg => undef }, {}, $rsa->('ours'));
	$bad{"$_ by our RSA key"} = $made->({ alg => "RS$_" }, {}, $rsa->('ours', "-sha$_")) for 384, 512;
	$bad{'SHA-512 as RS256'} = $made->({}, {}, $rsa->('ours', '-sha512'));
	$bad{'SHA-1 as RS256'} = $made->({}, {}, $rsa->('ours', '-sha1'));
	$bad{'PSS as RS256'} = $made->({}, {}, $rsa->('ours', '-sha256', '-sigopt', 'rsa_padding_mode:pss'));
	$bad{'PS256'} = $made->({ alg => 'PS256' }, {}, $rsa->('ours', '-sha256', '-sigopt', 'rsa_padding_mode:pss'));
	$bad{'another RSA key'} = $made->({}, {}, $rsa->('theirs'));
	my ($modulus) = run_command([ 'openssl', 'rsa', '-in', "$tmp/theirs.pem", '-noout', '-modulus' ]);
	my %brought = (kty => 'RSA', kid => 'rs', e => 'AQAB', n => encode_base64url(pack 'H*', $modulus =~ s/.*=//r));
	$bad{"another RSA key, brought along as $_->[0]"} = $made->({ $_->[0] => $_->[1], kid => $_->[2] }, {}, $rsa->('theirs'))
	  for [ jwk => \%brought, 'rs' ], [ jwk => \%brought, undef ], [ jku => 'https://evil.example.com/jwks.json', 'theirs' ], [ x5u => 'https://evil.example.com/', undef ], [ kid => 'rs', '../../dev/null' ], [ x5c => [$one_line], undef ];
	$bad{"the signature $_->[0]"} = do { my ($text, $s) = $own =~ /^(.*\.)([^.]*)\z/; $text . encode_base64url($_->[1]->(decode_base64url($s))) }
	  for [ 'with a zero before it', sub { "\0$_[0]" } ], [ 'with one behind it', sub { "$_[0]\0" } ], [ 'of zeros', sub { "\0" x 256 } ], [ 'of ones', sub { "\xff" x 256 } ], [ 'cut short', sub { substr $_[0], 0, 255 } ], [ 'that is long', sub { $_[0] x 2 } ], [ 'of one', sub { "\0" x 255 . "\1" } ];
	is($count->($bad{$_}), '401 ', "401: $_") for sort keys %bad;
	is($count->($own), '200 41', 'and ours is ours yet');

	# A scope narrows by every way to a resource, whatever a token says besides.
	my $narrow = $both->get('/oauth/token', form => { grant_type => 'client_credentials', client_id => $consumers[0][1], client_secret => $consumers[0][2], scope => 'Property' })->{json}{access_token};
	is($count->($narrow), '200 41', 'a token for one resource');
	for my $target ('/Media', '/Media/$count', '/Property?$expand=Media', '/Property?$expand=Media($top=0)', '/Property?$expand=Media/$count', '/Property?$expand=Media($count=true;$top=0)', '/Property?$expand=*', '/Property?$expand=ListAgent($expand=Office)', '/Property?$filter=Media/any()',
		'/Property?$filter=not Media/any(m:m/Order eq 1)', '/Property?$filter=Media/$count gt 1', '/Property?$filter=ListAgent/MemberFullName eq null', '/Property?$filter=ListOffice ne null', '/Property?$orderby=Media/$count', '/Property?$orderby=ListAgent/MemberFullName desc', "/Property('LK00000001')/Media",
		"/Property('LK00000001')/Media/\$count", "/Property('LK00000001')/ListAgent", "/Property('LK00000001')/ListAgent/MemberFullName", "/Property('LK00000001')?\$expand=Media", '/Property/$count?$filter=Media/any()', '/Lookup', '/Field', "/Property?\$filter=Media/any(p:p/MediaKey eq 'm-LK00000050')", '/OpenHouse', '/Member?$top=0')
	{
		my ($path, $options) = split /\?/, $target, 2;
		my $answer = ask($both->{url} . filter_url($path) . (defined $options ? '?' . join('&', map { my ($n, $v) = split /=/, $_, 2; "$n=" . filter_url($v) } split /&/, $options) : ''), $narrow);
		is("$answer->{status} " . ($answer->{json} ? $answer->{json}{error}{code} // 'rows' : ''), '403 InsufficientScope', "not in its scope: $target") or diag($answer->{body});
	}
	is($both->stop, 0, 'it ends');
}

# ---- what else differs ----

{
	my ($first, $second) = map { as($_, '/Property?$top=0') } 'A', 'B';
	is($first->{headers}{vary} =~ /Authorization/ && $first->{headers}{'cache-control'}, 'private, no-cache', 'no cache mixes up who asked');
	my $tag = as('A', "/Property('LK00000001')?\$select=City")->{headers}{etag};
	query(q{UPDATE gold.property SET "PrivateRemarks" = 'moved' WHERE "ListingKey" = 'LK00000001'});
	is(as('A', "/Property('LK00000001')?\$select=City")->{headers}{etag}, $tag, 'a tag does not move with what is hidden');
	is(as('A', "/Property('LK00000001')?\$select=City", headers => { 'If-None-Match' => $tag })->{status}, 304, 'and is known');
	is(as('B', "/Property('LK00000001')?\$select=City", headers => { 'If-None-Match' => $tag })->{status}, 404, 'but not to who does not see the record');
	is(as('B', "/Property('LK00000001')?\$select=City", headers => { 'If-None-Match' => '*' })->{status}, 404, 'whatever he says');
	is(as('A', '/Property?$top=1', headers => { $_ => "evil.example.com" })->{body}, as('A', '/Property?$top=1')->{body}, "$_ changes nothing") for qw(X-Forwarded-Host Forwarded X-Original-URL X-HTTP-Method-Override X-Forwarded-For);
	is(as('A', '/Property/$count', headers => { 'X-Role' => 'postgres', Cookie => 'role=postgres', 'Accept-Profile' => 'gold' })->{body}, 41, 'nor do others');
	is(as('A', '/Property/$count', method => $_)->{status}, 405, "$_ is not offered") for qw(PUT PATCH DELETE POST TRACE);
}

# ---- requests that are not well formed ----

my ($host, $port) = split /:/, $serve->{place};

sub connection
{
	return IO::Socket::INET->new(PeerHost => $host, PeerPort => $port, Timeout => 60) || die "no connection: $!";
}

# What comes back for these bytes, until the other side closes.
sub raw
{
	my ($bytes, $half) = @_;
	my $socket = connection();
	syswrite $socket, $bytes;
	shutdown $socket, SHUT_WR if $half;
	my $out = '';
	my $until = time + 60;
	while (time < $until && IO::Select->new($socket)->can_read(10))
	{
		my $n = sysread $socket, $out, 65536, length $out;
		last unless $n;
	}
	return $out;
}

my $who = "Authorization: Bearer $token{A}\r\n";
my $close = "Connection: close\r\n";
my $smuggled = "GET /odata/Member/\$count HTTP/1.1\r\nHost: x\r\n$who$close\r\n";
my $form = "Content-Type: application/x-www-form-urlencoded\r\n";
my %malformed = (
	'a length and an encoding' => "POST /odata/oauth/token HTTP/1.1\r\nHost: x\r\n${form}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n$smuggled",
	'the other way around' => "POST /odata/oauth/token HTTP/1.1\r\nHost: x\r\n${form}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n$smuggled",
	'two lengths' => "GET /odata/Property/\$count HTTP/1.1\r\nHost: x\r\n${who}Content-Length: 0\r\nContent-Length: 60\r\n\r\n$smuggled",
	'two lengths, a list' => "GET /odata/Property/\$count HTTP/1.1\r\nHost: x\r\n${who}Content-Length: 0, 60\r\n\r\n$smuggled",
	'a length below nothing' => "GET /odata/Property/\$count HTTP/1.1\r\nHost: x\r\n${who}Content-Length: -1\r\n\r\n$smuggled",
	'an encoding that there is not' => "POST /odata/oauth/token HTTP/1.1\r\nHost: x\r\n${form}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n$smuggled",
	'two encodings' => "POST /odata/oauth/token HTTP/1.1\r\nHost: x\r\n${form}Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n$smuggled",
	'a blank before the colon' => "POST /odata/oauth/token HTTP/1.1\r\nHost: x\r\n${form}Content-Length : 60\r\n\r\n$smuggled",
	'two hosts' => "GET /odata/Property/\$count HTTP/1.1\r\nHost: x\r\nHost: y\r\n$who\r\n$smuggled",
	'no host' => "GET /odata/Property/\$count HTTP/1.1\r\n$who\r\n$smuggled",
	'a chunk that is none' => "POST /odata/oauth/token HTTP/1.1\r\nHost: x\r\n${form}Transfer-Encoding: chunked\r\n\r\nZZ\r\n$smuggled",
	'a chunk beyond numbers' => "POST /odata/oauth/token HTTP/1.1\r\nHost: x\r\n${form}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n$smuggled",
	'no address' => "GET\r\n\r\n$smuggled",
	'another protocol' => "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n$smuggled",
	'HTTP/2' => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n$smuggled",
	'headers without end' => "GET /odata/Property/\$count HTTP/1.1\r\nHost: x\r\n" . join('', map { "X-$_: y\r\n" } 1 .. 30_000) . "\r\n$smuggled",
	'a token of a megabyte' => "GET /odata/Property/\$count HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " . 'a' x 1_000_000 . "\r\n\r\n$smuggled",
	'an address of a megabyte' => "GET /odata/Property?\$filter=" . 'a' x 1_000_000 . " HTTP/1.1\r\nHost: x\r\n\r\n$smuggled",
	'a body of a megabyte' => "POST /odata/oauth/token HTTP/1.1\r\nHost: x\r\n${form}Content-Length: 1000000\r\n\r\n" . 'a' x 1_000_000 . $smuggled);
$SIG{PIPE} = 'IGNORE';
for my $what (sort keys %malformed)
{
	my $answer = raw($malformed{$what});
	like($answer, qr{^(?:HTTP/1\.1 (?:400|413|414|431|501|505) |\z)}, "refused: $what") or diag(substr $answer, 0, 400);
	unlike($answer, qr{HTTP/1\.[01] 200}, 'and what follows is no request') or diag($answer);
}
is(scalar(() = raw("GET /odata/Property/\$count HTTP/1.1\r\nHost: x\r\n$who\r\n$smuggled") =~ m{HTTP/1\.1 200}g), 2, 'two requests in a row are two');
# Who has sent all that he has to say may close his side, and has his answer.
like(raw("GET /odata/Property/\$count HTTP/1.1\r\nHost: x\r\n$who\r\n", 1), qr/\r\n\r\n41\z/, 'who closes his side has his answer');
like(raw("GET /odata/Property?\$top=70&\$expand=Media HTTP/1.1\r\nHost: x\r\n$who\r\n", 1), qr/"value":\[.*\]\}\z/s, 'a long one too');
like(raw("GET /odata/ HTTP/1.1\r\nHost: x\r\n$who\r\n", 1), qr/"name":"Property".*\}\z/s, 'and one that needs no database');
is(scalar(() = raw("GET /odata/Property/\$count HTTP/1.1\r\nHost: x\r\n$who\r\n" x 3, 1) =~ m{HTTP/1\.1 200}g), 3, 'three requests have three answers');
my $asked = "grant_type=client_credentials&client_id=$consumers[0][1]&client_secret=$consumers[0][2]";
like(raw("POST /odata/oauth/token HTTP/1.1\r\nHost: x\r\n${form}Content-Length: " . length($asked) . "\r\n\r\n$asked", 1), qr/"access_token":"/, 'whoever sends a body as well');
like(raw("POST /odata/oauth/token HTTP/1.1\r\nHost: x\r\n${form}Transfer-Encoding: chunked\r\n\r\n" . sprintf("%x\r\n%s\r\n0\r\n\r\n", length $asked, $asked), 1), qr/"access_token":"/, 'in pieces as well');
unlike(raw("POST /odata/oauth/token HTTP/1.1\r\nHost: x\r\n${form}Content-Length: 1000\r\n\r\n$asked", 1), qr{ 200 }, 'what was not sent whole is not answered as if it were');
{
	my $locker = $node->background_psql('postgres');
	$locker->query_safe('BEGIN; LOCK TABLE gold.property IN ACCESS EXCLUSIVE MODE');
	my $socket = connection();
	syswrite $socket, "GET /odata/Property/\$count HTTP/1.1\r\nHost: x\r\n$who\r\n";
	wait_until('the database works on it', sub { query(q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'authenticator' AND wait_event_type = 'Lock'}) == 1 });
	shutdown $socket, SHUT_WR;
	$locker->query_safe('COMMIT');
	my $answer = '';
	while (IO::Select->new($socket)->can_read(60) && sysread $socket, $answer, 65536, length $answer) { }
	like($answer, qr/\r\n\r\n41\z/, 'nor does it matter when he closes it');
}
for my $bytes ("GET /odata/Property/\$count HTTP/1.1\r\n$who\r\n", "GET /odata/Property?\$filter=City eq 'x' HTTP/1.1\r\nHost: x\r\n$who\r\n", "GET /odata/Property HTTP/1.1 HTTP/1.1\r\nHost: x\r\n$who\r\n")
{
	my $answer = raw("$bytes$smuggled");
	my ($line) = $bytes =~ /^([^\r]*)/;
	# From 1.0 on libmicrohttpd refuses these itself, or leads to the address as it should be written.
	my $is_ours = $answer =~ qr{^HTTP/1\.1 400 [^\r]*\r\n(?:[^\r]+\r\n)*\r\n\{"error":\{"code":"BadHeaders"[^\r]*\z} && $answer =~ /^OData-Version: 4\.01\r$/mi;
	ok($is_ours || ($answer =~ qr{^HTTP/1\.1 (400|301) } && (() = $answer =~ m{^HTTP/}mg) == 1 && $answer !~ /BadHeaders/), "refused as OData has it, once: $line") or diag($answer);
	like($answer, qr/^Connection: close\r$/mi, 'with Connection: close');
}
like(raw("GET /odata/Property/\$count HTTP/1.0\r\n$who\r\n"), qr/\r\n\r\n41\z/, 'HTTP/1.0 needs no host');
like(raw("GET http://evil.example.com/odata/Property/\$count HTTP/1.1\r\nHost: evil.example.com\r\n$who$close\r\n"), qr/\r\n\r\n41\z/, 'an absolute address is as a relative one');
unlike(raw("GET http://evil.example.com/odata/Property?\$top=1 HTTP/1.1\r\nHost: evil.example.com\r\n$who$close\r\n"), qr/evil/, 'and does not come back');

# ---- two thousand connections that say little or nothing ----

{
	my $python = <<'END';
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
idle = [socket.create_connection((sys.argv[1], int(sys.argv[2]))) for _ in range(2000)]
for i, one in enumerate(idle):
    if i % 4 == 1: one.sendall(b"GET /odata/Property HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    if i % 4 == 2: one.shutdown(socket.SHUT_WR)
    if i % 4 == 3: one.sendall(b"POST /odata/oauth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ngrant")
print("connected", flush=True)
sys.stdin.read()
END
	my $idle = IPC::Run::start([ 'python3', '-c', $python, $host, $port ], '<pipe', my $in = gensym, '>', \my $out);
	wait_until('two thousand connections', sub { IPC::Run::pump_nb($idle); ($out // '') =~ /connected/ });
	is(as('A', '/Property/$count')->{body}, 41, 'beside two thousand of them there is an answer');
	is(as('A', '/Property?$top=5')->{status}, 200, 'and another');
	close $in;
	$idle->finish;
}
is(as('A', '/Property/$count')->{body}, 41, 'and when they are gone');

# ---- two consumers at once ----

# Requests over kept connections, each with the token of whose turn it is; who is told to come
# again waits until somebody was answered.  Gives how many were answered, and what was wrong.
my %keys_of = map { my $office = $_; $office => [ split /\n/, query(qq{SELECT "ListingKey" FROM gold.property WHERE "ListOfficeKey" = '$office' AND "ListingKey" ~ '^LK[0-9]+\$' AND "InternetEntireListingDisplayYN"}) ] } 'A', 'B';
my %count_of = (A => { Property => 41, Office => 1 }, B => { Property => 39, Office => 1 });
$count_of{$_}{Media} = as($_, '/Media/$count')->{body} for 'A', 'B';
$count_of{$_}{Member} = as($_, '/Member/$count')->{body} for 'A', 'B';
my %page_of = map { $_ => next_of(as($_, '/Property?$select=ListingKey,ListOfficeKey&$orderby=City', headers => { Prefer => 'odata.maxpagesize=3' })) } 'A', 'B';

sub one_request
{
	my ($one, $other) = int rand 2 ? ('A', 'B') : ('B', 'A');
	my ($foreign, $own) = map { $keys_of{$_}[ int rand @{ $keys_of{$_} } ] } $other, $one;
	my @targets = (
		[ '/Property?$select=ListingKey,ListOfficeKey&$top=5' ],
		[ "/Property?\$select=ListingKey,ListOfficeKey&\$filter=ListOfficeKey%20eq%20'$other'", 200, qr/"value":\[\]/ ],
		[ "/Property?\$select=ListingKey,ListOfficeKey&\$filter=ListPrice%20gt%20" . int(rand 80) * 1000 . '&$top=4&$orderby=ListPrice%20desc' ],
		[ "/Property('$foreign')?\$select=ListingKey,ListOfficeKey", 404 ],
		[ "/Property('$own')?\$select=ListingKey,ListOfficeKey&\$expand=Media(\$select=MediaKey,ResourceRecordKey)", 200, qr/"ListingKey":"\Q$own\E"/ ],
		[ "/Property('$foreign')/Media", 404 ],
		[ "/Media?\$filter=ResourceRecordKey%20eq%20'$foreign'", 200, qr/"value":\[\]/ ],
		[ '/Media?$top=4&$select=MediaKey,ResourceRecordKey,ResourceName&$filter=ResourceName%20eq%20%27Property%27' ],
		[ '/Property/$count', 200, qr/^$count_of{$one}{Property}$/ ],
		[ '/Media/$count', 200, qr/^$count_of{$one}{Media}$/ ],
		[ '/Member/$count', 200, qr/^$count_of{$one}{Member}$/ ],
		[ '/Office?$select=OfficeKey&$count=true', 200, qr/"\@odata\.count":1,/ ],
		[ '/Member?$select=MemberKey,OfficeKey&$top=3' ],
		[ $page_of{$other} ],
		[ "/Lookup?\$select=LookupValue&\$filter=LookupName%20eq%20'Appliances'%20and%20startswith(LookupValue,'Only')", 200, qr/"value":\[\{"LookupValue":"Only of $one"\}\]/ ]);
	my ($target, $status, $body) = @{ $targets[ int rand @targets ] };
	return { one => $one, other => $other, target => $target, status => $status || 200, body => $body };
}

sub wrong_in
{
	my ($request, $status, $body) = @_;
	my ($one, $other) = @{$request}{qw(one other)};
	return "status $status" if $status != $request->{status};
	return 'body' if $request->{body} && $body !~ $request->{body};
	return 'a foreign office' if $body =~ /"(?:ListOfficeKey|OfficeKey)":"(?!$one")/;
	return "a value of $other" if $body =~ /Town of $other|Only of $other/;
	while ($body =~ /"(?:ListingKey|ResourceRecordKey)":"(LK(\d{8}))/g)
	{
		return "foreign: $1" if ($2 <= 40 ? 'A' : 'B') ne $one;
	}
	return;
}

sub ask_mixed
{
	my ($wanted, $sockets, $may_fail) = @_;
	my ($asked, $answered, $again, %wrong, %of, @rest) = (0, 0, 0);
	my $select = IO::Select->new;
	my $send = sub {
		my ($socket, $request) = @_;
		$request ||= do { return if $asked >= $wanted; $asked++; one_request() };
		my $bytes = "GET /odata$request->{target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token{$request->{one}}\r\n\r\n";
		$of{ fileno $socket } = { request => $request, in => '' };
		$wrong{'a short write'}++ if (syswrite($socket, $bytes) // 0) != length $bytes;
		$select->add($socket);
	};
	$send->(connection()) for 1 .. $sockets;
	while ($select->count)
	{
		my @ready = $select->can_read(120) or return ($answered, $again, 'no answer in two minutes');
		for my $socket (@ready)
		{
			my $state = $of{ fileno $socket };
			if (!sysread $socket, $state->{in}, 65536, length $state->{in})
			{
				$select->remove($socket);
				$wrong{'closed'}++;
				next;
			}
			next unless $state->{in} =~ /^HTTP\/1\.1 (\d+)[^\r\n]*\r\n(.*?)\r\n\r\n/s;
			my ($status, $head, $start) = ($1, $2, $+[0]);
			my ($length) = $head =~ /^Content-Length: (\d+)/mi;
			next if length($state->{in}) < $start + ($length // 0);
			my $body = substr $state->{in}, $start, $length // 0;
			$wrong{'more than was asked for'}++ if length($state->{in}) > $start + ($length // 0);
			$select->remove($socket);
			if ($status == 503)
			{
				$again++;
				$wrong{'503 without a time'}++ unless $head =~ /^Retry-After: \d/mi;
				# Alone, one asks again at once.
				push @rest, [ $socket, $state->{request} ];
				$send->(@{ shift @rest }) if !$select->count;
				next;
			}
			$answered++;
			my $what = wrong_in($state->{request}, $status, $body);
			$wrong{"$state->{request}{one} $state->{request}{target}: $what: " . substr $body, 0, 200}++ if $what;
			$send->(@{ shift @rest }) if @rest;
			$send->($socket);
		}
		$send->(@{ shift @rest }) if @rest && !$select->count;
	}
	return ($answered, $again, join "\n", sort keys %wrong);
}

# ---- the same policies, asked as PostgREST asks ----

# One transaction with the role and the claims, on the view of the audience.
for my $consumer (@consumers)
{
	my ($name) = @$consumer;
	my ($role, $claims) = split /[|]/, query("SELECT audience, claims FROM mls.consumer WHERE consumer = '$name'"), 2;
	for my $resource (qw(Property Media Member Office OpenHouse))
	{
		my ($key) = as($name, '/$metadata')->{body} =~ m{<EntityType Name="$resource">\s*<Key>\s*<PropertyRef Name="(\w+)"};
		my @served;
		my $target = "/$resource?\$select=$key&\$top=10000";
		for (my $answer = as($name, $target); ; $answer = ask($answer->{json}{'@odata.nextLink'} =~ s{^https://api.example.com/odata}{$serve->{url}}r, $token{$name}))
		{
			push @served, map { $_->{$key} } @{ $answer->{json}{value} };
			last unless $answer->{json}{'@odata.nextLink'};
		}
		my $seen = query(qq{BEGIN; SET LOCAL ROLE $role; SELECT set_config('request.jwt.claims', '$claims', true) \\g /dev/null
			SELECT string_agg("$key", ' ' ORDER BY "$key" COLLATE "C") FROM $role."$resource"; ROLLBACK});
		utf8::decode($seen);
		is(join(' ', sort @served), $seen, "$name, $resource: SQL and OData give the same keys");
	}
}

my $wanted = $ENV{MLS_LONG} ? 100_000 : 5_000;
my ($answered, $again, $wrong) = ask_mixed($wanted, 200);
is($answered, $wanted, 'two consumers at once are answered');
is($wrong, '', 'with not one row of the other');
note("$again were told to come again");
is(query(q{SELECT string_agg(DISTINCT usename, ' ') FROM pg_stat_activity WHERE application_name = 'mls_serve'}), 'authenticator', 'nobody stays another');

# ---- the database goes away under them ----

{
	my $storm = $serve->storm('/Property?$select=ListingKey,ListOfficeKey', 2000, headers => { Authorization => "Bearer $token{A}" });
	wait_until('it is under load', sub { $serve->storm_so_far($storm) > 30 });
	$node->stop('immediate');
	wait_until('without a database one is to come again', sub { as('B', '/Property/$count')->{status} == 503 });
	my $late = as('B', '/Property/$count');
	like($late->{headers}{'retry-after'}, qr/^\d+$/, 'with a time');
	ok($late->{json}{error}{code}, 'as an error of OData');
	unlike($late->{body}, qr/server|socket|port|host/i, 'that tells nothing of the database');
	$node->start;
	wait_until('it comes back', sub { as('B', '/Property/$count')->{status} == 200 });
	my ($status, $bad) = $serve->storm_end($storm);
	is($bad, '', 'each is answered or told to come again');
	is(join(' ', grep { !/^(?:200|503)$/ } keys %$status), '', 'and nothing else');
	($answered, $again, $wrong) = ask_mixed(300, 20);
	is($answered, 300, 'then it is as before');
	is($wrong, '', 'each sees his own');
}

is($serve->stop, 0, 'it ends as it should');
unlike($serve->log_text, qr/Town of|the mat|$token{A}/, 'its log has no values');
$mls->stop;
$node->stop;
done_testing();
