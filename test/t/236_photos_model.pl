# Random rounds with listings whose photos are added, replaced, reordered, shared and removed,
# while their host misbehaves and PostgreSQL is killed.  After each round that settles the
# files of the store are those that the source shows, and gold shows them.
#
#   MLS_LONG=1                       plays four seeds, forty rounds of each
#   MLS_ROUNDS=40 MLS_SEED='5 6 7'   plays other rounds than the default
#   MLS_TELL=1                       tells what happens as it happens
use strict;
use warnings;

use MlsPhotos;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

for my $seed (split ' ', $ENV{MLS_SEED} || ($ENV{MLS_LONG} ? '1 2 3 4' : '1'))
{
	my $directory = "$PostgreSQL::Test::Utils::tmp_check/photos$seed";
	mkdir $directory or die "$directory: $!";
	my $node = new_node("seed$seed", restart_after_crash => 'on', 'mls_fdw.file_directories' => "'$directory'");
	my $model = MlsPhotos->new($node, $seed, $directory);
	is($model->play_all($ENV{MLS_ROUNDS} || ($ENV{MLS_LONG} ? 40 : 8)), '', "seed $seed leaves the files that the source shows");
	note("$model->{settled} settled rounds, $model->{crashes} crashes");
	$node->stop;
	$model->{mls}->stop;
}

done_testing();
