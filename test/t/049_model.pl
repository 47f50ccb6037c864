# Random rounds of changes, faults and crashes: after each that settles, all layers
# are what the server has.
#
#   MLS_ROUNDS=200 MLS_SEED='5 6 7'   plays more than the default
#   MLS_TELL=1                        tells what happens as it happens
use strict;
use warnings;

use MlsModel;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $rounds = $ENV{MLS_ROUNDS} || 30;

for my $seed (split ' ', $ENV{MLS_SEED} || '1 2')
{
	my $node = new_node("seed$seed", restart_after_crash => 'on');
	my $model = MlsModel->new($node, $seed);
	is($model->play_all($rounds), '', "seed $seed: $rounds rounds leave true copies");
	note("$model->{settled} settled rounds, $model->{crashes} crashes");
	$node->stop;
}

done_testing();
