# Records of a RETS source with odd keys are seen; where the condition that should find all
# records misses them, nothing is deleted for it.
use strict;
use warnings;

use JSON::PP ();
use MlsRets;
use MlsTest;
use Test::More;

my $mls = start_mls(listings => 60, samples => 400);
my $node = new_node('rets_keys');
my @odd = ('-77', '#9', "(x) 'y'");
$mls->control('insert', { resource => 'Property', count => 1, fields => { ListingKey => $_ } }) for @odd;
create_rets($node, $mls, 'r', page_size => 25, tables => 'property_all, sampler_sampler', purge_limit => '100%');
create_rets($node, $mls, 'narrow', page_size => 25, tables => 'property_all', purge_limit => '100%');

is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT l_listing_key) FROM r.property_all'), '63|63', 'all records, odd keys too');
is($node->safe_psql('postgres', 'SELECT count(*) FROM (SELECT * FROM r.sampler_sampler OFFSET 0) s'), '400', 'negative numbers as keys too');
for my $case ([ offset => 'ignored' ], [ offset => 'refused' ], [ trailing_delimiter => JSON::PP::false() ])
{
	$mls->reset;
	rets_option($mls, @$case);
	is($node->safe_psql('postgres', 'SELECT count(s::text), count(DISTINCT l_listing_key) FROM r.property_all s'), '63|63', "also with @$case");
	is($node->safe_psql('postgres', 'SELECT count(s::text) FROM r.sampler_sampler s'), '400', "... and numbers");
}
$mls->reset;
my $whole = $node->safe_psql('postgres', 'SELECT md5(string_agg(s::text, chr(10) ORDER BY l_listing_key)) FROM r.property_all s');
rets_option($mls, trailing_delimiter => JSON::PP::false());
is($node->safe_psql('postgres', 'SELECT md5(string_agg(s::text, chr(10) ORDER BY l_listing_key)) FROM r.property_all s'), $whole,
	'rows without delimiters at their ends are the same rows');
$mls->reset;

# Copied with the default, then listed by a condition that misses three of them.
$node->safe_psql('postgres', q{SELECT mls_subscribe('narrow.property_all')});
is($node->safe_psql('postgres', q{SELECT status, inserted FROM mls_sync('narrow')}), 'finished|63', 'a sync brings all');
$node->safe_psql('postgres', q{ALTER SERVER narrow OPTIONS (ADD all_query '({key}=0+)')});
is($node->safe_psql('postgres', 'SELECT count(*) FROM narrow.property_all'), '60', 'a narrow condition misses some');
is($node->safe_psql('postgres', q{SELECT status, deleted FROM mls_purge('narrow')}), 'finished|0', 'a purge removes none of them');
is($node->safe_psql('postgres', q{SELECT status, deleted FROM mls_purge('narrow', force => true)}), 'finished|0', '... not even by force');
is($node->safe_psql('postgres', q{SELECT status FROM mls_reconcile('narrow')}), 'finished', 'reconciling is no danger');
is($node->safe_psql('postgres', q{SELECT count(*) FROM silver.narrow_property_all}), '63', '... to what is here');
$mls->control('delete', { resource => 'Property', keys => [ $odd[0] ] });
is($node->safe_psql('postgres', q{SELECT status, deleted FROM mls_purge('narrow')}), 'finished|1', 'what is really gone goes');
is($node->safe_psql('postgres', q{SELECT count(*) FROM silver.narrow_property_all}), '62', '... alone');

done_testing();
