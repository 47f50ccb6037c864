# Files of media by mls_serve: to whom its record is shown, whole or in parts, and nothing else
# of the disk; those of a bucket by a redirect.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use JSON::PP;
use MlsServe;
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

need_serve();
my $tmp = $PostgreSQL::Test::Utils::tmp_check;
my $node = new_node('serve_media', 'mls_fdw.file_directories' => "'$tmp'");
my $mls = start_mls(listings => 20, fields => 'small');
my $root = 'https://api.example.com/reso';
mkdir "$tmp/$_" for 'photos', 'other';

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

# A source whose media are in a store, fetched; and what gold shows as their addresses.
sub source
{
	my ($name, $store, $url) = @_;
	query(qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '@{[$mls->url]}', schema_policy 'ignore', key_prefix '$name:');
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (token 'static-token-value');
		CREATE SCHEMA $name;
		CREATE FOREIGN TABLE $name.media (media_key text OPTIONS (field 'MediaKey'), "order" integer OPTIONS (field 'Order'),
			media_url text OPTIONS (field 'MediaURL'), media_category text OPTIONS (field 'MediaCategory'), resource_name text OPTIONS (field 'ResourceName'),
			resource_record_key text OPTIONS (field 'ResourceRecordKey'), modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp'))
		SERVER $name OPTIONS (resource 'Media', key 'MediaKey', timestamp 'ModificationTimestamp');
		CREATE FOREIGN TABLE $name.property (listing_key text OPTIONS (field 'ListingKey'), modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp'))
		SERVER $name OPTIONS (resource 'Property', key 'ListingKey', timestamp 'ModificationTimestamp');
		SELECT mls_subscribe('$name.property');
		SELECT mls_map_set('Media', 'MediaURL', 'expression', ARRAY['$url'], source => '$name');
		SELECT mls_subscribe('$name.media');
		SELECT mls_media_store('$name', '$store', after_sync => false)});
	is(query("SELECT string_agg(status, ',') FROM mls_sync('$name')"), 'finished,finished', "$name is synced");
	is(query("SELECT string_agg(status || ' ' || waiting, ',') FROM mls_media_sync('$name')"), 'finished 0', 'and has its files');
	return;
}

my @keys = map { JSON::PP::decode_json($_)->{MediaKey} } grep { length } split /\n/, $mls->get('truth?resource=Media');
$mls->control('set', { resource => 'Media', keys => [ $keys[$_] ],
		fields => { MediaURL => "http://127.0.0.1:$mls->{port}/cdn/" . ($_ == 1 ? 'png' : $_ == 2 ? 'pdf' : 'jpeg') . "/p$_?length=3000", MediaCategory => $_ == 2 ? 'Document' : 'Photo' } })
  for 0 .. $#keys;
query(qq{
	CREATE SERVER photos FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$tmp/photos');
	CREATE SERVER bucket FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 's3://photos/files', endpoint 'http://127.0.0.1:$mls->{port}');
	CREATE USER MAPPING FOR CURRENT_USER SERVER bucket OPTIONS (access_key 'AKIATESTKEYVALUE', secret_key 's3cr3t/Key+Value=for-tests')});
source('a', 'photos', "mls.media_file_url(''a'', r.media_key, ''$root'')");

# ---- A bucket, from end to end ----

source('s', 'bucket', "mls.media_file_url(''s'', r.media_key, ''$root'')");
my $kept = JSON::PP::decode_json($mls->get('s3'))->{buckets}{photos};
ok(delete $kept->{'files/.mls_store'}, 'a bucket says whose it is');
is(scalar(keys %$kept), scalar(@keys), 'a bucket has the files of a source');
is(join("\n", map { "$_ $kept->{$_}{sha256} $kept->{$_}{type}" } sort keys %$kept),
	query(q{SELECT string_agg('files/' || name || ' ' || sha256 || ' ' || type, e'\n' ORDER BY name COLLATE "C") FROM mls_media WHERE source = 's'}), 'whole, and as the rows say');
my ($gone, $changed) = @keys[ 5, 6 ];
my %name = map { split /\|/ } split /\n/, query(q{SELECT key, name FROM mls_media WHERE source = 's'});
$mls->control('delete', { resource => 'Media', keys => [$gone] });
$mls->control('update', { resource => 'Media', keys => [$changed], fields => { MediaURL => "http://127.0.0.1:$mls->{port}/cdn/gif/another", MediaModificationTimestamp => '2027-01-01T00:00:00Z' } });
query(q{SELECT mls_media_store(s, CASE s WHEN 's' THEN 'bucket' ELSE 'photos' END, grace => '0', after_sync => false) FROM unnest('{a,s}'::text[]) s; SELECT status FROM mls_sync('s'); SELECT deleted FROM mls_purge('s', force => true)});
is(query(q{SELECT status, fetched, stored, removed, failed, waiting FROM mls_media_sync('s')}), 'finished|1|1|2|0|0', 'what is replaced and removed at the source is in the bucket');
$kept = JSON::PP::decode_json($mls->get('s3'))->{buckets}{photos};
is(join(' ', grep { $kept->{"files/$name{$_}"} } $gone, $changed), '', 'both files are gone from it');
is(query(q{SELECT count(*) FROM mls_media_verify('bucket', samples => 1000)}), '0', 'and nothing is wrong with the others');
$mls->fault(kind => 'stall', match => 'list-type', times => 1);
my $looking = start_psql($node, q{SELECT finding, file FROM mls_media_verify('bucket')});
wait_until('the list of the bucket is held', sub { $looking->{handle}->pump_nb; scalar grep { $_->{path} =~ /photos/ && !defined $_->{status} } $mls->requests });
$mls->control('update', { resource => 'Media', keys => [$changed], fields => { MediaURL => "http://127.0.0.1:$mls->{port}/cdn/gif/one_more", MediaModificationTimestamp => '2027-01-02T00:00:00Z' } });
query(q{SELECT status FROM mls_sync('s')});
is(query(q{SELECT status, fetched, stored, removed FROM mls_media_sync('s')}), 'finished|1|1|1', 'a run that replaces a file');
$mls->control('release');
is(end_psql($looking), '', 'does not make one who looks meanwhile find anything wrong');
like(query("SELECT mls_media_link('s', '$keys[0]', '5 minutes')"), qr{^http://127\.0\.0\.1:\d+/photos/files/.*X-Amz-Expires=300&.*X-Amz-Signature=[0-9a-f]{64}$}, 'a signed link for a while');
is($mls->{http}->get(query("SELECT mls_media_link('s', '$keys[0]')"))->{status}, 200, 'by which it can be read');
is(query("SELECT mls_media_link('a', '$keys[0]') IS NULL, mls_media_link('s', 'no such key') IS NULL"), 't|t', 'a directory gives none, nor does what is not here');

# ---- Who may see what ----

# All sees all; few sees the first three of a, and not the address of the third; blind sees no address at all.
query(qq{
	CREATE ROLE everything LOGIN; CREATE ROLE few; CREATE ROLE blind; CREATE ROLE authenticator LOGIN NOINHERIT;
	SELECT mls_audience(r::regrole, 'Property', '{ModificationTimestamp}', 'true') FROM unnest('{everything,few,blind}'::text[]) r;
	SELECT mls_audience('everything', 'Media', '{MediaURL,Order}', 'true');
	SELECT mls_audience('few', 'Media', '{MediaURL,Order}', \$\$"MediaKey" = ANY ('{a:$keys[0],a:$keys[1],a:$keys[2]}')\$\$);
	SELECT mls_audience('blind', 'Media', '{Order}', 'true');
	SELECT mls_serve_grant('authenticator')});

# Client id and secret as curl wants them.
sub consumer
{
	my ($name, $role, $limits) = @_;
	return query(sprintf q{SELECT client_id || ':' || secret FROM mls_consumer_add('%s', '%s', '{}', '%s')}, $name, $role, $limits || '{}');
}

my %user = (all => consumer('All', 'everything'), some => consumer('Few', 'few'), blind => consumer('Blind', 'blind'), slow => consumer('Slow', 'everything', '{"per_day": 3}'));
append_to_file("$tmp/keys", 'one ' . 'k' x 40 . "\n");
chmod 0600, "$tmp/keys";
my %with = (jwt_secret_file => "$tmp/keys", basic => '', public_url => $root, admin => '127.0.0.1:0');
my $serve = start_serve($node, %with, media => "$tmp/photos,s3");

sub hash_of
{
	my ($key, $source) = @_;
	return query(sprintf q{SELECT sha256 FROM mls_media WHERE source = '%s' AND key = '%s'}, $source || 'a', $key);
}

sub file
{
	my ($who, $hash, %how) = @_;
	return $serve->get("/media/$hash", ($who ? (user => $user{$who}) : ()), %how);
}

my @hash = map { hash_of($_) } @keys[ 0 .. 3 ];
my $list = $serve->get('/Media?$top=1000&$filter=' . filter_url(qq{MediaKey eq 'a:$keys[0]'}), user => $user{all});
is($list->{json}{value}[0]{MediaURL}, "$root/media/$hash[0]", 'gold shows the address of the service');
my $whole = file('all', $hash[0]);
is("$whole->{status} $whole->{headers}{'content-type'} " . sha256_hex($whole->{body}), "200 image/jpeg $hash[0]", 'a file');
my %headers = %{ $whole->{headers} };
is($headers{etag}, qq{"$hash[0]"}, 'its tag is its hash');
is($headers{'cache-control'}, 'private, max-age=86400, immutable', 'whoever has it may keep it for himself');
is("$headers{'x-content-type-options'} $headers{'accept-ranges'} $headers{'content-security-policy'}", "nosniff bytes default-src 'none'; sandbox", 'it is what its type says, and no page');
ok(!exists $headers{'odata-version'} && !exists $headers{'content-encoding'}, 'nothing of OData is around it');
is(file('all', $hash[1])->{headers}{'content-type'}, 'image/png', 'types are those of the files');
is(file('all', $hash[2])->{headers}{'content-type'}, 'application/pdf', 'of documents as well');
my $head = file('all', $hash[0], method => 'HEAD');
is("$head->{status} $head->{headers}{'content-length'}", '200 ' . length($whole->{body}), 'HEAD');
unlike($head->{body}, qr/JFIF/, 'without the bytes');
is(file('some', $hash[0])->{status}, 200, 'who sees a record sees its file');
for my $case ([ some => $hash[3], 'who does not see the record' ], [ blind => $hash[0], 'who does not see its address' ],
	[ all => sha256_hex('nothing'), 'a file that is nowhere' ], [ all => uc $hash[0], 'capital letters' ], [ all => substr($hash[0], 1), 'a short hash' ], [ all => "$hash[0]0", 'a long one' ],
	[ all => "$hash[0].jpg", 'an extension' ], [ all => '', 'no hash' ], [ all => '../../../../etc/passwd', 'a way out' ],
	[ all => '%2e%2e%2f%2e%2e%2fetc%2fpasswd', 'an encoded one' ], [ all => substr($hash[0], 0, 2) . '%2f' . $hash[0], 'the name in the store' ])
{
	my ($who, $hash, $what) = @$case;
	my $answer = file($who, $hash);
	is("$answer->{status} $answer->{json}{error}{message}", '404 there is no such file', "404: $what");
	is($answer->{headers}{'cache-control'}, 'private, no-store', '... for now');
}
is(file(undef, $hash[0])->{status}, 401, 'without credentials nothing is served');
is(file('all', $hash[0], method => 'POST', body => '')->{status}, 405, 'files are only read');

# A record that is shown no more takes its file with it.
query(qq{SELECT mls_audience('few', 'Media', '{MediaURL,Order}', \$\$"MediaKey" = 'a:$keys[1]'\$\$)});
wait_until('the licence has changed', sub { file('some', $hash[0])->{status} == 404 });
is(file('some', $hash[1])->{status}, 200, 'the other stays');

# The same picture at two records: who sees either may have it.
$mls->control('update', { resource => 'Media', keys => [ $keys[3] ], fields => { MediaURL => "http://127.0.0.1:$mls->{port}/cdn/png/p1", MediaModificationTimestamp => '2027-01-01T00:00:00Z' } });
query(q{SELECT status FROM mls_sync('a'); SELECT status FROM mls_media_sync('a')});
is(hash_of($keys[3]), $hash[1], 'two records have one picture');
query(qq{SELECT mls_audience('few', 'Media', '{MediaURL,Order}', \$\$"MediaKey" = 'a:$keys[3]'\$\$)});
is(file('some', $hash[1])->{status}, 200, 'the second will do');

# A picture of very many records, of which one is seen: they are looked at some at a time.
query(qq{INSERT INTO mls.media (subscription, key, state, target, store, sha256)
	SELECT m.subscription, 'A' || lpad(i::text, 4, '0'), 'here', m.store, m.store, m.sha256 FROM mls.media m, generate_series(1, 2500) i WHERE m.key = '$keys[0]' AND m.store = 'photos'});
is(query(qq{SELECT more[1], more[3] FROM mls.serve_file('$hash[0]') WHERE more IS NOT NULL}), 'photos|A1000', 'the first thousand');
is(query(qq{SELECT n.keys, n.more IS NULL FROM mls.serve_file('$hash[0]') f, mls.serve_file('$hash[0]', f.more) s, mls.serve_file('$hash[0]', s.more) n}), "{a:$keys[0]}|t", 'and so on, to the one');
is(file('all', $hash[0])->{status}, 200, 'who sees it has the file');
is(file('blind', $hash[0])->{status}, 404, 'who sees none of them has not');
query(q{DELETE FROM mls.media WHERE key LIKE 'A%'});

# ---- Parts ----

my $length = length $whole->{body};
for my $case ([ 'bytes=0-9', 0, 10 ], [ 'bytes=10-', 10, $length - 10 ], [ 'bytes=-7', $length - 7, 7 ], [ 'bytes=5-99999999', 5, $length - 5 ], [ 'bytes=-99999999', 0, $length ], [ 'Bytes= 3-3', 3, 1 ])
{
	my ($range, $first, $count) = @$case;
	my $answer = file('all', $hash[0], headers => { Range => $range });
	is("$answer->{status} $answer->{headers}{'content-range'} $answer->{headers}{'content-length'}", "206 bytes $first-" . ($first + $count - 1) . "/$length $count", $range);
	ok($answer->{body} eq substr($whole->{body}, $first, $count), '... are these bytes');
}
for my $range ("bytes=$length-", 'bytes=-0')
{
	my $answer = file('all', $hash[0], headers => { Range => $range });
	is("$answer->{status} $answer->{headers}{'content-range'}", "416 bytes */$length", "$range is nowhere");
}
for my $range ('bytes=9-0', 'bytes=0-1,3-4', 'lines=0-1', 'bytes=x-1', 'bytes=-', 'bytes=99999999999999999999-', 'bytes')
{
	is(file('all', $hash[0], headers => { Range => $range })->{status}, 200, "$range is not understood: the whole");
}
is(file('all', $hash[0], headers => { Range => 'bytes=0-0', 'If-Range' => qq{"$hash[0]"} })->{status}, 206, 'If-Range with the tag');
is(file('all', $hash[0], headers => { Range => 'bytes=0-0', 'If-Range' => qq{"$hash[1]"} })->{status}, 200, 'with another one');
for my $tag (qq{"$hash[0]"}, qq{W/"$hash[0]"}, qq{"x", "$hash[0]"}, '*')
{
	my $answer = file('all', $hash[0], headers => { 'If-None-Match' => $tag });
	is("$answer->{status} " . length $answer->{body}, '304 0', "If-None-Match: $tag");
}
is(file('all', $hash[0], headers => { 'If-None-Match' => qq{"$hash[1]"} })->{status}, 200, 'another tag');
is(file('some', $hash[0], headers => { 'If-None-Match' => qq{"$hash[0]"} })->{status}, 404, 'who may not see it is not told that he has it');

# ---- Limits and audit ----

is(join(' ', map { file('slow', $hash[0])->{status} } 1 .. 4), '200 200 200 429', 'files count in the limits of consumers');
$serve->stop;
is(query(q{SELECT string_agg(DISTINCT "query" || ' ' || status, ', ' ORDER BY "query" || ' ' || status) FROM mls.serve_log WHERE consumer = 'Slow'}), 'media/? 200, media/? 429', 'and are written down');
is(query(qq{SELECT count(*) FROM mls.serve_log a WHERE a::text LIKE '%$hash[0]%'}), '0', 'without their hashes');
is(query(qq{SELECT DISTINCT bytes FROM mls.serve_log a WHERE consumer = 'Slow' AND status = 200}), $length, 'and with their bytes');

# ---- Buckets, and what is not offered ----

$serve = start_serve($node, %with, media => 's3', anonymous => 'everything', anonymous_rate => 1000);
my $in_bucket = hash_of($changed, 's');
my $link = file('all', $in_bucket);
is("$link->{status} $link->{headers}{'cache-control'}", '302 private, max-age=300', 'a file of a bucket is behind a redirect');
my $read = $mls->{http}->get($link->{headers}{location});
is("$read->{status} " . sha256_hex($read->{content}), "200 $in_bucket", 'to a signed link');
is(file('some', $in_bucket)->{status}, 404, 'but not for who does not see its record');
is(file('blind', $in_bucket)->{status}, 404, 'or its address');
is(file(undef, $hash[2])->{status}, 302, 'a file that a bucket has as well comes from there where the directory is not named');
is(file('all', hash_of($gone))->{status}, 404, 'one that only the directory has does not come');
$serve->stop;

$serve = start_serve($node, %with, media => "$tmp/other");
is(join(' ', map { file('all', $_)->{status} } $in_bucket, $hash[0]), '404 404', 'without s3 no redirect, without its directory no file');
$serve->stop;

$serve = start_serve($node, %with, media => "$tmp/other,$tmp/photos/", anonymous => 'everything', anonymous_rate => 1000);
is(file(undef, $hash[0])->{headers}{'cache-control'}, 'public, max-age=3600, immutable', 'what everybody may see caches may keep for an hour');
my ($path) = map { "$tmp/photos/$_" } query(qq{SELECT name FROM mls_media WHERE source = 'a' AND key = '$keys[0]'});
rename $path, "$path.away" or die;
symlink '/etc/passwd', $path or die;
is(file(undef, $hash[0])->{status}, 404, 'a link in the place of a file is not followed');
unlink $path;
append_to_file($path, 'other bytes');
is(file(undef, $hash[0])->{status}, 404, 'a file of another length is none');
unlink $path;
mkdir $path;
is(file(undef, $hash[0])->{status}, 404, 'nor is a directory');
rmdir $path;
rename "$path.away", $path or die;
is(file(undef, $hash[0])->{status}, 200, 'until it is back');
query("ALTER SERVER photos OPTIONS (SET url 'file://$tmp/photos_elsewhere')");
rename "$tmp/photos", "$tmp/photos_elsewhere" or die;
is(file(undef, $hash[0])->{status}, 404, 'a directory that the operator has not named is not read, though it begins alike');
$serve->stop;
rename "$tmp/photos_elsewhere", "$tmp/photos" or die;
query("ALTER SERVER photos OPTIONS (SET url 'file://$tmp/photos')");

# Another login's audiences do not see these sources' media: it is not even told where they are.
query(q{CREATE ROLE stranger; CREATE ROLE apart LOGIN NOINHERIT; CREATE TABLE public.elsewhere AS SELECT * FROM gold.media WITH NO DATA;
	INSERT INTO mls.audience (audience, resource, view, gold) VALUES ('stranger', 'Media', 'public.elsewhere', 'public.elsewhere'); SELECT mls_serve_grant('apart', '{stranger}')});
is(scalar $node->safe_psql('postgres', "SELECT count(*) FROM mls.serve_file('$hash[0]')", extra_params => [ '-U', 'apart' ]), '0', 'files of others are not told of');
is(scalar $node->safe_psql('postgres', "SELECT count(*) FROM mls.serve_file('$hash[0]')", extra_params => [ '-U', 'authenticator' ]), '2', 'those of one\'s own are');
like(scalar(($node->psql('postgres', "SELECT * FROM mls.serve_file('$hash[0]')", extra_params => [ '-U', 'everything' ]))[2]), qr/permission denied|not permitted/, 'an audience cannot ask itself');
$serve = start_serve($node, %with);
my $none = file('all', $hash[0]);
is($none->{status}, 404, 'without --media there is no such address');
unlike($none->{body}, qr/no such file/, 'and nothing is looked for');
$serve->stop;

done_testing();
