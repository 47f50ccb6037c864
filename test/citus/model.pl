# Random rounds of changes, faults and crashes where gold stands on two nodes: after each
# that settles, all layers are what the server has.
#
#   MLS_LONG=1, MLS_ROUNDS=40, MLS_SEED='5 6 7', MLS_FACE='reso rets', MLS_TELL=1
use strict;
use warnings;

use MlsCitus;
use MlsModel;
use MlsTest;
use Test::More;

my $long = $ENV{MLS_LONG};
for my $face (split ' ', $ENV{MLS_FACE} || 'reso rets')
{
	for my $seed (split ' ', $ENV{MLS_SEED} || ($long ? '1 2 3 4 5' : $face eq 'reso' ? '1' : '3'))
	{
		my $rounds = $ENV{MLS_ROUNDS} || ($long ? 40 : 12);
		my ($node, @others) = new_cluster("${face}_seed$seed", restart_after_crash => 'on');
		my $model = MlsModel->new($node, $seed, face => $face);
		is(distribute($node), qq{gold.property|by "ListingKey"}, "$face, seed $seed: gold is distributed");
		is($model->play_all($rounds), '', "$face, seed $seed: $rounds rounds leave true copies");
		note(join ' ', $model->names, "- $model->{settled} settled rounds, $model->{crashes} crashes");
		$_->stop for $node, @others;
		$model->{mls}->stop;
	}
}

done_testing();
