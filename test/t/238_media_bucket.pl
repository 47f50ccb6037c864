# Files of media in buckets: killed, replaced, removed and undone, refused and damaged, as in a
# directory; and a place that two databases want in the same moment.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use MlsServe;
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $directory = "$PostgreSQL::Test::Utils::tmp_check/photos";
mkdir $directory or die "$directory: $!";
my $node = new_node('main', restart_after_crash => 'on', 'mls_fdw.file_directories' => "'$directory'");
my $mls = start_mls(listings => 40, fields => 'small');
my ($photos, $endpoint) = ("http://127.0.0.1:$mls->{port}/cdn", "http://127.0.0.1:$mls->{port}");
my ($key, $secret) = ('AKIATESTKEYVALUE', 's3cr3t/Key+Value=for-tests');

sub sql
{
	my ($sql, $database) = @_;
	return scalar $node->safe_psql($database || 'postgres', $sql);
}

sub s3
{
	my (%change) = @_;
	$mls->control('s3', \%change);
	return;
}

# What the bucket keeps, by name, without the file that says whose it is.
sub kept
{
	my $files = JSON::PP::decode_json($mls->get('s3'))->{buckets}{photos};
	return { map { m{^files/(.*)} && $1 ne '.mls_store' ? ($1 => $files->{$_}) : () } keys %$files };
}

# Its files are what their names say, and those of the rows; and each row has its file.
sub consistent
{
	my ($what) = @_;
	my $kept = kept();
	is(join(' ', grep { index($_, $kept->{$_}{sha256}) != 3 } sort keys %$kept), '', "$what: files are what their names say");
	is(join("\n", sort keys %$kept), sql(q{SELECT string_agg(name, e'\n' ORDER BY name COLLATE "C") FROM mls.media_file}), "$what: files and rows are the same");
	is(sql(q{SELECT count(*) FROM mls_media WHERE state = 'here' AND name IS NULL}), '0', "$what: no row without a file");
	return;
}

sub fetch
{
	my ($what) = @_;
	return sql('SELECT ' . ($what || 'status, fetched, stored, removed, failed, waiting') . q{ FROM mls_media_sync('a')});
}

my $stamp = 0;
sub replaced
{
	my ($fields, @which) = @_;
	my $moved = sprintf '2026-02-01T00:00:%02dZ', ++$stamp;
	$mls->control('update', { resource => 'Media', keys => \@which, fields => { MediaModificationTimestamp => $moved, %$fields } });
	return sql("SELECT string_agg(status, ' ') FROM mls_sync('a')");
}

sub make_bucket
{
	my ($name, $database) = @_;
	sql(qq{CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 's3://photos/files', endpoint '$endpoint', retries '0');
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (access_key '$key', secret_key '$secret')}, $database);
	return;
}

my @keys = map { JSON::PP::decode_json($_)->{MediaKey} } grep { length } split /\n/, $mls->get('truth?resource=Media');
my $n = @keys;
$mls->control('set', { resource => 'Media', keys => [$_], fields => { MediaURL => "$photos/jpeg/$_", MediaCategory => 'Photo', MediaModificationTimestamp => '2026-01-01T00:00:00Z' } })
  for @keys;
sql(qq{
	CREATE SERVER a FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '@{[$mls->url]}', retries '0', schema_policy 'ignore', key_prefix 'a:');
	CREATE USER MAPPING FOR CURRENT_USER SERVER a OPTIONS (token 'static-token-value');
	CREATE SCHEMA a;
	CREATE FOREIGN TABLE a.media (media_key text OPTIONS (field 'MediaKey'), "order" integer OPTIONS (field 'Order'),
		media_url text OPTIONS (field 'MediaURL'), media_category text OPTIONS (field 'MediaCategory'),
		resource_name text OPTIONS (field 'ResourceName'), resource_record_key text OPTIONS (field 'ResourceRecordKey'),
		media_modification_timestamp timestamptz OPTIONS (field 'MediaModificationTimestamp'),
		modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp'))
		SERVER a OPTIONS (resource 'Media', key 'MediaKey', timestamp 'ModificationTimestamp');
	SELECT mls_subscribe('a.media')});
make_bucket('s');
sql("SELECT status FROM mls_sync('a')");

# A grace of so long; what was refused or has failed is wanted again.
sub store { return sql("SELECT mls_media_store('a', 's', after_sync => false, grace => '" . ($_[0] // '0') . "')") }
store();

# ---- Killed while files go into the bucket ----

sub put_paths { return map { m{/files/(..)/} ? $_ : () } map { $_->{method} eq 'PUT' ? $_->{path} : () } $mls->requests }

$mls->fault(kind => 'stall', match => '^/photos/files/../', skip => 40, times => 1);
my $running = start_psql($node, "SELECT * FROM mls_media_sync('a')");
wait_until('a file is held on its way into the bucket', sub { scalar grep { $_->{path} =~ m{^/photos/files/../} && !defined $_->{status} } $mls->requests });
my $here = sql(q{SELECT count(*) FROM mls.media WHERE state = 'here'});
kill 'KILL', sql(q{SELECT pid FROM mls_progress});
end_psql($running);
$mls->control('release');
$node->poll_query_until('postgres', 'SELECT true') or die 'the server did not come back';
is($here, 32, 'of two batches the first is committed');
is(sql(q{SELECT count(*) FROM mls_media m WHERE state = 'here'}), $here, 'and there after a crash');
my $kept = kept();
is(join(' ', grep { !$kept->{$_} } split /\n/, sql(q{SELECT name FROM mls_media WHERE state = 'here'})), '', 'each with its file');
cmp_ok(scalar(keys %$kept), '>', $here, 'files that came after it are in no row');
is(fetch(), join('|', 'finished', $n - $here, $n - $here, 0, 0, 0), 'the next run goes on');
consistent('killed');
my %puts;
$puts{$_}++ for put_paths();
is(join(' ', grep { $puts{$_} > 2 } sort keys %puts), '', 'no file was sent more than twice');
is(fetch(), 'finished|0|0|0|0|0', 'then nothing is to be done');

# ---- Replaced, shared, removed, undone ----

is(replaced({ MediaURL => "$photos/png/another" }, $keys[0]), 'finished', 'a sync');
is(fetch(), 'finished|1|1|1|0|0', 'a replaced photo takes the place of the former');
replaced({ MediaURL => "$photos/jpeg/$keys[2]" }, $keys[1]);
is(fetch(), 'finished|1|0|1|0|0', 'one that is there already is not sent again');
consistent('replaced');
sub purge
{
	$mls->control('delete', { resource => 'Media', keys => [@_] });
	return sql("SELECT deleted FROM mls_purge('a', force => true)");
}
my ($shared) = sql("SELECT name FROM mls_media WHERE key = '$keys[1]'");
is(purge($keys[1]), '1', 'one of its two records is removed');
is(fetch(), 'finished|0|0|0|0|0', 'and the file stays');
store('7 days');
is(purge($keys[2]), '1', 'the other is');
my $purge = sql(q{SELECT max(run) FROM mls_history WHERE process = 'purge'});
is(fetch(), 'finished|0|0|0|0|0', 'within the time of grace the file stays, too');
$mls->reset;
sql("SELECT mls_undo($purge)");
is(fetch() . ' ' . scalar(grep { $_->{path} =~ m{^/cdn/} || $_->{method} eq 'PUT' } $mls->requests), 'finished|0|0|0|0|0 0', 'what is undone has it without being fetched');
is(sql("SELECT state || ' ' || name FROM mls_media WHERE key = '$keys[2]'"), "here $shared", 'as before');
sql("SELECT deleted FROM mls_purge('a', force => true)");
store();
is(fetch(), 'finished|0|0|1|0|0', 'after it the file goes');
ok(!kept()->{$shared}, 'from the bucket');
consistent('removed');

# ---- What can be wrong: the run says it, files are wanted as before, and syncs go on ----

sub wrong
{
	my ($what, $change, $back, @words) = @_;
	$change->();
	is(replaced({ MediaURL => "$photos/jpeg/new" . ++$stamp }, @keys[ 3 .. 5 ]), 'finished', "$what: a sync is none the worse");
	my $error = sql_error($node, q{SELECT * FROM mls_media_sync('a')});
	like($error, $_, "$what: says $_") for @words;
	is(sql(q{SELECT count(*) FROM mls_media WHERE state = 'here'}), $n - 2 - 3, "$what: the others are here");
	$back->();
	store();
	is(fetch('status, fetched, waiting'), 'finished|3|0', "$what: when it is mended they come");
	return;
}
my $map = 'ALTER USER MAPPING FOR CURRENT_USER SERVER s OPTIONS';
wrong('a wrong secret', sub { sql("$map (SET secret_key 'wrong')") }, sub { sql("$map (SET secret_key '$secret')") }, qr/28000: could not \w+ a file of store "s"/, qr/SignatureDoesNotMatch/);
wrong('a wrong region', sub { s3(region => 'eu-west-3') }, sub { s3(region => 'us-east-1') }, qr/could not \w+ a file of store "s"/, qr/"eu-west-3"/);
wrong('a bucket that is not there', sub { sql(q{ALTER SERVER s OPTIONS (SET url 's3://nowhere/files')}) }, sub { sql(q{ALTER SERVER s OPTIONS (SET url 's3://photos/files')}) }, qr/NoSuchBucket/);
wrong('no right to write', sub { s3(deny => ['put']) }, sub { s3(deny => []) }, qr/42501: could not write a file of store "s"/, qr/AccessDenied/);
consistent('mended');

# ---- Looked after ----

my ($gone, $spoilt) = sort keys %{ kept() };
my ($stray, $young) = map { my $hash = sha256_hex($_); substr($hash, 0, 2) . "/$hash.jpg" } 'stray', 'young';
s3(put => [ 'photos', "files/$stray", 'stray' ], drop => ["files/$gone"], spoil => ["files/$spoilt"]);
s3(age => 90000);
s3(put => [ 'photos', "files/$young", 'young' ]);
is(join("\n", sort split /\n/, sql(q{SELECT finding || ' ' || file || ' ' || repaired FROM mls_media_verify('a', samples => 1000, repair => true)})),
	join("\n", sort "missing $gone true", "damaged $spoilt true", "orphaned $stray true", "orphaned $young false"), 'what is wrong with a bucket is found, and repaired');
is(fetch('status, fetched'), 'finished|2', 'what it has lost is fetched');
s3(drop => ["files/$young"]);
consistent('repaired');

# ---- Two databases that want one place ----

sql('CREATE DATABASE other');
sql('CREATE EXTENSION mls_fdw', 'other');
make_bucket('s', 'other');
my $claim = q{SELECT count(*) FROM mls_media_verify('%s', samples => 0, repair => true)};
my %taken = (kept => '1 1', ignored => '[12] 1', refused => '[12] 1');
for my $conditions (sort keys %taken)
{
	s3(conditions => $conditions, drop => ['files/.mls_store']);
	$mls->reset;
	$mls->fault(kind => 'stall', match => 'mls_store', times => 2);
	my @both = map { start_psql($node, sprintf($claim, 's'), database => $_) } 'postgres', 'other';
	wait_until('both have seen that it is nobody\'s', sub { 2 == grep { $_->{path} =~ /mls_store/ && !defined $_->{status} } $mls->requests });
	$mls->control('release');
	my @said = map { end_psql($_) } @both;
	my @then = map { ($node->psql($_, sprintf $claim, 's'))[2] // '' } 'postgres', 'other';
	my ($had, $has) = map { scalar grep { !/is another's/ } @$_ } \@said, \@then;
	like("$had $has", qr/^$taken{$conditions}$/, "a service whose conditions are $conditions: one has the place in the end") || diag("@said @then");
}

sql(qq{CREATE SERVER d FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$directory')}, $_) for 'postgres', 'other';
my @had;
for my $round (1 .. 12)
{
	unlink "$directory/.mls_store";
	my @both = map { start_psql($node, sprintf($claim, 'd'), database => $_) } 'postgres', 'other';
	push @had, scalar grep { !/is another's/ } map { end_psql($_) } @both;
}
is("@had", join(' ', (1) x @had), 'of a directory always one of two');
is(join(' ', map { m{([^/]+)$} } glob("$directory/.mls_*")), '.mls_store', 'and nothing is left but the mark');

done_testing();
