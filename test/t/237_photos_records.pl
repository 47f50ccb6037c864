# Random rounds with photos that sources hand out themselves, RETS by GetObject and Qobrix by its
# login: added, replaced, renumbered and removed, while the sources misbehave and PostgreSQL is
# killed.  After each round that settles the files of the store are those of the records.
#
#   MLS_LONG=1                       plays four seeds, forty rounds of each
#   MLS_ROUNDS=40 MLS_SEED='5 6 7'   plays other rounds than the default
#   MLS_TELL=1                       tells what happens as it happens
use strict;
use warnings;

use MlsRecordPhotos;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

for my $seed (split ' ', $ENV{MLS_SEED} || ($ENV{MLS_LONG} ? '1 2 3 4' : '1'))
{
	my $directory = "$PostgreSQL::Test::Utils::tmp_check/photos$seed";
	mkdir $directory or die "$directory: $!";
	my $node = new_node("seed$seed", restart_after_crash => 'on', 'mls_fdw.file_directories' => "'$directory'", 'mls_fdw.allowed_hosts' => "'127.0.0.1, localhost'");
	my $model = MlsRecordPhotos->new($node, $seed, $directory);
	is($model->play_all($ENV{MLS_ROUNDS} || ($ENV{MLS_LONG} ? 40 : 6)), '', "seed $seed leaves the files that the sources have");
	note("$model->{settled} settled rounds, $model->{crashes} crashes");
	$node->stop;
	$model->{mls}->stop;
}

done_testing();
