# Files of media that have no open address: objects of RETS, by their records, and files of Qobrix, by its login.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use MlsQobrix;
use MlsRets;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = empty_node('main');
my $directory = "$PostgreSQL::Test::Utils::tmp_check/photos";
mkdir $directory or die "$directory: $!";
$node->append_conf('postgresql.conf', "mls_fdw.file_directories = '$directory'\nmls_fdw.allowed_hosts = '127.0.0.1, localhost'\nmax_wal_senders = 0\n");
$node->start;
$node->safe_psql('postgres', "CREATE EXTENSION mls_fdw;
	CREATE SERVER photos FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$directory', public_url 'https://cdn.example.com')");
my $mls = start_mls(listings => 12, qobrix => 60);
my $yes = JSON::PP::true();

sub sql
{
	return scalar $node->safe_psql('postgres', $_[0]);
}

# Each file has the bytes that its name says, and is in a row; each row has its file.
sub consistent
{
	my ($name) = @_;
	my @files = sort map { m{/([0-9a-f]{2}/[^/]+)$} ? $1 : () } glob("$directory/*/*");
	my @wrong = grep { my $bytes = slurp_file("$directory/$_"); my ($hash) = m{/([0-9a-f]+)\.}; sha256_hex($bytes) ne $hash } @files;
	is("@wrong", '', "$name: files are what their names say");
	is(join("\n", @files), sql(q{SELECT name FROM mls.media_file ORDER BY name COLLATE "C"}), "$name: files and rows are the same");
	return;
}

sub fetch
{
	my ($source) = @_;
	return sql("SELECT status, fetched, stored, removed, failed, waiting FROM mls_media_sync('$source')");
}

# What was asked for by GetObject: the ID of each request, and of what type.
sub objects
{
	my @asked = grep { $_->{path} =~ m{/getobject$}i } $mls->requests;
	return map { my $given = $_->{options}; my %of = map { lc $_ => $given->{$_} } keys %$given; "$of{type} $of{id}" } @asked;
}

sub set
{
	my ($keys, %fields) = @_;
	$mls->control('set', { resource => 'Media', keys => $keys, fields => \%fields });
	return;
}

# A run that asks again for what has failed.
sub again
{
	my ($source) = @_;
	sql("SELECT mls_media_store('$source', 'photos', after_sync => false, grace => '0')");
	$mls->control('clear', {});
	return fetch($source);
}

# ---- RETS: no addresses; media have an order of their own ----

# More than a batch holds.
$mls->control('insert', { resource => 'Media', count => 5, fields => { ResourceName => 'Property', ResourceRecordKey => $_ } })
  for @{ JSON::PP::decode_json($mls->get('keys?resource=Property')) };
my %of;
for my $record (map { JSON::PP::decode_json($_) } grep { length } split /\n/, $mls->get('truth?resource=Media'))
{
	push @{ $of{ $record->{ResourceRecordKey} } }, $record->{MediaKey};
}
my @listings = sort { @{ $of{$b} } <=> @{ $of{$a} } || $a cmp $b } keys %of;
my $n = 0;
for my $listing (@listings)
{
	my $place = 0;
	for my $key (sort @{ $of{$listing} })
	{
		set([$key], MediaURL => undef, MediaCategory => 'Photo', ResourceName => 'Property', Order => ++$place,
			MediaModificationTimestamp => '2026-01-01T00:00:00Z', ShortDescription => 'first');
		$n++;
	}
}
cmp_ok(scalar @{ $of{ $listings[0] } }, '>=', 4, 'a listing with photos');
cmp_ok($n, '>', 64, 'and more than two batches of all');
rets_option($mls, object_order => $yes);
create_rets($node, $mls, 'r', tables => 'media_media', key_prefix => 'r:', retries => 0);
sql("SELECT mls_subscribe('r.media_media')");
sql("SELECT status FROM mls_sync('r')");
sql("SELECT mls_media_store('r', 'photos', after_sync => false, grace => '0')");
is(sql(q{SELECT count(*) FROM gold.media WHERE "MediaURL" IS NULL AND mls_source = 'r'}), $n, 'media without addresses');
$mls->reset;
rets_option($mls, object_order => $yes);
is(fetch('r'), "finished|$n|$n|0|0|0", 'all photos are fetched');
is(scalar(objects()), scalar(@listings), 'by one request for each listing');
is((grep { !/^Photo [^:]+(?::\d+)+$/ } objects()) + 0, 0, 'which names them all');
is(sql(q{SELECT string_agg(DISTINCT concat_ws(' ', state, type, width > 0), ',') FROM mls_media}), 'here image/jpeg t', 'each is here, and a JPEG');
consistent('RETS');
is(fetch('r'), 'finished|0|0|0|0|0', 'a second run has nothing to do');

# Photos of a listing, wanted again: they are other ones at the source.
my ($listing) = @listings;
my @photos = sort @{ $of{$listing} };
my $moved = 0;
sub replace
{
	my (@keys) = @_;
	my $at = sprintf '2026-02-02T00:%02d:00Z', ++$moved;
	$mls->control('update', { resource => 'Media', keys => \@keys, fields => { ShortDescription => "version $moved", MediaModificationTimestamp => $at } });
	sql("SELECT status FROM mls_sync('r')");
	$mls->reset;
	rets_option($mls, object_order => $yes);
	return;
}

# State, attempts and error of the photos of the listing, by their order.
sub states
{
	my ($columns) = @_;
	return map { [ split /\|/, $_, -1 ] } split /\n/, sql("SELECT $columns FROM mls_media WHERE source = 'r' AND record_key = 'r:$listing' ORDER BY \"order\"");
}

replace($photos[1]);
is(fetch('r'), 'finished|1|1|1|0|0', 'a replaced photo comes alone, and without parts');
is(join(',', objects()), "Photo $listing:2", 'it is asked for by its number');
replace(@photos[ 0, 1, 2, 3 ]);
rets_option($mls, object_spoilt => { 2 => '20413', 3 => 'html', 4 => '20403' });
is(fetch('r'), 'finished|1|1|1|3|2', 'of four photos one is good');
my @state = states('state, attempts, error');
is($state[0][0], 'here', 'the good one is kept');
like(join('|', @{ $state[1] }), qr/^failed\|1\|.*20413/, 'an error in the place of another is its own, and tried again');
like(join('|', @{ $state[2] }), qr/^refused\|1\|.*HTML/, 'a page of HTML is refused, and named');
like(join('|', @{ $state[3] }), qr/^failed\|1\|the source has no such file$/, 'one that is not there is looked for later');
$mls->reset;
is(fetch('r'), 'finished|0|0|0|0|2', 'not before its time');
is(scalar(objects()), 0, 'nobody is asked');
rets_option($mls, object_order => $yes);
is(again('r'), 'finished|3|3|3|0|0', 'then all are here');
consistent('errors in parts');

replace(@photos[ 0, 1, 2 ]);
$mls->fault(kind => 'session_loss', match => 'getobject', times => 1);
is(fetch('r'), 'finished|3|3|3|0|0', 'a session that is lost is opened again');
is(scalar(objects()), 2, 'and the request repeated');
replace(@photos[ 0, 1, 2 ]);
rets_option($mls, location_only => $yes);
is(fetch('r'), 'finished|3|3|3|0|0', 'addresses in the place of files are followed, within the session');
is((grep { $_->{path} =~ m{^/rets/photos/} } $mls->requests) + 0, 3, 'each once');
consistent('addresses');
replace(@photos[ 0, 1 ]);
$mls->fault(kind => 'rets_reply', match => 'getobject', code => 20401, text => 'see http://other.example/?token=secret', times => 9);
is(fetch('r'), 'finished|0|0|0|2|2', 'an error of the whole answer is that of its photos');
unlike(join(' ', map { "@$_" } states('error')), qr{://|secret}, 'without what the source says of addresses');
is(again('r'), 'finished|2|2|2|0|0', 'and they are here the next time');

# A photo goes: the others keep their numbers.
$mls->control('delete', { resource => 'Media', keys => [ $photos[2] ] });
sql("SELECT deleted FROM mls_purge('r', force => true)");
is(fetch('r'), 'finished|0|0|1|0|0', 'a photo that is removed goes, and no other is fetched');
replace($photos[3]);
is(fetch('r'), 'finished|1|1|1|0|0', 'the one behind it');
is(join(',', objects()), "Photo $listing:4", 'has its number still');
consistent('removed');

# A listing whose answer is too large comes in halves.
replace(@photos[ 0, 1, 3 ]);
sql("ALTER SERVER r OPTIONS (ADD object_limit '2', ADD object_type 'HiRes')");
is(fetch('r'), 'finished|3|3|3|0|0', 'more files than the source may send at a time');
cmp_ok(scalar(objects()), '>', 1, 'come by several requests');
is((grep { !/^HiRes / } objects()) + 0, 0, 'of the type that the server has as an option');
consistent('halves');

# By address, where there is one; by its record, where that fails.
set([ $photos[0] ], MediaURL => "http://127.0.0.1:$mls->{port}/cdn/jpeg/x");
set([ $photos[1] ], MediaURL => "http://127.0.0.1:$mls->{port}/cdn/404/x");
replace(@photos[ 0, 1 ]);
is(fetch('r'), 'finished|2|2|2|0|0', 'photos with addresses');
is(join(',', objects()), "HiRes $listing:2", 'the source is asked for the one that its address has not');
sql(q{SELECT mls_media_store_remove('r')});

# ---- CREA: a key of two fields, numbers between commas, gold by rules of its own ----

$mls->reset;
my %ddf = (dialect => 'ddf', object_order => $yes, comma_numbers => $yes, location_ignored => $yes, boundary => 'creaboundary');
$mls->control('option', { date => 'logical', rets => \%ddf });
$node->safe_psql('postgres', qq{
	CREATE SERVER ddf FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'rets', platform 'crea', format 'standard-xml',
		url 'http://127.0.0.1:$mls->{port}/rets/login', retries '0', key_prefix 'd:');
	CREATE USER MAPPING FOR CURRENT_USER SERVER ddf OPTIONS (username 'agent', password 'basic-pass-value');
	CREATE SCHEMA ddf; IMPORT FOREIGN SCHEMA ddf LIMIT TO (property, photo) FROM SERVER ddf INTO ddf;
	SELECT mls_subscribe(t) FROM unnest('{ddf.property,ddf.photo}'::regclass[]) t;
	SELECT mls_map_set('Media', 'MediaURL', 'expression', '{"(mls.media_file(''ddf'', r.listing_key || ''|'' || r.sequence_id)).url"}', source => 'ddf', source_resource => 'Photo')});
sql("SELECT status FROM mls_sync('ddf')");
sql("SELECT mls_media_store('ddf', 'photos', after_sync => false, grace => '0')");
$mls->reset;
$mls->control('option', { date => 'logical', rets => \%ddf });
my $d = sql("SELECT count(*) FROM gold.media WHERE mls_source = 'ddf' AND \"MediaCategory\" = 'Photo'");
cmp_ok($d, '>', 10, 'photos of CREA');
like(fetch('ddf'), qr/^finished\|$d\|\d+\|\d+\|0\|0$/, 'all are fetched');
is((grep { !/^LargePhoto [^:]+:\d+(?:,\d+)*$/ } objects()) + 0, 0, 'numbers stand between commas');
is(sql(q{SELECT count(*) FROM gold.media g JOIN mls_media m ON m.source = 'ddf' AND m.key = g.mls_source_key
	WHERE g.mls_source = 'ddf' AND g."MediaURL" = 'https://cdn.example.com/' || m.name}), $d, 'gold shows the files without a sync');
consistent('CREA');

# ---- Qobrix: files of its own host, by its login ----

create_tenant($node, $mls, 'crm', key_prefix => 'q:', expand => 1, retries => 0, tables => 'properties, projects, media');
sql("SET client_min_messages = warning; SELECT mls_subscribe('crm.$_')") for qw(projects properties media);
sql("SELECT status FROM mls_sync('crm')");
sql("SELECT mls_media_store('crm', 'photos', after_sync => false, grace => '0', categories => '{Photo}')");
my $shown = q{FROM silver.crm_media m WHERE EXISTS (SELECT FROM gold.media g WHERE g.mls_source = 'crm' AND g.mls_source_key = m.id AND "MediaCategory" = 'Photo')};
my $good = sql("SELECT count(*) $shown AND file ->> 'href' LIKE '/%' AND file ->> 'mime_type' = 'image/jpeg'");
my $all = sql("SELECT count(*) $shown AND file ->> 'href' IS NOT NULL");
cmp_ok($good, '>', 20, 'photos of Qobrix');
$mls->reset;
my ($status, $fetched, $stored, undef, $failed) = split /\|/, fetch('crm');
is("$status $fetched " . ($fetched + $failed), "finished $good $all", 'those of its host are fetched, others tried');
is(sql(q{SELECT count(*) FROM mls_media WHERE source = 'crm'}), $all, 'what has no file is not wanted');
is((grep { $_->{path} =~ m{^/media/} && $_->{status} == 401 } $mls->requests) + 0, 0, 'with the login');
is((grep { $_->{path} =~ m{^/api/v2/media/by-category} } $mls->requests) + 0, 0, 'no list of a category was asked for');
consistent('Qobrix');

my ($id, $href, $owner) = split /\|/, sql("SELECT m.id, m.file ->> 'href', m.related_id $shown AND file ->> 'href' LIKE '/%' AND file ->> 'mime_type' = 'image/jpeg' AND related_model = 'Properties' ORDER BY m.id LIMIT 1");
$mls->control('update', { resource => 'qobrix/media', keys => [$id], fields => { display_order => 7 } });
$mls->control('touch', { resource => 'qobrix/properties', keys => [$owner] });
sql("SELECT status FROM mls_sync('crm')");
$mls->fault(kind => 'status', match => '^' . quotemeta($href), status => 404, times => 1);
like(fetch('crm'), qr/^finished\|1\|1\|1\|/, 'a file that has changed is fetched, after the medium was read again where it was not found');
is(sql("SELECT state FROM mls_media WHERE source = 'crm' AND key = '$id'"), 'here', 'it is here');
$mls->control('update', { resource => 'qobrix/media', keys => [$id], fields => { display_order => 8 } });
$mls->control('touch', { resource => 'qobrix/properties', keys => [$owner] });
sql("SELECT status FROM mls_sync('crm')");
$mls->fault(kind => 'status', match => '^' . quotemeta($href), status => 404, times => 2);
like(fetch('crm'), qr/^finished\|0\|0\|0\|/, 'one that is not there after that either');
like(sql("SELECT state || ' ' || error FROM mls_media WHERE source = 'crm' AND key = '$id'"), qr/^failed .*just named.*404/, 'is looked for later');
consistent('Qobrix, changed');

# A size that the tenant has ready made.
sql("ALTER SERVER crm OPTIONS (ADD media_size 'large')");
$mls->control('update', { resource => 'qobrix/media', keys => [$id], fields => { display_order => 9 } });
$mls->control('touch', { resource => 'qobrix/properties', keys => [$owner] });
sql("SELECT status FROM mls_sync('crm')");
sql("UPDATE mls.media m SET state = 'refused' FROM mls.subscription s WHERE s.id = m.subscription AND s.source = 'crm' AND m.state = 'failed' AND m.key <> '$id'");
$mls->reset;
like(fetch('crm'), qr/^finished\|1\|1\|1\|/, 'another size of pictures');
is(join(' ', map { $_->{path} } grep { $_->{path} =~ m{^/media/} } $mls->requests), $href =~ s{/media/}{/media/t/large/}r, 'is asked for where the source says that it is');
sql("ALTER SERVER crm OPTIONS (DROP media_size)");
consistent('Qobrix, another size');
$mls->control('update', { resource => 'qobrix/media', keys => [$id], fields => { display_order => 10 } });
$mls->control('touch', { resource => 'qobrix/properties', keys => [$owner] });
sql("SELECT status FROM mls_sync('crm')");

# Another host than the source's is asked without its login, though the tenant says that it is there.
sql("SELECT mls_map_setting('crm', 'media_url', 'http://localhost:$mls->{port}')");
sql("SELECT mls_media_store('crm', 'photos', after_sync => false, grace => '0')");
$mls->reset;
like(fetch('crm'), qr/^finished\|0\|/, 'files on another host');
my @elsewhere = grep { $_->{path} eq $href } $mls->requests;
cmp_ok(scalar @elsewhere, '>', 0, 'are asked for there');
is((grep { $_->{status} != 401 || $_->{auth} ne 'none' || exists $_->{headers}{'X-Api-Key'} } @elsewhere) + 0, 0, 'without credentials');

done_testing();
