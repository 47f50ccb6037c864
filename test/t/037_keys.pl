# Very many keys are compared in the memory of a page of them, whatever their number.
#
#   MLS_KEYS=3000000    with so many; test/bench/keys.sh prints what that measured
use strict;
use warnings;

use MlsKeys;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $most = 0 + ($ENV{MLS_KEYS} || 300_000);
my $few = 60_000;
my $limit = 128;     # MB, whatever happens
my $growth = 10;     # MB between few and most

my $node = new_node('main', shared_buffers => '256MB', max_wal_size => '4GB', fsync => 'off');
my $mls = start_mls(listings => 10, fields => 'small', keys => $most);
create_keys($node, $mls, 'many');

# What purge and reconcile do with so many records of which some are gone and some newer
sub work_on
{
	my ($count) = @_;
	my %memory;
	$mls->control('keys', { count => $count, gone => 1000, newer => 999 });
	fill_keys($node, 'many', $count);
	my $gone = int(($count + 999) / 1000);
	my $newer = grep { $_ % 1000 } map { $_ * 999 } 0 .. int(($count - 1) / 999);
	for my $case (
		[ 'purge', 'status, missing, deleted', ', force => true', "finished|$gone|$gone" ],
		[ 'reconcile', 'status, different, updated', '', "finished|$newer|$newer" ],
		[ 'purge', 'status, missing, deleted', '', 'finished|0|0' ],
		[ 'reconcile', 'status, different, updated', '', 'finished|0|0' ])
	{
		my ($process, $columns, $more, $expected) = @$case;
		next if $count == $few && $expected =~ /\|0$/;
		my ($out, $seconds, $megabytes) = measure($node, "SELECT $columns FROM mls_$process('many', 'Keys'$more)");
		is($out, $expected, "$process of $count records");
		cmp_ok($megabytes, '<', $limit, "in less than $limit MB");
		note(sprintf 'measured: %s of %d keys: %s, %.1f s, %.1f MB', $process, $count, $out, $seconds, $megabytes);
		$memory{$process} = $megabytes if $megabytes > ($memory{$process} // 0);
	}
	return %memory;
}

my %little = work_on($few);
my %much = work_on($most);
cmp_ok($much{$_} - $little{$_}, '<', $growth, "the memory of a $_ does not grow with the keys")
  for 'purge', 'reconcile';
$node->stop;
done_testing();
