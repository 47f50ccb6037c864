# A foreign table over RETS answers like a local copy of it: generated conditions over every
# type, under a cautious and a trusting configuration.
use strict;
use warnings;

use MlsConditions;
use MlsRets;
use MlsTest;
use Test::More;

my $node = new_node('rets_queries');
my $mls = start_mls(listings => 8, samples => 400);
create_rets($node, $mls, 'cautious', page_size => 150, tables => 'sampler_sampler');
create_rets($node, $mls, 'trusting', page_size => 130, tables => 'sampler_sampler', push_null_tests => 'true',
	push_not => 'true', text_exact => 'true');
$node->safe_psql('postgres', 'CREATE TABLE copy AS SELECT * FROM cautious.sampler_sampler');
is($node->safe_psql('postgres', 'SELECT count(*) FROM copy'), 400, 'all records came');

my @conditions = conditions_over($node, 'copy', 200, 's_sampler_key');
for my $source (qw(cautious trusting))
{
	my $pushed = answers_agree($node, "$source.sampler_sampler", 'copy', 's_sampler_key',
		qr/Query=\(\(S_ModificationTimestamp=1900-01-01T00:00:00\+\)\|\(S_SamplerKey=0\+\)\)/, @conditions);
	cmp_ok($pushed, '>', $source eq 'cautious' ? 80 : 110, "$source: $pushed of 200 conditions are pushed");
}

done_testing();
