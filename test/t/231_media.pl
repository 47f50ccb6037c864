# Files of media: fetched into a store, kept in step with gold, and gone when nobody has them.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = empty_node();
my $directory = "$PostgreSQL::Test::Utils::tmp_check/photos";
mkdir $directory or die "$directory: $!";
$node->append_conf('postgresql.conf', "mls_fdw.file_directories = '$directory'\nmax_wal_senders = 0\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION mls_fdw');
my $mls = start_mls(listings => 40, fields => 'small');
my $photos = "http://127.0.0.1:$mls->{port}/cdn";

sub sql
{
	return scalar $node->safe_psql('postgres', $_[0]);
}

# The files that stand in the store, by their names.
sub files
{
	return sort map { m{/([0-9a-f]{2}/[^/]+)$} ? $1 : () } glob("$directory/*/*");
}

# Each file has the bytes that its name says, and is in a row; each row has its file.
sub consistent
{
	my ($name) = @_;
	my @files = files();
	my @wrong = grep { my $bytes = slurp_file("$directory/$_"); my ($hash) = m{/([0-9a-f]+)\.}; sha256_hex($bytes) ne $hash } @files;
	is("@wrong", '', "$name: files are what their names say");
	is(join("\n", @files), sql(q{SELECT name FROM mls.media_file ORDER BY name COLLATE "C"}), "$name: files and rows are the same");
	is(sql(q{SELECT count(*) FROM mls.media m WHERE state = 'here' AND NOT EXISTS (SELECT FROM mls.media_file f WHERE f.store = m.store AND f.sha256 = m.sha256)}),
		'0', "$name: no row without a file");
	return;
}

# Media of a key, a state or others, one line each.
sub media
{
	my ($columns, $where) = @_;
	return sql("SELECT $columns FROM mls_media WHERE source = 'a' AND $where ORDER BY key");
}

# What a column is of each medium of the source.
sub rows
{
	my ($column) = @_;
	return map { split /\t/, $_, 2 } split /\n/, sql("SELECT key || e'\\t' || coalesce($column, '') FROM mls_media WHERE source = 'a'");
}

sub fetch
{
	return sql("SELECT status, fetched, stored, removed, failed, waiting FROM mls_media_sync('a')");
}

sub set
{
	my ($key, %fields) = @_;
	return $mls->control('set', { resource => 'Media', keys => [$key], fields => \%fields });
}

sub escaped
{
	my ($text) = @_;
	return $text =~ s/([^\w])/sprintf('%%%02x', ord $1)/ger;
}

sub asked
{
	my ($pattern) = @_;
	return scalar grep { $_->{path} =~ $pattern } $mls->requests;
}

my @keys = map { JSON::PP::decode_json($_)->{MediaKey} } grep { length } split /\n/, $mls->get('truth?resource=Media');
for my $key (@keys)
{
	set($key, MediaURL => "$photos/jpeg/$key", MediaCategory => 'Photo', MediaModificationTimestamp => '2026-01-01T00:00:00Z');
}

# ---- A source and a store ----

sub source
{
	my ($name, %options) = @_;
	my $list = join ', ', map { "$_ '$options{$_}'" } sort keys %options;
	$node->safe_psql('postgres', qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '@{[$mls->url]}', retries '0', schema_policy 'ignore'@{[$list ? ", $list" : '']});
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (token 'static-token-value');
		CREATE SCHEMA $name;
		CREATE FOREIGN TABLE $name.media (media_key text OPTIONS (field 'MediaKey'), "order" integer OPTIONS (field 'Order'),
			media_url text OPTIONS (field 'MediaURL'), media_category text OPTIONS (field 'MediaCategory'),
			resource_name text OPTIONS (field 'ResourceName'), resource_record_key text OPTIONS (field 'ResourceRecordKey'),
			media_modification_timestamp timestamptz OPTIONS (field 'MediaModificationTimestamp'),
			modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp'))
		SERVER $name OPTIONS (resource 'Media', key 'MediaKey', timestamp 'ModificationTimestamp');
		SELECT mls_subscribe('$name.media')});
	return;
}

source('a', key_prefix => 'a:');
sql("SELECT status FROM mls_sync('a')");
like(sql_error($node, "SELECT mls_media_store('a', 'nowhere')"), qr/there is no store "nowhere"/, 'no such store');
like(sql_error($node, "SELECT mls_media_store('a', 'a', after_sync => false)"), qr/server "a" is no store/, 'a source is no store');
$node->safe_psql('postgres', qq{
	CREATE SERVER photos FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$directory', public_url 'https://cdn.example.com/photos/')});
sql("SELECT mls_media_store('a', 'photos', after_sync => false, grace => '0')");

# ---- The first load ----

my $n = @keys;
is(fetch(), "finished|$n|$n|0|0|0", 'all photos are fetched');
consistent('first load');
is(sql("SELECT string_agg(DISTINCT state || ' ' || type, ',') FROM mls_media"), 'here image/jpeg', 'each is here, and a JPEG');
is(asked(qr{^/cdn/}), $n, 'each was asked for once');
is(sql("SELECT count(*) FROM mls_media WHERE width BETWEEN 64 AND 312 AND height BETWEEN 64 AND 312"), $n, 'width and height are those of the header');
is((grep { $_->{path} =~ m{^/cdn/} && $_->{auth} ne 'none' } $mls->requests) + 0, 0, 'no host of photos got credentials');
is(fetch(), 'finished|0|0|0|0|0', 'a second run has nothing to do');
is(sql(q{SELECT string_agg(process || ' ' || status, ',' ORDER BY run) FROM mls_history WHERE process = 'media'}),
	'media finished,media finished', 'runs are in the history');

# ---- What gold shows ----

$node->safe_psql('postgres', q{
	SELECT mls_map_set('Media', 'MediaURL', 'expression', '{"coalesce((mls.media_file(''a'', r.media_key)).url, r.media_url)"}', source => 'a');
	SELECT mls_map_set('Media', 'ImageWidth', 'expression', '{"(mls.media_file(''a'', r.media_key)).width"}', source => 'a');
	SELECT mls_map_set('Media', 'X_Sha256', 'expression', '{"(mls.media_file(''a'', r.media_key)).sha256"}', source => 'a')});
sql("SELECT status FROM mls_remap('a')");

# Rows of gold that do not show the file that is kept; and what a rebuild would change.
sub gold_differs
{
	return sql(q{SELECT count(*) FROM reso."Media" g LEFT JOIN mls_media m ON 'a:' || m.key = g."MediaKey"
		WHERE g."X_Sha256" IS DISTINCT FROM m.sha256
		   OR m.sha256 IS NOT NULL AND (g."MediaURL" <> 'https://cdn.example.com/photos/' || m.name OR g."ImageWidth" <> m.width)})
	  . '|' . sql(q{SELECT count(*) FROM mls_verify('a', samples => 0) WHERE "check" = 'gold' AND severity <> 'info'});
}

is(gold_differs(), '0|0', 'gold shows the stored files, by rules');

# ---- Replaced, by the field that says so ----

my ($first, $second, $third, $fourth, $fifth) = @keys;
$mls->reset;
$mls->control('update', { resource => 'Media', keys => [$first], fields => { Order => 9 } });
sql("SELECT status FROM mls_sync('a')");
is(fetch(), 'finished|0|0|0|0|0', 'another order is no reason to fetch a photo again');
is(media('"order"', "key = '$first'"), '9', 'but it is known');
is(asked(qr{^/cdn/}), 0, 'no photo was asked for');

my $old = media('name', "key = '$second'");
$mls->control('update', { resource => 'Media', keys => [$second],
	fields => { MediaURL => "$photos/png/$second", MediaModificationTimestamp => '2026-02-02T00:00:00Z' } });
sql("SELECT status FROM mls_sync('a')");
is(fetch(), 'finished|1|1|1|0|0', 'a replaced photo is fetched, and the old one goes');
ok(!-e "$directory/$old", 'its file, too');
is(media('type, state', "key = '$second'"), 'image/png|here', 'the new one is what its bytes are');
is(gold_differs(), '0|0', 'gold shows the new one without a sync');
consistent('replaced');

# ---- The same picture, removed listings, undo ----

set($third, MediaURL => "$photos/jpeg/$fourth");
$mls->control('update', { resource => 'Media', keys => [$third], fields => { MediaModificationTimestamp => '2026-02-02T00:00:00Z' } });
sql("SELECT status FROM mls_sync('a')");
is(fetch(), 'finished|1|0|1|0|0', 'a picture that is here is not stored again');
is(media('count(*) OVER ()', "sha256 = (SELECT sha256 FROM mls_media WHERE key = '$fourth')"), "2\n2", 'two media have one file');

sub purge
{
	my @gone = @_;
	$mls->control('delete', { resource => 'Media', keys => \@gone });
	return sql("SELECT deleted FROM mls_purge('a', force => true)");
}

my $shared = media('name', "key = '$fourth'");
is(purge($fourth), '1', 'one of them is purged');
is(fetch(), 'finished|0|0|0|0|0', 'the file stays');
ok(-e "$directory/$shared", 'for the other has it');
sql("SELECT mls_media_store('a', 'photos', after_sync => false, grace => '7 days')");
is(purge($third), '1', 'the other is purged');
my $purge = sql("SELECT max(run) FROM mls_history WHERE process = 'purge'");
is(fetch(), 'finished|0|0|0|0|0', 'within the time of grace nothing goes');
is(media('state', "key = '$third'"), 'gone', 'but it is known to be gone');
$mls->reset;
sql("SELECT mls_undo($purge)");
is(gold_differs(), '0|0', 'what was undone shows its file at once');
is(fetch(), 'finished|0|0|0|0|0', 'and nothing is fetched for it');
is(media('state', "key = '$third'"), 'here', 'it is here');
is(asked(qr{^/cdn/}), 0, 'no photo was asked for');
sql("SELECT deleted FROM mls_purge('a', force => true)");
sql("SELECT mls_media_store('a', 'photos', after_sync => false, grace => '0')");
is(fetch(), 'finished|0|0|1|0|0', 'after the time of grace it goes');
ok(!-e "$directory/$shared", 'from the store');
is(media('key', "key = '$third'"), '', 'and is forgotten');
consistent('removed');

# A record that comes back has not the file of before, if another one was to come.
my $late = $keys[20];
sql("SELECT mls_media_store('a', 'photos', after_sync => false, grace => '7 days')");
$mls->control('update', { resource => 'Media', keys => [$late], fields => { MediaURL => "$photos/500/$late", MediaModificationTimestamp => '2026-02-03T00:00:00Z' } });
sql("SELECT status FROM mls_sync('a')");
is(fetch(), 'finished|0|0|0|1|1', 'a replaced photo that does not come');
is(purge($late), '1', 'its record is removed');
is(fetch(), 'finished|0|0|0|0|0', 'and known to be gone');
$mls->control('restore', { resource => 'Media', keys => [$late] });
set($late, MediaURL => "$photos/gif/$late");
$mls->control('touch', { resource => 'Media', keys => [$late] });
sql("SELECT status FROM mls_sync('a'); SELECT mls_media_store('a', 'photos', after_sync => false, grace => '0')");
is(fetch(), 'finished|1|1|1|0|0', 'it is fetched when the record is back');
is(media('type', "key = '$late'"), 'image/gif', 'and shown in place of the former');

# ---- Addresses that have expired, and what comes instead of files ----

# Other addresses for media, which are wanted again: key => [what syncs see, what the source says when it is asked again].
my $stamp = 0;
my @free = @keys[ 5 .. $#keys ];
sub replace_photos
{
	my (%photos) = @_;
	my $moved = sprintf('2026-03-03T00:%02d:00Z', ++$stamp);
	for my $key (sort keys %photos)
	{
		my ($now, $later) = @{ $photos{$key} };
		$mls->control('update', { resource => 'Media', keys => [$key], fields => { MediaURL => $now, MediaModificationTimestamp => $moved } });
	}
	sql("SELECT status FROM mls_sync('a')");
	for my $key (sort keys %photos)
	{
		set($key, MediaURL => $photos{$key}[1]) if defined $photos{$key}[1];
	}
	$mls->reset;
	return;
}

# What the store had of them before goes with what comes.
sub cases
{
	my ($what, %cases) = @_;
	my %key_of;
	my $i = 0;
	$key_of{$_} = $free[ $i++ ] for sort keys %cases;
	replace_photos(map { $key_of{$_} => $cases{$_} } keys %cases);
	return %key_of;
}

my %expired = cases('expired', map { ($_, [ "$photos/$_/x", "$photos/jpeg/fresh$_" ]) } 401, 403, 404, 410);
is(fetch(), 'finished|4|4|4|0|0', 'where an address has expired the source is asked, and then the photo');
is(asked(qr{^/odata/}), 1, 'it is asked once for all of them') || diag(join "\n", map { $_->{path} . '?' . $_->{query} } $mls->requests);
is(asked(qr{^/cdn/}), 8, 'the photos twice each');
replace_photos($fifth => ["$photos/403/$fifth"]);
is(fetch(), 'finished|0|0|0|1|1', 'an address that the source has just named and that is refused fails');
is(asked(qr{^/odata/}), 1, 'after one question');
like(media('state, attempts, next_attempt_at > now(), error', "key = '$fifth'"), qr/^failed\|1\|t\|.*status 403/, 'it is tried again later');
isnt(media('sha256', "key = '$fifth'"), '', 'until then the old one is served');
$mls->reset;
is(fetch(), 'finished|0|0|0|0|1', 'not before');
is(asked(qr{.}), 0, 'nobody was asked');

my %refused = (html => 'a page of HTML', xml => 'a document in XML', rets => 'an answer of RETS', json => 'a document in JSON',
	svg => 'a drawing in SVG', text => 'of no type that is known', pdf => 'category Photo, but of type application/pdf',
	'jpeg/large?length=200000' => 'too large|larger|longest|most');
my %failed = (empty => 'empty', half => 'its end is missing', 500 => 'status 500', '429/x?after=3600' => 'status 429',
	'jpeg/truncated?length=20000' => '.');
my %stored = (unmarked => 'image/jpeg', gif => 'image/gif', webp => 'image/webp', png => 'image/png', 'to/x?url=/cdn/jpeg/moved' => 'image/jpeg');
my %key_of = cases('answers', map { ($_, [ "$photos/" . (m{/} ? $_ : "$_/$_") ]) } keys %refused, keys %failed, keys %stored);
$mls->fault(kind => 'truncate', match => 'truncated', times => 9);
sql("SELECT mls_media_store('a', 'photos', after_sync => false, max_file_bytes => 100000, grace => '0')");
is(fetch(), 'finished|5|5|5|14|6', 'answers that are no photos');
my %row = rows(q{concat_ws('|', state, type, width > 0, height > 0, cut, error)});
for my $what (sort keys %refused)
{
	like($row{ $key_of{$what} }, qr/^refused\|.*(?:$refused{$what})/, "$what declared as a picture is refused, and named");
}
for my $what (sort keys %failed)
{
	like($row{ $key_of{$what} }, qr/^failed\|.*(?:$failed{$what})/, "$what is tried again");
}
for my $what (sort keys %stored)
{
	is($row{ $key_of{$what} }, "here|$stored{$what}|t|t|" . ($what eq 'unmarked' ? 't' : 'f'), "$what is kept");
}
ok(media("next_attempt_at > now() + interval '50 minutes'", "key = '$key_of{'429/x?after=3600'}'") eq 't', 'a host that wants to be left alone is');
sql("SELECT mls_media_store('a', 'photos', after_sync => false, grace => '0')");
is(media('state', "key = '$key_of{'jpeg/large?length=200000'}'"), 'wanted', 'a file that was too large is wanted again when more is allowed');
consistent('failures');

# ---- Hosts that mean harm ----

my $larger = 'it is larger than max_file_bytes allows';
my %harm = (
	endless => [ 'text', {}, qr/^refused\|$larger/ ],
	huge => [ 'jpeg', {}, qr/^refused\|$larger/ ],
	gzip_bomb => [ 'jpeg', {}, qr/^refused\|$larger/ ],
	spoilt_gzip => [ 'jpeg', {}, qr/^failed\|.*gzip form of the answer is damaged/ ],
	truncate => [ 'png', { length => 'wrong' }, qr/^failed\|.*damaged or cut short/ ],
	reset => [ 'jpeg', {}, qr/^failed\|/ ],
	plain_as_gzip => [ 'jpeg', {}, qr/^here\|/ ],
);
sub harm { return map { $_ => [ "$photos/$harm{$_}[0]/harm_$_" ] } keys %harm }
%key_of = cases('harm', harm());
$mls->fault(kind => $_, match => "/harm_$_", times => -1, %{ $harm{$_}[1] }) for keys %harm;
sql("SELECT mls_media_store('a', 'photos', after_sync => false, max_file_bytes => 6000000, grace => '0')");
like(fetch(), qr/^finished\|/, 'a run goes on past hosts that mean harm');
%row = rows(q{state || '|' || coalesce(error, '')});
like($row{ $key_of{$_} }, $harm{$_}[2], "what comes of $_") for sort keys %harm;
is(join(' ', glob("$PostgreSQL::Test::Utils::tmp_check/*/pgdata/base/pgsql_tmp/*")), '', 'no file of what was too long for memory is left');
is($node->safe_psql('postgres', q{SELECT temp_bytes < 100 * 1000 * 1000 FROM pg_stat_database WHERE datname = 'postgres'}), 't', 'nor was much more written than is allowed');
consistent('harm');

# ---- Where nobody is to be led ----

my @addresses = ('http://169.254.169.254/latest/meta-data/', 'https://10.0.0.1/x.jpg', 'https://127.0.0.2/x.jpg', 'https://[::1]/x.jpg', 'https://[::ffff:127.0.0.1]/x.jpg', 'https://2130706433/x.jpg', 'file:///etc/passwd', 'http://localhost:1/x', 'ftp://example.com/x.jpg',
	"http://user:secret\@127.0.0.1:$mls->{port}/cdn/jpeg/x");
%key_of = cases('hostile', (map { ($_, [$_]) } @addresses),
	(map { ("to $_", [ "$photos/to/x?url=" . escaped($_) ]) } @addresses),
	ever => ["$photos/to/x?url=%2fcdn%2fto%2fx%3furl%3d%2fcdn%2fto%2fx"]);
like(fetch(), qr/^finished\|/, 'hostile addresses');
%row = rows(q{state || '|' || error});
for my $address (sort keys %key_of)
{
	like($row{ $key_of{$address} }, qr/^(?:refused|failed)\|/, "not fetched: $address");
	unlike($row{ $key_of{$address} }, qr{://|secret|169\.254|10\.0\.0\.1}, 'nor kept anywhere');
}
consistent('hostile addresses');
is(gold_differs(), '0|0', 'gold is what it should be after all of it');

done_testing();
