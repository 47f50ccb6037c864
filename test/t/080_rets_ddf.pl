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

done_testing();
