# Random rounds with listings, media and open houses of three sources that share keys:
# records move between a filter and its complement, listings are purged and brought back,
# subscriptions, priorities and prefixes come and go.  After each settled round gold is
# what is made of it from nothing, and nothing stands beside a listing of another source.
#
#   MLS_LONG=1                       plays three seeds, forty rounds of each
#   MLS_ROUNDS=40 MLS_SEED='5 6 7'   plays other rounds than the default
#   MLS_TELL=1                       tells what happens as it happens
use strict;
use warnings;

use MlsBelongings;
use MlsTest;
use Test::More;

for my $seed (split ' ', $ENV{MLS_SEED} || ($ENV{MLS_LONG} ? '1 2 3' : '1'))
{
	my $node = new_node("seed$seed");
	my $model = MlsBelongings->new($node, $seed);
	is($model->play_all($ENV{MLS_ROUNDS} || ($ENV{MLS_LONG} ? 40 : 12)), '', "seed $seed leaves gold as the law has it");
	note("$model->{settled} settled rounds");
	$node->stop;
	$model->stop;
}

done_testing();
