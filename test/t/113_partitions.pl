# Bronze, silver and gold in partitions: every process leaves what it leaves in plain tables.
#
#   MLS_LONG=1                       plays more rounds
#   MLS_ROUNDS=40 MLS_SEED='5 6 7'   plays other rounds than the default
use strict;
use warnings;

use MlsContest;
use MlsModel;
use MlsTest;
use Test::More;

my $rounds = $ENV{MLS_ROUNDS} || ($ENV{MLS_LONG} ? 100 : 10);

# Changes, faults and crashes, with partitions of sources that are cut by hash
for my $seed (split ' ', $ENV{MLS_SEED} || 4)
{
	my $node = new_node("model_seed$seed", restart_after_crash => 'on');
	my $model = MlsModel->new($node, $seed, face => 'reso', partition => 'source, hash 3');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_partition_tree('gold.property') WHERE isleaf}), 7,
		'two sources have partitions of three parts each, beside the default one');
	is($model->play_all($rounds), '', "seed $seed: $rounds rounds of changes leave true copies");
	is($node->safe_psql('postgres', q{SELECT count(*) FROM gold.property_default}), 0, 'no row has gone astray');
	$node->stop;
	$model->{mls}->stop;
}

# Three sources with the same keys
for my $seed (split ' ', $ENV{MLS_SEED} || 12)
{
	my $node = new_node("contest_seed$seed");
	my $model = MlsContest->new($node, $seed, face => 'reso', partition => 'hash 4');
	is($model->play_all($rounds), '', "seed $seed: $rounds rounds leave gold as the law has it");
	$node->stop;
	$model->{mls}->stop;
}

done_testing();
