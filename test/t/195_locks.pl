# Whoever calls a run keeps no lock of a control table while it waits: maintenance of
# each of them, and removing the extension, come through, and no two wait for each other.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 400, fields => 'small');
subscribe_property($node, $mls, 'one', page_size => 1000);

# Starts a run that the source keeps waiting; returns it and its worker.
sub held
{
	my ($call, %fault) = @_;
	$mls->fault(kind => 'stall', resource => 'Property', times => 1, %fault);
	my $run = start_psql($node, $call);
	ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type LIKE 'mls_fdw %' AND xact_start IS NULL
		AND query LIKE '%Property%'}), "$call waits for the source");
	return $run;
}

my @tables = split /\n/, $node->safe_psql('postgres', q{
	SELECT c.oid::regclass FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'mls_fdw'
	  JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'r' WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'e' ORDER BY 1});
cmp_ok(scalar @tables, '>', 20, 'control tables');

for my $case ([ "SELECT status FROM mls_sync('one')" ], [ "SELECT status FROM mls_reconcile('one')" ],
	[ "SELECT status FROM mls_purge('one')" ])
{
	my $run = held(@$case);
	for my $table (@tables)
	{
		my ($status, undef, $err) = $node->psql('postgres', "SET lock_timeout = '20s'; VACUUM FULL $table");
		is("$status $err", '0 ', "VACUUM FULL $table meanwhile");
	}
	my ($status, undef, $err) = $node->psql('postgres', q{SET lock_timeout = '20s'; ALTER EXTENSION mls_fdw UPDATE; BEGIN;
		LOCK TABLE mls.subscription, mls.run, mls.issue, mls.schedule IN ACCESS EXCLUSIVE MODE; COMMIT});
	is($status, 0, 'and ALTER EXTENSION') or diag $err;
	$mls->reset;
	is(end_psql($run), "finished\n", "$case->[0] ends well");
}
is(differences($node, $mls, 'one'), 0, 'with a true copy');

# A transaction that has looked into a control table itself: the wait goes through another
# process, and is found all the same.
for my $ddl ('VACUUM FULL mls.subscription', 'CLUSTER mls.run USING run_pkey')
{
	my ($table) = $ddl =~ /(mls\.\w+)/;
	my $run = held("BEGIN; SELECT count(*) FROM $table; SELECT status FROM mls_sync('one', full => true)");
	my $other = start_psql($node, $ddl);
	ok($node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = '$table'::regclass)"),
		"$ddl waits for it");
	$mls->reset;
	like(end_psql($run), qr/55P03: the sync waits for a lock that this transaction holds\nDETAIL:  Process \d+ waits for it as well.*in a transaction of its own/s,
		'the caller does not wait for itself through others');
	is(end_psql($other), '', 'and the other goes on');
}
is(sync_row($node, 'one', 'status'), 'finished', 'the next run');

# Two that look at each other
my $run = held(q{SELECT status FROM mls_sync('one', full => true)});
my ($status, undef, $err) = $node->psql('postgres', q{SET lock_timeout = '20s'; SET client_min_messages = error; DROP EXTENSION mls_fdw CASCADE});
is("$status $err", '0 ', 'the extension is dropped under a run');
$mls->reset;
like(end_psql($run), qr/ERROR/, 'which says that it cannot go on');

done_testing();
