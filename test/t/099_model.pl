# Random rounds of changes, faults and crashes: after each that settles, all layers
# are what the server has.
#
#   MLS_LONG=1                       plays more seeds, and more rounds of each
#   MLS_ROUNDS=40 MLS_SEED='5 6 7'   plays other rounds than the default
#   MLS_FACE='reso divided rets qobrix'      faces of the server, see MlsFace
#   MLS_TELL=1                        tells what happens as it happens
use strict;
use warnings;

use MlsModel;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $long = $ENV{MLS_LONG};
my %rounds = $long ? (qobrix => 25) : (qobrix => 12, divided => 12);
my %seeds = $long ? (reso => '1 2 3 4 5', divided => '2 3 4 5', rets => '3 6', qobrix => '2')
  : (reso => '1 2', divided => '2', rets => '3', qobrix => '2');

for my $face (split ' ', $ENV{MLS_FACE} || 'reso divided rets qobrix')
{
	for my $seed (split ' ', $ENV{MLS_SEED} || $seeds{$face} || '1 2 3')
	{
		my $rounds = $ENV{MLS_ROUNDS} || $rounds{$face} || ($long ? 40 : 20);
		my $node = new_node("${face}_seed$seed", restart_after_crash => 'on', max_worker_processes => 12);
		my $model = MlsModel->new($node, $seed, face => $face);
		is($model->play_all($rounds), '', "$face, seed $seed: $rounds rounds leave true copies");
		cmp_ok($model->{divided} // 0, '>', 0, "$face, seed $seed: something happened while loads were divided") if $model->{face}{anew};
		note(join ' ', $model->names, "- $model->{settled} settled rounds, $model->{crashes} crashes");
		$node->stop;
		$model->{mls}->stop;
	}
}

done_testing();
