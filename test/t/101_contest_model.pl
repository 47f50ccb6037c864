# Random rounds with three sources that have the same keys: after each move gold is what
# the precedence says, and after each settled round what is made of it from nothing.
#
#   MLS_LONG=1                       plays 200 rounds of each protocol
#   MLS_ROUNDS=40 MLS_SEED='5 6 7'   plays other rounds than the default
#   MLS_FACE='reso rets qobrix'      of these protocols
#   MLS_TELL=1                       tells what happens as it happens
use strict;
use warnings;

use MlsContest;
use MlsTest;
use Test::More;

for my $face (split ' ', $ENV{MLS_FACE} || 'reso rets qobrix')
{
	for my $seed (split ' ', $ENV{MLS_SEED} || 11)
	{
		my $rounds = $ENV{MLS_ROUNDS} || ($ENV{MLS_LONG} ? 200 : 12);
		my $node = new_node("${face}_seed$seed");
		my $model = MlsContest->new($node, $seed, face => $face);
		is($model->play_all($rounds), '', "$face, seed $seed: $rounds rounds leave gold as the law has it");
		note(join ' ', $model->names, "- $model->{settled} settled rounds");
		$node->stop;
		$model->{mls}->stop;
	}
}

done_testing();
