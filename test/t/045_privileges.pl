# Who may replicate, who sees it, and with whose privileges it runs.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 300, fields => 'small');
my $url = $mls->url;

sub as
{
	my ($user, $sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql",
		on_error_stop => 1, extra_params => [ '-U', $user ]);
	return "$out$err";
}

$node->safe_psql('postgres', q{
	CREATE ROLE alice LOGIN;
	CREATE ROLE bob LOGIN;
	CREATE ROLE team NOLOGIN;
	CREATE ROLE web LOGIN NOINHERIT IN ROLE team;
	CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
	CREATE SCHEMA lists AUTHORIZATION alice});
$node->safe_psql('postgres', qq{
	CREATE SERVER a FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '$url');
	GRANT USAGE ON FOREIGN SERVER a TO alice;
	CREATE USER MAPPING FOR alice SERVER a OPTIONS (token 'static-token-value');
	CREATE SERVER t FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '$url');
	GRANT USAGE ON FOREIGN SERVER t TO team;
	CREATE USER MAPPING FOR team SERVER t OPTIONS (token 'static-token-value');
	CREATE SCHEMA team AUTHORIZATION team});

sub table
{
	my ($name, $server) = @_;
	return qq{CREATE FOREIGN TABLE $name (
		listing_key text OPTIONS (field 'ListingKey'),
		list_price numeric OPTIONS (field 'ListPrice'),
		city text OPTIONS (field 'City'),
		modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp'))
		SERVER $server OPTIONS (resource 'Property', key 'ListingKey', timestamp 'ModificationTimestamp');};
}

# Nothing by default
is(as('alice', table('lists.property', 'a')), '', 'a role with USAGE on a server makes its own foreign tables');
like(as('alice', q{SELECT mls_subscribe('lists.property')}), qr/42501/, 'but may not subscribe them');
like(as('alice', q{SELECT * FROM mls_sync()}), qr/42501/, 'nor sync');
like(as('alice', q{SELECT mls_grant('alice')}), qr/42501/, 'nor grant itself the right');

# Granted
$node->safe_psql('postgres', q{SELECT mls_grant('alice'), mls_grant('bob'), mls_grant('team')});
like(as('alice', q{SELECT bronze FROM mls_subscribe('lists.property')}), qr/^bronze\.a_property$/,
	'mls_grant lets a role subscribe');
is(as('alice', q{SELECT status, inserted FROM mls_sync()}), 'finished|300', 'and sync');
is(as('alice', q{SELECT bool_and(ok) FROM mls_check('a')}), 't', 'and ask whether its source works');
is($node->safe_psql('postgres', q{
	SELECT string_agg(DISTINCT pg_get_userbyid(relowner), ',') FROM pg_class WHERE relname = 'a_property'}),
	'alice', 'the tables are its own');
like(as('bob', q{SELECT mls_subscribe('lists.property')}), qr/42501.*(must be owner|permission denied)/s,
	'only the owner of a foreign table subscribes it');

# Who sees it
is(as('bob', q{SELECT count(*) FROM mls_status}), '0', 'another role does not see the subscription');
is(as('bob', q{SELECT count(*) FROM mls_history}), '0', 'nor its runs');
like(as('bob', q{SELECT * FROM mls_sync('a')}), qr/no such subscription/, 'nor can it sync it');
like(as('bob', q{UPDATE mls.subscription SET silver = 'pg_class' RETURNING 1}), qr/42501/, 'nor change it');
like(as('bob', q{INSERT INTO mls.subscription (foreign_table, source, resource, owner, bronze, silver, scope_hash)
	VALUES (1259, 'x', 'y', 'alice', 1259, 1259, '')}), qr/42501/, 'nor make one in its name');
is(as('watcher', q{SELECT state FROM mls_status}), 'synced', 'a role with pg_monitor sees the status');
is(as('watcher', q{SELECT count(*) FROM mls_history}), '1', 'and the history');

# A superuser's sync runs with the owner's privileges: a trigger cannot borrow more
is(as('alice', q{
	CREATE TABLE lists.seen (who text, session text);
	CREATE FUNCTION lists.spy() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO lists.seen VALUES (current_user, session_user);
		BEGIN
			SET SESSION AUTHORIZATION DEFAULT;
			INSERT INTO lists.seen VALUES (current_user, 'escaped');
		EXCEPTION WHEN OTHERS THEN
			INSERT INTO lists.seen VALUES (current_user, 'refused');
		END;
		RETURN NULL;
	END $$;
	CREATE TRIGGER spy AFTER INSERT OR UPDATE ON silver.a_property
		FOR EACH STATEMENT EXECUTE FUNCTION lists.spy();}), '', 'a trigger on silver');
$mls->control('update', { resource => 'Property', count => 1, fields => { City => 'Spied' } });
is($node->safe_psql('postgres', q{SELECT status, updated FROM mls_sync('a')}), 'finished|1',
	'a superuser syncs for others, through their user mapping');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT who, ',') FROM lists.seen}), 'alice',
	'the trigger runs as the owner');
is($node->safe_psql('postgres', q{SELECT count(*) FROM lists.seen WHERE session = 'escaped'}), '0',
	'and cannot become the caller');

# A role that cannot log in, as behind PostgREST
is(as('web', 'SET ROLE team;' . table('team.property', 't')), '', 'a NOLOGIN role under a login role');
like(as('web', q{SET ROLE team; SELECT mls_subscribe('team.property')}),
	qr/42501.*gold.*SELECT, INSERT, UPDATE and DELETE.*mls_share_gold\('team'\)/s,
	'is told what it lacks for gold, which belongs to the first');
as('alice', q{SELECT mls_share_gold('team')});
is(as('web', q{SET ROLE team; SELECT id > 0 FROM mls_subscribe('team.property')}), 't', 'subscribes');
is(as('web', q{SET ROLE team; SELECT status, inserted FROM mls_sync('t')}), 'finished|300', 'and syncs');
is($node->safe_psql('postgres', q{SELECT status FROM mls_sync('t')}), 'finished',
	'a superuser syncs for it as well');

# The role of a subscription is dropped: with its tables, or after they were given to another.
for my $how ([ 'dave', 'DROP OWNED BY dave' ], [ 'erin', 'REASSIGN OWNED BY erin TO alice; DROP OWNED BY erin' ])
{
	my ($role, $leave) = @$how;
	$node->safe_psql('postgres', qq{
		CREATE ROLE $role LOGIN; SELECT mls_grant('$role');
		CREATE SERVER of_$role FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '$url', key_prefix '$role-');
		GRANT USAGE ON FOREIGN SERVER of_$role TO $role, alice;
		CREATE USER MAPPING FOR $role SERVER of_$role OPTIONS (token 'static-token-value');
		CREATE SCHEMA $role; GRANT ALL ON SCHEMA $role TO $role});
	as('alice', "SELECT mls_share_gold('$role')");
	as($role, table("$role.property", "of_$role") . "SELECT mls_subscribe('$role.property')");
	is(as($role, q{SELECT status, inserted FROM mls_sync()}), 'finished|300', "$role replicates");
	$node->safe_psql('postgres', "$leave; DROP ROLE $role");
	like(as('postgres', "SELECT * FROM mls_sync('of_$role')"), qr/the owner of the subscription does not exist any more.*mls_unsubscribe\(\)/s,
		"$leave: a sync says so");
	is($node->safe_psql('postgres', "SELECT state, last_error FROM mls_status_detail WHERE source = 'of_$role'"),
		'failed|the owner of the subscription does not exist any more', '... the status as well');
	is($node->safe_psql('postgres', "SELECT status, message FROM mls_history WHERE source = 'of_$role' ORDER BY run DESC LIMIT 1"),
		'failed|the owner of the subscription does not exist any more', '... and the history');
	is($node->safe_psql('postgres', q{SELECT status FROM mls_sync('t')}), 'finished', '... and others go on');
	like(as('alice', "SELECT mls_unsubscribe(foreign_table, true) FROM mls.subscription WHERE source = 'of_$role'; SELECT 'seen', count(*) FROM mls.subscription WHERE source = 'of_$role'"),
		qr/^seen\|0$/, '... another role has no part in it');
	is(as('postgres', "SELECT mls_unsubscribe(foreign_table, drop_data => true) FROM mls.subscription WHERE source = 'of_$role'"), '', '... a superuser ends it');
	is($node->safe_psql('postgres', qq{SELECT (SELECT count(*) FROM mls.subscription WHERE source = 'of_$role'),
		(SELECT count(*) FROM gold.property WHERE mls_source = 'of_$role'), to_regclass('bronze.of_${role}_property'), to_regclass('silver.of_${role}_property')}),
		'0|0||', '... with all that was of it');
}

# The mapping is missing
$node->safe_psql('postgres', q{DROP USER MAPPING FOR alice SERVER a});
like(as('alice', q{SELECT * FROM mls_sync('a')}), qr/28000/, 'without its user mapping the source refuses');

# A standby
$node->safe_psql('postgres', q{CREATE USER MAPPING FOR alice SERVER a OPTIONS (token 'static-token-value')});
$node->append_conf('postgresql.conf', "wal_level = replica\nmax_wal_senders = 4\n");
$node->append_conf('pg_hba.conf', "local replication all trust\n");
$node->restart;
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
like(sql_error($standby, q{SELECT * FROM mls_sync()}), qr/25006.*sync on the primary/s,
	'on a standby mls_sync says where to run it');
like(sql_error($standby, q{SELECT mls_unsubscribe('lists.property')}), qr/25006/, 'and so do the others');
$standby->stop;

$node->stop;
done_testing();
