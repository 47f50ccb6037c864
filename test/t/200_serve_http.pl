# mls_serve over HTTP: what RESO's certification of Web API Core asks, with nulls in the data,
# and the protocol around it: versions, forms, errors, tags, compression.
use strict;
use warnings;

use Compress::Zlib ();
use Encode qw(encode);
use JSON::PP;
use MlsServe;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

need_serve();
my $node = new_node('serve_http');
my $mls = start_mls(listings => 120);
create_source($node, $mls, 'east', schema_check_interval => 0);

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

query(q{SELECT mls_subscribe(t::regclass) FROM unnest('{east.property,east.media,east.member,east.office,east.open_house}'::text[]) t});
is(query(q{SELECT count(*) FROM mls_sync() WHERE status <> 'finished'}), 0, 'synced');

# Values for each question of the certification, and nulls in all of them.
query(q{
	UPDATE gold.property p SET "InternetEntireListingDisplayYN" = true,
		"BedroomsTotal" = CASE WHEN n % 5 = 0 THEN NULL WHEN n % 17 = 0 THEN -1 ELSE n % 19 END,
		"ListPrice" = CASE WHEN n % 7 = 0 THEN NULL WHEN n % 11 = 0 THEN 0 WHEN n % 23 = 0 THEN 1234567.89 ELSE 20000.25 * n END,
		"ListingContractDate" = CASE WHEN n % 6 = 0 THEN NULL WHEN n % 4 = 0 THEN date '2019-12-31' ELSE date '2019-12-01' + n::int END,
		"OriginalEntryTimestamp" = CASE WHEN n % 8 = 0 THEN NULL WHEN n % 9 = 0 THEN '2019-12-31T23:55:55-09:00' ELSE timestamptz '2019-12-30 00:00:00.25Z' + n * interval '1 hour' END,
		"StandardStatus" = CASE WHEN n % 10 = 0 THEN NULL WHEN n % 3 = 0 THEN 'Active Under Contract' WHEN n % 3 = 1 THEN 'Active' ELSE 'Closed' END,
		"AccessibilityFeatures" = CASE WHEN n % 13 = 0 THEN NULL WHEN n % 4 = 0 THEN '{Visitable}' WHEN n % 4 = 1 THEN '{"Accessible Approach with Ramp",Visitable}' WHEN n % 4 = 2 THEN '{}' ELSE '{"Accessible Approach with Ramp"}' END::text[],
		"City" = CASE WHEN n % 12 = 0 THEN 'O''Fallon' WHEN n % 12 = 1 THEN 'a/b & c+d' WHEN n % 12 = 2 THEN '100%_\"x"' WHEN n % 12 = 3 THEN NULL ELSE 'Austin' END
	  FROM (SELECT "ListingKey" AS k, row_number() OVER (ORDER BY "ListingKey") AS n FROM gold.property) x WHERE x.k = p."ListingKey";
	CREATE ROLE web_anon;
	CREATE ROLE authenticator LOGIN NOINHERIT;
	SELECT mls_audience('web_anon', 'Property', '{BedroomsTotal,ListPrice,ListingContractDate,OriginalEntryTimestamp,ModificationTimestamp,StandardStatus,AccessibilityFeatures,City,PublicRemarks,ListAgentKey,PhotosCount}');
	SELECT mls_audience('web_anon', r) FROM unnest('{Member,Office,OpenHouse,Media}'::text[]) r;
	SELECT mls_serve_grant('authenticator')});

my $serve = start_serve($node, anonymous => 'web_anon', timeout => 60_000, anonymous_rate => 100_000, page_size => 50, max_page_size => 1000,
	admin => '127.0.0.1:0', origins => 'https://app.example.com', public_url => 'https://api.example.com/reso/odata');
is($serve->{root}, 'https://api.example.com/reso/odata/', 'the public address is what was said');

# The answer, which has to be good.
sub good
{
	my ($target, %how) = @_;
	my $answer = $serve->get($target, %how);
	is($answer->{status}, 200, substr("GET $target", 0, 110)) or diag("$answer->{body} $answer->{curl_error}");
	return $answer;
}

# Two lists of keys, and no more of them than says what is wrong.
sub is_keys
{
	my ($got, $wanted, $what) = @_;
	return pass($what) if $got eq $wanted;
	my %count;
	$count{$_}++ for split /\n/, $got;
	$count{$_}-- for split /\n/, $wanted;
	fail($what);
	my @differ = map { "$_ " . ($count{$_} > 0 ? 'too much' : 'missing') } grep { $count{$_} } sort keys %count;
	diag(@differ ? join(', ', grep { defined } @differ[ 0 .. 5 ]) : 'in another order');
	return 0;
}

sub keys_of
{
	my ($records) = @_;
	return join "\n", map { encode('UTF-8', $_->{ListingKey}) } @$records;
}

sub keys_where
{
	my ($condition, $order) = @_;
	return query(sprintf q{SELECT coalesce(string_agg("ListingKey", E'\n' ORDER BY %s), '') FROM gold.property WHERE %s}, $order || '"ListingKey"', $condition);
}

# ---- documents ----

{
	my $answer = good('/$metadata?$format=application/xml');
	like($answer->{headers}{'content-type'}, qr{^application/xml}, 'metadata is XML');
	my $file = "$PostgreSQL::Test::Utils::tmp_check/metadata.xml";
	append_to_file($file, $answer->{body});
	command_ok([ 'xmllint', '--noout', $file ], 'it is well formed');
	my $xml = $answer->{body};
	my (%types, %sets, @wrong);
	while ($xml =~ m{<EntityType Name="(\w+)">(.*?)</EntityType>}gs)
	{
		my ($name, $body) = ($1, $2);
		my %property = $body =~ /<Property Name="(\w+)" Type="([^"]+)"/g;
		my @keys = $body =~ /<PropertyRef Name="(\w+)"/g;
		my %navigation = $body =~ /<NavigationProperty Name="(\w+)" Type="([^"]+)"/g;
		push @wrong, "$name has no key" unless @keys;
		push @wrong, "$name.$_ is a key and nullable" for grep { $body !~ /<Property Name="$_" Type="[^"]*" Nullable="false"/ } @keys;
		push @wrong, "$name.$_ is two things" for grep { $navigation{$_} } keys %property;
		push @wrong, map { "$name.$_ twice" } grep { 1 < (() = $body =~ /Property Name="$_"/g) } keys %property;
		push @wrong, map { "$name: no $_" } grep { !$property{$_} } $body =~ /<ReferentialConstraint Property="(\w+)"/g;
		$types{$name} = { property => \%property, key => \@keys, navigation => \%navigation };
	}
	while ($xml =~ m{<EntitySet Name="(\w+)" EntityType="org\.reso\.metadata\.(\w+)"(?:/>|>(.*?)</EntitySet>)}gs)
	{
		my ($set, $type, $body) = ($1, $2, $3 // '');
		push @wrong, "set $set of no type" unless $types{$type};
		my %binding = $body =~ /<NavigationPropertyBinding Path="(\w+)" Target="(\w+)"/g;
		push @wrong, map { "$set.$_ is not bound" } grep { !$binding{$_} } keys %{ $types{$type}{navigation} };
		push @wrong, map { "$set.$_ leads nowhere" } grep { $types{$type}{navigation}{$_} !~ /org\.reso\.metadata\.$binding{$_}\b/ } keys %binding;
		$sets{$set} = 1;
	}
	is(join(', ', @wrong), '', 'keys, types and bindings fit');
	for my $resource (qw(Property Member Office OpenHouse Media))
	{
		ok($sets{$resource}, "$resource is a set");
		is(join(' ', sort keys %{ $types{$resource}{property} }),
			query(qq{SELECT string_agg(attname, ' ' ORDER BY attname COLLATE "C") FROM pg_attribute WHERE attrelid = 'web_anon."$resource"'::regclass AND attnum > 0}),
			'with the fields that the audience sees');
	}
	is($types{Property}{property}{AccessibilityFeatures}, 'Collection(Edm.String)', 'lists are collections');
	like($xml, qr{<Property Name="StandardStatus"[^>]*>\s*<Annotation Term="RESO.OData.Metadata.LookupName" String="StandardStatus"/>}, 'lookups have their names');
	is($types{Property}{navigation}{Media}, 'Collection(org.reso.metadata.Media)', 'listings lead to their media');
	like($xml, qr/^(?:(?!PrivateRemarks|mls_source|gold).)*\z/s, 'and no word of what is not shown');

	$answer = good('/$metadata', headers => { Accept => 'application/json' });
	my $csdl = $answer->{json};
	my $schema = $csdl->{'org.reso.metadata'};
	my (%of_json, %of_xml);
	for my $name (grep { $schema->{$_}{'$Kind'} eq 'EntityType' } keys %$schema)
	{
		$of_json{"$name key @{ $schema->{$name}{'$Key'} }"} = 1;
		for my $member (grep { !/[\$\@]/ } keys %{ $schema->{$name} })
		{
			my $one = $schema->{$name}{$member};
			my $type = $one->{'$Type'} // 'Edm.String';
			$of_json{"$name.$member " . ($one->{'$Collection'} ? "Collection($type)" : $type)} = 1;
		}
	}
	for my $name (keys %types)
	{
		$of_xml{"$name key @{ $types{$name}{key} }"} = 1;
		$of_xml{"$name.$_ $types{$name}{property}{$_}"} = 1 for keys %{ $types{$name}{property} };
		$of_xml{"$name.$_ $types{$name}{navigation}{$_}"} = 1 for keys %{ $types{$name}{navigation} };
	}
	is_deeply(\%of_json, \%of_xml, 'JSON says the same as XML');
	is($csdl->{'$EntityContainer'}, 'org.reso.metadata.Default', 'with its container');
	like(good('/$metadata', headers => { Accept => 'application/json', 'OData-MaxVersion' => '4.0' })->{headers}{'content-type'}, qr/xml/, '4.0 knows XML only');

	for my $root ('', '/')
	{
		$answer = good($root);
		is($answer->{json}{'@odata.context'}, 'https://api.example.com/reso/odata/$metadata', 'the service document has its context');
		is(join(' ', sort map { "$_->{kind}:$_->{url}" } @{ $answer->{json}{value} }), join(' ', sort map { "EntitySet:$_" } keys %sets), 'and all sets');
	}
}

# ---- Web API Core 2.0.0: each request, and what it has to find ----

my $first = query(q{SELECT min("ListingKey") FROM gold.property});
{
	my $record = good("/Property('$first')?\$select=ListingKey")->{json};
	is($record->{ListingKey}, $first, 'fetch-by-key');
	is($record->{'@odata.context'}, 'https://api.example.com/reso/odata/$metadata#Property(ListingKey)/$entity', 'with its context');
	is(good("/Property(%27$first%27)?\$select=ListingKey")->{json}{ListingKey}, $first, 'quotes may be encoded');
	my $page = good('/Property?$select=ListingKey,BedroomsTotal')->{json};
	is(scalar(grep { exists $_->{ListingKey} && exists $_->{BedroomsTotal} && keys %$_ == 2 } @{ $page->{value} }), 50, 'select');
	my $top = good('/Property?$select=ListingKey&$top=5')->{json}{value};
	is(scalar @$top, 5, 'top');
	my $skip = good('/Property?$select=ListingKey&$top=5&$skip=5')->{json}{value};
	is_keys(keys_of([ @$top, @$skip ]), join("\n", (split /\n/, keys_where('true'))[ 0 .. 9 ]), 'skip');
	is(good('/Property?$count=true')->{json}{'@odata.count'}, 120, 'count');
	is(good('/Property/$count')->{body}, '120', 'the number alone');
}

my @core = (
	[ 'filter-int-and', 'BedroomsTotal gt 1 and BedroomsTotal lt 15', '"BedroomsTotal" > 1 AND "BedroomsTotal" < 15' ],
	[ 'filter-int-or', 'BedroomsTotal lt 15 or BedroomsTotal gt 1', '"BedroomsTotal" IS NOT NULL' ],
	[ 'filter-int-not', 'not (BedroomsTotal le -1)', '"BedroomsTotal" > -1 OR "BedroomsTotal" IS NULL' ],
	[ 'filter-int-eq', 'BedroomsTotal eq 1', '"BedroomsTotal" = 1' ],
	[ 'filter-int-ne', 'BedroomsTotal ne 1', '"BedroomsTotal" IS DISTINCT FROM 1' ],
	[ 'filter-int-gt', 'BedroomsTotal gt 1', '"BedroomsTotal" > 1' ],
	[ 'filter-int-ge', 'BedroomsTotal ge 1', '"BedroomsTotal" >= 1' ],
	[ 'filter-int-lt', 'BedroomsTotal lt 1', '"BedroomsTotal" < 1' ],
	[ 'filter-int-le', 'BedroomsTotal le 1', '"BedroomsTotal" <= 1' ],
	[ 'filter-decimal-ne', 'ListPrice ne 0.00', '"ListPrice" IS DISTINCT FROM 0' ],
	[ 'filter-decimal-gt', 'ListPrice gt 0.00', '"ListPrice" > 0' ],
	[ 'filter-decimal-ge', 'ListPrice ge 0.00', '"ListPrice" >= 0' ],
	[ 'filter-decimal-lt', 'ListPrice lt 1234567.89', '"ListPrice" < 1234567.89' ],
	[ 'filter-decimal-le', 'ListPrice le 1234567.89', '"ListPrice" <= 1234567.89' ],
	(map { [ "filter-date-$_->[0]", "ListingContractDate $_->[0] 2019-12-31", qq{"ListingContractDate" $_->[1] '2019-12-31'} ] }
		  [ eq => '=' ], [ ne => 'IS DISTINCT FROM' ], [ gt => '>' ], [ ge => '>=' ], [ lt => '<' ], [ le => '<=' ]),
	(map { [ "filter-datetime-$_->[0]", "OriginalEntryTimestamp $_->[0] 2019-12-31T23:55:55-09:00", qq{"OriginalEntryTimestamp" $_->[1] '2019-12-31T23:55:55-09:00'} ] }
		  [ eq => '=' ], [ ne => 'IS DISTINCT FROM' ], [ gt => '>' ], [ ge => '>=' ]),
	[ 'filter-datetime-lt', 'OriginalEntryTimestamp lt now()', '"OriginalEntryTimestamp" < now()' ],
	[ 'filter-datetime-le', 'OriginalEntryTimestamp le now()', '"OriginalEntryTimestamp" <= now()' ],
	[ 'filter-enum-single-has', q{StandardStatus has 'Active Under Contract'}, q{"StandardStatus" = 'Active Under Contract'} ],
	[ 'filter-enum-single-eq', q{StandardStatus eq 'Active Under Contract'}, q{"StandardStatus" = 'Active Under Contract'} ],
	[ 'filter-enum-single-ne', q{StandardStatus ne 'Active Under Contract'}, q{"StandardStatus" IS DISTINCT FROM 'Active Under Contract'} ],
	[ 'filter-enum-multi-has', q{AccessibilityFeatures has 'Visitable'}, q{"AccessibilityFeatures" @> '{Visitable}'} ],
	[ 'filter-enum-multi-has-and', q{AccessibilityFeatures has 'Accessible Approach with Ramp' and AccessibilityFeatures has 'Visitable'}, q{"AccessibilityFeatures" @> '{Accessible Approach with Ramp,Visitable}'} ],
	[ 'filter-coll-enum-any', q{AccessibilityFeatures/any(enum:enum eq 'Visitable')}, q{"AccessibilityFeatures" @> '{Visitable}'} ],
	[ 'filter-coll-enum-all', q{AccessibilityFeatures/all(enum:enum eq 'Visitable')}, q{coalesce("AccessibilityFeatures", '{}') <@ '{Visitable}'} ],
	# Core 2.1
	[ 'any of two, as RESO writes it', q{AccessibilityFeatures/any(enum:enum eq 'Accessible Approach with Ramp' OR enum eq 'Visitable')}, q{"AccessibilityFeatures" && '{Accessible Approach with Ramp,Visitable}'} ],
	[ 'in', q{StandardStatus in ('Active','Closed')}, q{"StandardStatus" IN ('Active', 'Closed')} ],
	[ 'a year', 'ModificationTimestamp gt 2001-01-01T00:00:00Z', '"ModificationTimestamp" > \'2001-01-01\'' ],
	[ 'until now', 'ModificationTimestamp lt now()', '"ModificationTimestamp" < now()' ],
	# Texts that break things.
	[ 'quote', q{City eq 'O''Fallon'}, q{"City" = 'O''Fallon'} ],
	[ 'slash and blank', q{City eq 'a/b & c+d'}, q{"City" = 'a/b & c+d'} ],
	[ 'percent', q{startswith(City,'100%_\\"')}, q{left("City", 6) = '100%_\\'} ],
);
for my $one (@core)
{
	my ($id, $filter, $condition) = @$one;
	my ($records) = $serve->all_records('/Property?$select=ListingKey&$filter=' . filter_url($filter));
	my $wanted = keys_where($condition);
	isnt($wanted, '', "$id has results") unless $id =~ /multi-has-and/;
	is_keys(keys_of($records), $wanted, $id);
}
for my $direction (qw(asc desc))
{
	my $order = $direction eq 'asc' ? '"OriginalEntryTimestamp" NULLS FIRST, "ListingKey"' : '"OriginalEntryTimestamp" DESC NULLS LAST, "ListingKey" DESC';
	for my $filter ('', '&$filter=BedroomsTotal gt 1')
	{
		my $page = good('/Property?$top=20&$select=ListingKey,BedroomsTotal,OriginalEntryTimestamp&$orderby=OriginalEntryTimestamp%20' . $direction . ($filter =~ s/ /%20/gr));
		my @times = map { $_->{OriginalEntryTimestamp} // ($direction eq 'asc' ? '0' : '0') } @{ $page->{json}{value} };
		is(join(' ', @times), join(' ', $direction eq 'asc' ? sort @times : reverse sort @times), "orderby-timestamp-$direction" . ($filter ? '-filter-int-gt' : ''));
		is(scalar @times, 20, 'all of them') if !$filter;
		my @all = $serve->all_records('/Property?$select=ListingKey&$orderby=OriginalEntryTimestamp%20' . $direction . ($filter =~ s/ /%20/gr));
		my %seen;
		$seen{ encode('UTF-8', $_->{ListingKey}) }++ for @{ $all[0] };
		is_keys(join("\n", sort keys %seen), keys_where($filter ? '"BedroomsTotal" > 1' : 'true'), 'and over all pages each record once');
		is(scalar(grep { $_ > 1 } values %seen), 0, 'not twice');
	}
}
is($serve->get(q{/Property?$filter=BadField%20eq%20'SoBad'})->{status}, 400, 'response-code-400');
is($serve->get('/ResourceNotFound')->{status}, 404, 'response-code-404');

# ---- Core 2.1: pages, belongings ----

is(good('/Property?$top=1')->{json}{'@odata.nextLink'}, undef, 'one that was asked for has no next page');
{
	my ($records, $pages) = $serve->all_records('/Property?$select=ListingKey', headers => { Prefer => 'odata.maxpagesize=11' });
	is_keys(keys_of($records), keys_where('true'), 'pages have all records');
	is($pages, 11, 'of the preferred size');
	my $answer = good('/Property?$select=ListingKey', headers => { Prefer => 'odata.maxpagesize=7' });
	is($answer->{headers}{'preference-applied'}, 'odata.maxpagesize=7', 'which is said to be kept');
	is(scalar @{ $answer->{json}{value} }, 7, 'and is');
	is($serve->get('/Property', headers => { Prefer => 'odata.maxpagesize=5000' })->{headers}{'preference-applied'} // '', '', 'one that is too large is not');
	my $listing = query(q{SELECT "ResourceRecordKey" FROM gold.media WHERE "ResourceName" = 'Property' ORDER BY 1 LIMIT 1});
	my $photos = query(qq{SELECT count(*) FROM gold.media WHERE "ResourceRecordKey" = '$listing' AND "ResourceName" = 'Property'});
	my $with = good("/Property?\$select=ListingKey&\$expand=Media(\$select=MediaKey)&\$filter=ListingKey%20eq%20'$listing'");
	is(scalar @{ $with->{json}{value}[0]{Media} }, $photos, 'media come with their listing');
	is(scalar @{ good("/Property('$listing')/Media?\$select=MediaKey")->{json}{value} }, $photos, 'or alone');
	is(good("/Property('$listing')/Media/\$count")->{body}, $photos, 'or as a number');
	is($serve->get("/Property('none')/Media")->{status}, 404, 'of a listing that is not there there are none');
	like(good("/Property('$listing')?\$expand=ListAgent(\$select=MemberKey)&\$select=ListingKey")->{body}, qr/"ListAgent":(?:\{|null)/, 'an agent is one');
	for my $resource (qw(Member Office Media OpenHouse))
	{
		my $page = good("/$resource?\$top=2&\$count=true")->{json};
		is($page->{'@odata.count'}, query(qq{SET ROLE web_anon; SELECT count(*) FROM web_anon."$resource"}), "$resource is a resource of its own");
	}
}

# ---- sizes of pages ----

for my $top (0, 49, 50, 51, 119, 120, 121)
{
	my ($records, $pages) = $serve->all_records("/Property?\$select=ListingKey&\$top=$top&\$count=true", headers => { Prefer => 'maxpagesize=50' });
	my $wanted = $top > 120 ? 120 : $top;
	is(scalar @$records, $wanted, "top $top");
	is($pages, $wanted <= 50 ? 1 : $wanted <= 100 ? 2 : 3, 'on as few pages as there can be');
}
is(good('/Property?$top=0&$count=true')->{json}{'@odata.count'}, 120, 'none, and how many there are');
is(scalar @{ ($serve->all_records('/Property?$select=ListingKey&$top=60&$skip=100'))[0] }, 20, 'top and skip');
is($serve->get("/Property?\$$_")->{status}, 400, $_) for 'top=-1', 'top=x', 'skip=-1', 'top=1&$top=2', 'bogus=1', 'select=Nothing', 'orderby=PrivateRemarks', 'filter=', 'expand=Nothing', 'skiptoken=x';
is($serve->get("/Property?\$$_")->{status}, 501, $_) for 'apply=aggregate(ListPrice)', 'search=x', 'compute=1';
is($serve->get('/Property?own=1')->{status}, 200, 'options that are not ours are passed over');

# ---- a token of a page, altered ----

{
	my $next = good('/Property?$select=ListingKey')->{json}{'@odata.nextLink'} =~ s{^\Q$serve->{root}\E}{/}r;
	like($next, qr{^/Property\?.*skiptoken=}, 'the next page is where the public address is');
	my ($before, $token) = $next =~ /^(.*skiptoken=)([^&]+)/;
	my (%status, @bad);
	for my $i (grep { $_ % 3 == 0 } 0 .. length($token) - 1)
	{
		my $altered = $token;
		substr($altered, $i, 1) = substr($token, $i, 1) eq 'A' ? 'B' : 'A';
		my $answer = $serve->get($before . $altered);
		$status{ $answer->{status} }++;
		push @bad, "$i: $answer->{status}" if $answer->{status} !~ /^(?:200|400|410)\z/;
	}
	is(join(', ', @bad), '', 'an altered token is refused, or leads to another page');
	isnt($status{400}, undef, 'most are refused');
	is($serve->get($next =~ s/select=ListingKey/select=City/r)->{status}, 400, 'a token is of its query');
}

# ---- errors ----

sub is_error
{
	my ($answer, $status, $what) = @_;
	is($answer->{status}, $status, "$status: $what") or diag($answer->{body});
	like($answer->{headers}{'odata-version'} // '', qr/^4\.0/, 'with a version');
	ok($answer->{json} && length($answer->{json}{error}{code}) && length($answer->{json}{error}{message}), 'and an error of OData') or diag($answer->{body});
	unlike($answer->{body}, qr/gold|web_anon|SELECT|HINT|pg_|relation|column|"mls|postgres/i, 'that tells nothing of how it is made');
	return $answer;
}

is(is_error($serve->get(q{/Property?$filter=BadField%20eq%20'SoBad'}), 400, 'a field that is not there')->{json}{error}{target}, '$filter', 'it says where');
is_error($serve->get('/Property?$filter=PrivateRemarks%20eq%20%27x%27'), 400, 'one that is not shown');
is_error($serve->get('/Property?$filter=ListPrice%20div%200%20gt%201'), 400, 'division by zero');
is_error($serve->get('/Property?$filter=BedroomsTotal%20mul%209223372036854775807%20gt%201'), 400, 'a number out of range')
  unless $serve->get('/Property?$filter=BedroomsTotal%20mul%209223372036854775807%20gt%201')->{status} == 200;
is_error($serve->get('/Nothing'), 404, 'a resource that is not there');
is_error($serve->get('/gold.property'), 404, 'a table');
is_error($serve->get("/Property('no-such')"), 404, 'a record that is not there');
is_error($serve->get('/Property', method => 'POST', body => '{}'), 405, 'writing');
is($serve->get('/Property', method => 'DELETE')->{headers}{allow}, 'GET, HEAD, OPTIONS', 'what is allowed is said');
is_error($serve->get("/Property('$first')", method => 'PATCH', body => '{}'), 405, 'changing');
is_error($serve->get('/Property', headers => { Accept => 'text/html' }), 406, 'a form that there is not');
is_error($serve->get('/Property', method => 'POST', body => 'x' x 70_000), 413, 'a body that is too large');
is_error($serve->get('/Property', method => 'POST', body => 'x' x 120_000, headers => { 'Transfer-Encoding' => 'chunked' }), 413, 'one in pieces as well');
is_error($serve->get('/Property?$filter=' . 'x' x 70_000), 414, 'an address that is too long');
is_error($serve->get('/Property', headers => { map { ("X-$_" => 'y' x 7000) } 1 .. 10 }), 431, 'headers that are too large');
is_error($serve->get('/$batch', method => 'POST', body => '{}'), 501, 'batches');
is_error($serve->get('/Property', headers => { 'OData-MaxVersion' => '3.0' }), 400, 'a version that is too old');
is_error($serve->get('/Property', headers => { 'OData-Version' => '5.0' }), 400, 'or that is not there');
is_error($serve->get('http://' . $serve->{place} . '/elsewhere'), 404, 'beside the root');
is_error($serve->get('/Property?$filter=%ff%fe'), 400, 'bytes that are no text');
is_error($serve->get('/Property?$filter=City%20eq%20%27a%00b%27'), 400, 'a NUL');
is_error($serve->get('/Property?$filter=City%20eq%20%27a%zz%27'), 400, 'no encoding');

# ---- versions and forms ----

is(good('/Property?$top=1', headers => { 'OData-MaxVersion' => $_->[0] })->{headers}{'odata-version'}, $_->[1], "up to $_->[0]") for [ '4.0', '4.0' ], [ '4.01', '4.01' ], [ '5.0', '4.01' ];
is(good('/Property?$top=1')->{headers}{'odata-version'}, '4.01', '4.01 if nothing is said');
my $context = 'https://api.example.com/reso/odata/$metadata#Property(ListingKey)';
for my $case (
	[ undef, undef, 200, 'minimal' ],
	[ '*/*', undef, 200, 'minimal' ],
	[ 'application/json', undef, 200, 'minimal' ],
	[ 'application/*', undef, 200, 'minimal' ],
	[ 'application/json;odata.metadata=minimal;q=1', undef, 200, 'minimal' ],
	[ 'application/json;odata.streaming=true;odata.metadata=none', undef, 200, 'none' ],
	[ 'application/json;metadata=full', undef, 200, 'full' ],
	[ 'text/html, application/xml;q=0.9, */*;q=0.1', undef, 200, 'minimal' ],
	[ 'application/xml', undef, 406, undef ],
	[ 'application/json;q=0', undef, 406, undef ],
	[ 'application/json;odata.metadata=most', undef, 406, undef ],
	[ 'text/html', 'json', 200, 'minimal' ],
	[ 'application/json', 'application/json;odata.metadata=none', 200, 'none' ],
	[ 'application/json', 'xml', 406, undef ],
	[ 'application/json', 'atom', 406, undef ])
{
	my ($accept, $format, $status, $level) = @$case;
	my $answer = $serve->get('/Property?$select=ListingKey' . (defined $format ? "&\$format=$format" : ''), headers => { Accept => $accept // '' });
	is($answer->{status}, $status, 'Accept ' . ($accept // 'absent') . (defined $format ? ", format $format" : '')) or diag($answer->{body});
	next if $status != 200;
	is($answer->{headers}{'content-type'}, "application/json;odata.metadata=$level", 'the form is named');
	is($answer->{json}{'@odata.context'}, $level eq 'none' ? undef : $context, 'the context as it should be');
	ok($answer->{json}{'@odata.nextLink'}, 'a next link in any case');
	is($answer->{json}{value}[0]{'@odata.id'}, $level eq 'full' ? "https://api.example.com/reso/odata/Property('$first')" : undef, 'addresses of records');
	like($answer->{body}, qr/^\{(?:"\@odata\.(?:context|count|nextLink)":(?:"[^"]*"|\d+),)*"value":\[/, 'before the records');
}
{
	my $plain = good('/Property?$select=BedroomsTotal,ListPrice&$count=true&$filter=BedroomsTotal%20gt%201')->{body};
	my $texts = good('/Property?$select=BedroomsTotal,ListPrice&$count=true&$filter=BedroomsTotal%20gt%201', headers => { Accept => 'application/json;IEEE754Compatible=true' });
	like($plain, qr/"\@odata\.count":\d/, 'a count is a number');
	like($texts->{body}, qr/"\@odata\.count":"\d+"/, 'or a text for who wants it');
	like($texts->{body}, qr/"ListPrice":"[\d.]+"/, 'decimals as well');
	like($plain, qr/"ListPrice":[\d.]+[,}]/, 'which are numbers otherwise');
	like($texts->{headers}{'content-type'}, qr/IEEE754Compatible=true/, 'the form says so');
	my $price = query(qq{SELECT "ListPrice" FROM gold.property WHERE "ListPrice" IS NOT NULL ORDER BY "ListingKey" LIMIT 1});
	my $priced = query(q{SELECT "ListingKey" FROM gold.property WHERE "ListPrice" IS NOT NULL ORDER BY "ListingKey" LIMIT 1});
	my $unpriced = query(q{SELECT "ListingKey" FROM gold.property WHERE "ListPrice" IS NULL ORDER BY "ListingKey" LIMIT 1});
	cmp_ok(good("/Property('$priced')/ListPrice")->{json}{value}, '==', $price, 'one field');
	is($serve->get("/Property('$unpriced')/ListPrice")->{status}, 204, 'that is null: nothing');
	my $raw = good("/Property('$first')/StandardStatus/\$value");
	is($raw->{body}, query(qq{SELECT "StandardStatus" FROM gold.property WHERE "ListingKey" = '$first'}), 'its value alone');
	like($raw->{headers}{'content-type'}, qr{^text/plain}, 'as text');
}

# ---- tags, HEAD, compression, CORS ----

{
	my $one = good("/Property('$first')");
	my $tag = $one->{headers}{etag};
	is(good('/Property?$select=City')->{headers}{etag}, good('/Property?$select=City')->{headers}{etag}, 'a page with a next one is the same when it is asked for again');
	like($tag, qr{^W/"[\w-]+"$}, 'an answer has a weak tag');
	my $again = $serve->get("/Property('$first')", headers => { 'If-None-Match' => qq{"x", $tag} });
	is($again->{status}, 304, 'who has it already gets it not again');
	is($again->{body}, '', 'at all');
	is($again->{headers}{etag}, $tag, 'but its tag');
	query(qq{UPDATE gold.property SET "PhotosCount" = 77 WHERE "ListingKey" = '$first'});
	isnt(good("/Property('$first')", headers => { 'If-None-Match' => $tag })->{headers}{etag}, $tag, 'when the record changes the tag does');
	is(good("/Property('$first')?\$select=ListingKey", headers => { 'If-None-Match' => $tag })->{status}, 200, 'another selection is another answer');
	my $metadata = good('/$metadata')->{headers}{etag};
	is($serve->get('/$metadata', headers => { 'If-None-Match' => $metadata })->{status}, 304, 'metadata too');
	like($one->{headers}{'cache-control'}, qr/private/, 'answers are not shared');
	like($one->{headers}{vary}, qr/Authorization/, 'by nobody');

	my $head = $serve->get('/Property?$select=ListingKey&$top=3', method => 'HEAD');
	my $get = good('/Property?$select=ListingKey&$top=3');
	is($head->{status}, 200, 'HEAD');
	is($head->{headers}{'content-length'}, length $get->{body}, 'says how long it would be');
	is($head->{headers}{etag}, $get->{headers}{etag}, 'and which');

	my $small = good('/Property/$count', headers => { 'Accept-Encoding' => 'gzip' });
	is($small->{headers}{'content-encoding'}, undef, 'a few bytes are not compressed');
	my $target = '/Property?$select=ListingKey,City,StandardStatus';
	my $plain = good($target);
	my $packed = good($target, headers => { 'Accept-Encoding' => 'deflate, gzip;q=0.5' });
	is($packed->{headers}{'content-encoding'}, 'gzip', 'a page is');
	is($packed->{headers}{'content-length'}, length $packed->{body}, 'and says its length');
	is(Compress::Zlib::memGunzip($packed->{body}), $plain->{body}, 'to the same');
	is($packed->{headers}{etag}, $plain->{headers}{etag}, 'with the same tag');
	like($packed->{headers}{vary}, qr/Accept-Encoding/, 'which depends on what is accepted');
	is(good($target, headers => { 'Accept-Encoding' => 'gzip;q=0, br' })->{headers}{'content-encoding'}, undef, 'not for who does not want it');
	$packed = good('/$metadata', headers => { 'Accept-Encoding' => 'gzip' });
	is(Compress::Zlib::memGunzip($packed->{body}), good('/$metadata')->{body}, 'metadata is compressed once');

	my $preflight = $serve->get('/Property', method => 'OPTIONS', headers => { Origin => 'https://app.example.com', 'Access-Control-Request-Method' => 'GET' });
	is($preflight->{status}, 204, 'a browser asks before');
	is($preflight->{headers}{'access-control-allow-origin'}, 'https://app.example.com', 'and may, from where it was said');
	like($preflight->{headers}{'access-control-allow-headers'}, qr/Authorization/, 'with a token');
	is(good('/Property?$top=1', headers => { Origin => 'https://evil.example.com' })->{headers}{'access-control-allow-origin'}, undef, 'others may not');
	is(good('/Property?$top=1', headers => { Origin => 'https://app.example.com' })->{headers}{'access-control-allow-origin'}, 'https://app.example.com', 'the answer says so as well');
	is($serve->get('/Property', headers => { Host => 'evil.example.com' })->{json}{'@odata.context'}, 'https://api.example.com/reso/odata/$metadata#Property', 'addresses do not come from the host that was named');
}

# ---- 50 MB ----

{
	query(q{UPDATE gold.property SET "PublicRemarks" = repeat('many words and "quotes" ', 20000)});
	my $target = '/Property?$select=ListingKey,PublicRemarks&$top=120';
	my $plain = good($target, headers => { Prefer => 'odata.maxpagesize=120' });
	cmp_ok(length $plain->{body}, '>', 50_000_000, 'a page of 50 MB');
	my $packed = good($target, headers => { 'Accept-Encoding' => 'gzip', Prefer => 'odata.maxpagesize=120' });
	ok(Compress::Zlib::memGunzip($packed->{body}) eq $plain->{body}, 'is compressed right');
	query(q{UPDATE gold.property SET "PublicRemarks" = repeat('many words and "quotes" ', 40000)});
	my $short = good($target, headers => { Prefer => 'odata.maxpagesize=120' });
	cmp_ok(length $short->{body}, '<', 70_000_000, 'one that would be larger still is cut');
	my $shown = () = $short->{body} =~ /"ListingKey":/g;
	my ($next) = $short->{body} =~ /"\@odata\.nextLink":"([^"]*)"/;
	my $rest = () = good($next =~ s{^\Q$serve->{root}\E}{/}r)->{body} =~ /"ListingKey":/g;
	is($shown + $rest, 120, 'and the rest is behind its next link');
	query(q{UPDATE gold.property SET "PublicRemarks" = NULL});
}

is($serve->stop, 0, 'it ends when it is told to');
$mls->stop;
$node->stop;
done_testing();
