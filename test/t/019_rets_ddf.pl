# CREA's dialect from the first list of keys to gold: three queries, nested records, dates
# of RFC 1123, and nothing lost between pages or when the list is short.
use strict;
use warnings;

use JSON::PP ();
use MlsTest;
use Test::More;

my $mls = start_mls(listings => 230);
$mls->control('option', { date => 'logical', rets => { dialect => 'ddf' } });
my $node = new_node('ddf');
my $url = "http://127.0.0.1:$mls->{port}/rets/login";
$node->safe_psql('postgres', qq{
	CREATE SERVER ddf FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'rets', platform 'crea', url '$url',
		format 'standard-xml', retries '0', schema_policy 'ignore');
	CREATE USER MAPPING FOR CURRENT_USER SERVER ddf OPTIONS (username 'agent', password 'basic-pass-value');
	CREATE SCHEMA ddf;
	CREATE FOREIGN TABLE ddf.property (
		id text OPTIONS (field '\@ID'),
		listing_id text OPTIONS (field 'ListingID'),
		price numeric OPTIONS (field 'Price'),
		city text OPTIONS (field 'Address/City'),
		bedrooms integer OPTIONS (field 'Building/BedroomsTotal'),
		last_updated timestamptz OPTIONS (field '\@LastUpdated'))
	SERVER ddf OPTIONS (resource 'Property', key '\@ID', timestamp '\@LastUpdated');
	INSERT INTO mls.row_map (source, source_resource, resource) VALUES ('ddf', 'Property', 'Property');
	SELECT mls_map_set('Property', 'ListPrice', 'field', '{Price}', source => 'ddf');
	SELECT mls_map_set('Property', 'City', 'field', '{Address/City}', source => 'ddf');
	SELECT mls_subscribe('ddf.property')});

# How many listings differ from the server's: key, price, city.
sub differences
{
	my $truth = $mls->get('truth?resource=Property');
	my %there = map { my $r = JSON::PP::decode_json($_);
		($r->{ListingKey} => join '|', map { $_ // '' } 0 + ($r->{ListPrice} // 0), $r->{City}) } split /\n/, $truth;
	my $copy = $node->safe_psql('postgres', q{SELECT concat_ws(e'\t', "ListingKey", coalesce("ListPrice", 0)::float8,
		coalesce("City", '')) FROM gold.property WHERE mls_source = 'ddf'});
	utf8::decode($copy);
	my %here = map { my ($key, $price, $city) = split /\t/; ($key => (0 + $price) . '|' . ($city // '')) } split /\n/, $copy;
	return scalar grep { ($here{$_} // 'none') ne ($there{$_} // '') } keys %{ { %there, %here } };
}

sub run_of
{
	my ($process, $columns) = @_;
	return $node->safe_psql('postgres', "SELECT $columns FROM mls_$process('ddf')");
}

is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT id), count(price) > 100, count(last_updated) FROM ddf.property'),
	'230|230|t|230', 'a foreign table over the list and the details');
$mls->reset;
$mls->control('option', { date => 'logical', rets => { dialect => 'ddf' } });
is(run_of('sync', 'status, inserted'), 'finished|230', 'the first sync');
is(differences(), 0, 'gold has what the server has');
is(run_of('sync', 'status, inserted + updated'), 'finished|0', 'a second one writes nothing');

# ---- changes, in pages of a hundred ----

my $keys = JSON::PP::decode_json($mls->get('keys?resource=Property'));
for my $count (1, 101, 201)
{
	$mls->control("clock", { advance => 7200 });
	$mls->control('update', { resource => 'Property', keys => [ @$keys[ 0 .. $count - 1 ] ], fields => { ListPrice => 1000 + $count } });
	is(run_of('sync', 'status, updated'), "finished|$count", "$count listings changed");
	is(differences(), 0, '... and arrive');
}

# ---- removals ----

$mls->control('delete', { resource => 'Property', keys => [ @$keys[ 0 .. 4 ] ] });
is(run_of('purge', 'status, deleted'), 'finished|5', 'listings that left the list are purged');
is(differences(), 0, '... and no others');
for my $fault ([ kind => 'rets_reply', code => 20201 ], [ kind => 'truncate' ], [ kind => 'wrong_count', by => 40 ], [ kind => 'empty_body' ])
{
	$mls->fault(@$fault, match => '/rets/search', times => -1);
	$node->psql('postgres', q{SELECT mls_purge('ddf')});
	$mls->control('clear');
	is(differences(), 0, "a list spoilt by $fault->[1] removes nothing");
}

# ---- a session lost between pages ----

$mls->control('touch', { resource => 'Property', keys => [ @$keys[ 10 .. 209 ] ] });
$mls->fault(kind => 'session_loss', match => '/rets/search', skip => 1);
is(run_of('sync', 'status, updated'), 'finished|200', 'a session lost between pages is opened again');
is(run_of('reconcile', 'status'), 'finished', 'a reconcile');
is(differences(), 0, 'finds nothing wrong');

# ---- the shipped rules: photos, agents and offices ----

sub nested_table
{
	my ($table, $resource, $columns, $options) = @_;
	return qq{CREATE FOREIGN TABLE shipped.$table ($columns, record jsonb OPTIONS (field '*'))
		SERVER shipped OPTIONS (resource '$resource', $options);
		SELECT mls_subscribe('shipped.$table');};
}

my $own = q{id text OPTIONS (field '@ID') NOT NULL, last_updated timestamptz OPTIONS (field '@LastUpdated')};
my $own_options = q{key '@ID', timestamp '@LastUpdated'};
$node->safe_psql('postgres', qq{
	CREATE SERVER shipped FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'rets', platform 'crea', url '$url',
		format 'standard-xml', retries '0', schema_policy 'ignore', key_prefix 'S:');
	CREATE USER MAPPING FOR CURRENT_USER SERVER shipped OPTIONS (username 'agent', password 'basic-pass-value');
	CREATE SCHEMA shipped;}
	  . nested_table('property', 'Property', $own, "$own_options, expand 'AgentDetails,Photo/PropertyPhoto'")
	  . nested_table('photo', 'Photo', q{listing_key text OPTIONS (field 'ListingKey') NOT NULL,
			sequence_id bigint OPTIONS (field 'SequenceId') NOT NULL, photo_last_updated timestamptz OPTIONS (field 'PhotoLastUpdated')},
			q{key 'ListingKey,SequenceId', timestamp 'PhotoLastUpdated', parent 'Property.Photo/PropertyPhoto', parent_key 'ListingKey'})
	  . nested_table('agent', 'Agent', $own, $own_options)
	  . nested_table('office', 'Office', $own, $own_options));
is($node->safe_psql('postgres', q{SELECT string_agg(resource || ' ' || gold, ', ' ORDER BY id) FROM mls.subscription WHERE source = 'shipped'}),
	'Property gold.property, Photo gold.media, Agent gold.member, Office gold.office', 'the gold table of each is that of its own keys');

sub truth
{
	my ($resource) = @_;
	return map { JSON::PP::decode_json($_) } grep { length } split /\n/, $mls->get("truth?resource=$resource");
}

# Photos by listing, as the server has them and as gold has them.
sub photos_there
{
	my %count;
	$count{ $_->{ResourceRecordKey} }++ for truth('Media');
	my %listed = map { $_->{ListingKey} => 1 } truth('Property');
	my $text = join ' ', map { "$_=$count{$_}" } grep { $listed{$_} } sort keys %count;
	utf8::encode($text);
	return $text;
}

sub photos_here
{
	return $node->safe_psql('postgres', q{SELECT string_agg(k || '=' || n, ' ' ORDER BY k COLLATE "C")
		FROM (SELECT substr("ResourceRecordKey", 3), count(*) FROM gold.media WHERE mls_source = 'shipped' GROUP BY 1) s (k, n)});
}

is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT status, ',') FROM mls_sync('shipped')}), 'finished', 'a sync by the shipped rules');
is(photos_here(), photos_there(), 'each listing has its photos in gold');
for my $pair ([ 'Member', 'member', 'MemberFullName' ], [ 'Office', 'office', 'OfficeName' ])
{
	my ($resource, $table, $field) = @$pair;
	my $there = join "\n", sort map { my $name = $_->{$field} // ''; $name =~ s/^ +| +$//g; $_->{"${resource}Key"} . '|' . $name } truth($resource);
	$there =~ tr/\t/ /;
	utf8::encode($there);
	is($node->safe_psql('postgres', qq{SELECT substr("${resource}Key", 3), "$field" FROM gold.$table WHERE mls_source = 'shipped' ORDER BY concat_ws('|', substr("${resource}Key", 3), coalesce("$field", '')) COLLATE "C"}),
		$there, "gold has each $table");
}
is($node->safe_psql('postgres', q{SELECT count(*) FROM gold.media m LEFT JOIN gold.property p ON p."ListingKey" = m."ResourceRecordKey"
	WHERE m.mls_source = 'shipped' AND (p."ListingId" IS DISTINCT FROM m."ResourceRecordID" OR p."PhotosCount" < 1)}), 0, 'photos know their listing');
is($node->safe_psql('postgres', q{SELECT count(*) FROM gold.media WHERE mls_source = 'shipped' AND "PreferredPhotoYN"}),
	$node->safe_psql('postgres', q{SELECT count(DISTINCT "ResourceRecordKey") FROM gold.media WHERE mls_source = 'shipped'}), 'one photo of each listing is preferred');

my ($one, $all) = (grep { /^\w+=[3-9]/ } split / /, photos_there())[ 0, 1 ];
my %of;
push @{ $of{ $_->{ResourceRecordKey} } }, $_->{MediaKey} for truth('Media');
s/=.*// for $one, $all;
my @gone = ((@{ $of{$one} })[ 1 .. $#{ $of{$one} } ], @{ $of{$all} });
$mls->control('delete', { resource => 'Media', keys => \@gone });
$mls->control('touch', { resource => 'Property', keys => [ $one, $all ] });
is($node->safe_psql('postgres', q{SELECT status, updated FROM mls_sync('shipped', 'Property')}), 'finished|2', 'two listings lose photos');
is(photos_here(), photos_there(), 'photos that are gone leave gold: all but one, and all');
unlike(photos_here(), qr/\b\Q$all\E=/, '... none is left of the other listing');
like(photos_here(), qr/\b\Q$one\E=1\b/, '... and one of the first');

# A source that writes one format only says so in the text of its reply.
$node->safe_psql('postgres', q{ALTER SERVER ddf OPTIONS (DROP format)});
like(sql_error($node, q{SELECT * FROM mls_sync('ddf')}),
	qr/20203: Format is not supported: COMPACT-DECODED.*set the option format of server ddf to compact, compact-decoded or standard-xml/s, 'a format that is not the source\'s: the option is named');

done_testing();
