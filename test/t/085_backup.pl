# Dump, restore into a new cluster, and sync on from there: the cursor comes along,
# and nothing is downloaded twice.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('old');
my $mls = start_mls(listings => 1000, fields => 'small');

# ---- What a dump must hold ----

# Every table in the schema mls is dumped with its rows, or holds nothing that the
# extension does not bring itself, or triggers as rows come (the tallies).
my @derived = ('mls.dd_field', 'mls.dd_lookup', 'mls.dd_masked', 'mls.dd_office_field', 'mls.dd_private', 'mls.dd_resource', 'mls.export_part',
	'mls.mart_column', 'mls.mart_relation', 'mls.media_file_tally', 'mls.media_tally', 'mls.shipped_test');
my $undumped = q{
	SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	  JOIN pg_extension e ON e.extname = 'mls_fdw'
	 WHERE n.nspname = 'mls' AND NOT c.oid = ANY (coalesce(e.extconfig, '{}')) AND c.relkind IN (%s) ORDER BY c.oid::regclass::text};
is($node->safe_psql('postgres', sprintf $undumped, q{'r', 'p'}), join("\n", @derived),
	'tables that are not dumped are derived');
is($node->safe_psql('postgres', sprintf $undumped, q{'S'}), '', 'every sequence is dumped');

# ---- A replica in use ----

$node->safe_psql('postgres', q{CREATE ROLE agent; SELECT mls_grant('agent')});
subscribe_property($node, $mls, 'one', page_size => 100, key_prefix => 'one-');
subscribe_property($node, $mls, 'two', page_size => 100, key_prefix => 'two-');
sync_row($node, 'one', 'status');
$mls->control('delete', { resource => 'Property', count => 20 });
$node->safe_psql('postgres', q{SELECT * FROM mls_purge('one')});
$node->safe_psql('postgres', q{
	SELECT mls_track('one.property');
	INSERT INTO mls.issue (subscription, key, reason) SELECT id, 'k', 'a reason' FROM mls.subscription WHERE source = 'one';
	INSERT INTO mls.schedule (source, process, schedule) VALUES ('one', 'sync', '*/15 * * * *');
	INSERT INTO mls.field_map (source, resource, field, arguments) VALUES ('one', 'Property', 'City', '{City}')});
$mls->control('touch', { resource => 'Property', count => 5 });
sync_row($node, 'one', 'status');

# and a first load that was interrupted
$mls->fault(kind => 'stall', resource => 'Property', skip => 4, times => 1);
my $sync = start_psql($node, q{SELECT * FROM mls_sync('two')});
my $pid = worker_pid($node, 4);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
end_psql($sync);
$mls->control('clear');

# Every row of every table of mls, of all layers, and the server's options
my $tables = $node->safe_psql('postgres', q{
	SELECT string_agg(c.oid::regclass::text, ' ' ORDER BY c.oid::regclass::text)
	  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	 WHERE n.nspname IN ('mls', 'bronze', 'silver', 'gold') AND c.relkind = 'r'});

sub content
{
	my ($of) = @_;
	return join "\n", sort split /\n/, $of->safe_psql('postgres', join ' UNION ALL ', map { qq{
		SELECT '$_', count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM $_ t} } split ' ', $tables);
}

my $before = content($node);
like($before, qr/mls\.issue\|[1-9]/, 'there is something to lose');
my $last_run = $node->safe_psql('postgres', 'SELECT max(id) FROM mls.run');

# ---- Into a new cluster ----

my $dump = "$PostgreSQL::Test::Utils::tmp_check/mls.dump";
my $roles = "$PostgreSQL::Test::Utils::tmp_check/roles.sql";
$node->command_ok([ 'pg_dumpall', '--globals-only', '-f', $roles, '-d', $node->connstr('postgres') ], 'roles are dumped');
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'the database is dumped');
is($node->safe_psql('postgres', 'SELECT count(*) FROM mls.run'), $last_run, 'which changes nothing');
$node->stop;

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
$new->append_conf('postgresql.conf', "mls_fdw.allowed_hosts = '127.0.0.1'\ntimezone = 'UTC'\n");
$new->start;
$mls->reset;
$new->psql('postgres', 'CREATE ROLE agent');
$new->command_ok([ 'pg_restore', '--exit-on-error', '-d', $new->connstr('postgres'), $dump ], 'and restored');
is(scalar($mls->requests), 0, 'without the network');
is(content($new), $before, 'everything is there');

# ---- On from there ----

$mls->control('touch', { resource => 'Property', count => 3 });
is(sync_row($new, 'one', 'status, inserted, updated, message'), 'finished|0|3|', 'the next sync brings what is new');
my $requests = () = $mls->requests;
cmp_ok($requests, '<=', 3, "with $requests requests, not by a new download");
is(differences($new, $mls, 'one'), 0, 'the copy is true');
cmp_ok(last_run($new, 'one', 'run'), '>', $last_run, 'runs are numbered on');
is($new->safe_psql('postgres', q{SELECT count(*) FROM mls.change WHERE run > } . $last_run), '3', 'changes are logged on');
is(sync_row($new, 'two', 'status, inserted, unchanged'), 'finished|580|0', 'an interrupted load goes on where it stopped');
is(differences($new, $mls, 'two'), 0, 'that copy is true, too');
my $purge = $new->safe_psql('postgres', q{SELECT max(run) FROM mls_history WHERE process = 'purge'});
is($new->safe_psql('postgres', "SELECT mls_undo($purge)"), '20', 'a purge from before can be taken back');

$new->stop;
done_testing();
