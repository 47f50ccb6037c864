# Runs of the process media: killed, cancelled, beside syncs, within quotas, fed by parents, over
# stores that somebody has changed, and for owners who are not to be trusted.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = empty_node('main', 'mls_fdw.allowed_hosts' => "'127.0.0.1, localhost'", restart_after_crash => 'on');
my $directory = "$PostgreSQL::Test::Utils::tmp_check/photos";
mkdir $directory or die "$directory: $!";
$node->append_conf('postgresql.conf', "mls_fdw.file_directories = '$directory'\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION mls_fdw');
my $mls = start_mls(listings => 40, fields => 'small');
my $photos = "http://127.0.0.1:$mls->{port}/cdn";

sub sql
{
	my ($sql, @more) = @_;
	return scalar $node->safe_psql('postgres', $sql, @more);
}

sub photos_asked
{
	my %times;
	m{^/cdn/\w+/(\w+)} && $times{$1}++ for map { $_->{path} } $mls->requests;
	return %times;
}

my @media = map { JSON::PP::decode_json($_) } grep { length } split /\n/, $mls->get('truth?resource=Media');
my @keys = map { $_->{MediaKey} } @media;
$mls->control('set', { resource => 'Media', keys => [$_], fields => { MediaURL => "$photos/jpeg/$_", MediaCategory => 'Photo', MediaModificationTimestamp => '2026-01-01T00:00:00Z' } })
  for @keys;
my $n = @keys;

my $columns = q{media_key text OPTIONS (field 'MediaKey'), "order" integer OPTIONS (field 'Order'),
	media_url text OPTIONS (field 'MediaURL'), media_category text OPTIONS (field 'MediaCategory'),
	resource_name text OPTIONS (field 'ResourceName'), resource_record_key text OPTIONS (field 'ResourceRecordKey'),
	media_modification_timestamp timestamptz OPTIONS (field 'MediaModificationTimestamp'),
	modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp')};

# A source with Media, synced, whose files go to a store of the same name; options of the server.
sub source
{
	my ($name, %options) = @_;
	my %all = (protocol => 'reso', url => $mls->url, retries => 0, schema_policy => 'ignore', key_prefix => "$name:", %options);
	my $list = join ', ', map { "$_ '$all{$_}'" } sort keys %all;
	mkdir "$directory/$name";
	sql(qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS ($list);
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (token 'static-token-value');
		CREATE SCHEMA $name;
		CREATE FOREIGN TABLE $name.media ($columns) SERVER $name OPTIONS (resource 'Media', key 'MediaKey', timestamp 'ModificationTimestamp');
		SELECT mls_subscribe('$name.media');
		CREATE SERVER ${name}_store FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$directory/$name')});
	sql("SELECT status FROM mls_sync('$name')");
	return;
}

sub fetch
{
	my ($name, $what) = @_;
	$what ||= 'status, fetched, stored, removed, failed, waiting';
	return sql("SELECT $what FROM mls_media_sync('$name')");
}

sub files
{
	my ($name) = @_;
	return sort map { m{/([0-9a-f]{2}/[^/]+)$} ? $1 : () } glob("$directory/$name/*/*");
}

sub consistent
{
	my ($name, $what, @known) = @_;
	my @wrong = grep { my $file = $_; !grep { $_ eq $file } @known } grep { my ($hash) = m{/([0-9a-f]+)\.}; sha256_hex(slurp_file("$directory/$name/$_")) ne $hash } files($name);
	is("@wrong", '', "$what: files are what their names say");
	is(sql("SELECT count(*) FROM mls_media m WHERE source = '$name' AND state = 'here' AND NOT (name = ANY ('{" . join(',', files($name)) . "}'))"),
		'0', "$what: no row without a file");
	return;
}

# ---- Killed, and beside a sync ----

source('a');
sql("SELECT mls_media_store('a', 'a_store', after_sync => false, transfers => 4)");
$mls->reset;
$mls->fault(kind => 'stall', match => '/cdn/', skip => 40, times => 1);
my $running = start_psql($node, "SELECT * FROM mls_media_sync('a')");
$node->poll_query_until('postgres', "SELECT count(*) = 32 FROM mls.media WHERE state = 'here'") or die 'no batch was committed';
is(sql(q{SELECT process, phase, expected FROM mls_progress}), "media|fetching|$n", 'it is in mls_progress');
is(sql(q{SELECT state FROM mls_status WHERE source = 'a'}), 'synced', 'which does not make the copy one that is being synced');
is(sql("SELECT status FROM mls_sync('a')"), 'finished', 'a sync is not kept waiting');
like(sql_error($node, "SELECT * FROM mls_media_sync('a')"), qr/55006: another media of resource "Media" of source "a" is at work/, 'a second one says so');
my %here = map { $_ => 1 } split /\n/, sql(q{SELECT key FROM mls.media WHERE state = 'here'});
kill 'KILL', sql(q{SELECT pid FROM mls_progress});
end_psql($running);
$mls->control('release');
$node->poll_query_until('postgres', 'SELECT true') or die 'the server did not come back';
consistent('a', 'killed');
my @left = glob("$directory/a/*/.mls_tmp.*");
cmp_ok(scalar @left, '>', 0, 'killed: what was being written is left behind');
is(fetch('a'), 'finished|' . ($n - 32) . '|' . ($n - 32) . '|0|0|0', 'the next run goes on');
consistent('a', 'resumed');
is(join(' ', glob("$directory/a/*/.mls_tmp.*")), '', 'and what was left behind is gone');
my %times = photos_asked();
is((grep { $times{$_} != 1 } keys %here) + 0, 0, 'no photo whose row was committed is asked for again');
is(join(',', sort map { $_ // 0 } @times{@keys}) =~ /0|[3-9]/ ? 'no' : 'yes', 'yes', 'and each other once more at most');
is(sql(q{SELECT string_agg(status, ',' ORDER BY run) FROM mls_history WHERE process = 'media'}), 'crashed,finished', 'the history says what happened');

# ---- Cancelled ----

my $stamps = 0;
sub again
{
	my ($name, @what) = @_;
	my $stamp = sprintf('2026-02-01T00:00:%02dZ', ++$stamps);
	$mls->control('update', { resource => 'Media', keys => \@what, fields => { MediaModificationTimestamp => $stamp } });
	sql("SELECT status FROM mls_sync('$name')");
	$mls->reset;
	return;
}

again('a', @keys[ 0 .. 9 ]);
$mls->fault(kind => 'stall', match => '/cdn/', times => 1);
$running = start_psql($node, "SELECT * FROM mls_media_sync('a')");
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM mls_progress WHERE process = 'media' AND phase = 'fetching'") or die 'it did not begin';
sql(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT * FROM mls_media_sync%' AND pid <> pg_backend_pid()});
like(end_psql($running), qr/57014: canceling statement/, 'it can be cancelled');
$mls->control('release');
$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM mls_progress}) or die 'it did not end';
is(fetch('a', 'status, fetched, stored, waiting'), 'finished|10|0|0', 'what was under way is wanted again, and what is stored is not stored twice');

# ---- Limits and order ----

again('a', @keys);
sql("SELECT mls_media_store('a', 'a_store', after_sync => false, max_run_files => 5)");
is(fetch('a', 'status, fetched, message'), 'finished|5|' . ($n - 5) . ' files wait: the limits of a run are reached', 'a run ends at its limit');
is(sql(q{SELECT bool_and("order" = (SELECT min("order") FROM mls.media)) FROM mls.media WHERE fetched_at = (SELECT max(fetched_at) FROM mls.media)}), 't',
	'first photos come first');
sql(q{SELECT mls_media_pause('a')});
like(fetch('a', 'status, fetched, message'), qr/^finished\|0\|paused: /, 'it can be paused');
sql(q{SELECT mls_media_pause('a', false)});
sql("SELECT mls_media_store('a', 'a_store', after_sync => false, max_files => 1)");
my $records = sql(q{SELECT count(DISTINCT record_key) FROM mls.media});
is(fetch('a', 'status, waiting'), 'finished|0', 'of each record one file is wanted');
is(sql(q{SELECT count(*) FROM mls.media m WHERE state = 'here' AND "order" > (SELECT min("order") FROM mls.media o WHERE o.record_key = m.record_key) AND stamp = '2026-01-01T00:00:00Z'}), '0', 'no further ones are fetched');
cmp_ok(sql(q{SELECT count(*) FROM mls.media WHERE state = 'refused'}), '>', 0, 'the others are refused');
sql("SELECT mls_media_store('a', 'a_store', after_sync => false, grace => '0')");
like(fetch('a', 'status, waiting'), qr/^finished\|0$/, 'until all are wanted');
is(sql(q{SELECT count(*) FROM mls.media WHERE state = 'here'}), $n, 'they are here');

# ---- After a sync ----

sub runs
{
	my ($where) = @_;
	return sql("SELECT count(*) FROM mls_history WHERE source = 'a' AND process = 'media'" . ($where ? " AND $where" : ''));
}

# Another picture of a medium, which a sync brings.
sub replaced
{
	my ($key) = @_;
	$mls->control('update', { resource => 'Media', keys => [$key], fields => { MediaModificationTimestamp => sprintf('2026-02-02T00:00:%02dZ', ++$stamps) } });
	return sql("SELECT string_agg(status, ',') FROM mls_sync('a')");
}

# A run that has begun by itself has come to its end, and all files are here.
sub settled
{
	my ($n) = @_;
	return $node->poll_query_until('postgres', "SELECT count(*) = $n FROM mls.run WHERE process = 'media' AND status <> 'running'")
	  && sql(q{SELECT count(*) FROM mls.media WHERE state <> 'here'}) == 0;
}

sql("SELECT mls_media_store('a', 'a_store', grace => '0')");
my $before = runs();
sql("SELECT status FROM mls_sync('a')");
replaced($keys[0]);
ok(settled($before + 1), 'a sync that brings something is followed by a run, one that brings nothing is not');
$mls->reset;
$mls->fault(kind => 'stall', match => '/cdn/', times => 1);
replaced($keys[1]);
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM mls_progress WHERE process = 'media' AND phase = 'fetching'}) or die 'no run has begun';
is(replaced($keys[2]), 'finished', 'syncs do not wait for a file that does not come');
$mls->control('release');
ok(settled($before + 3), 'what a sync brings while a run is at work is fetched by another');
%times = photos_asked();
is("@times{@keys[ 1, 2 ]}", '1 1', 'each once');
rename "$directory/a", "$directory/away" or die;
replaced($keys[3]);
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM mls.run WHERE process = 'media' AND status = 'failed'}) or die 'no run has failed';
rename "$directory/away", "$directory/a" or die;
$before = runs();
replaced($keys[4]);
sql("SELECT mls_media_store('a', 'a_store', after_sync => false, grace => '0')");
is(fetch('a', 'status, fetched'), 'finished|2', 'after a failure a run is not due at once');
is(runs(), $before + 1, 'but one by hand is');
replaced($keys[5]);
is(fetch('a', 'status, fetched'), 'finished|1', 'nor is one where none is wanted');
is(runs(), $before + 2, 'so there was none');

# ---- Several stores ----

mkdir "$directory/$_" for 'papers', 'plans';
sql(qq{CREATE SERVER papers FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$directory/papers', public_url 'https://papers.example.com');
	CREATE SERVER plans FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$directory/plans')});
$mls->control('update', { resource => 'Media', keys => [ @keys[ 10, 11 ] ], fields => { MediaURL => "$photos/pdf/paper", MediaCategory => 'Document', MediaModificationTimestamp => '2026-02-03T00:00:00Z' } });
$mls->control('update', { resource => 'Media', keys => [ $keys[12] ], fields => { MediaCategory => 'Floor Plan' } });
sql("SELECT status FROM mls_sync('a'); SELECT status FROM mls_media_sync('a')");
my $in_all = () = files('a');
like(sql_error($node, q{SELECT mls_media_store_also('a', 'nowhere')}), qr/there is no store "nowhere"/, 'another store that is not there');
like(sql_error($node, q{SELECT mls_media_store_also('a', 'a_store')}), qr/42710: store "a_store" has the files of this source already/, 'or the same');
sql(q{SELECT mls_media_store_also('a', 'papers', categories => '{Document}'); SELECT mls_media_store_also('a', 'plans', resources => '{Property}', categories => '{Floor Plan,Document}')});
is(fetch('a'), 'finished|3|2|2|0|0', 'what belongs elsewhere is fetched there, and goes where it was');
is(join(' ', map { scalar(my @f = files($_)) } qw(a papers plans)), join(' ', $in_all - 2, 1, 1), 'each store has its own');
is(sql(q{SELECT string_agg(DISTINCT store || ' ' || category, ', ' ORDER BY store || ' ' || category) FROM mls_media WHERE source = 'a' AND state = 'here'}),
	'a_store Photo, papers Document, plans Floor Plan', 'of two that fit the first');
is(sql(qq{SELECT (mls.media_file('a', '$keys[10]')).url LIKE 'https://papers.example.com/%.pdf'}), 't', 'each has its own addresses');
is(fetch('a'), 'finished|0|0|0|0|0', 'and so it stays');
my ($paper) = files('papers');
unlink "$directory/papers/$paper" or die;
is(sql(q{SELECT concat_ws(' ', finding, store, file, repaired) FROM mls_media_verify('a', samples => 0, repair => true)}), "missing papers $paper t", 'who looks after a source looks at all its stores');
is(fetch('a', 'status, fetched'), 'finished|2', 'and the file of both media is fetched again');

# What is wrong with one store, or with the hosts of its files, is no fault of the others.
my %paper = (MediaCategory => 'Document', MediaModificationTimestamp => '2026-02-03T00:00:01Z');
sql(q{DROP SERVER plans});
again('a', $keys[0]);
like(sql_error($node, q{SELECT * FROM mls_media_sync('a')}), qr/server "plans" does not exist/, 'a store that was dropped is an error');
is(sql(qq{SELECT state FROM mls_media WHERE source = 'a' AND key = '$keys[0]'}), 'here', 'after the files of the others');
sql(qq{CREATE SERVER plans FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$directory/plans')});
$mls->control('update', { resource => 'Media', keys => [ @keys[ 20 .. 29 ] ], fields => { MediaURL => 'http://127.0.0.1:1/paper', %paper } });
again('a', $keys[0]);
like(sql_error($node, q{SELECT * FROM mls_media_sync('a')}), qr/no file of source "a" could be fetched/, 'a host of documents that does not answer is an error');
is(sql(qq{SELECT state FROM mls_media WHERE source = 'a' AND key = '$keys[0]'}), 'here', 'after the photos of another');
is(sql(q{SELECT count(*) FROM mls_media WHERE source = 'a' AND state = 'failed'}), '10', 'the documents are tried again');
$mls->control('update', { resource => 'Media', keys => [$_], fields => { MediaCategory => 'Photo', MediaURL => "$photos/jpeg/$_", MediaModificationTimestamp => '2026-02-03T00:00:02Z' } }) for @keys[ 20 .. 29 ];
sql("SELECT status FROM mls_sync('a')");
is(fetch('a', 'status, fetched, waiting'), 'finished|10|0', 'until they are photos again');
$mls->control('update', { resource => 'Media', keys => [ $keys[11] ], fields => { MediaCategory => 'Photo', MediaURL => "$photos/jpeg/$keys[11]", MediaModificationTimestamp => '2026-02-04T00:00:00Z' } });
sql("SELECT status FROM mls_sync('a')");
is(fetch('a', 'fetched, removed'), '1|0', 'what becomes of another category moves, unless another medium has the same file');
like(sql_error($node, q{SELECT mls_media_store_remove('a', 'nowhere')}), qr/42704: no files of this source go to store "nowhere" besides/, 'a store that is none');
sql(q{SELECT mls_media_store_remove('a', 'plans'); SELECT mls_media_store_remove('a', 'papers')});
is(fetch('a', 'fetched, waiting'), '2|0', 'without them all go to the one again');
is(sql(q{SELECT count(*) FROM mls_media WHERE source = 'a' AND store <> 'a_store'}), '0', 'wherever they were');
$mls->control('update', { resource => 'Media', keys => [$_], fields => { MediaCategory => 'Photo', MediaURL => "$photos/jpeg/$_", MediaModificationTimestamp => '2026-02-05T00:00:00Z' } }) for @keys[ 10, 12 ];
sql("SELECT status FROM mls_sync('a'); SELECT status FROM mls_media_sync('a')");

# ---- Quota ----

source('q', requests_per_hour => 20);
my $spent = sql(q{SELECT used FROM mls_quota('q') WHERE "window" = 'hour'});
sql("SELECT mls_media_store('q', 'q_store', after_sync => false, quota_share => 0.5)");
$mls->reset;
like(fetch('q', 'status, fetched, message'), qr/^finished\|\d+\|\d+ files wait: the quota of the source/, 'files on the host of the source spend a share of its limits');
cmp_ok(sql(q{SELECT used FROM mls_quota('q') WHERE "window" = 'hour'}), '<=', 10, 'and no more');
is(sql("SELECT status FROM mls_sync('q')"), 'finished', 'the rest is for syncs');
is(sql(q{SELECT count(*) FROM mls.media m JOIN mls.subscription s ON s.id = m.subscription WHERE s.source = 'q' AND m.state = 'failed'}), '0', 'no file has failed for it');

$mls->control('set', { resource => 'Media', keys => [$_], fields => { MediaURL => "http://localhost:$mls->{port}/cdn/jpeg/$_" } }) for @keys;
source('o', requests_per_hour => 10, media_requests_per_hour => 7);
sql("SELECT mls_media_store('o', 'o_store', after_sync => false)");
$mls->reset;
like(fetch('o', 'status, fetched, message'), qr/^finished\|[67]\|\d+ files wait: the quota/, 'files on other hosts have limits of their own');
cmp_ok(sql(q{SELECT used FROM mls_quota('o') WHERE "window" = 'media hour'}), '<=', 7, 'which the ledger shows');
cmp_ok(sql(q{SELECT used FROM mls_quota('o') WHERE "window" = 'hour'}), '<', 7, 'beside those of the source');

# ---- A source that wants its token as User-Agent ----

$mls->control('option', { schema => { add => [ { resource => 'Media', field => 'OriginatingSystemName', type => 'Edm.String' }, { resource => 'Media', field => 'MlgCanView', type => 'Edm.Boolean' } ] } });
$mls->control('set', { resource => 'Media', fields => { OriginatingSystemName => 'east', MlgCanView => JSON::PP::true() } });
source('g', platform => 'mlsgrid', originating_system => 'east', ordering => 'any', page_size => 100);
sql("SELECT mls_media_store('g', 'g_store', after_sync => false, max_run_files => 3)");
$mls->reset;
is(fetch('g', 'status, fetched'), 'finished|3', 'MLS Grid');
sub agents { my %agents = map { $_->{headers}{'User-Agent'} => 1 } grep { $_->{path} =~ m{^/cdn/} } $mls->requests; return join ' ', sort keys %agents }
is(agents(), 'mls_fdw/0.1', 'a host that nobody has named does not get its token');
sql("ALTER SERVER g OPTIONS (ADD media_hosts 'localhost')");
$mls->reset;
is(fetch('g', 'status, fetched'), 'finished|3', 'with option media_hosts');
is(agents(), 'static-token-value', 'hosts of files that are named get the token as User-Agent');
is((grep { $_->{path} =~ m{^/cdn/} && $_->{auth} ne 'none' } $mls->requests) + 0, 0, 'but not as a credential');
again('g', $keys[0]);
$mls->control('update', { resource => 'Media', keys => [ $keys[0] ], fields => { MediaURL => "http://localhost:1/none", MediaModificationTimestamp => '2026-05-01T00:00:00Z' } });
sql("SELECT status FROM mls_sync('g')");
sql(qq{UPDATE mls.media m SET state = 'refused' FROM mls.subscription s WHERE s.id = m.subscription AND s.source = 'g' AND m.key <> '$keys[0]'});
is(fetch('g', 'status, failed'), 'finished|1', 'a host that is down');
unlike(sql(q{SELECT string_agg(concat_ws(' ', message, detail, note), ' ') FROM mls.run}) . sql(q{SELECT string_agg(error, ' ') FROM mls.media}) . join('', grep { !/CREATE USER MAPPING/ } split /^/, slurp_file($node->logfile)),
	qr/static-token-value/, 'nobody reads it');
$mls->control('update', { resource => 'Media', keys => [ $keys[0] ], fields => { MediaURL => "$photos/jpeg/$keys[0]" } });

# ---- Media that come with their listings ----

$mls->control('set', { resource => 'Media', keys => [$_], fields => { MediaURL => "$photos/403/$_" } }) for @keys;
source('f');
sql(q{SELECT mls_unsubscribe('f.media', true);
	CREATE FOREIGN TABLE f.property (listing_key text OPTIONS (field 'ListingKey'), modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp'))
	SERVER f OPTIONS (resource 'Property', key 'ListingKey', timestamp 'ModificationTimestamp', expand 'Media');
	SELECT mls_subscribe('f.property'); SELECT mls_subscribe('f.media')});
sql("SELECT status FROM mls_sync('f')");
sql("SELECT mls_media_store('f', 'f_store', after_sync => false, resources => '{Property}', max_run_files => 20)");
$mls->control('set', { resource => 'Media', keys => [$_], fields => { MediaURL => "$photos/jpeg/$_" } }) for @keys;
$mls->reset;
is(fetch('f', 'status, fetched, failed'), 'finished|20|0', 'fresh addresses come with the listings');
is((grep { $_->{path} =~ m{/Media$} } $mls->requests) + 0, 0, 'nobody asked for media');
is((grep { $_->{path} =~ m{/Property$} } $mls->requests) + 0, 1, 'but once for listings');

# ---- A store that somebody has changed ----

my ($gone, $spoilt, $kept) = files('a');
unlink "$directory/a/$gone" or die;
append_to_file("$directory/a/$spoilt", 'x');
my ($stray, $recent) = map { my $hash = sha256_hex($_); substr($hash, 0, 2) . "/$hash.jpg" } 'stray', 'recent';
for my $name ($stray, $recent)
{
	mkdir "$directory/a/" . substr($name, 0, 2);
	append_to_file("$directory/a/$name", 'x');
}
utime(time - 200000, time - 200000, "$directory/a/$stray");
my $changed = slurp_file("$directory/a/$kept");
substr($changed, 30, 1) = 'Z';
unlink "$directory/a/$kept";
append_to_file("$directory/a/$kept", $changed);
my $found = join "\n", sort("damaged|$spoilt", "damaged|$kept", "missing|$gone", "orphaned|$recent", "orphaned|$stray");
is(join("\n", sort split /\n/, sql(q{SELECT finding, file FROM mls_media_verify('a', samples => 1000)})), $found, 'what is wrong is found');
is(sql(q{SELECT count(*) FROM mls_media_verify('a_store', samples => 0) WHERE finding = 'damaged'}), '1', 'without reading only by its length');
is(sql(q{SELECT string_agg(finding || ' ' || repaired, ',' ORDER BY finding, repaired) FROM mls_media_verify('a', samples => 1000, repair => true)}),
	'damaged true,damaged true,missing true,orphaned false,orphaned true', 'and repaired, as far as it can be');
is(sql(q{SELECT level FROM mls_health() WHERE item = 'media'}), 'critical', 'mls_health() tells of files that are missing');
is(sql(q{SELECT count FROM mls_verify('a', samples => 0) WHERE "check" = 'files' AND severity = 'info'}), '3', 'mls_verify() says what is to be fetched');
is(fetch('a', 'status, fetched, stored'), 'finished|3|0', 'the next run fetches them');
consistent('a', 'repaired', $recent);
is(sql(q{SELECT finding || ' ' || file FROM mls_media_verify('a', samples => 1000)}), "orphaned $recent", 'nothing else is left');
isnt(sql(q{SELECT level FROM mls_health() WHERE item = 'media'}), 'critical', 'mls_health() is content');
is(sql(q{SELECT count(*) FROM mls_metrics() m WHERE m LIKE 'mls_media{source="a",state="here"} } . $n . q{'}), '1', 'mls_metrics() counts them');

# What rows promise and the store does not have: by a crash, a row that was lost, a repair that was rolled back.
my %lost;
@lost{qw(row removing missing unreferenced)} = grep { $_ ne $recent } files('a');
unlink map { "$directory/a/$_" } values %lost;
sql(qq{DELETE FROM mls.media_file WHERE name = '$lost{row}';
	UPDATE mls.media_file SET removing = true WHERE name = '$lost{removing}';
	UPDATE mls.media_file SET missing = true WHERE name = '$lost{missing}';
	UPDATE mls.media_file SET unreferenced_since = now() WHERE name = '$lost{unreferenced}';
	UPDATE mls.media m SET state = 'wanted' FROM mls.media_file f WHERE f.name = '$lost{unreferenced}' AND f.store = m.store AND f.sha256 = m.sha256});
is(fetch('a', 'status, fetched, stored'), 'finished|4|1', 'what no store has is fetched by the next run');
consistent('a', 'whole again', $recent);
is(join(' ', grep { !-e "$directory/a/$_" } values %lost), '', 'and is there');
is(sql(q{SELECT count(*) FROM mls_media WHERE source = 'a' AND state = 'here' AND name IS NULL}), '0', 'with its row');

# ---- Who is not to be trusted ----

sql(qq{
	CREATE ROLE eve LOGIN; SELECT mls_grant('eve');
	CREATE SERVER e FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '@{[$mls->url]}', retries '0', schema_policy 'ignore', key_prefix 'e:');
	CREATE USER MAPPING FOR eve SERVER e OPTIONS (token 'static-token-value');
	GRANT USAGE ON FOREIGN SERVER e TO eve;
	CREATE SCHEMA evil AUTHORIZATION eve});
my @eve = (extra_params => [ '-U', 'eve' ]);
sql(qq{CREATE TABLE evil.seen (role name, super boolean);
	CREATE FUNCTION evil.look() RETURNS boolean LANGUAGE plpgsql AS \$\$ BEGIN
		INSERT INTO evil.seen SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user; RETURN true; END \$\$;
	CREATE FUNCTION evil.spy() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN PERFORM evil.look(); RETURN new; END \$\$;
	CREATE FOREIGN TABLE evil.media ($columns) SERVER e OPTIONS (resource 'Media', key 'MediaKey', timestamp 'ModificationTimestamp');
	SET mls_fdw.gold_schema = 'evil_gold'; SET mls_fdw.reso_schema = 'evil_reso';
	SELECT 1}, @eve);
sql(q{CREATE SCHEMA evil_gold AUTHORIZATION eve; CREATE SCHEMA evil_reso AUTHORIZATION eve;
	ALTER ROLE eve SET mls_fdw.gold_schema = 'evil_gold'; ALTER ROLE eve SET mls_fdw.reso_schema = 'evil_reso'});
sql(q{SELECT mls_subscribe('evil.media'); SELECT * FROM mls_sync('e')}, @eve);
like(scalar(($node->psql('postgres', q{SELECT mls_media_store('e', 'a_store', after_sync => false)}, @eve))[2]), qr/permission denied for store "a_store"/, 'a store is used with its owner\'s leave');
like(scalar(($node->psql('postgres', q{SELECT * FROM mls_media_verify('a_store')}, @eve))[2]), qr/permission denied/, 'or looked at');
like(scalar(($node->psql('postgres', q{SELECT mls_media_store('a', 'a_store', after_sync => false)}, @eve))[2]), qr/no such subscription|there is no|permission denied/, 'and of one\'s own sources');
is(sql('SELECT count(*) FROM mls.media_file', @eve) . sql('SELECT count(*) FROM mls_media', @eve), '00', 'others\' files are not told of');
sql(q{GRANT USAGE ON FOREIGN SERVER a_store TO eve});
sql(q{SELECT mls_media_store('e', 'a_store', after_sync => false, max_run_files => 3)}, @eve);
sql(q{ALTER TABLE evil_gold.media ENABLE ROW LEVEL SECURITY; ALTER TABLE evil_gold.media FORCE ROW LEVEL SECURITY;
	CREATE POLICY look ON evil_gold.media USING (evil.look()) WITH CHECK (evil.look());
	CREATE TRIGGER spy BEFORE INSERT OR UPDATE ON evil_gold.media FOR EACH ROW EXECUTE FUNCTION evil.spy();
	ALTER TABLE bronze.e_media ENABLE ROW LEVEL SECURITY; ALTER TABLE bronze.e_media FORCE ROW LEVEL SECURITY;
	CREATE POLICY look ON bronze.e_media USING (evil.look()) WITH CHECK (evil.look())}, @eve);
sql(q{SET mls_fdw.gold_schema = 'evil_gold'; SET mls_fdw.reso_schema = 'evil_reso'; SELECT mls_map_set('Media', 'X_Hash', 'expression', '{"(mls.media_file(''e'', r.media_key)).sha256"}', source => 'e')});
is(fetch('e', 'status, fetched'), 'finished|3', 'a superuser fetches files of a hostile owner');
is(sql(q{SELECT string_agg(DISTINCT role::text || ' ' || super, ',') FROM evil.seen}), 'eve false', 'whose code runs as himself');
is(sql(q{SELECT count(*) FROM evil_gold.media WHERE "X_Hash" IS NOT NULL}), '3', 'and gold shows what came');

# ---- The end ----

sql(q{SELECT mls_unsubscribe('a.media', true)});
is(sql(q{SELECT count(*) FROM mls.media m WHERE NOT EXISTS (SELECT FROM mls.subscription s WHERE s.id = m.subscription)}), '0', 'media end with their subscription');
sql(q{SELECT mls_media_store_remove('e')}, @eve);
sql(q{UPDATE mls.media_file SET unreferenced_since = now() - interval '8 days' WHERE store = 'a_store'});
my $left = join ' ', files('a');
sql(q{BEGIN; SELECT * FROM mls_media_verify('a_store', samples => 0, repair => true); SELECT * FROM mls_media_verify('a_store', samples => 0, repair => true); ROLLBACK});
is(join(' ', files('a')), $left, 'a repair that is rolled back has removed nothing');
sql(q{SELECT * FROM mls_media_verify('a_store', samples => 0, repair => true)});
is(join(' ', files('a')), $left, 'the first one marks');
sql(q{SELECT * FROM mls_media_verify('a_store', samples => 0, repair => true)});
is(join(' ', files('a')), $recent, 'files that nobody has go a week later, when somebody asks for it twice');
is(sql(q{SELECT count(*) FROM mls.media_file WHERE store = 'a_store'}), '0', 'and their rows');
$node->stop;

# ---- Runs that follow syncs share the server's processes with all its databases ----

my $seats = new_node('seats', max_worker_processes => 6, log_min_messages => 'debug1', 'mls_fdw.file_directories' => "'$directory'");
$seats->safe_psql('postgres', 'CREATE DATABASE other');
$seats->safe_psql('other', 'CREATE EXTENSION mls_fdw');

sub sync_of
{
	my ($database) = @_;
	return $seats->safe_psql($database, q{SELECT status FROM mls_sync('f')});
}

for my $database (qw(postgres other))
{
	mkdir "$directory/$database";
	$seats->safe_psql($database, qq{
		CREATE SERVER f FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '@{[$mls->url]}', retries '0', schema_policy 'ignore');
		CREATE USER MAPPING FOR CURRENT_USER SERVER f OPTIONS (token 'static-token-value');
		CREATE SCHEMA f;
		CREATE FOREIGN TABLE f.media ($columns) SERVER f OPTIONS (resource 'Media', key 'MediaKey', timestamp 'ModificationTimestamp');
		SELECT mls_subscribe('f.media');
		CREATE SERVER store FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$directory/$database');
		SELECT mls_media_store('f', 'store')});
}
my $following = 'mls_fdw media of subscription';
$mls->fault(kind => 'stall', match => '/cdn/', times => 1);
sync_of('postgres');
$seats->poll_query_until('postgres', q{SELECT count(*) = 1 FROM mls_progress WHERE process = 'media' AND phase = 'fetching'}) or die 'no run has begun';
sync_of('other');
$seats->wait_for_log(qr/unregistering background worker "$following/);
is($seats->safe_psql('other', q{SELECT count(*) FROM mls.run WHERE process = 'media'}), '0', 'where another database has the last one, no run begins');
$mls->control('release');
my $ended = q{SELECT count(*) = 1 FROM mls.run WHERE process = 'media' AND status = 'finished'};
ok($seats->poll_query_until('postgres', $ended), 'that of the other database goes on');
$seats->wait_for_log(qr/(?:unregistering background worker "$following.*){2}/s);
sync_of('other');
ok($seats->poll_query_until('other', $ended), 'and then it is the turn of the next sync');

done_testing();
