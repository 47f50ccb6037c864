# Many files of media from many hosts: odd keys, files that have not changed, a store that refuses one
# or all, stores of two databases, and what is left at the end.
#
#   MLS_LONG=1         100,000 files, and the memory of the process on the way
#   MLS_FILES=20000    so many instead
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use HTTP::Tiny;
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $n = $ENV{MLS_FILES} || ($ENV{MLS_LONG} ? 100_000 : 200);
my $node = empty_node('main', 'mls_fdw.allowed_hosts' => "'127.0.0.1, *.localhost'");
my $directory = "$PostgreSQL::Test::Utils::tmp_check/photos";
mkdir $directory or die "$directory: $!";
mkdir "$directory/$_" for qw(a refused other);
$node->append_conf('postgresql.conf', "mls_fdw.file_directories = '$directory'\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION mls_fdw');
# Each four listings have eight.
my $mls = start_mls(listings => $n / 2, fields => 'small');

sub sql
{
	my ($sql, $database) = @_;
	return scalar $node->safe_psql($database || 'postgres', $sql);
}

sub fetch
{
	my ($what) = @_;
	return sql('SELECT ' . ($what || 'status, fetched, stored, failed, waiting') . q{ FROM mls_media_sync('a')});
}

sub files
{
	my ($store) = @_;
	return map { m{/([0-9a-f]{2}/[^/]+)$} ? $1 : () } glob("$directory/$store/*/*");
}

sub photos_asked
{
	return grep { $_->{path} =~ m{^/cdn/} } $mls->requests;
}

# What is counted by triggers is what is there.
sub tallied
{
	my ($what) = @_;
	is(sql(q{SELECT string_agg(subscription || state || media, ',' ORDER BY subscription, state) FROM mls.media_tally WHERE media <> 0}),
		sql(q{SELECT string_agg(subscription || state || n, ',' ORDER BY subscription, state) FROM (SELECT subscription, state, count(*) AS n FROM mls.media GROUP BY 1, 2) m}),
		"$what: media are counted right");
	is(sql(q{SELECT string_agg(concat_ws(' ', store, files, missing, bytes), ',' ORDER BY store) FROM mls.media_file_tally}),
		sql(q{SELECT string_agg(concat_ws(' ', store, files, missing, bytes), ',' ORDER BY store) FROM (SELECT store, count(*) FILTER (WHERE NOT missing) AS files,
			count(*) FILTER (WHERE missing AND unreferenced_since IS NULL) AS missing, coalesce(sum(bytes) FILTER (WHERE NOT missing), 0) AS bytes FROM mls.media_file GROUP BY 1) f}),
		"$what: and so are files");
	return;
}

# ---- Many hosts, odd keys ----

my @keys = map { sprintf 'MD%08d', $_ } 0 .. $n - 1;
my $host = 0;
sub address { my ($what, $key) = @_; return sprintf 'http://h%d.localhost:%d/cdn/%s/%s', $host++ % 20, $mls->{port}, $what, $key }
my %fields = (MediaCategory => 'Photo', MediaModificationTimestamp => '2026-01-01T00:00:00Z');
$mls->control('set', { resource => 'Media', records => { map { $keys[$_] => { %fields, MediaURL => address($_ % 4 ? 'tagged' : 'dated', $keys[$_]) } } 0 .. $#keys } });
my @odd = ('../x', 'a%2Fb', 'c/d', 'k' x 300, "o'dd", 'blank key', '..');
$mls->control('insert', { resource => 'Media', count => 1, fields => { %fields, MediaKey => $odd[$_], ResourceName => 'Property', ResourceRecordKey => 'LK00000001',
			MediaURL => address('tagged', "odd$_"), Order => 1000 + $_ } }) for 0 .. $#odd;
my $all = $n + @odd;
# A page of such a server costs a look at all that it has.
$mls->control('option', { max_page => 20000 }) if $ENV{MLS_LONG};
my $pages = $ENV{MLS_LONG} ? q{, page_size '20000', timeout_ms '600000'} : '';

sql(qq{
	CREATE SERVER a FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '@{[$mls->url]}', retries '0', schema_policy 'ignore', key_prefix 'a:'$pages);
	CREATE USER MAPPING FOR CURRENT_USER SERVER a OPTIONS (token 'static-token-value');
	CREATE SCHEMA a;
	CREATE FOREIGN TABLE a.media (media_key text OPTIONS (field 'MediaKey'), "order" integer OPTIONS (field 'Order'),
		media_url text OPTIONS (field 'MediaURL'), media_category text OPTIONS (field 'MediaCategory'),
		resource_name text OPTIONS (field 'ResourceName'), resource_record_key text OPTIONS (field 'ResourceRecordKey'),
		media_modification_timestamp timestamptz OPTIONS (field 'MediaModificationTimestamp'),
		modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp'))
		SERVER a OPTIONS (resource 'Media', key 'MediaKey', timestamp 'ModificationTimestamp');
	SELECT mls_subscribe('a.media');
	CREATE SERVER a_store FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$directory/a')});
sql("SELECT status FROM mls_sync('a')");
sql("SELECT mls_media_store('a', 'a_store', after_sync => false)");
$mls->reset;
if ($ENV{MLS_LONG})
{
	my %memory;
	my $running = start_psql($node, "SELECT * FROM mls_media_sync('a')");
	$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM mls_progress WHERE process = 'media'}) or die 'it did not begin';
	my $pid = sql(q{SELECT pid FROM mls_progress WHERE process = 'media'});
	for my $share (0.1, 0.95)
	{
		$node->poll_query_until('postgres', "SELECT coalesce(max(received), $all) >= $share * $all FROM mls_progress WHERE process = 'media'") or die 'it did not go on';
		($memory{$share}) = slurp_file("/proc/$pid/status") =~ /RssAnon:\s+(\d+)/;
	}
	end_psql($running);
	cmp_ok($memory{0.95}, '<', 1.2 * $memory{0.1}, "the process does not grow: $memory{0.1} and $memory{0.95} kB");
	is(sql(q{SELECT status || '|' || received FROM mls_history WHERE process = 'media' ORDER BY run DESC LIMIT 1}), "finished|$all", 'all came');
}
else
{
	is(fetch(), "finished|$all|$all|0|0", 'files of twenty hosts');
	my %hosts = map { $_->{headers}{Host} => 1 } photos_asked();
	is(scalar keys %hosts, 20, 'which were all asked');
}
is(sql(q{SELECT count(*) FROM mls_media WHERE state = 'here' AND "order" >= 1000}), scalar @odd, 'those with odd keys came, too');
is(scalar(files('a')), $all, 'all stand in the store');
is(join(' ', grep { !m{/a/[0-9a-f]{2}$} } glob("$directory/a/*")), '', 'nothing else does');
is(join(' ', grep { !/^\.\.?$/ } map { m{([^/]+)$} } glob("$directory/a/.*")), '.mls_store', 'but whose it is');
is(join(' ', grep { sha256_hex(slurp_file("$directory/a/$_")) ne (m{/([0-9a-f]{64})\.jpg$})[0] } (files('a'))[ 0 .. 99 ]), '', 'names say what is in them');
tallied('a first load');

# ---- A photo whose timestamp moves and whose bytes do not ----

my $stamp = 0;
sub again
{
	my ($fields, @which) = @_;
	my $moved = sprintf '2026-02-01T00:00:%02dZ', ++$stamp;
	$mls->control('update', { resource => 'Media', keys => \@which, fields => { MediaModificationTimestamp => $moved, %$fields } });
	sql("SELECT status FROM mls_sync('a')");
	$mls->reset;
	return;
}

my %before = map { split /\t/ } split /\n/, sql(q{SELECT key || e'\t' || sha256 FROM mls_media WHERE key LIKE 'MD%'});
sub hash { return sql("SELECT sha256 FROM mls_media WHERE key = '$_[0]'") }
again({}, @keys[ 0 .. 39 ]);
is(fetch('status, fetched, stored, failed'), 'finished|40|0|0', 'files that have not changed');
is(join(' ', sort { $a <=> $b } map { $_->{status} } photos_asked()), join(' ', (304) x 40), 'are not sent again');
is(scalar(grep { $_->{headers}{'If-None-Match'} } photos_asked()), 30, 'by their tags');
is(scalar(grep { $_->{headers}{'If-Modified-Since'} } photos_asked()), 10, 'or by their dates');
is(sql(q{SELECT unchanged FROM mls_history WHERE process = 'media' ORDER BY run DESC LIMIT 1}), '40', 'the history says so');
is(sql(q{SELECT string_agg(DISTINCT state, ',') FROM mls_media}), 'here', 'they are here as before');
is(join(' ', grep { hash($_) ne $before{$_} } @keys[ 0 .. 3 ]), '', 'and the same');

my ($url) = sql("SELECT media_url FROM a.media WHERE media_key = '$keys[1]'");
again({ MediaURL => "$url?v=2" }, $keys[1]);
is(fetch('status, fetched, stored'), 'finished|1|1', 'one that has changed is');
isnt(hash($keys[1]), $before{ $keys[1] }, 'it is another one');
($url) = sql("SELECT media_url FROM a.media WHERE media_key = '$keys[2]'");
again({ MediaURL => $url =~ s{tagged/\w+}{tagged/moved}r }, $keys[2]);
is(fetch('status, fetched, stored'), 'finished|1|1', 'one at another address');
is(scalar(grep { $_->{headers}{'If-None-Match'} } photos_asked()), 0, 'is not asked about by the tag of the former');
($url) = sql("SELECT media_url FROM a.media WHERE media_key = '$keys[4]'");
again({ MediaURL => "$url?other" }, $keys[4]);
is(fetch('status, fetched, stored'), 'finished|1|0', 'where only a date is known');
is(scalar(grep { $_->{headers}{'If-Modified-Since'} } photos_asked()), 0, 'parameters make another address, too');
again({ MediaURL => address('never', $keys[5]) }, $keys[5]);
is(fetch('status, fetched, failed'), 'finished|0|1', 'a host that says so to who has not asked');
like(sql("SELECT state || ' ' || error FROM mls_media WHERE key = '$keys[5]'"), qr/^failed .*status 304/, 'has not given a file');
again({ MediaURL => address('tagged', $keys[5]) }, $keys[5]);
is(fetch('status, fetched, waiting'), 'finished|1|0', 'until it does');
unlink "$directory/a/" . sql("SELECT name FROM mls_media WHERE key = '$keys[6]'") or die;
sql(q{SELECT * FROM mls_media_verify('a_store', samples => 0, repair => true)});
is(sql(q{SELECT level FROM mls_health() WHERE item = 'media'}), 'critical', 'a file that the store has lost');
tallied('a loss');
$mls->reset;
is(fetch('status, fetched, waiting'), 'finished|1|0', 'is fetched');
is(join(' ', map { "$_->{status} " . ($_->{headers}{'If-None-Match'} // 'whole') } photos_asked()), '200 whole', 'without a question');
isnt(sql(q{SELECT level FROM mls_health() WHERE item = 'media'}), 'critical', 'then it is there');

# ---- A store that never takes one file ----

my $bytes = HTTP::Tiny->new->get("http://127.0.0.1:$mls->{port}/cdn/tagged/refused")->{content};
my $digits = substr sha256_hex($bytes), 0, 2;
sql(qq{CREATE SERVER refused FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$directory/refused')});
mkdir "$directory/refused/$digits";
chmod 0500, "$directory/refused/$digits" or die;
again({ MediaURL => "http://h1.localhost:$mls->{port}/cdn/tagged/refused" }, $keys[7]);
sql(q{SELECT mls_media_store('a', 'refused', after_sync => false)});
my ($status, $waiting) = split /\|/, fetch('status, waiting');
is($status, 'finished', 'a store that does not take a file');
cmp_ok($waiting, '>=', 1, 'is asked again later');
is(sql(q{SELECT count(*) FROM mls_media WHERE state = 'failed' AND error LIKE 'the store did not take it: could not write a file of store "refused"%' AND next_attempt_at > now()}), $waiting, 'with its reason');
is(sql(qq{SELECT count(*) FROM mls_media WHERE key = '$keys[7]' AND state = 'failed'}), '1', 'it is the one');
is(sql(q{SELECT count(*) FROM mls_media WHERE state = 'here' AND store = 'refused'}), $all - $waiting, 'all others are here');
is(scalar(files('refused')), sql(q{SELECT count(DISTINCT sha256) FROM mls_media WHERE state = 'here' AND store = 'refused'}), 'and stand there');
is(fetch('status, fetched'), 'finished|0', 'before its time nothing is asked');
chmod 0750, "$directory/refused/$digits" or die;
sql(q{UPDATE mls.media SET next_attempt_at = now() WHERE state = 'failed'});
is(fetch('status, fetched, waiting'), "finished|$waiting|0", 'then it is taken');

# One that takes nothing any more.
again({ MediaURL => address('tagged', "new$_") }, $_) for @keys[ 10 .. 19 ];
for my $folder (map { sprintf '%02x', $_ } 0 .. 255)
{
	mkdir "$directory/refused/$folder";
	chmod 0500, "$directory/refused/$folder" or die;
}
like(sql_error($node, q{SELECT * FROM mls_media_sync('a')}), qr/could not write a file of store "refused"/, 'a store that takes nothing ends the run');
is(sql(q{SELECT count(*) FILTER (WHERE state = 'failed') || ' ' || count(*) FILTER (WHERE state = 'wanted') FROM mls_media}), '3 7', 'the next one begins with others');
chmod 0750, "$directory/refused/" . sprintf '%02x', $_ for 0 .. 255;
is(fetch('status, fetched, waiting'), 'finished|7|3', 'and finds the store in order');
is(join(' ', grep { /mls_tmp/ } map { glob("$directory/refused/$_/.*") } map { sprintf '%02x', $_ } 0 .. 255), '', 'nothing is left of what was not taken');
tallied('refusals');

# ---- A store that is another database's ----

sql('CREATE DATABASE other');
sql('CREATE EXTENSION mls_fdw', 'other');
sql(qq{CREATE SERVER theirs FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$directory/a')}, 'other');
my $had = join ' ', files('a');
utime time - 200000, time - 200000, glob("$directory/a/*/*");
my (undef, undef, $error) = $node->psql('other', q{SELECT * FROM mls_media_verify('theirs', repair => true)});
like($error, qr/the place of store "theirs" is another's.*Its file \.mls_store does not name this server of this database.*Give each store a place of its own.*mls_store_adopt\('theirs'\)/s, 'another database is told');
is(sql(q{SELECT count(DISTINCT finding) || ' ' || bool_or(repaired) FROM mls_media_verify('theirs')}, 'other'), '1 false', 'it may look');
sql(q{ALTER SERVER theirs OPTIONS (ADD shared 'true')}, 'other');
(undef, undef, $error) = $node->psql('other', q{SELECT * FROM mls_media_verify('theirs', repair => true)});
like($error, qr/the place of store "theirs" is another's/, 'that one side would share it is not enough');
sql(q{ALTER SERVER a_store OPTIONS (ADD shared 'true')});
sql(q{SELECT * FROM mls_media_verify('a_store', samples => 0, repair => true)});
is(sql(q{SELECT count(*) FILTER (WHERE repaired) FROM mls_media_verify('theirs', repair => true)}, 'other'), '0', 'but that both do');
is(join(' ', files('a')), $had, 'nothing is removed then');
sql(q{ALTER SERVER a_store OPTIONS (DROP shared)});
like(sql_error($node, q{SELECT * FROM mls_media_verify('a_store', repair => true)}), qr/the place of store "a_store" is another's/, 'who does not share it any more is told');
unlink "$directory/a/.mls_store" or die;
sql(qq{CREATE SERVER twin FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$directory/a')});
sql(q{SELECT * FROM mls_media_verify('a_store', samples => 0, repair => true)});
like(sql_error($node, q{SELECT * FROM mls_media_verify('twin', repair => true)}), qr/the place of store "twin" is another's/, 'and so is another server of this database');
my $mark = slurp_file("$directory/a/.mls_store");
unlink "$directory/a/.mls_store" or die;
append_to_file("$directory/a/.mls_store", $mark =~ s/^\d+/1/r);
like(sql_error($node, q{SELECT * FROM mls_media_verify('a_store', repair => true)}), qr/the place of store "a_store" is another's/, 'a server that has been upgraded has another identity');
sql(q{SELECT mls_store_adopt('a_store')});
is(slurp_file("$directory/a/.mls_store"), $mark, 'it adopts its store');
is(sql(q{SELECT count(*) FROM mls_media_verify('a_store', samples => 0, repair => true) WHERE finding = 'missing'}), '0', 'and goes on');

# ---- A store that cannot be had holds up no other ----

sql(qq{CREATE SERVER nowhere FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$directory/nowhere')});
sql(q{SELECT mls_media_store_also('a', 'nowhere', categories => '{Document}')});
again({ MediaURL => "http://127.0.0.1:$mls->{port}/cdn/jpeg/other", MediaCategory => 'Photo' }, $keys[60]);
again({ MediaURL => "http://127.0.0.1:$mls->{port}/cdn/pdf/paper", MediaCategory => 'Document' }, $keys[61]);
like(sql_error($node, q{SELECT * FROM mls_media_sync('a')}), qr/could not open the directory of store "nowhere"/, 'a store that is not there is an error');
is(sql(qq{SELECT string_agg(state, ' ' ORDER BY key) FROM mls_media WHERE key IN ('$keys[60]', '$keys[61]')}), 'here wanted', 'the files of the other are here');
mkdir "$directory/nowhere" or die;
is(fetch('status, fetched'), 'finished|1', 'and those of this one when it is');
unlink glob("$directory/nowhere/*/*.pdf");
sql(q{SELECT * FROM mls_media_verify('nowhere', samples => 0, repair => true)});
is(sql(q{SELECT lost FROM mls.media_count WHERE source = 'a'}), '1', 'what is lost of it is counted');
is(sql(q{SELECT level FROM mls_health() WHERE item = 'media'}), 'critical', 'and in mls_health');
is(fetch('status, fetched'), 'finished|1', 'until it is fetched again');

# ---- A sync beside a backlog ----

sub requests_of_sync
{
	$mls->reset;
	sql("SELECT status FROM mls_sync('a')");
	return scalar grep { $_->{path} !~ m{^/cdn/} } $mls->requests;
}

my $needed = requests_of_sync();
again({ MediaURL => "http://127.0.0.1:$mls->{port}/cdn/jpeg/$_" }, $_) for @keys[ 20 .. 49 ];
my $limit = 2 * (sql(q{SELECT used FROM mls_quota('a') WHERE "window" = 'hour'}) || 0) + 20;
sql("ALTER SERVER a OPTIONS (ADD requests_per_hour '$limit')");
like(fetch('status, message'), qr/^finished\|\d+ files wait: the quota of the source/, 'a backlog spends its share');
my $spent = sql(q{SELECT used FROM mls_quota('a') WHERE "window" = 'hour'});
cmp_ok($spent, '<=', $limit / 2, 'and no more');
is(requests_of_sync(), $needed, 'a sync sends its requests as without');
is(sql(q{SELECT used FROM mls_quota('a') WHERE "window" = 'hour'}), $spent + $needed, 'the ledger has them all');
is(sql(q{SELECT status FROM mls_history WHERE process = 'sync' ORDER BY run DESC LIMIT 1}), 'finished', 'and none had to wait for the next hour');

# ---- The end ----

sql(q{SELECT mls_unsubscribe('a.media', true)});
is(sql(q{SELECT (SELECT count(*) FROM mls.media) || ' ' || (SELECT count(*) FROM mls.media_rule) || ' ' || (SELECT count(*) FROM mls.media_tally)}), '0 0 0', 'rows end with their subscription');
cmp_ok(scalar(files('refused')), '>', 100, 'files stay');
sql(q{UPDATE mls.media_file SET unreferenced_since = now() - interval '8 days'});
sql(qq{SELECT * FROM mls_media_verify('$_', samples => 0, repair => true)}) for qw(a_store a_store refused refused nowhere nowhere);
is(scalar(files('a')) + files('refused'), 0, 'until somebody asks for it');
is(sql(q{SELECT (SELECT count(*) FROM mls.media_file) || ' ' || (SELECT count(*) FROM mls.media_file_tally)}), '0 0', 'and their rows');

done_testing();
