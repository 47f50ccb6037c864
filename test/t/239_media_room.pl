# A store on a disk that is full: nothing is half there, the run says so, and what is wanted comes when
# there is room again.  The disk is a small file system in memory that the server alone sees, which an
# ordinary user can make where the system lets users have name spaces of their own.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $directory = "$PostgreSQL::Test::Utils::tmp_check/disk";
mkdir $directory or die "$directory: $!";
my $with_disk = qq{unshare -Urm --propagation private sh -c 'mount -t tmpfs -o size=1m tmpfs "\$0" && exec unshare -U --map-user=$> --map-group=@{[ (split / /, $))[0] ]} "\$\@"' '$directory'};
plan skip_all => 'no user may make a name space here: a full disk is not tested' if system("$with_disk true >/dev/null 2>&1") != 0;

my $node = empty_node('main');
$node->append_conf('postgresql.conf', "mls_fdw.file_directories = '$directory'\n");
my ($pg_ctl) = grep { -x } map { "$_/pg_ctl" } split /:/, $ENV{PATH};
my $tools = "$PostgreSQL::Test::Utils::tmp_check/tools";
mkdir $tools or die "$tools: $!";
append_to_file("$tools/pg_ctl", qq{#!/bin/sh\nexec $with_disk $pg_ctl "\$\@"\n});
chmod 0755, "$tools/pg_ctl" or die;
{
	local $ENV{PATH} = "$tools:$ENV{PATH}";
	$node->start;
}
$node->safe_psql('postgres', 'CREATE EXTENSION mls_fdw');
my $mls = start_mls(listings => 20, fields => 'small');

sub sql
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

sub fetch
{
	return sql(q{SELECT status, failed, waiting FROM mls_media_sync('a')});
}

# What stands in the store, as the server sees it.
my $files = qq{(SELECT d || '/' || f AS name FROM pg_ls_dir('$directory/a', true, false) d CROSS JOIN LATERAL
	pg_ls_dir('$directory/a/' || d, true, false) f WHERE d ~ '^[0-9a-f]{2}\$') f};

sub consistent
{
	my ($what) = @_;
	is(sql("SELECT count(*) FROM $files WHERE name ~ 'mls_tmp'"), '0', "$what: nothing is there that was not taken");
	is(sql("SELECT count(*) FROM $files WHERE encode(sha256(pg_read_binary_file('$directory/a/' || name)), 'hex') <> split_part(split_part(name, '/', 2), '.', 1)"),
		'0', "$what: each file is whole");
	is(sql("SELECT count(*) FROM mls_media m WHERE state = 'here' AND NOT EXISTS (SELECT FROM $files WHERE f.name = m.name)"), '0', "$what: no row without its file");
	is(sql(q{SELECT count(*) FROM mls_media WHERE state NOT IN ('here', 'wanted', 'failed')}), '0', "$what: all others are due, now or later");
	return;
}

sub fill { return sql("COPY (SELECT WHERE false) TO PROGRAM 'head -c @{[ 1024 * $_[0] ]} /dev/zero >$directory/filler || true'") }

# ---- Room for some ----

my @keys = map { JSON::PP::decode_json($_)->{MediaKey} } grep { length } split /\n/, $mls->get('truth?resource=Media');
$mls->control('set', { resource => 'Media', keys => [$_], fields => { MediaURL => "http://127.0.0.1:$mls->{port}/cdn/jpeg/$_?length=20000", MediaCategory => 'Photo' } }) for @keys;
my $n = @keys;
sql("COPY (SELECT WHERE false) TO PROGRAM 'mkdir $directory/a'");
sql(qq{
	CREATE SERVER a FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '@{[$mls->url]}', retries '0', schema_policy 'ignore');
	CREATE USER MAPPING FOR CURRENT_USER SERVER a OPTIONS (token 'static-token-value');
	CREATE SCHEMA a;
	CREATE FOREIGN TABLE a.media (media_key text OPTIONS (field 'MediaKey'), "order" integer OPTIONS (field 'Order'),
		media_url text OPTIONS (field 'MediaURL'), media_category text OPTIONS (field 'MediaCategory'),
		resource_name text OPTIONS (field 'ResourceName'), resource_record_key text OPTIONS (field 'ResourceRecordKey'),
		modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp'))
		SERVER a OPTIONS (resource 'Media', key 'MediaKey', timestamp 'ModificationTimestamp');
	SELECT mls_subscribe('a.media');
	CREATE SERVER a_store FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$directory/a')});
sql("SELECT status FROM mls_sync('a')");
sql("SELECT mls_media_store('a', 'a_store', after_sync => false)");
# A quarter of them, and a part of one more.
fill(1024 - 5 * $n - 50);
my $error = sql_error($node, q{SELECT * FROM mls_media_sync('a')});
like($error, qr/53100: could not write a file of store "a_store".*No space left on device.*The file system is full: make room on it/s, 'a disk that gets full is said to be');
consistent('a disk that gets full');
my $here = sql(q{SELECT count(*) FROM mls_media WHERE state = 'here'});
cmp_ok($here, '<', $n, 'not all are here');
is(sql(q{SELECT count(*) FROM mls_media WHERE state = 'failed' AND error NOT LIKE 'the store did not take it: could not write a file of store "a_store": %No space left on device.'}),
	'0', 'those that were not taken say why');
cmp_ok(sql(q{SELECT count(*) FROM mls_media WHERE state = 'wanted'}), '>', 0, 'most were not even tried');
is(sql(q{SELECT status || ' ' || sqlstate FROM mls.run WHERE process = 'media' ORDER BY id DESC LIMIT 1}), 'failed 53100', 'so says the history');
like(sql(q{SELECT string_agg(message, ' ') FROM mls_health() WHERE level <> 'ok'}), qr/could not write a file of store "a_store"/, 'and so does the health');

# ---- Room for none ----

fill(1024);
$error = sql_error($node, q{SELECT * FROM mls_media_sync('a')});
like($error, qr/53100: could not write a file of store "a_store".*No space left on device/s, 'a disk that is full is said to be');
consistent('a disk that is full');
is(sql(q{SELECT count(*) FROM mls_media WHERE state = 'here'}), $here, 'what was here is');
like(sql(q{SELECT string_agg(concat_ws(' ', item, ok, detail), ' ') FROM mls_check('a_store')}), qr/write .*could not write a file of store "a_store".*No space left on device.*make room/s, 'mls_check says disk');
is(sql("SELECT count(*) FROM $files"), $here, 'and leaves nothing there');

# A store that has been full for days is asked often enough.
sql(q{UPDATE mls.media SET attempts = 20, next_attempt_at = now() WHERE state = 'failed'});
sql_error($node, q{SELECT * FROM mls_media_sync('a')});
cmp_ok(sql(q{SELECT count(*) FROM mls_media WHERE attempts = 21}), '>', 0, 'however often a file was not taken');
is(sql(q{SELECT count(*) FROM mls_media WHERE next_attempt_at > now() + interval '1 hour'}), '0', 'it waits no longer than an hour for another attempt');

# ---- Room again ----

fill(0);
is(sql(q{SELECT count(*) FROM mls_check('a_store') WHERE NOT ok}), '0', 'with room the store is in order');
my $failed = sql(q{SELECT count(*) FROM mls_media WHERE state = 'failed'});
is(fetch(), "finished|0|$failed", 'and takes what was wanted');
sql(q{UPDATE mls.media SET next_attempt_at = now() WHERE state = 'failed'});
is(fetch(), 'finished|0|0', 'and in its time what it did not take');
consistent('with room');
is(sql("SELECT count(*) FROM $files"), sql(q{SELECT count(DISTINCT sha256) FROM mls_media WHERE state = 'here'}), 'all files are there');
is(sql(q{SELECT count(*) FROM mls_media WHERE state = 'here'}), $n, 'of all media');

done_testing();
