# What is known about a replica goes with it: a dump is restored with its schedule, its
# change log and its totals, and goes on; a standby tells the same.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main', wal_level => "'replica'", max_wal_senders => 5);
my $mls = start_mls(listings => 200, fields => 'small');

sub with_cron
{
	my ($of) = @_;
	$of->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_cron'\n");
	return;
}
with_cron($node);
$node->append_conf('pg_hba.conf', "local replication all trust\n");
$node->restart;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_cron');
subscribe_property($node, $mls, 'one');
$node->safe_psql('postgres', q{
	SELECT mls_track('one.property');
	SELECT mls_schedule('one', sync => '0 4 * * *')});
sync_row($node, 'one', 'status');

my $known = q{
	SELECT state, rows, remote_rows, schedule, next_run > now(), (SELECT count(*) FROM mls_metrics()) > 20,
	       (SELECT count(*) FROM mls.change), (SELECT finished FROM mls.counter),
	       (SELECT count(*) FROM mls_health() WHERE level <> 'ok') FROM mls_status_detail};
my $expected = 'synced|200|200|0 4 * * *|t|t|200|1|0';
is($node->safe_psql('postgres', $known), $expected, 'what is known');

# A standby
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $known), $expected, 'a standby knows it, too');
is($standby->safe_psql('postgres', q{SELECT remote_rows, rows, message IS NULL FROM mls_count()}), '200|200|t', 'and can count');
$standby->stop;

# A dump, restored in another cluster
my $file = "$PostgreSQL::Test::Utils::tmp_check/replica.dump";
command_ok([ 'pg_dump', '-Fc', '-f', $file, $node->connstr('postgres') ], 'a dump');
$node->stop;
my $other = PostgreSQL::Test::Cluster->new('other');
$other->init;
with_cron($other);
$other->append_conf('postgresql.conf', "timezone = 'UTC'\nmls_fdw.allowed_hosts = '127.0.0.1'\n");
$other->start;
command_ok([ 'pg_restore', '-e', '-d', $other->connstr('postgres'), $file ], 'restored');
is($other->safe_psql('postgres', $known), $expected, 'is known there');
$mls->control('insert', { resource => 'Property', count => 2 });
$mls->reset;
is(sync_row($other, 'one', 'status, inserted'), 'finished|2', 'the copy goes on');
is(scalar(grep { $_->{path} =~ /Property/ } $mls->requests), 1, 'from its cursor');
is(differences($other, $mls, 'one'), 0, 'a true copy');
is($other->safe_psql('postgres', q{SELECT count(*), max(position) FROM mls.change}), '202|202', 'logged after what was logged before');
is($other->safe_psql('postgres', q{SELECT string_agg(jobname, ',' ORDER BY jobname) FROM cron.job}), 'mls one sync,mls prune',
	'and its jobs are there');
$other->safe_psql('postgres', q{SET client_min_messages = error; DROP SERVER one CASCADE; DROP EXTENSION mls_fdw});
is($other->safe_psql('postgres', q{SELECT count(*) FROM pg_trigger WHERE tgrelid = 'gold.property'::regclass}), '0',
	'restored triggers go with the extension, too');

$other->stop;
done_testing();
