# Feeds: valid on dirty data, with numbers that last, guarded, and written only when they have changed.
use strict;
use warnings;

use Encode qw(decode);
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;

my $node = empty_node('main', restart_after_crash => 'on');
my $folder = "$PostgreSQL::Test::Utils::tmp_check/feeds";
mkdir $folder or die "$folder: $!";
$node->append_conf('postgresql.conf', "mls_fdw.file_directories = '$folder'\nmax_wal_senders = 0\nmls_fdw.allowed_hosts = '127.0.0.1'\n");
$node->start;

sub sql
{
	my ($sql, @more) = @_;
	return scalar $node->safe_psql('postgres', $sql, @more);
}

sub fails
{
	my ($sql, $expected, $name) = @_;
	return like(sql_error($node, $sql), $expected, $name);
}

sql(qq{
	CREATE EXTENSION mls_fdw;
	CREATE SERVER shop FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$folder', public_url 'https://feeds.example.com/f');
	CREATE SCHEMA office;
	CREATE TABLE office.listing (
		"ListingKey" text PRIMARY KEY, "ListingId" text, "StandardStatus" text DEFAULT 'Active', "PropertyType" text DEFAULT 'Residential', "PropertySubType" text,
		"ListPrice" numeric, "LeaseAmount" numeric, "LeaseAmountFrequency" text, "City" text DEFAULT 'Limassol', "StateOrProvince" text DEFAULT 'LM', "Country" text DEFAULT 'CY',
		"Latitude" numeric, "Longitude" numeric, "SubdivisionName" text, "StreetName" text, "PostalCode" text, "BedroomsTotal" bigint, "BathroomsTotalInteger" bigint,
		"LivingArea" numeric, "LivingAreaUnits" text, "LotSizeArea" numeric, "LotSizeUnits" text, "PublicRemarks" text, "X_RemarksRu" text, "X_RemarksEs" text, "X_TitleRu" text,
		"InteriorFeatures" text[], "InternetAddressDisplayYN" boolean, "InternetEntireListingDisplayYN" boolean, "ModificationTimestamp" timestamptz DEFAULT '2026-01-01');
	CREATE TABLE office.media (
		"MediaKey" text PRIMARY KEY, "ResourceName" text DEFAULT 'Property', "ResourceRecordKey" text, "MediaURL" text, "Order" bigint, "MediaCategory" text DEFAULT 'Photo', "Permission" text[]);
	CREATE INDEX ON office.media ("ResourceRecordKey");
	CREATE VIEW office.shown AS SELECT * FROM office.listing});

# A run of a feed: columns of what it returns.
sub write_feed
{
	my ($name, $columns, $more) = @_;
	return sql('SELECT ' . ($columns || 'status, written, unchanged, skipped, documents') . " FROM mls_feed_sync('$name'" . ($more || '') . ')');
}

sub document
{
	my ($name) = @_;
	return decode('UTF-8', slurp_file("$folder/$name"));
}

# A feed's document as its store gives it back.
sub slurp_bytes
{
	my ($feed) = @_;
	return pack 'H*', sql("SELECT encode(mls_store_get(store, path), 'hex') FROM mls_feed_status WHERE name = '$feed'");
}

# Listings of a document by the text of an element.
sub listings
{
	my ($name, $item, $id) = @_;
	my %found;
	my $text = document($name);
	while ($text =~ m{<\Q$item\E>(.*?)</\Q$item\E>}gs)
	{
		my $one = $1;
		$found{ $one =~ m{<\Q$id\E>(.*?)</\Q$id\E>} ? $1 : die "no $id in $one" } = $one;
	}
	return %found;
}

# Valid by a schema of the tests, as another program sees it.
sub valid
{
	my ($document, $schema, $name) = @_;
	my ($out, $err) = run_command([ 'xmllint', '--noout', '--huge', '--relaxng', "$ENV{MLS_TREE}/test/data/feeds/$schema.rng", "$folder/$document" ]);
	return is($err =~ s/^.* validates\n?//mr, '', "$name: $document is valid by $schema.rng");
}

sub reason
{
	my ($feed, $key) = @_;
	return sql("SELECT reason FROM mls_feed_report('$feed') WHERE key = '$key'");
}

# ---- Kyero, on dirty data ----

my $long = decode('UTF-8', 'Räume 🏠 & <so> ') x 6000;
sql(q{
	INSERT INTO office.listing ("ListingKey", "ListingId", "PropertySubType", "ListPrice", "Latitude", "Longitude", "SubdivisionName", "BedroomsTotal", "LivingArea", "LivingAreaUnits",
		"LotSizeArea", "LotSizeUnits", "PublicRemarks", "X_RemarksEs", "InteriorFeatures")
	SELECT 'k' || lpad(i::text, 3, '0'), 'A-' || i, 'Apartment', 100000 + i, 34.5 + i / 1000.0, 33.1, 'Marina', 2, 1000, 'Square Feet', 2, 'Acres', 'Flat ' || i, 'Piso ' || i, '{Lift,"Sea view & more"}'
	  FROM generate_series(1, 20) i;
	UPDATE office.listing SET "PublicRemarks" = E'bad \x01\x0b ' || chr(65534) || ' ]]> <b>bold</b><br>next &amp; "last"' WHERE "ListingKey" = 'k001';
	UPDATE office.listing SET "PublicRemarks" = repeat('Räume 🏠 & <so> ', 6000) WHERE "ListingKey" = 'k002';
	UPDATE office.listing SET "ListPrice" = 0 WHERE "ListingKey" = 'k003';
	UPDATE office.listing SET "PropertyType" = 'Residential Lease', "LeaseAmount" = 850, "LeaseAmountFrequency" = 'Weekly' WHERE "ListingKey" = 'k004';
	UPDATE office.listing SET "PropertyType" = 'Residential Lease', "LeaseAmount" = 12000, "LeaseAmountFrequency" = 'Annually' WHERE "ListingKey" = 'k005';
	UPDATE office.listing SET "PropertyType" = 'Residential Lease', "LeaseAmount" = 90, "LeaseAmountFrequency" = 'Daily' WHERE "ListingKey" = 'k006';
	UPDATE office.listing SET "InternetAddressDisplayYN" = false, "StreetName" = 'Secret Street' WHERE "ListingKey" = 'k007';
	UPDATE office.listing SET "InternetEntireListingDisplayYN" = false WHERE "ListingKey" = 'k008';
	UPDATE office.listing SET "StandardStatus" = 'Closed' WHERE "ListingKey" = 'k009';
	UPDATE office.listing SET "LivingArea" = 120, "LivingAreaUnits" = 'Square Meters', "LotSizeArea" = 5000, "LotSizeUnits" = 'Square Feet' WHERE "ListingKey" = 'k010';
	UPDATE office.listing SET "LivingArea" = 120, "LivingAreaUnits" = NULL, "LotSizeArea" = 0, "LotSizeUnits" = NULL WHERE "ListingKey" = 'k011';
	UPDATE office.listing SET "X_RemarksEs" = NULL WHERE "ListingKey" = 'k012';
	UPDATE office.listing SET "City" = ' ', "Latitude" = 0, "Longitude" = 0 WHERE "ListingKey" = 'k013';
	INSERT INTO office.media ("MediaKey", "ResourceRecordKey", "MediaURL", "Order", "MediaCategory", "Permission")
	VALUES ('m1', 'k001', 'https://cdn.example.com/2.jpg?a=1&b=2', 2, 'Photo', NULL), ('m2', 'k001', 'https://cdn.example.com/1.jpg', 1, 'Photo', '{Public}'),
		('m3', 'k001', 'https://cdn.example.com/private.jpg', 3, 'Photo', '{Private}'), ('m4', 'k001', 'https://cdn.example.com/plan.pdf', 4, 'Document', NULL),
		('m5', 'k001', 'https://user:secret@cdn.example.com/5.jpg', 5, 'Photo', NULL), ('m6', 'k001', 'javascript:alert(1)', 6, 'Photo', NULL), ('m7', 'k001', NULL, 7, 'Photo', NULL);
	SELECT mls_feed('es', 'kyero', 'office.shown', 'shop', 'portals/kyero.xml', languages => '{en,es}', texts => '{"description": {"en": "PublicRemarks", "es": "X_RemarksEs"}}',
		settings => '{"url": "https://www.example.com/{lang}/{key}"}', media => 'office.media')});
sql(q{UPDATE office.listing SET "City" = NULL, "StateOrProvince" = 'LM' WHERE "ListingKey" = 'k014'});
like(sql("SELECT listing FROM mls_feed_preview('es', 1)"), qr{^<property><id>0</id>.*<price>100001</price>.*</property>$}s, 'a preview');
is(sql("SELECT count(*) FROM mls.feed_listing"), '0', 'which writes nothing');
is(write_feed('es'), 'finished|14|0|6|1', 'the first feed');
valid('portals/kyero.xml', 'kyero', 'on dirty data');
my %kyero = listings('portals/kyero.xml', 'property', 'ref');
is(sql("SELECT string_agg(key || ': ' || reason, e'\\n' ORDER BY key) FROM mls_feed_report('es') WHERE state = 'skipped'"), join("\n",
	'k003: price is missing', 'k006: a rent that is paid Daily is not taken', 'k008: it may not be shown on the internet (InternetEntireListingDisplayYN)',
	'k009: it is not on the market: Closed', 'k013: town is missing', 'k014: town is missing'), 'what is left out, and why');
is(sql("SELECT written, skipped, stripped, state FROM mls_feed_status"), '14|6|3|written', 'its status counts characters that XML does not allow');
like($kyero{'A-1'}, qr{<desc><en>bad  +\]\]&gt; bold\nnext &amp; &quot;last&quot;</en><es>Piso 1</es></desc>}, 'tags and entities of HTML are gone, the rest is escaped');
my ($cut) = $kyero{'A-2'} =~ m{<desc><en>(.*?)</en>}s;
(my $plain = $cut) =~ s/&amp;/&/g;
$plain =~ s/&lt;/</g;
$plain =~ s/&gt;/>/g;
is($plain, substr($long, 0, 10000), 'a long text is cut at characters, never in an entity');
like($kyero{'A-4'}, qr{<price>850</price><currency>EUR</currency><price_freq>week</price_freq>}, 'a rent by the week');
like($kyero{'A-5'}, qr{<price>1000</price><currency>EUR</currency><price_freq>month</price_freq>}, 'a rent by the year');
like($kyero{'A-1'}, qr{<price>100001</price><currency>EUR</currency><price_freq>sale</price_freq>.*<type>Apartment</type><town>Limassol</town><province>LM</province><country>CY</country><location><latitude>34.501</latitude><longitude>33.1</longitude></location>}, 'a sale');
like($kyero{'A-1'}, qr{<surface_area><built>93</built><plot>8094</plot></surface_area>}, 'square feet and acres become square metres');
like($kyero{'A-10'}, qr{<surface_area><built>120</built><plot>465</plot></surface_area>}, 'square metres stay');
unlike($kyero{'A-11'}, qr{surface_area}, 'an area without a unit, or of 0, is not known');
unlike(document('portals/kyero.xml'), qr/Secret Street/, 'an address that may not be shown is not');
unlike($kyero{'A-7'}, qr{<location>}, 'nor where it is');
unlike($kyero{'A-12'}, qr{<es>Piso|<desc>.*<es>}, 'a text that is missing in a language is left out');
like($kyero{'A-12'}, qr{<url><en>https://www\.example\.com/en/k012</en><es>https://www\.example\.com/es/k012</es></url>}, 'addresses');
is(join(' ', $kyero{'A-1'} =~ m{<images>(.*)</images>}s),
	'<image id="1"><url>https://cdn.example.com/1.jpg</url></image><image id="2"><url>https://cdn.example.com/2.jpg?a=1&amp;b=2</url></image>', 'public photos in their order, and no others');
like($kyero{'A-1'}, qr{<feature>Lift</feature><feature>Sea view &amp; more</feature>}, 'features');
is((stat "$folder/portals/kyero.xml")[2] & 07777, 0640, 'a web server of the group can read it');

# ---- Nothing has changed; something has ----

my $before = [ stat "$folder/portals/kyero.xml" ];
my $rows = sql("SELECT md5(string_agg(ctid::text || xmin::text, ' ' ORDER BY key)) FROM mls.feed_listing");
is(write_feed('es', 'status, written, unchanged, documents, message'), 'finished|14|14|0|nothing has changed', 'an unchanged run writes no document');
is_deeply([ (stat "$folder/portals/kyero.xml")[ 1, 9 ] ], [ @$before[ 1, 9 ] ], 'the document is the same file');
is(sql("SELECT md5(string_agg(ctid::text || xmin::text, ' ' ORDER BY key)) FROM mls.feed_listing"), $rows, 'and no row of a listing is written');

sub ids
{
	return map { my ($id) = m{<id>(\d+)</id>}; my ($ref) = m{<ref>(.*?)</ref>}; ($ref => $id) } values %{ { listings('portals/kyero.xml', 'property', 'ref') } };
}

sub dates
{
	my %listing = listings('portals/kyero.xml', 'property', 'ref');
	return map { my ($date) = $listing{$_} =~ m{<date>(.*?)</date>}; ($_ => $date) } keys %listing;
}
my %id = ids();
is(join(',', sort { $a <=> $b } values %id), join(',', 1 .. 14), 'numbers from 1 on, in the order of keys');
sql(q{UPDATE mls.feed_listing SET changed_at = '2026-01-02 03:04:05+00'});
sql(q{UPDATE office.listing SET "ListPrice" = 5 WHERE "ListingKey" = 'k001'; UPDATE office.listing SET "ModificationTimestamp" = now() WHERE "ListingKey" = 'k002';
	DELETE FROM office.listing WHERE "ListingKey" = 'k010'});
is(write_feed('es'), 'finished|13|12|6|1', 'one has changed, one has gone');
my %date = dates();
is($date{'A-2'}, '2026-01-02 03:04:05', 'the date of a listing that says the same stays');
isnt($date{'A-1'}, '2026-01-02 03:04:05', 'that of one that has changed moves');
ok(!exists $date{'A-10'}, 'what was withdrawn is not in the next feed');

# ---- Numbers that last ----

sql(q{INSERT INTO office.listing ("ListingKey", "ListingId", "PropertySubType", "ListPrice") VALUES ('k010', 'A-10', 'Apartment', 7), ('k0005', 'A-0', 'Apartment', 8)});
is(write_feed('es'), 'finished|15|13|6|1', 'one has come back, one is new');
my %later = ids();
is($later{'A-10'}, $id{'A-10'}, 'the one that came back has its number');
is($later{'A-0'}, 15, 'a new one has the next');
is(join(',', map { $later{$_} } sort keys %id), join(',', map { $id{$_} } sort keys %id), 'all others have theirs');
sql(q{ALTER VIEW office.shown RENAME TO window_front; ALTER SERVER shop RENAME TO store_front; CREATE TABLE office.copy AS TABLE office.listing; TRUNCATE office.listing});
fails("SELECT * FROM mls_feed_sync('es')", qr/server "shop" does not exist/, 'a store that was renamed is missing');
my $again = q{SELECT mls_feed('es', 'kyero', 'office.window_front', 'store_front', 'portals/kyero.xml', languages => '{en,es}', texts => '{"description": {"en": "PublicRemarks", "es": "X_RemarksEs"}}',
		settings => '{"url": "https://www.example.com/{lang}/{key}"}', media => 'office.media')};
sql($again);
sql(q{INSERT INTO office.listing SELECT * FROM office.copy});
is(write_feed('es'), 'finished|15|15|6|1', 'after a rebuild, under other names');
is_deeply({ ids() }, \%later, 'all have their numbers');
is(sql(q{SELECT mls_feed_ids('es', '{new-1,k010}', '{500,501}')}), '2', 'numbers that a portal knows already');
sql(q{INSERT INTO office.listing ("ListingKey", "ListingId", "PropertySubType", "ListPrice") VALUES ('new-1', 'N-1', 'Apartment', 7), ('new-2', 'N-2', 'Apartment', 8)});
write_feed('es');
%later = ids();
is("$later{'N-1'} $later{'A-10'} $later{'N-2'}", '500 501 502', 'are kept, and new ones go on behind');
fails(q{SELECT mls_feed_ids('es', '{other}', '{501}')}, qr/23505: a number is one listing's/, 'a number is given once');
fails(q{SELECT mls_feed_ids('es', '{a,b}', '{900,900}')}, qr/23505/, 'in one call, too');

# ---- Half of gold is missing ----

$before = document('portals/kyero.xml');
sql(q{CREATE TABLE office.away AS SELECT * FROM office.listing WHERE "ListingKey" > 'k005'; DELETE FROM office.listing WHERE "ListingKey" > 'k005'});
fails("SELECT * FROM mls_feed_sync('es')", qr/55000: feed "es" was not written: it would have 5 listings, where it had 17.*mls_feed_sync\('es', force => true\)/s, 'a feed that would be half empty is refused');
is(document('portals/kyero.xml'), $before, 'the old one stays');
like(sql(q{SELECT level || ' ' || message FROM mls_health() WHERE item = 'feeds'}), qr/^critical es was not written.*force => true/s, 'and health is critical, with a cure');
is(sql(q{SELECT state FROM mls_feed_status}), 'refused', 'its status says so');
sql(q{INSERT INTO office.listing SELECT * FROM office.away});
is(write_feed('es'), 'finished|17|5|6|0', 'when they are back it is as before');
is(sql(q{SELECT level FROM mls_health() WHERE item = 'feeds'}), 'ok', 'and all is well');
sql(q{DELETE FROM office.listing WHERE "ListingKey" > 'k005'});
is(write_feed('es', undef, ', force => true'), 'finished|5|5|1|1', 'who forces it has it written');
sql(q{INSERT INTO office.listing SELECT * FROM office.away; DROP TABLE office.away});
is(write_feed('es'), 'finished|17|5|6|1', 'more are no reason to refuse');

# ---- Killed while it writes ----

sql(q{CREATE FUNCTION office.slow(key text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_lock_shared(99); PERFORM pg_advisory_unlock_shared(99); RETURN key; END $$;
	CREATE OR REPLACE VIEW office.window_front AS SELECT office.slow("ListingKey") AS "ListingKey", "ListingId", "StandardStatus", "PropertyType", "PropertySubType",
		"ListPrice" + 1 AS "ListPrice", "LeaseAmount", "LeaseAmountFrequency", "City", "StateOrProvince", "Country", "Latitude", "Longitude", "SubdivisionName", "StreetName", "PostalCode",
		"BedroomsTotal", "BathroomsTotalInteger", "LivingArea", "LivingAreaUnits", "LotSizeArea", "LotSizeUnits", "PublicRemarks", "X_RemarksRu", "X_RemarksEs", "X_TitleRu",
		"InteriorFeatures", "InternetAddressDisplayYN", "InternetEntireListingDisplayYN", "ModificationTimestamp" FROM office.listing});
$before = document('portals/kyero.xml');
my $holder = start_psql($node, 'SELECT pg_advisory_lock(99); SELECT pg_sleep(600)');
$node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM pg_locks WHERE locktype = \'advisory\' AND objid = 99 AND granted') or die;
my $running = start_psql($node, q{SELECT * FROM mls_feed_sync('es')});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 99 AND NOT granted}) or die 'it does not wait';
is(sql(q{SELECT process, resource, phase FROM mls_progress}), 'feed|es|writing', 'it is in mls_progress');
fails("SELECT * FROM mls_feed_sync('es')", qr/55006: another feed of "es" is at work/, 'a second one says so');
sql(q{SELECT pg_cancel_backend(pid) FROM mls_progress});
like(end_psql($running), qr/57014/, 'cancelled');
is(sql(q{SELECT status FROM mls_history WHERE process = 'feed' ORDER BY run DESC LIMIT 1}), 'cancelled', 'its history says so');
$running = start_psql($node, q{SELECT * FROM mls_feed_sync('es')});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 99 AND NOT granted}) or die 'it does not wait';
kill 'KILL', sql(q{SELECT pid FROM mls_progress});
end_psql($running);
end_psql($holder);
$node->poll_query_until('postgres', 'SELECT true') or die 'the server did not come back';
is(document('portals/kyero.xml'), $before, 'the old document is whole');
is(write_feed('es'), 'finished|18|2|5|1', 'the next run writes the new one');
is(sql(q{SELECT string_agg(status, ',' ORDER BY run) FROM (SELECT * FROM mls_history WHERE process = 'feed' ORDER BY run DESC LIMIT 2) h}), 'crashed,finished', 'and the history has both');
is(join(' ', grep { !/kyero\.xml$/ } glob("$folder/portals/* $folder/portals/.mls*")), '', 'nothing is left beside it');
sql(q{CREATE OR REPLACE VIEW office.window_front AS SELECT * FROM office.listing});
unlink "$folder/portals/kyero.xml";
write_feed('es');
ok(-e "$folder/portals/kyero.xml", 'a document that somebody has removed is written again');
is(write_feed('es', 'documents'), '0', 'once');

# ---- Two tenants ----

sql(qq{
	CREATE ROLE east LOGIN; CREATE ROLE west LOGIN;
	SELECT mls_grant('east'), mls_grant('west');
	CREATE SCHEMA east AUTHORIZATION east; CREATE SCHEMA west AUTHORIZATION west;
	GRANT USAGE ON FOREIGN SERVER store_front TO east, west;
	GRANT USAGE ON SCHEMA office TO east, west;
	GRANT SELECT ON office.listing TO east, west;
	ALTER TABLE office.listing ENABLE ROW LEVEL SECURITY;
	CREATE POLICY east ON office.listing TO east USING ("ListingKey" < 'k011');
	CREATE POLICY west ON office.listing TO west USING ("ListingKey" >= 'k011')});
my @as_east = (extra_params => [ '-U', 'east' ]);
my @as_west = (extra_params => [ '-U', 'west' ]);
sql(qq{SELECT mls_feed('feed_$_->[0]', 'kyero', 'office.listing', 'store_front', '$_->[0].xml')}, extra_params => [ '-U', $_->[0] ]) for [ 'east' ], [ 'west' ];
sql(q{SELECT * FROM mls_feed_sync()}, @as_east);
sql(q{SELECT * FROM mls_feed_sync()}, @as_west);
my %east = listings('east.xml', 'property', 'ref');
my %west = listings('west.xml', 'property', 'ref');
is(scalar(grep { $west{$_} } keys %east), 0, 'feeds of two tenants share no listing');
is(keys(%east) + keys(%west), 17, 'and have all together');
is(sql(q{SELECT string_agg(name, ',') FROM mls_feed_status}, @as_east), 'feed_east', 'a tenant sees its own feed');
is(sql(q{SELECT count(*) FROM mls_feed_report('feed_west')}, @as_east), '0', 'and no report of another');
is(sql(q{SELECT count(*) FROM mls_history WHERE resource = 'feed_west'}, @as_east), '0', 'nor its history');
for my $call (q{mls_feed_preview('feed_west')}, q{mls_feed_sync('feed_west')}, q{mls_unfeed('feed_west')}, q{mls_feed_ids('feed_west', '{a}', '{1}')},
	q{mls_feed_element('kyero', 'x', '1', feed => 'feed_west')}, q{mls_feed('feed_west', 'kyero', 'office.listing', 'store_front', 'x.xml')})
{
	my ($status, $out, $err) = $node->psql('postgres', "SELECT * FROM $call", @as_east);
	like($err, qr/there is no feed "feed_west" of yours/, "$call of another");
}
my ($status, $out, $err) = $node->psql('postgres', q{SELECT mls_feed_element('kyero', 'x', '1')}, @as_east);
like($err, qr/permission denied for format "kyero"/, 'what all feeds of a format have is not a tenant\'s to change');
($status, $out, $err) = $node->psql('postgres', q{SELECT mls_feed('mine', 'kyero', 'office.listing', 'store_front', 'west.xml')}, @as_east);
like($err, qr/another feed is written to "west.xml"/, 'nor where another feed is written');
# A format of a stranger would run his expressions as the owner of the feed.
sql(q{SELECT mls_feed_format('trap', '<a>', 'b', '</a>'), mls_feed_element('trap', 'c', 'current_user::text')}, @as_west);
($status, $out, $err) = $node->psql('postgres', q{SELECT mls_feed('mine', 'trap', 'office.listing', 'store_front', 'mine.xml')}, @as_east);
like($err, qr/there is no format "trap"/, 'nobody has his listings written in the format of a stranger');

# Nor does a superuser, whom every role counts as its member: by a new feed, by one whose format changes hands, or by taking over elements.
fails(q{SELECT mls_feed('mine', 'trap', 'office.listing', 'store_front', 'mine.xml')}, qr/42704: there is no format "trap".*Formats: (?!.*trap)/s, 'neither has a superuser');
fails(q{SELECT mls_feed_format('copy', '<a>', 'b', '</a>', "like" => 'trap')}, qr/42704: there is no format "trap"/, 'nor takes he its elements over');
fails(q{BEGIN; SELECT mls_feed_format('once_mine', '<a>', 'b', '</a>'), mls_feed_element('once_mine', 'c', 'listing.key'), mls_feed('once', 'once_mine', 'office.listing', 'store_front', 'once.xml');
	UPDATE mls.feed_format SET owner = 'west' WHERE format = 'once_mine'; SELECT * FROM mls_feed_preview('once')}, qr/42501: role ".*" may not use the format of feed "once"/, 'nor is one used that became a stranger\'s');
is(sql(q{BEGIN; GRANT west TO east; SET LOCAL ROLE east; SELECT mls_feed('mine', 'trap', 'office.listing', 'store_front', 'mine.xml'); SELECT count(*) > 0 FROM mls_feed_preview('mine'); ROLLBACK}), "\nt", 'who was made a member may');

# Whoever reads a view runs what is in it.
sql(q{CREATE FUNCTION west.look(k text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN RAISE WARNING 'STOLEN'; END IF; RETURN k; END $$;
	CREATE VIEW west.bait AS SELECT west.look("ListingKey") AS "ListingKey", "ListPrice" FROM office.listing; CREATE VIEW west.inner AS SELECT * FROM west.bait;
	GRANT USAGE ON SCHEMA west TO PUBLIC; GRANT SELECT ON west.bait, west.inner TO PUBLIC}, @as_west);
fails(q{SELECT mls_feed('bait', 'kyero', 'west.inner', 'store_front', 'bait.xml', min_share => 0)}, qr/^(?!.*STOLEN).*42501: .*west\.bait runs code of role "west"/s, 'a feed over a stranger\'s view runs none of his code');

# ---- Elements of one's own ----

sql(q{SELECT mls_feed_element('kyero', 'agent/name', 'r."City" || ''!''', feed => 'feed_east', max_length => 4), mls_feed_element('kyero', 'beds', NULL, feed => 'feed_east'),
	mls_feed_element('kyero', 'energy_rating/consumption', 'r."PostalCode"', feed => 'feed_east', default_value => 'X')}, @as_east);
sql(q{SELECT * FROM mls_feed_sync()}, @as_east);
%east = listings('east.xml', 'property', 'ref');
like($east{'A-1'}, qr{<agent><name>Lima</name></agent>}, 'an element of one\'s own');
like($east{'A-1'}, qr{<energy_rating><consumption>X</consumption></energy_rating>}, 'a default');
unlike($east{'A-1'}, qr{<beds>}, 'one that is not wanted');
like(document('west.xml'), qr{<beds>}, 'other feeds have it');
sql(q{SELECT mls_feed_element_remove('kyero', 'beds', feed => 'feed_east')}, @as_east);
sql(q{SELECT * FROM mls_feed_sync()}, @as_east);
like(document('east.xml'), qr{<beds>}, 'and it comes back');
for my $wrong (
	[ '(SELECT 1)', qr/0A000: a feed cannot use subqueries/ ],
	[ 'count(*)', qr/22023: .*no aggregates/s ],
	[ 'random()', qr/22023: .*volatile/s ],
	[ '"City"', qr/stands without its row in an expression of a feed/ ],
	[ 'r."Ctiy"', qr/42703: there is no column r\.Ctiy for the element/ ],
	[ 'setting.nothing', qr/there is no column setting\.nothing/ ],
	[ 'r."City" FROM office.listing', qr/must be an expression alone|syntax error/ ],
	[ 'feed.id::text || r."City"', qr/uses feed, and more/ ],
	[ 'r."InteriorFeatures"', qr/is made of an array/ ],
	[ '1 +', qr/42601/ ])
{
	fails("SELECT mls_feed_element('kyero', 'odd', '" . ($wrong->[0] =~ s/'/''/gr) . "', feed => 'es')", $wrong->[1], "an expression that cannot be: $wrong->[0]");
}
# An element of a format is set though there is no feed of it yet, and though all feeds of it are others'.
sql(q{SELECT mls_feed_element('trap', 'd', 'listing.key')}, @as_west);
is(sql(q{SELECT string_agg(path, ',' ORDER BY path) FROM mls.feed_element WHERE format = 'trap'}), 'c,d', 'an element of a format that no feed has');
is(sql(q{BEGIN; GRANT west TO east; GRANT pg_monitor TO west; SET LOCAL ROLE east; SELECT mls_feed('mine', 'trap', 'office.listing', 'store_front', 'mine.xml');
	SET LOCAL ROLE west; SELECT mls_feed_element('trap', 'e', 'listing.key'); SELECT count(*) FROM mls.feed_element WHERE path = 'e'; ROLLBACK}), "\n\n1", 'or that those of others have');
fails(qq{SELECT mls_feed_element('kyero', '$_', '1', feed => 'es')}, qr/is no path of an element/, "no path: $_") for '', 'a b', '../x', 'a/@b/c', 'a*/b*', '<x>', 'a//b';
is(sql(q{SELECT count(*) FROM mls.feed_element WHERE NOT shipped AND path = 'odd'}), '0', 'and nothing of it stays');

# ---- What is refused ----

for my $wrong (
	[ q{'x y', 'kyero', 'office.listing', 'store_front', 'a.xml'}, qr/is no name for a feed/ ],
	[ q{'x', 'kyiro', 'office.listing', 'store_front', 'a.xml'}, qr/there is no format "kyiro"/ ],
	[ q{'x', 'kyero', 'office.listing', 'nowhere', 'a.xml'}, qr/server "nowhere" does not exist/ ],
	[ q{'x', 'kyero', 'office.listing', 'store_front', '../a.xml'}, qr/is no name of a document/ ],
	[ q{'x', 'kyero', 'office.listing', 'store_front', 'ab/a.xml'}, qr/is no name of a document/ ],
	[ q{'x', 'kyero', 'office.listing', 'store_front', 'a.xml', key => 'Key'}, qr/has no column "Key"/ ],
	[ q{'x', 'kyero', 'office.listing', 'store_front', 'a.xml', newest_by => 'When'}, qr/has no column "When"/ ],
	[ q{'x', 'kyero', 'office.listing', 'store_front', 'a.xml', languages => '{english}'}, qr/1 to 20 different languages/ ],
	[ q{'x', 'kyero', 'office.listing', 'store_front', 'a.xml', texts => '{"title": {"ru": "X"}}'}, qr/texts are columns by text and language/ ],
	[ q{'x', 'kyero', 'office.listing', 'store_front', 'a.xml', texts => '{"title": {"en": "X_No"}}'}, qr/has no column "X_No"/ ],
	[ q{'x', 'kyero', 'office.listing', 'store_front', 'a.xml', media => 'office.listing'}, qr/has not what media have/ ],
	[ q{'x', 'kyero', 'office.listing', 'store_front', 'a.xml', min_share => 2}, qr/min_share is 0 to 1/ ])
{
	fails("SELECT mls_feed($wrong->[0])", $wrong->[1], "refused: $wrong->[0]");
}
sql(q{CREATE VIEW office.twice AS SELECT l.* FROM office.listing l, generate_series(1, 2); SELECT mls_feed('twice', 'kyero', 'office.twice', 'store_front', 'twice.xml')});
fails("SELECT * FROM mls_feed_sync('twice')", qr/21000: office.twice has several rows with the key "k0005"/, 'a listing that comes twice');
like(sql(q{SELECT level || ' ' || message FROM mls_health() WHERE item = 'feeds'}), qr/^warning twice /, 'health says that it failed');
sql(q{SELECT mls_unfeed('twice')});
is(sql(q{SELECT count(*) FROM mls.feed WHERE name = 'twice'}), '0', 'a feed is forgotten');

# ---- The other formats ----

sql(q{UPDATE office.listing SET "X_RemarksRu" = 'Квартира у моря & <b>рядом</b>' || E'\nвторая строка', "X_TitleRu" = 'Квартира' WHERE "ListingKey" = 'k001';
	UPDATE office.listing SET "PublicRemarks" = 'A bright flat near the sea, with a lift.' WHERE "ListingKey" IN ('k011', 'k012');
	UPDATE office.listing SET "PropertySubType" = 'Unimproved Land', "PropertyType" = 'Land' WHERE "ListingKey" = 'k015';
	UPDATE office.listing SET "StreetName" = 'Harbour Road', "PostalCode" = '3040' WHERE "ListingKey" > 'k010';
	UPDATE office.listing SET "LivingAreaUnits" = 'Square Meters', "LotSizeArea" = 4047, "LotSizeUnits" = 'Square Meters' WHERE "ListingKey" = 'k011';
	SELECT mls_feed('ru', 'homesoverseas', 'office.window_front', 'store_front', 'ho.xml', languages => '{ru,en}', settings => '{"region": 73}', media => 'office.media',
		texts => '{"description": {"ru": "X_RemarksRu", "en": "PublicRemarks"}, "title": {"ru": "X_TitleRu"}}'),
	mls_feed('ads', 'trovit', 'office.window_front', 'store_front', 'trovit.xml', settings => '{"url": "https://www.example.com/{key}"}', media => 'office.media'),
	mls_feed('zillow', 'zillow', 'office.window_front', 'store_front', 'zillow.xml', settings => '{"url": "https://www.example.com/{key}"}', media => 'office.media'),
	mls_feed('common', 'reso', 'office.window_front', 'store_front', 'reso.json', media => 'office.media'),
	mls_feed('map', 'sitemap', 'office.window_front', 'store_front', 'sitemap.xml', settings => '{"url": "https://www.example.com/{key}"}', media => 'office.media')});
is(write_feed('ru', 'status, written, skipped'), 'finished|20|3', 'HomesOverseas');
valid('ho.xml', 'homesoverseas', 'HomesOverseas');
my %object = listings('ho.xml', 'object', 'ref');
my ($flat, $sea, $line) = map { decode('UTF-8', $_) } 'Квартира', 'Квартира у моря &amp; рядом', 'вторая строка';
like($object{'A-1'}, qr{<title><ru>$flat</ru><en>$flat</en></title><type>sale</type><market>secondary</market>}, 'a title that one language lacks is that of another');
like($object{'A-1'}, qr{<description><ru><!\[CDATA\[$sea<br/>$line\]\]></ru><en><!\[CDATA\[bad  .*\]\]&gt; bold<br/>next &amp; "last"\]\]></en></description>}, 'line breaks become tags, all else is text');
like($object{'A-2'}, qr{<annotation><ru>R.ume}, 'a description, too');
like($object{'A-4'}, qr{<price><week>850</week></price><currency>eur</currency><region>73</region><realty_type>16</realty_type>}, 'a rent stands in its period');
like($object{'A-6'}, qr{<price><day>90</day></price>}, 'also one by the day');
like($object{'A-5'}, qr{<price><year>12000</year></price>}, 'and by the year');
like($object{'A-15'}, qr{<realty_type>15</realty_type>}, 'land');
is(reason('ru', 'k003'), 'its price is missing', 'no price is written as 0');
my ($html) = $object{'A-2'} =~ m{<description><ru><!\[CDATA\[(.*?)\]\]>}s;
cmp_ok(length $html, '<=', 65536, 'a description of 102,000 characters is cut');
unlike($html, qr/&(?!(amp|lt|gt);)|<(?!br\/>)/, 'and no entity or tag with it');
sql(q{SELECT mls_feed('ru', 'homesoverseas', 'office.window_front', 'store_front', 'ho.xml', languages => '{ru,en}', settings => '{"region": 73}', max_listings => 3, newest_by => 'ListPrice',
	texts => '{"description": {"ru": "X_RemarksRu", "en": "PublicRemarks"}}', falls_back => false, min_share => 0)});
write_feed('ru');
is(join(' ', sort keys %{ { listings('ho.xml', 'object', 'ref') } }), 'A-18 A-19 A-20', 'where not all are wanted, those of the largest values');
unlike(document('ho.xml'), qr{<description><ru>}, 'and languages do not fall back where the feed says so');

write_feed('ads');
valid('trovit.xml', 'trovit', 'Trovit');
my %ad = listings('trovit.xml', 'ad', 'url');
is(join(' ', sort keys %ad), join(' ', map { "https://www.example.com/k$_" } qw(002 011 012)), 'Trovit takes homes with a description of 30 characters');
is(reason('ads', 'k015'), 'it is no home: Unimproved Land', 'land is none');
is(reason('ads', 'k016'), 'its description has less than 30 characters', 'a short description');
like($ad{'https://www.example.com/k011'}, qr{<title>Apartment in Limassol</title><type>For Sale</type>.*<price currency="EUR">100011</price>.*<floor_area unit="meters">120</floor_area>}s, 'an ad');

sql(q{SELECT mls_feed('zillow', 'zillow', 'office.window_front', 'store_front', 'zillow.xml', settings => '{"url": "https://www.example.com/{key}", "currency": "EUR"}')});
is(write_feed('zillow', 'status, written'), 'finished|0', 'Zillow takes no euros');
is(reason('zillow', 'k011'), 'prices in EUR are not taken', 'which the report says');
sql(q{SELECT mls_feed('zillow', 'zillow', 'office.window_front', 'store_front', 'zillow.xml', settings => '{"url": "https://www.example.com/{key}"}', media => 'office.media')});
is(write_feed('zillow', 'status, written'), 'finished|10', 'dollars it takes');
valid('zillow.xml', 'zillow', 'Zillow');
my %zillow = listings('zillow.xml', 'Listing', 'MlsId');
like($zillow{'A-11'}, qr{<Location><StreetAddress>Harbour Road</StreetAddress><City>Limassol</City><State>LM</State><Zip>3040</Zip>.*<LivingArea>1292</LivingArea><LotSize>1</LotSize>}s, 'areas in square feet and acres');

write_feed('common');
my ($json, $problem) = run_command([ 'python3', '-c', q{
import json, sys
d = json.load(open(sys.argv[1], encoding='utf-8'))
v = {r['ListingKey']: r for r in d['value']}
print(d['@reso.context'], len(d['value']), len(v))
print(v['k001']['Media'][0]['MediaURL'], v['k001']['ListPrice'], v['k001']['InteriorFeatures'][0], 'Latitude' in v['k007'], 'StreetName' in v['k007'], 'k008' in v, 'Media' in v['k002'])
print('\x01' in v['k001']['PublicRemarks'], len(v['k002']['PublicRemarks']))
}, "$folder/reso.json" ]);
is($json . $problem, "urn:reso:metadata:2.0:resource:property 22 22\nhttps://cdn.example.com/1.jpg 5 Lift False False False False\nTrue 90000", 'RESO Common Format, as Python reads it');

sql(q{CREATE VIEW office.confidential AS SELECT *, 'call the owner' AS "PrivateRemarks", '1234' AS "LockBoxSerialNumber" FROM office.listing;
	SELECT mls_feed('confidential', 'reso', 'office.confidential', 'store_front', 'confidential.json'), mls_feed_element('reso', 'X_TitleRu', 'r."X_TitleRu"', feed => 'confidential')});
write_feed('confidential');
unlike(document('confidential.json'), qr/PrivateRemarks|LockBox|X_RemarksRu/, 'private and local fields are not among all');
like(document('confidential.json'), qr/"X_TitleRu": "/, 'unless they are named');

is(write_feed('map', 'status, written, documents'), 'finished|21|2', 'a sitemap is an index and its documents');
valid('sitemap-1.xml', 'sitemap', 'sitemap');
like(document('sitemap.xml'), qr{<sitemap><loc>https://feeds\.example\.com/f/sitemap-1\.xml</loc><lastmod>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ</lastmod></sitemap>}, 'the index');
like(document('sitemap-1.xml'), qr{<url><loc>https://www\.example\.com/k001</loc><lastmod>2026-01-01T00:00:00Z</lastmod><image:image><image:loc>https://cdn\.example\.com/1\.jpg</image:loc></image:image>}, 'a page');
is(write_feed('map', 'documents'), '0', 'unchanged, it is not written');
sql(q{CREATE VIEW office.pages AS SELECT i::text AS "ListingKey" FROM generate_series(1, 50001) i; SELECT mls_feed('pages', 'sitemap', 'office.pages', 'store_front', 'p/pages.xml', settings => '{"url": "https://www.example.com/{key}"}')});
is(write_feed('pages', 'written, documents'), '50001|3', '50,001 pages make two documents');
is(() = (document('p/pages-1.xml') =~ /<url>/g), 50000, 'the first is full');
is(() = (document('p/pages-2.xml') =~ /<url>/g), 1, 'the second has the rest');
sql(q{CREATE OR REPLACE VIEW office.pages AS SELECT i::text AS "ListingKey" FROM generate_series(1, 49000) i});
is(write_feed('pages', 'written, documents'), '49000|2', 'with less');
ok(!-e "$folder/p/pages-2.xml", 'the document that is not needed any more is gone');

# A sitemap writes and deletes numbered documents, so those are its own.
my $site = q{settings => '{"url": "https://www.example.com/{key}"}'};
fails(qq{SELECT mls_feed('other', '$_->[0]', 'office.pages', 'store_front', '$_->[1]', $site)}, qr/42710: another feed is written to "\Q$_->[1]\E" of store "store_front".*map-1\.xml/s, "$_->[0] as $_->[1]: $_->[2]")
	for [ 'kyero', 'p/pages-1.xml', 'a document of a sitemap' ], [ 'kyero', 'p/pages-77.xml', 'one that it may write' ], [ 'sitemap', 'p/pages-2.xml', 'also for a sitemap' ];
sql(qq{BEGIN; SELECT mls_feed('other', 'kyero', 'office.pages', 'store_front', '$_', $site); ROLLBACK}) for 'p/pages-.xml', 'p/pages-1.json', 'pages-1.xml', 'p/pages-1-1.xml', 'p/pages-01.xml';
fails(qq{BEGIN; SELECT mls_feed('other', 'kyero', 'office.pages', 'store_front', 'q/m-3.xml', $site), mls_feed('more', 'sitemap', 'office.pages', 'store_front', 'q/m.xml', $site)}, qr/42710: another feed is written to "q\/m\.xml"/, 'a sitemap whose documents would be another feed');

# A format of one's own, with the elements of another.
sql(q{SELECT mls_feed_format('mine', '<list made="{now}">', 'flat', '</list>', "like" => 'trovit', id_path => 'id', settings => '{"currency": "GBP", "area_unit": null, "url": null, "photos": null}'),
	mls_feed_element('mine', 'content', NULL), mls_feed_element('mine', '!content', NULL), mls_feed_element('mine', 'url', 'listing.key'), mls_feed_element('mine', '@city', 'r."City"'),
	mls_feed_element('mine', 'kind', 'r."PropertySubType"', value_map => '{"apartment": "flat"}', missing => 'listing'),
	mls_feed('own', 'mine', 'office.window_front', 'store_front', 'own.xml')});
is(write_feed('own', 'status'), 'finished', 'a format of one\'s own');
like(document('own.xml'), qr{<list made="\d{4}-.*<flat city="Limassol"><id>\d+</id><url>k001</url>.*<price currency="GBP">5</price>.*<kind>flat</kind></flat>}s, 'has what it says');
is(write_feed('own', 'documents'), '0', 'the time in its head is no change');
sql(q{SELECT mls_feed_format('mine', '<list made="{now}">', 'flat', '</list>', content_type => 'text/xml', id_path => 'id', settings => '{"currency": "GBP", "area_unit": null, "url": null, "photos": null}')});
is(write_feed('own', 'documents'), '1', 'another content type is one');
is(write_feed('own', 'documents'), '0', 'once');

sql(qq{SELECT mls_feed('beside', 'kyero', 'office.pages', 'store_front', 'own-2.xml', $site)});
fails(q{SELECT mls_feed_format('mine', '<list made="{now}">', 'flat', '</list>', kind => 'sitemap')}, qr/42710: another feed is written to "own\.xml"/, 'it becomes no sitemap whose documents would be another feed');
sql(q{SELECT mls_unfeed('beside'); SELECT mls_feed_format('mine', '<list made="{now}">', 'flat', '</list>', content_type => 'text/xml', kind => 'sitemap', id_path => 'id', settings => '{"currency": "GBP", "area_unit": null, "url": null, "photos": null}')});
is(write_feed('own', 'documents'), '2', 'else it may');
{
	my $first = $node->background_psql('postgres');
	my $second = $node->background_psql('postgres', on_error_stop => 0);
	$first->query_safe(qq{BEGIN; SELECT mls_feed('first', 'kyero', 'office.pages', 'store_front', 'q/m-3.xml', $site)});
	$second->query_until(qr/begun/, qq{\\echo begun\nSELECT mls_feed('second', 'sitemap', 'office.pages', 'store_front', 'q/m.xml', $site);\n});
	ok($node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'second'}), 'who adds a feed waits for another');
	$first->query_safe('COMMIT');
	$first->quit;
	$second->quit;
}
is(sql(q{SELECT string_agg(name, ' ') FROM mls_feed_status WHERE path LIKE 'q/%'}), 'first', 'whose documents it would write');
sql(q{SELECT mls_unfeed('first')});

# Settings that a format does not have, or cannot do without.
for my $bad ([ 'kyero', '{"currency": "EURO"}', qr/22023: setting "currency" of format "kyero" cannot be "EURO"\nHINT:  It is: EUR, GBP, USD, CHF\./ ],
	[ 'kyero', '{"curency": "GBP"}', qr/22023: format "kyero" has no setting "curency"\nHINT:  It has: area_unit, country, currency, documents_url, photos, url\./ ],
	[ 'zillow', '{"photos": true}', qr/22023: setting "photos" of format "zillow" cannot be "true"\nHINT:  It is: stored\./ ])
{
	my ($format, $settings, $error) = @$bad;
	fails("SELECT mls_feed('wrong', '$format', 'office.window_front', 'store_front', 'wrong.xml', settings => '$settings')", $error, "$format: $settings");
}
is(sql(q{SELECT count(*) FROM mls.feed WHERE name = 'wrong'}), '0', 'none of them is a feed');
for my $lacking ([ 'sitemap', 'url', 'loc' ], [ 'homesoverseas', 'region', 'region' ])
{
	my ($format, $setting, $element) = @$lacking;
	my ($status, $out, $err) = $node->psql('postgres', "SELECT mls_feed('wrong', '$format', 'office.window_front', 'store_front', 'wrong.xml')");
	like($err, qr/WARNING:  feed "wrong" lacks the setting "$setting"\nDETAIL:  A listing without element "$element" is left out\./, "$format without $setting is told");
	fails(q{SELECT * FROM mls_feed_sync('wrong')}, qr/22023: feed "wrong" lacks the setting "$setting"/, 'and not written');
}
sql(q{SELECT mls_feed_element('homesoverseas', 'region', '73', feed => 'wrong', missing => 'listing')});
is(write_feed('wrong', 'status, written > 0'), 'finished|t', 'unless an element of its own makes it');
sql(q{CREATE VIEW office.sold AS SELECT * FROM office.listing; UPDATE office.listing SET "StandardStatus" = 'Closed'; SELECT mls_feed('sold', 'zillow', 'office.sold', 'store_front', 'sold.xml')});
like(write_feed('sold', 'status, written, message'), qr/^finished\|0\|the feed is empty: \d+ listings were left out, most often since: it is not on the market: Closed$/, 'a feed without any listing says why');
like(sql(q{SELECT level || ' ' || message FROM mls_health() WHERE item = 'feeds'}), qr/^warning .*all listings are left out of sold \(mls_feed_report\(\) says why\)/, 'and so does health');
sql(q{SELECT mls_unfeed('sold'), mls_unfeed('wrong'); UPDATE office.listing SET "StandardStatus" = 'Active'});

# A run that ends behind the rename: what the store has is not what was noted.
sql(qq{CREATE VIEW office.few AS SELECT i::text AS "ListingKey" FROM generate_series(1, 3) i; SELECT mls_feed('few', 'sitemap', 'office.few', 'store_front', 'few.xml', $site)});
write_feed('few');
$before = document('few-1.xml');
sql(q{CREATE OR REPLACE VIEW office.few AS SELECT i::text AS "ListingKey" FROM generate_series(1, 4) i;
	CREATE FUNCTION office.pull() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the plug is pulled'; END $$;
	CREATE TRIGGER plug BEFORE UPDATE OF written_at ON mls.feed FOR EACH ROW EXECUTE FUNCTION office.pull()});
fails("SELECT * FROM mls_feed_sync('few')", qr/the plug is pulled/, 'a run that ends between the document and its note');
isnt(document('few-1.xml'), $before, 'has replaced it');
is(sql(q{SELECT content_hash IS NULL, documents FROM mls.feed WHERE name = 'few'}), 't|{few-1.xml,few.xml}', 'which nobody takes for the old one');
sql(q{DROP TRIGGER plug ON mls.feed; CREATE OR REPLACE VIEW office.few AS SELECT i::text AS "ListingKey" FROM generate_series(1, 3) i});
is(write_feed('few', 'status, documents'), 'finished|2', 'when the view is as before');
is(document('few-1.xml'), $before, 'so is the document');
is(write_feed('few', 'documents'), '0', 'and stays');

# Where a sitemap's documents are is a part of it.
sql(q{ALTER SERVER store_front OPTIONS (SET public_url 'https://maps.example.com')});
is(write_feed('few', 'documents'), '2', 'another address of the store');
sql(q{SELECT mls_feed('few', 'sitemap', 'office.few', 'store_front', 'few.xml', settings => '{"url": "https://www.example.com/{key}", "documents_url": "https://cdn.example.com/m"}')});
is(write_feed('few', 'documents'), '2', 'or of the documents');
like(document('few.xml'), qr{<loc>https://cdn\.example\.com/m/few-1\.xml</loc>}, 'is written');
sql(q{ALTER SERVER store_front OPTIONS (SET public_url 'https://feeds.example.com/f')});
is(write_feed('few', 'documents'), '0', 'one that is not used is no change');

# A number that is an attribute.
for my $id ('@id', 'a/@id', 'x:a/x:b/@x:id')
{
	sql(qq{SELECT mls_feed_format('tagged', '<list xmlns:x="urn:x">', 'flat', '</list>', id_path => '$id'), mls_feed_element('tagged', '$id', 'listing.key'), mls_feed('tagged', 'tagged', 'office.few', 'store_front', 'tagged.xml')});
	is(write_feed('tagged', 'status, written'), 'finished|3', "numbers of $id");
	sql(qq{SELECT mls_feed_element('tagged', '$id', '''7''')});
	fails("SELECT * FROM mls_feed_sync('tagged')", qr/two listings have the same \Q$id\E/, "$id twice");
	sql(qq{SELECT mls_feed_element_remove('tagged', '$id')});
}
sql(q{SELECT mls_feed_element('tagged', 'x:c/x:d', 'listing.key', missing => 'listing'), mls_feed_element('tagged', 'x:a/x:b/@x:id', 'listing.key')});
is(write_feed('tagged', 'status, written'), 'finished|3', 'what is required has a prefix');
is(sql('SELECT count(*) FROM mls_feed_sync()'), sql('SELECT count(*) FROM mls.feed'), 'all feeds are written by one call');

# ---- In a bucket ----

my $mls = start_mls(listings => 1);
sql(qq{CREATE SERVER bucket FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 's3://photos/feeds', retries '0', endpoint 'http://127.0.0.1:$mls->{port}');
	CREATE USER MAPPING FOR CURRENT_USER SERVER bucket OPTIONS (access_key 'AKIATESTKEYVALUE', secret_key 's3cr3t/Key+Value=for-tests');
	SELECT mls_feed('cloud', 'kyero', 'office.window_front', 'bucket', 'kyero.xml', languages => '{en,es}', texts => '{"description": {"en": "PublicRemarks", "es": "X_RemarksEs"}}',
		settings => '{"url": "https://www.example.com/{lang}/{key}"}', media => 'office.media')});
write_feed('es');
is(write_feed('cloud', 'status, documents, requests'), 'finished|1|1', 'a feed is put into a bucket');
my ($there, $here) = map { s{<(id|date)>[^<]*</\1>}{}gr } decode('UTF-8', slurp_bytes('cloud')), document('portals/kyero.xml');
is($there, $here, 'as it stands in a directory');
is(write_feed('cloud', 'status, documents, requests'), 'finished|0|1', 'unchanged, it is only asked whether it is there');
$mls->fault(kind => 'status', status => 503, match => '/photos/', times => 20);
sql(q{UPDATE office.listing SET "ListPrice" = "ListPrice" + 1 WHERE "ListingKey" = 'k001'});
fails("SELECT * FROM mls_feed_sync('cloud')", qr/could not write a file of store "bucket"|could not read a file of store "bucket"|503/, 'a store that is down');
is(sql(q{SELECT state FROM mls_feed_status WHERE name = 'cloud'}), 'failed', 'is a failure');
$mls->control('release');
$mls->reset;
is(write_feed('cloud', 'status, documents'), 'finished|1', 'which the next run mends');

# ---- Many, in bounded memory ----

sub grown
{
	my ($n) = @_;
	sql(qq{CREATE TABLE office.many$n AS SELECT 'm' || i AS "ListingKey", 'M-' || i AS "ListingId", 'Apartment' AS "PropertySubType", 100000 + i AS "ListPrice", 'Paphos' AS "City", 'PA' AS "StateOrProvince",
		repeat(md5(i::text) || ' ', 100) AS "PublicRemarks" FROM generate_series(1, $n) i;
		SELECT mls_feed('many$n', 'kyero', 'office.many$n', 'store_front', 'many$n.xml')});
	my $run = start_psql($node, qq{SELECT written, documents FROM mls_feed_sync('many$n')}, timeout => 1200);
	my $most = 0;
	while ($run->{handle}->pumpable)
	{
		for my $status (glob '/proc/[0-9]*/status')
		{
			open my $in, '<', $status or next;
			my $text = do { local $/; <$in> } // next;
			next unless $text =~ /^Name:\s+postgres/m && $text =~ /^RssAnon:\s+(\d+)/m;
			my $anonymous = $1;
			(my $line = $status) =~ s/status$/cmdline/;
			open my $command, '<', $line or next;
			my $title = do { local $/; <$command> } // next;
			$most = $anonymous if $title =~ /mls_fdw feed/ && $anonymous > $most;
		}
		$run->{handle}->pump_nb;
		Time::HiRes::usleep(20000);
	}
	return (end_psql($run), $most);
}
my ($small, $large) = $ENV{MLS_LONG} ? (10000, 100000) : (2000, 10000);
my ($few, $memory_few) = grown($small);
my ($many, $memory_many) = grown($large);
is($few . $many, "$small|1\n$large|1\n", 'many listings');
note("memory: $memory_few kB for $small, $memory_many kB for $large listings");
cmp_ok($memory_few, '>', 0, 'memory was looked at');
cmp_ok($memory_many - $memory_few, '<', 16 * 1024, 'five times as many take no more memory');
is(write_feed("many$large"), "finished|$large|$large|0|0", 'an unchanged run of them writes nothing');
valid("many$large.xml", 'kyero', 'many');

# What keeps a feed from being written ends in a sentence, and its hint is one of its own.
sql('ALTER SERVER store_front RENAME TO store_fronts');
$node->psql('postgres', qq{SELECT * FROM mls_feed_sync('many$small')});
my $told = sql(qq{SELECT problem FROM mls.feed WHERE name = 'many$small'});
like($told, qr/\S/, 'a store that is gone');
unlike($told, qr/[a-z"] Perhaps/, '... is told in sentences');
like(sql(q{SELECT message FROM mls_health() WHERE item = 'feeds'}), qr/many$small was not written, 1 time in a row: /, '... by mls_health as well');

done_testing();
