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
my $photos = "http://127.0.0.1:$mls->{port}/photos";

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

sub fetch
{
	return sql("SELECT status, fetched, stored, removed, failed, waiting FROM mls_media_sync('a')");
}

sub set
{
	my ($key, %fields) = @_;
	return $mls->control('set', { resource => 'Media', keys => [$key], fields => \%fields });
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
like(sql_error($node, "SELECT mls_media_store('a', 'a')"), qr/server "a" is no store/, 'a source is no store');
$node->safe_psql('postgres', qq{
	CREATE SERVER photos FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$directory', public_url 'https://cdn.example.com/photos/')});
sql("SELECT mls_media_store('a', 'photos', grace => '0')");

# ---- The first load ----

my $n = @keys;
is(fetch(), "finished|$n|$n|0|0|0", 'all photos are fetched');
consistent('first load');
is(sql("SELECT string_agg(DISTINCT state || ' ' || type, ',') FROM mls_media"), 'here image/jpeg', 'each is here, and a JPEG');
is(asked(qr{^/photos/}), $n, 'each was asked for once');
is(sql("SELECT count(*) FROM mls_media WHERE width BETWEEN 64 AND 312 AND height BETWEEN 64 AND 312"), $n, 'width and height are those of the header');
is((grep { $_->{path} =~ m{^/photos/} && $_->{auth} ne 'none' } $mls->requests) + 0, 0, 'no host of photos got credentials');
is(fetch(), 'finished|0|0|0|0|0', 'a second run has nothing to do');
is(sql(q{SELECT string_agg(process || ' ' || status, ',' ORDER BY run) FROM mls_history WHERE process = 'media'}),
	'media finished,media finished', 'runs are in the history');

done_testing();
