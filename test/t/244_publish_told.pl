# Publications that are told: to a receiver over HTTP, and as files of a store.
use strict;
use warnings;
use utf8;

use Encode qw(decode_utf8 encode_utf8);
use JSON::PP ();
use MlsSearch;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = PostgreSQL::Test::Utils::tempdir;
mkdir "$folder/srv" or die;
my $node = new_node('publish', 'mls_fdw.allowed_hosts' => "'127.0.0.1, *.localhost'", 'mls_fdw.file_directories' => "'$folder/srv'", log_min_messages => 'debug1', log_statement => "'none'");
my $receiver = start_search();
my $mls = start_mls(listings => 2);
my $url = $receiver->url('receiver');
my $login = q{token 'receiver-token-value', webhook_secret 'receiver-secret-value'};

sub sql
{
	return decode_utf8($node->safe_psql('postgres', encode_utf8($_[0])));
}

sub fails
{
	my ($sql, @words) = @_;
	my $error = sql_error($node, $sql);
	like($error, $_, "says: $_") for @words;
	return;
}

sub synced
{
	my ($at, $name) = @_;
	return sql("SELECT status || ' ' || written || ' ' || deleted || ' ' || refused || coalesce(' ' || message, '') FROM mls_publish_sync('$at', '@{[ $name // 'listing' ]}')");
}

# Keys of which somebody who took all that he was told has another record than the view shows.
sub differences
{
	my ($records) = @_;
	return sql(qq{WITH here AS (SELECT "ListingKey" AS key, jsonb_strip_nulls(to_jsonb(v)) AS record FROM listing v), there AS (SELECT key, value AS record FROM jsonb_each(\$json\$$records\$json\$))
		SELECT coalesce(string_agg(key, ',' ORDER BY key), 'none') FROM here FULL JOIN there USING (key) WHERE here.record IS DISTINCT FROM there.record});
}

sub received
{
	return decode_utf8($receiver->shown('receiver', 'listing'));
}

sub bodies
{
	return @{ JSON::PP->new->utf8->decode($receiver->shown('receiver', 'bodies')) };
}

# What somebody has who reads files of lines in the order of their names.
sub read_files
{
	my (%records, %loaded);
	for my $file (sort glob "$folder/srv/listing/*.ndjson")
	{
		for my $line (map { JSON::PP->new->utf8->decode($_) } split /\n/, slurp_file($file))
		{
			my ($op, $key) = @$line{qw(op key)};
			%loaded = () if $op eq 'begin';
			$loaded{$key} = $records{$key} = $line->{record} if $op eq 'put';
			delete $records{$key} if $op eq 'delete';
			if ($op eq 'end') { delete $records{$_} for grep { !$loaded{$_} } keys %records }
		}
	}
	return JSON::PP->new->encode(\%records);
}

sql(q{
CREATE SCHEMA gold;
CREATE TABLE gold.property ("ListingKey" text PRIMARY KEY, "ListPrice" numeric(14,2), "City" text, "Features" text[], "ModificationTimestamp" timestamptz, "Extra" jsonb, "StandardStatus" text,
	mls_source text NOT NULL DEFAULT 'hand', mls_origin text, mls_source_key text, mls_updated_at timestamptz);
CREATE VIEW listing AS SELECT "ListingKey", "ListPrice", "City", "Features", "ModificationTimestamp", "Extra" FROM gold.property WHERE "StandardStatus" = 'Active';
INSERT INTO gold.property SELECT 'K' || i, i * 1000.5, 'City ' || i % 7, ARRAY['a', 'b' || i], '2026-01-01'::timestamptz + i * interval '1.000001 seconds', jsonb_build_object('n', i),
	CASE WHEN i % 10 = 0 THEN 'Closed' ELSE 'Active' END FROM generate_series(1, 200) i;
UPDATE gold.property SET "City" = E'Κύπρος 🏠 "q" \\ {x}\n NULL', "Features" = NULL WHERE "ListingKey" = 'K1';
CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
});

# ---- A receiver ----

sql(qq{CREATE SERVER site FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'receiver', url '$url', retries '2');
	CREATE USER MAPPING FOR CURRENT_USER SERVER site OPTIONS (token 'wrong-token-value'); SELECT mls_publish('listing', 'site', batch => 50)});
fails(q{SELECT * FROM mls_publish_sync('site')}, qr/28000/, qr/could not deliver at destination "site"/, qr/status 401: Who are you\?/);
sql(qq{DROP USER MAPPING FOR CURRENT_USER SERVER site; CREATE USER MAPPING FOR CURRENT_USER SERVER site OPTIONS ($login)});
is(synced('site'), 'finished 180 0 0', 'it is told all');
is(differences(received()), 'none', 'as the view shows it');
is(synced('site'), 'finished 0 0 0', 'once more: nothing is told');
my $n = bodies();
sql(q{UPDATE gold.property SET "ListPrice" = 1 WHERE "ListingKey" = 'K2'; UPDATE gold.property SET "ListPrice" = 2 WHERE "ListingKey" = 'K2'; DELETE FROM gold.property WHERE "ListingKey" = 'K3'; UPDATE gold.property SET "StandardStatus" = 'Closed' WHERE "ListingKey" = 'K4'});
is(synced('site'), 'finished 1 2 0', 'what has changed');
is(scalar(bodies()) - $n, 1, 'is told in one message');
is((bodies())[-1]{position}, sql('SELECT position FROM mls_publications'), 'with the position that it leads to');
is(differences(received()), 'none', 'all of it');

$receiver->control(faults => [ { engine => 'receiver', match => '^POST', what => 'status', status => 429, headers => { 'Retry-After' => '1' } }, { engine => 'receiver', match => '^POST', what => 'status', status => 503 } ]);
sql(q{UPDATE gold.property SET "City" = 'busy' WHERE "ListingKey" = 'K5'});
is(synced('site'), 'finished 1 0 0', 'who is busy is asked again');
$receiver->control(faults => [ { engine => 'receiver', match => '^POST', what => 'lost' } ]);
sql(q{UPDATE gold.property SET "City" = 'lost' WHERE "ListingKey" = 'K5'});
fails(q{SELECT * FROM mls_publish_sync('site')}, qr/could not/);
is(synced('site'), 'finished 1 0 0', 'what was taken without an answer is told again');
sql(q{UPDATE gold.property SET "City" = 'dead' WHERE "ListingKey" = 'K6'; UPDATE gold.property SET "City" = 'alive' WHERE "ListingKey" IN ('K7', 'K8', 'K9')});
is(synced('site'), 'finished 3 0 1 1 record was refused; mls_dead_letters says why', 'who is refused does not hold up the others');
is(sql('SELECT key, reason FROM mls_dead_letters'), 'K6|422: There is a dead one in it.', 'and is written down');
is(differences(received()), 'K6', 'they are there');
sql(q{UPDATE gold.property SET "City" = 'well' WHERE "ListingKey" = 'K6'});
is(synced('site'), 'finished 1 0 0', 'and he when he has changed');

# A load that breaks off goes on from where it was; what has gone meanwhile goes at its end.
$receiver->control(faults => [ { engine => 'receiver', match => '^POST', what => 'close', skip => 2, times => 9 } ]);
sql(q{SELECT mls_publish_resend('site', 'listing', 0)});
fails(q{SELECT * FROM mls_publish_sync('site')}, qr/could not/);
is(sql('SELECT loading, load_after IS NOT NULL FROM mls.publication'), 't|t', 'a load breaks off');
$receiver->control(faults => []);
$n = () = sql('SELECT "ListingKey" FROM listing') =~ /K/g;
my ($written) = synced('site') =~ /^finished (\d+) 0 0$/;
cmp_ok($written, '<', $n, 'and goes on');
is(differences(received()), 'none', 'to the end');
$receiver->control(settings => { receiver => { limit => 3000 } });
sql(q{SELECT mls_publish_resend('site', 'listing', 0)});
is(synced('site'), "finished $n 0 0", 'who takes little at a time is told less');
is(differences(received()), 'none', 'until he has all');
$receiver->control(settings => { receiver => { limit => 1000000 } });
fails(q{SELECT * FROM mls_publish_verify('site', 'listing')}, qr/0A000/, qr/cannot be compared/);
is(sql(q{SELECT string_agg(item || CASE WHEN ok THEN '' ELSE '!' END, ' ') FROM mls_check('site')}), 'configuration credentials connection write', 'mls_check()');

# ---- Shapes ----

sql(q{ALTER SERVER site OPTIONS (ADD shape 'reso'); UPDATE gold.property SET "ListPrice" = 3 WHERE "ListingKey" = 'K2'; DELETE FROM gold.property WHERE "ListingKey" = 'K11'});
is(synced('site'), 'finished 1 1 0', 'another shape');
my $body = JSON::PP->new->utf8->canonical->decode(encode_utf8((bodies())[-1]{body}));
is($body->{'@reso.context'}, 'urn:reso:metadata:2.0:resource:property', 'RESO Common Format');
is(JSON::PP->new->canonical->encode($body->{value}[0]), '{"@removed":{"reason":"deleted"},"ListingKey":"K11"}', 'what is gone');
is_deeply([ @{ $body->{value}[1] }{qw(ListingKey ListPrice City)} ], [ 'K2', 3, 'City 2' ], 'what has changed');
sql(q{ALTER SERVER site OPTIONS (SET shape 'entity_event'); UPDATE gold.property SET "ListPrice" = 4 WHERE "ListingKey" IN ('K2', 'K12'); DELETE FROM gold.property WHERE "ListingKey" = 'K13'});
is(synced('site'), 'finished 2 1 0', 'and another');
$body = JSON::PP->new->utf8->decode((bodies())[-1]{body});
is($body->{'@reso.context'}, 'urn:reso:metadata:2.0:resource:entityevent', 'EntityEvents');
is(join(' ', sort map { "$_->{ResourceName}:$_->{ResourceRecordKey}" } @{ $body->{value} }), 'Property:K12 Property:K13 Property:K2', 'name keys');
like(synced('site'), qr/^finished 0 0 0$/, 'of a run that loads nothing there is no more to be said');
sql(q{SELECT mls_publish_resend('site', 'listing', 0)});
like(synced('site'), qr/^finished \d+ 0 0 a load was told in a shape that does not say where it begins and ends/, 'of a load that takes nothing back it is said');
my @numbers = map { $_->{EntityEventSequence} } @{ $body->{value} };
ok($numbers[0] < $numbers[1] && $numbers[1] < $numbers[2], 'in numbers that rise');
sql(q{SELECT mls_unpublish('site', 'listing', drop_table => true)});
is(sql('SELECT count(*) FROM mls_publications'), 0, 'its end');

# ---- Views whose rows are not those of their records alone ----

# What mls_publish() says of a view that is no good; '' if nothing.
sub said_of
{
	my ($query) = @_;
	my (undef, undef, $said) = $node->psql('postgres', qq{BEGIN; CREATE VIEW odd AS $query; SELECT mls_publish('odd', 'site', 'odd'); ROLLBACK});
	return $said;
}

my $follows = qr/NOTICE:  rows of public\.odd depend on other records of resource "Property" than their own\nDETAIL:  By/;
for my $odd (
	[ 'LIMIT or OFFSET', 'SELECT "ListingKey" FROM gold.property ORDER BY "ListPrice" DESC LIMIT 10' ],
	[ 'LIMIT or OFFSET', 'SELECT "ListingKey" FROM (SELECT * FROM gold.property OFFSET 3) p WHERE "ListPrice" > 0' ],
	[ 'a window function', 'SELECT "ListingKey", rank() OVER (ORDER BY "ListPrice") AS place FROM gold.property' ],
	[ 'DISTINCT ON', 'SELECT DISTINCT ON ("City") "City", "ListingKey" FROM gold.property' ],
	[ 'a second look at its table', 'SELECT p."ListingKey", (SELECT avg(q."ListPrice") FROM gold.property q WHERE q."City" = p."City") AS mean FROM gold.property p' ],
	[ 'a second look at its table', 'SELECT p."ListingKey" FROM gold.property p JOIN (SELECT "City", count(*) AS n FROM gold.property GROUP BY 1) c USING ("City") WHERE c.n > 1' ],
	[ 'a second look at its table', 'WITH a AS (SELECT * FROM gold.property) SELECT p."ListingKey" FROM a p WHERE "ListPrice" > (SELECT avg("ListPrice") FROM a)' ],
	[ 'a second look at its table', 'SELECT "ListingKey" FROM listing l WHERE EXISTS (SELECT FROM listing m WHERE m."City" = l."City" AND m."ListingKey" <> l."ListingKey")' ],
	[ 'a second look at its table', 'SELECT "ListingKey" FROM gold.property EXCEPT SELECT max("ListingKey") FROM gold.property' ])
{
	like(said_of($odd->[1]), qr/$follows $odd->[0]: /, "$odd->[0]: it is said that nobody hears of the others");
}
for my $even (
	'SELECT * FROM listing',
	'SELECT DISTINCT "ListingKey", "City" FROM gold.property',
	'SELECT DISTINCT ON ("ListingKey") "ListingKey", "City" FROM gold.property ORDER BY "ListingKey", "City"',
	'SELECT "ListingKey", count(*) OVER (PARTITION BY "ListingKey") AS n FROM gold.property',
	'SELECT "ListingKey", count(f) AS n FROM gold.property LEFT JOIN LATERAL unnest("Features") f ON true GROUP BY "ListingKey"',
	'SELECT "ListingKey" FROM gold.property EXCEPT SELECT "ListingKey" FROM listing',
	'SELECT "ListingKey", "City" FROM gold.property WHERE "ListPrice" > 5 UNION ALL SELECT "ListingKey", "City" FROM listing WHERE "ListPrice" <= 5',
	'WITH a AS (SELECT * FROM gold.property) SELECT p."ListingKey", (SELECT max(f) FROM unnest(p."Features") f) AS last FROM a p')
{
	is(said_of($even), '', 'nothing is to be said of ' . substr($even, 0, 60));
}
like(said_of('SELECT "ListingKey" COLLATE loose AS "ListingKey" FROM gold.property'), qr/ERROR:  column "ListingKey" of public\.odd takes different keys for the same\n.*collation "loose"/s, 'a key by which two records are one is refused');

# ---- Files in a directory ----

sql(qq{CREATE SERVER disk FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$folder/srv'); SELECT mls_publish('listing', 'disk', batch => 50)});
($n) = sql('SELECT count(*) FROM listing');
is(synced('disk'), "finished $n 0 0", 'files');
is(differences(read_files()), 'none', 'say what the view shows');
sql(q{UPDATE gold.property SET "ListPrice" = 5 WHERE "ListingKey" = 'K2'; DELETE FROM gold.property WHERE "ListingKey" = 'K14'});
is(synced('disk'), 'finished 1 1 0', 'what has changed is in another');
is(differences(read_files()), 'none', 'behind them');
my @files = sort glob "$folder/srv/listing/*";
like("@files", qr{/000000000001.ndjson .*/position.json$}, 'their names rise');
is(synced('disk'), 'finished 0 0 0', 'where nothing has changed');
is(join(' ', sort glob "$folder/srv/listing/*"), "@files", 'there is no new file');

# A run that died behind a file and before its position.
sql(q{UPDATE gold.property SET "ListPrice" = 6 WHERE "ListingKey" = 'K2'});
my $position = slurp_file("$folder/srv/listing/position.json");
synced('disk');
my $last = (sort glob "$folder/srv/listing/*.ndjson")[-1];
my $content = slurp_file($last);
open(my $out, '>', "$folder/srv/listing/position.json") or die;
print $out $position;
close $out;
sql(q{UPDATE gold.property SET "ListPrice" = 7 WHERE "ListingKey" IN ('K2', 'K15')});
is(synced('disk'), 'finished 2 0 0 the destination had come further before, and goes on from where it is now', 'a file whose position was lost comes again');
is(slurp_file($last), $content, 'in another file: none is ever written twice');
is(differences(read_files()), 'none', 'and all is right');

# Whose position is gone, because he ended or lost it: what is told anew stands behind all that is there.
my $told = join ' ', @files = sort glob "$folder/srv/listing/*.ndjson";
sql(q{SELECT mls_unpublish('disk', 'listing'); UPDATE gold.property SET "ListPrice" = 8 WHERE "ListingKey" = 'K2'; DELETE FROM gold.property WHERE "ListingKey" = 'K16'; SELECT mls_publish('listing', 'disk', batch => 50)});
like(synced('disk'), qr/^finished \d+ 0 0$/, 'who begins again');
like(join(' ', sort glob "$folder/srv/listing/*.ndjson"), qr/^\Q$told\E ./, 'goes on behind the files of before');
is(differences(read_files()), 'none', 'so that nothing old comes behind them');
$told = join ' ', @files = sort glob "$folder/srv/listing/*.ndjson";
unlink "$folder/srv/listing/position.json" or die;
sql(q{UPDATE gold.property SET "ListPrice" = 9 WHERE "ListingKey" = 'K2'; DELETE FROM gold.property WHERE "ListingKey" = 'K17'});
like(synced('disk'), qr/^finished \d+ 0 0/, 'who has lost his position begins a load');
like(join(' ', sort glob "$folder/srv/listing/*.ndjson"), qr/^\Q$told\E ./, 'behind them, too');
is(differences(read_files()), 'none', 'and all is right');
$position = slurp_file("$folder/srv/listing/position.json");
$position =~ s/"number":\d+/"number":1/ or die;
open($out, '>', "$folder/srv/listing/position.json") or die;
print $out $position;
close $out;
open($out, '>', "$folder/srv/listing/of_another.json") or die;
close $out;
fails(q{SELECT mls_publish('listing', 'disk', 'ab'); SELECT * FROM mls_publish_sync('disk', 'ab')}, qr/42602/, qr/cannot be the name of a folder/);
sql(q{SELECT mls_unpublish('disk', 'ab'); SELECT mls_unpublish('disk', 'listing', drop_table => true)});
is(join(' ', glob "$folder/srv/listing/*"), "$folder/srv/listing/of_another.json", 'its end: the files that are there go, whatever the position says of them, and nothing else');

# ---- Files in a bucket ----

sql(qq{CREATE SERVER bucket FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 's3://photos/told', endpoint 'http://127.0.0.1:$mls->{port}', shape 'reso');
	CREATE USER MAPPING FOR CURRENT_USER SERVER bucket OPTIONS (access_key 'AKIATESTKEYVALUE', secret_key 's3cr3t/Key+Value=for-tests'); SELECT mls_publish('listing', 'bucket', batch => 100)});
($n) = sql('SELECT count(*) FROM listing');
is(synced('bucket'), "finished $n 0 0", 'a bucket');
is(sql(q{SELECT jsonb_array_length(convert_from(mls_store_get('bucket', 'listing/000000000001.json'), 'UTF8')::jsonb -> 'value')}), 100, 'has them, too');
is(sql(q{SELECT convert_from(mls_store_get('bucket', 'listing/000000000002.json'), 'UTF8')::jsonb ->> '@reso.context'}), 'urn:reso:metadata:2.0:resource:property', 'in the shape that its server says');
sql(q{SELECT mls_unpublish('bucket', 'listing', drop_table => true)});
is(sql(q{SELECT mls_store_get('bucket', 'listing/000000000001.json') IS NULL AND mls_store_get('bucket', 'listing/position.json') IS NULL}), 't', 'until its end');

unlike(slurp_file($node->logfile), qr/(receiver|wrong)-(token|secret)-value|s3cr3t/, 'no secret stands in the log');
done_testing();
