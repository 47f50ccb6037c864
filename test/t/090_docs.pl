# Every SQL block of README.md and docs/ runs, page by page, against the test server.

use strict;
use warnings;

use JSON::PP;
use MlsFiles;
use MlsMaria;
use MlsQobrix;
use MlsSearch;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $tree = $ENV{MLS_TREE};
my $mls = start_mls(listings => 60, qobrix => 60);
my $root = 'http://127.0.0.1:' . $mls->{port};
my $ddf = start_mls(listings => 60);
$ddf->control('option', { rets => { dialect => 'ddf', comma_numbers => JSON::PP::true } });
my $folder = PostgreSQL::Test::Utils::tempdir;
mkdir "$folder/$_" or die for qw(photos feeds pictures office);

# The file of docs/datasets.md, written long ago.
{
	my ($csv) = slurp_file("$tree/docs/datasets.md") =~ /^```csv\n(.*?)^```/ms;
	append_to_file("$folder/office/showings.csv", $csv);
	utime 1700000000, 1700000000, "$folder/office/showings.csv" or die;
}
# Its address and its bucket.
my $cabinet = start_cabinet();
$cabinet->put('/roster.csv', "Name,Zip\nAnn,02139\nBob,10001\n");
$mls->control('s3', { put => [ 'photos', 'sales/sales_1.csv', "Sale,Price\nS-1,100\n" ], tags => JSON::PP::true });
my $node = new_node('docs', 'mls_fdw.file_directories' => "'$folder'");

# The source with names of its own that docs/mapping.md maps.
my $harbor = start_shelf();
my $records = JSON::PP->new->decode(slurp_file("$tree/test/data/harbor.json"));
put_on_shelf($harbor, $_, [ map { encode_json($_) } @{ $records->{$_} } ]) for sort keys %$records;

# The destination of docs/publish.md, and its user.
my $maria = start_maria();
$maria->sql(q{CREATE USER agent@'127.0.0.1' IDENTIFIED BY 'basic-pass-value'; GRANT ALL ON shop.* TO agent@'127.0.0.1'}, 'mysql');

# Its search engine and its receiver.
my $search = start_search();

# The documents name a server that does not exist and hide its credentials.
sub substitute
{
	my ($sql) = @_;
	$sql =~ s{https://api\.example\.com/[a-z]+/odata}{$root/odata}g;
	$sql =~ s{https://api\.example\.com/token}{$root/oauth/token}g;
	$sql =~ s{client_id '\.\.\.'}{client_id 'demo'}g;
	$sql =~ s{client_secret '\.\.\.'}{client_secret 's3cret-demo-value'}g;
	$sql =~ s{https://api\.example\.com/rets/login}{$root/rets/login}g;
	$sql =~ s{https://data\.crea\.example/Login\.svc/Login}{http://127.0.0.1:$ddf->{port}/rets/login}g;
	$sql =~ s{(url 'https://geocoder\.example\.com/nominatim')}{url '$root/geo/nominatim', requests_per_second '0'}g;
	$sql =~ s{https://tenant\.example\.com/api}{$root/api}g;
	$sql =~ s{api_user '\.\.\.', api_key '\.\.\.'}{api_user '11111111-1111-4111-8111-111111111111', api_key 'header-key-value'}g;
	$sql =~ s{https://harbor\.example\.com/odata}{$harbor->{url}}g;
	$sql =~ s{https://files\.example\.com}{$cabinet->url}eg;
	$sql =~ s{"access_key": "\.\.\.", "secret_key": "\.\.\."}{"access_key": "AKIATESTKEYVALUE", "secret_key": "s3cr3t/Key+Value=for-tests"}g;
	$sql =~ s{https://minio\.example\.com}{$root}g;
	$sql =~ s{access_key '\.\.\.', secret_key '\.\.\.'}{access_key 'AKIATESTKEYVALUE', secret_key 's3cr3t/Key+Value=for-tests'}g;
	$sql =~ s{url 'mysql://db\.example\.com/shop'}{"url '" . $maria->url . "', tls 'none'"}eg;
	$sql =~ s{file:///srv/}{file://$folder/}g;
	$sql =~ s{username '\.\.\.', password '\.\.\.'}{username 'agent', password 'basic-pass-value'}g;
	$sql =~ s{https://search\.example\.com:9200}{$search->url('elasticsearch')}eg;
	$sql =~ s{api_key '\.\.\.'}{api_key 'ZXM6c2VjcmV0LWtleQ=='}g;
	$sql =~ s{https://site\.example\.com/listings}{$search->url('receiver')}eg;
	$sql =~ s{token '\.\.\.', webhook_secret '\.\.\.'}{token 'receiver-token-value', webhook_secret 'receiver-secret-value'}g;
	$sql =~ s{token '\.\.\.'}{token 'static-token-value'}g;
	# Platforms bring the token endpoint of the real one.
	$sql =~ s{(url '\Q$root\E/odata')}{$1, token_url '$root/oauth/token'}g
	  unless $sql =~ /token_url/;
	return $sql;
}

# What a reader of a page is assumed to have done: the five minutes of README.
my $prelude = substitute(q{
CREATE EXTENSION mls_fdw;
CREATE SERVER trestle FOREIGN DATA WRAPPER mls_fdw
  OPTIONS (protocol 'reso', url 'https://api.example.com/trestle/odata');
CREATE USER MAPPING FOR CURRENT_USER SERVER trestle
  OPTIONS (client_id '...', client_secret '...');
CREATE SCHEMA trestle;
IMPORT FOREIGN SCHEMA reso FROM SERVER trestle INTO trestle;
SELECT mls_subscribe('trestle.property');
SELECT * FROM mls_sync();
});

# What the example of a new source ends with.
sub check_mapped
{
	my ($database) = @_;
	is($node->safe_psql($database, q{SELECT "ListingKey", "StandardStatus", "PropertyType", "PropertySubType", "ListPrice", "LeaseAmount", "View", "BuilderModel", "ListAgentKey"
			FROM reso."Property" WHERE "ListingKey" LIKE 'H-%' ORDER BY 1}), join("\n",
			'H-L1|Active|Residential|Apartment|250000||{Ocean}|Harbor Gate|H-B1', 'H-L2|Active|Residential|Townhouse|900000||{Pool}||H-B2',
			'H-L2-RENT|Active|Residential Lease|Townhouse||4200|{Pool}||H-B2', 'H-L3-RENT|Pending|Commercial Lease|Retail||1500||Harbor Gate|H-B1'),
		'a new source is mapped');
	is($node->safe_psql($database, q{SELECT string_agg("MediaKey" || ' ' || "ResourceRecordKey", ', ' ORDER BY "MediaKey") FROM reso."Media" WHERE "MediaKey" LIKE 'H-%'}),
		'H-P1 H-L1, H-P2 H-L2, H-P2-RENT H-L2-RENT', 'with its pictures');
	is($node->safe_psql($database, q{SELECT string_agg("MemberFullName", ', ' ORDER BY "MemberFullName") FROM reso."Member" WHERE "MemberKey" LIKE 'H-%'}), 'Ann Ek, Bo Berg', 'and its brokers');
	is($node->safe_psql($database, q{SELECT count(*) FROM pg_attribute WHERE attrelid = 'gold.property'::regclass AND attname IN ('X_owner_phone', 'X_offer')}), 0, 'without what no rule names');
	return;
}

# Media whose files are at this test server; else their host does not exist.
sub photos
{
	for my $line (grep { length } split /\n/, $mls->get('truth?resource=Media'))
	{
		my $key = decode_json($line)->{MediaKey};
		$mls->control('set', { resource => 'Media', keys => [$key],
			fields => { MediaURL => "http://127.0.0.1:$mls->{port}/cdn/jpeg/$key", MediaCategory => 'Photo' } });
	}
	return;
}

# What those who have moved over see then.
my %moved = (
	'moving-from-mls2.md' => q{SELECT count(*) > 0 AND bool_and("ListingKey" LIKE 'QOBRIX_%') AND bool_and("X_Currency" IS NOT NULL)
			AND (SELECT count(*) > 0 FROM gold.media WHERE "ResourceRecordKey" LIKE 'QOBRIX_%')
			AND (SELECT written > 0 FROM mls_feed_status WHERE name = 'abroad')
			AND (SELECT count(*) = 2 FROM mls.feed_listing WHERE id IN (100017, 100018))
		  FROM gold.property WHERE mls_source = 'crm'},
	'moving-from-rets-manager.md' => q{SELECT (SELECT count(*) > 0 FROM rets_manager.property) AND (SELECT count(*) > 0 FROM rets_manager.propertyphoto)
			AND (SELECT count(*) > 0 AND bool_and(state = 'here') FROM mls_media WHERE source = 'ddf')});

my $number = 0;
for my $page ("$tree/README.md", glob "$tree/docs/*.md")
{
	my $text = slurp_file($page);
	my @blocks = $text =~ /^```sql\n(.*?)^```/msg;
	next unless @blocks;
	my ($name) = $page =~ m{([^/]+)$};
	my $database = 'docs' . ++$number;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	# Who comes from elsewhere has no other source, whose listings would have the same keys here.
	$node->safe_psql($database, $moved{$name} ? 'CREATE EXTENSION mls_fdw' : $prelude) unless $name eq 'README.md';
	photos() if $name eq 'media.md';
	my $block = 0;
	for my $sql (@blocks)
	{
		my ($status, $out, $err) =
		  $node->psql($database, substitute($sql), on_error_stop => 1);
		is($status, 0, "$name: block " . ++$block) or diag("$sql\n$err");
	}
	check_mapped($database) if $name eq 'mapping.md';
	is($node->safe_psql($database, q{SELECT count(*), max(s.offer) FROM silver.office_showings s JOIN reso."Property" p ON p."ListingKey" = s.listing}), '3|1250000.50', 'a dataset is joined with gold')
	  if $name eq 'datasets.md';
	is($node->safe_psql($database, $moved{$name}), 't', "$name: and has moved") if $moved{$name};
}

# What docs/operations.md says of backups: data, cursor and rules come back together.
{
	my $file = "$PostgreSQL::Test::Utils::tmp_check/mls.dump";
	my $rules = "SELECT count(*), count(*) FILTER (WHERE shipped) FROM mls.field_map";
	my $state = "SELECT source, resource, owner, bronze, silver, gold, cursor_timestamp, cursor_key,
		(SELECT count(*) FROM reso.\"Property\") FROM mls.subscription";
	my ($before, $after) = ('backed_up', 'restored');
	$node->safe_psql('postgres', "CREATE DATABASE $_") for $before, $after;
	$node->safe_psql($before, $prelude);
	$node->safe_psql($before, "INSERT INTO mls.field_map (source, resource, field, arguments)
		VALUES ('trestle', 'Property', 'X_Town', '{City}')");
	$node->command_ok([ 'pg_dump', '-Fc', '-f', $file, $node->connstr($before) ], 'dumps');
	$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr($after), $file ],
		'restores');
	is($node->safe_psql($after, $state), $node->safe_psql($before, $state),
		'the subscription, its cursor and its data are restored');
	is($node->safe_psql($after, $rules), $node->safe_psql($before, $rules),
		'rules are restored once');
	is( $node->safe_psql($after,
			'SELECT status, received < 60, inserted, updated FROM mls_sync()'),
		'finished|t|0|0', 'the restored replica syncs on from its cursor');
}

$mls->stop;
$ddf->stop;
$node->stop;
$maria->stop;
done_testing();
