# What a role can do to others by what it may: control tables, names that others will look
# for, gold that several write, servers it may not use, what is told to who listens.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 60, fields => 'small');
my $url = $mls->url;

sub query
{
	my ($sql, @more) = @_;
	return scalar $node->safe_psql('postgres', $sql, @more);
}

# What a role is told, errors with their SQLSTATE included.
sub as
{
	my ($user, $sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql",
		on_error_stop => 1, extra_params => [ '-U', $user ]);
	return "$out$err";
}

query(qq{
	CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE carol LOGIN;
	CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
	SELECT mls_grant(r::regrole) FROM unnest('{alice,bob,carol,watcher}'::text[]) r});
for (qw(a:alice b:bob))
{
	my ($server, $role) = split /:/;
	query(qq{
		CREATE SERVER $server FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '$url', retries '0', schema_policy 'ignore', key_prefix '$server-');
		GRANT USAGE ON FOREIGN SERVER $server TO $role;
		CREATE USER MAPPING FOR $role SERVER $server OPTIONS (token 'static-token-value');
		CREATE SCHEMA $role AUTHORIZATION $role});
	is(as($role, table("$role.property", $server)), '', "a foreign table of $role");
}

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

# ---- Found by name ----

# A trap: its trigger would run as who writes the table.
as('bob', q{
	CREATE TABLE bronze.a_property (key text PRIMARY KEY, modified_at timestamptz, modified text, record json, fetched_at timestamptz, run_id bigint, deleted_at timestamptz, parent text);
	CREATE SEQUENCE bob.caught;
	GRANT USAGE ON SCHEMA bob TO PUBLIC;
	CREATE FUNCTION bob.catch() RETURNS trigger LANGUAGE plpgsql SECURITY INVOKER AS $$
	BEGIN
		IF current_user <> 'bob' THEN PERFORM nextval('bob.caught'); END IF;
		RETURN new;
	END $$;
	GRANT ALL ON bob.caught TO PUBLIC;
	CREATE TRIGGER catch BEFORE INSERT ON bronze.a_property FOR EACH ROW EXECUTE FUNCTION bob.catch();
	GRANT ALL ON bronze.a_property TO alice});
like(as('alice', q{SELECT mls_subscribe('alice.property')}), qr/42501.*table bronze\.a_property exists and belongs to role "bob".*mls_fdw\.bronze_schema/s,
	'a table of another that has the name wanted is not taken, and whose it is is said');
as('bob', q{DROP TABLE bronze.a_property; CREATE TABLE silver.a_property (listing_key text PRIMARY KEY); GRANT ALL ON silver.a_property TO alice});
like(as('alice', q{SELECT mls_subscribe('alice.property')}), qr/42501.*table silver\.a_property exists and belongs to role "bob"/s, 'nor in silver');
as('bob', q{DROP TABLE silver.a_property});
as('alice', q{CREATE TABLE silver.a_property (listing_key text PRIMARY KEY); GRANT TRIGGER ON silver.a_property TO bob});
as('bob', q{CREATE TRIGGER catch BEFORE INSERT ON silver.a_property FOR EACH ROW EXECUTE FUNCTION bob.catch()});
like(as('alice', q{SELECT mls_subscribe('alice.property')}), qr/42501.*table silver\.a_property runs code of role "bob".*trigger catch/s,
	'an own table with a trigger of another is not taken');
as('alice', q{DROP TABLE silver.a_property});
as('alice', q{CREATE TABLE silver.a_property (listing_key text PRIMARY KEY)});
like(as('alice', q{SELECT mls_subscribe('alice.property')}), qr/^\(\d+,bronze\.a_property,silver\.a_property,gold\.property\)/, 'an own table is');
is(as('alice', q{SELECT status, inserted FROM mls_sync()}), 'finished|60', 'and synced');

# ---- Gold that is shared ----

like(as('bob', q{SELECT mls_subscribe('bob.property')}), qr/42501.*permission denied for gold table gold\.property.*role "alice".*SELECT mls_share_gold\('bob'\)/s,
	'gold of another: who can share it, and how');
like(as('bob', q{SELECT mls_share_gold('bob')}), qr/there is no table of gold that is yours to share/, 'not who wants it');
is(as('alice', q{SELECT mls_share_gold('bob')}), 'gold.property', 'its owner shares it');
like(as('bob', q{SELECT mls_subscribe('bob.property')}), qr/gold\.property\)/, 'then another subscribes');
is(as('bob', q{SELECT status, inserted FROM mls_sync()}), 'finished|60', 'and syncs');
is(query(q{SELECT string_agg(n::text, ' ') FROM (SELECT count(*) AS n FROM gold.property GROUP BY mls_source) s}), '60 60', 'into one table');

# The owner of gold puts his code there: it would run as the other.
as('alice', q{
	CREATE SEQUENCE alice.caught;
	GRANT USAGE ON SCHEMA alice TO PUBLIC; GRANT ALL ON alice.caught TO PUBLIC;
	CREATE FUNCTION alice.catch() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF current_user <> 'alice' THEN PERFORM nextval('alice.caught'); END IF;
		RETURN new;
	END $$;
	CREATE FUNCTION alice.see() RETURNS boolean LANGUAGE plpgsql AS $$
	BEGIN
		IF current_user <> 'alice' THEN PERFORM nextval('alice.caught'); END IF;
		RETURN true;
	END $$});
my %traps = (
	'trigger catch' => [ q{CREATE TRIGGER catch BEFORE INSERT OR UPDATE ON gold.property FOR EACH ROW EXECUTE FUNCTION alice.catch()}, q{DROP TRIGGER catch ON gold.property} ],
	'policy see' => [ q{ALTER TABLE gold.property ENABLE ROW LEVEL SECURITY; CREATE POLICY see ON gold.property USING (alice.see())}, q{ALTER TABLE gold.property DISABLE ROW LEVEL SECURITY; DROP POLICY see ON gold.property} ],
	'default of column seen' => [ q{ALTER TABLE gold.property ADD COLUMN seen boolean DEFAULT alice.see()}, q{ALTER TABLE gold.property DROP COLUMN seen} ],
	'constraint see' => [ q{ALTER TABLE gold.property ADD CONSTRAINT see CHECK (alice.see())}, q{ALTER TABLE gold.property DROP CONSTRAINT see} ]);
for my $trap (sort keys %traps)
{
	is(as('alice', $traps{$trap}[0]), '', "$trap on gold");
	$mls->control('touch', { resource => 'Property', count => 5 });
	like(as('bob', q{SELECT * FROM mls_sync('b')}), qr/42501.*table gold\.property runs code of role "alice".*\Q$trap\E/s, "$trap: another's sync refuses");
	like(as('bob', q{SELECT * FROM mls_compare('b', 'Property', 'LK00000001')}), qr/42501.*runs code of role "alice"/s, "$trap: so does what reads");
	like(as('postgres', q{SELECT * FROM mls_sync('b')}), qr/42501.*runs code of role "alice"/s, "$trap: whoever calls");
	is(as('alice', q{SELECT status FROM mls_sync()}), 'finished', "$trap: the owner's own goes on");
	as('alice', $traps{$trap}[1]);
	is(as('bob', q{SELECT status FROM mls_sync('b')}), 'finished', "$trap: without it all is well");
}
is(query(q{SELECT is_called FROM alice.caught}), 'f', 'no code of the one ran as the other');
is(query(q{SELECT is_called FROM bob.caught}), 'f', 'nor the reverse');
is(as('alice', q{SELECT mls_share_gold('bob', share => false)}), 'gold.property', 'shared no more');
$mls->control('update', { resource => 'Property', count => 3, fields => { City => 'Moved' } });
like(as('bob', q{SELECT * FROM mls_sync('b', 'Property')}), qr/permission denied for (table|relation) property/, 'and the other writes there no more');
as('alice', q{SELECT mls_share_gold('bob')});

# A superuser does not give himself away by subscribing what is another's.
as('bob', table('bob.office', 'b') =~ s/'Property', key 'ListingKey'/'Office', key 'OfficeKey'/r =~ s/listing_key text OPTIONS \(field 'ListingKey'\)/office_key text OPTIONS (field 'OfficeKey')/r);
query(q{SELECT mls_subscribe('bob.office')});
is(query(q{SELECT owner, (SELECT relowner::regrole FROM pg_class WHERE oid = silver) FROM mls.subscription WHERE foreign_table = 'bob.office'::regclass}), 'bob|bob',
	'a subscription is of the role that owns the foreign table, whoever calls');

# ---- Control tables ----

is(query(q{
	SELECT string_agg(c.oid::regclass::text, ' ') FROM pg_class c
	 WHERE c.relnamespace = 'mls'::regnamespace AND c.relkind IN ('r', 'v', 'S')
	   AND (has_table_privilege('bob', c.oid, 'INSERT') OR has_table_privilege('bob', c.oid, 'UPDATE') OR has_table_privilege('bob', c.oid, 'DELETE')
	        OR has_table_privilege('bob', c.oid, 'TRUNCATE') OR has_table_privilege('bob', c.oid, 'TRIGGER') OR has_any_column_privilege('bob', c.oid, 'UPDATE'))}), '',
	'a role with mls_grant can write no control table');
is(query(q{
	SELECT string_agg(p.oid::regprocedure::text, ' ') FROM pg_proc p
	 WHERE p.proargnames[1] = 'caller' AND has_function_privilege('bob', p.oid, 'EXECUTE')}), '', 'nor call in the name of others');
is(query(q{SELECT count(*) > 5 FROM pg_proc WHERE proargnames[1] = 'caller' AND pronamespace = 'mls'::regnamespace}), 't', 'though there is what could be called so');
is(query(q{
	SELECT string_agg(p.polname || ' on ' || p.polrelid::regclass, ' ') FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
	 WHERE c.relnamespace = 'mls'::regnamespace AND p.polcmd <> 'r'}), '', 'row security there is for readers');
query(q{CREATE TABLE public.victim (id integer)});
like(as('bob', q{UPDATE mls.subscription SET silver = 'public.victim' WHERE source = 'b'}), qr/42501: permission denied for table subscription/, 'nobody says which tables are his');
query(q{UPDATE mls.subscription SET silver = 'public.victim' WHERE foreign_table = 'bob.office'::regclass});
like(as('postgres', q{SELECT mls_unsubscribe('bob.office', true)}), qr/42501.*the silver table public\.victim does not belong to the owner of its subscription/s,
	'what a subscription names must be its owner\'s');
is(query(q{SELECT to_regclass('public.victim') IS NOT NULL}), 't', 'so a stranger\'s table is not dropped');
query(q{UPDATE mls.subscription SET silver = 'silver.b_office' WHERE foreign_table = 'bob.office'::regclass});
like(as('bob', q{INSERT INTO mls.run (subscription, process, status) SELECT id, 'sync', 'finished' FROM mls.subscription}), qr/42501/, 'run rows are not forged');
like(as('bob', q{UPDATE mls.run SET status = 'finished'}), qr/42501/, 'nor changed');
like(as('carol', q{INSERT INTO mls.told (source, address) VALUES ('a', 'x')}), qr/42501/, 'nor what a source has told');
my $run = query(q{SELECT max(run) FROM mls_history WHERE source = 'a'});
my $id = query(q{SELECT id FROM mls.subscription WHERE source = 'a'});
is(as('watcher', q{SELECT count(*) > 3 FROM mls_history}), 't', 'a monitor sees');
for my $call ("mls_undo($run)", q{mls_unsubscribe('alice.property')}, q{mls_rebuild('alice.property')}, q{mls_track('alice.property')},
	"mls.count_local($id)", "mls.count_remote($id)", "mls.as_owner($id, 'SELECT to_jsonb(1)')", q{mls.as_role('alice', 'SELECT to_jsonb(1)')},
	q{mls_source_accept('a')}, q{mls_schema_check('a')}, q{mls_schema_accept('a')}, q{mls_map_explain('alice.property')}, q{mls.prepare_gold('alice.property')})
{
	like(as('watcher', "SELECT $call"), qr/42501|42704|42809/, "and does not do: $call");
}
as('watcher', "SELECT mls.note_tracking($id, true), mls.note_remote_rows($id, 7), mls.forget('runs', now() + interval '1 day'), mls.note_rename('a', 'x')");
is(query(qq{SELECT track_changes, remote_rows IS DISTINCT FROM 7, (SELECT count(*) > 1 FROM mls.run WHERE subscription = $id) FROM mls.subscription WHERE id = $id}), 'f|t|t', 'nor changes what is noted');
like(as('watcher', q{SELECT mls.note_rename('a', 'x')}), qr/42501/, 'nor renames a source');

# What functions write for who may.
is(as('bob', q{SELECT count(*) FROM mls_verify('b', 2) WHERE severity = 'error'}), '0', 'a role with mls_grant verifies its copy');
is(as('alice', q{SELECT count(*) FROM mls.verification}) . as('bob', q{SELECT count(*), bool_and(finished_at IS NOT NULL) FROM mls.verification}), '01|t', 'which is its own');
my $verification = query(q{SELECT max(id) FROM mls.verification});
like(as('bob', "SELECT mls.add_finding($verification, 'error', 'x', 'x', 'x', 1, 'x')"), qr/42704: there is no open verification/, 'and ended');
is(as('bob', q{SELECT count(*) FROM mls_quality}) > 3, 1, 'with its measures');
is(as('bob', q{SELECT mls.note_schedule('b', 'sync', '*/15 * * * *'); SELECT source, role FROM mls.schedule}), "\nb|bob", 'a schedule is of who made it');
as('bob', q{SELECT mls.note_schedule('b', NULL, NULL)});
is(as('bob', q{SELECT count(*) FROM mls.schedule; SELECT sum(removed) FROM mls_prune()}), "0\n0", 'and taken back; a role prunes its own');
is(as('bob', q{SELECT source, remote_rows, difference FROM mls_count('b', 'Property')}), 'b|60|0', 'it counts');

# Whoever asks a source for a subscription does so with its owner's login, as its runs do.
is(query(q{SELECT count(*) FROM pg_user_mappings WHERE usename = 'postgres' OR umuser = 0}), '0', 'a superuser without a login of his own');
for my $call (q{mls_schema_check('b')}, q{mls_schema_accept('b')})
{
	$mls->reset;
	unlike(as('postgres', "SELECT * FROM $call"), qr/ERROR/, "$call by a superuser");
	cmp_ok(scalar(grep { $_->{path} =~ /metadata/ } $mls->requests), '>', 0, 'asks the source');
}

# ---- The change log ----

as('alice', q{SELECT * FROM mls_sync('a'); SELECT mls_track('alice.property')});
$mls->control('update', { resource => 'Property', count => 2, fields => { City => 'Changed' } });
as('alice', q{SELECT * FROM mls_sync()});
is(as('alice', q{SELECT kind, count(*), bool_and(fields ? 'City'), bool_and(run IS NOT NULL) FROM mls.change GROUP BY 1}), 'update|2|t|t', 'changes are logged');
as('alice', q{DELETE FROM gold.property WHERE mls_source_key = 'LK00000005' AND mls_source = 'a'});
is(as('alice', q{SELECT kind, key, fields #>> '{City,old}' IS NOT NULL, run IS NULL FROM mls.change ORDER BY position DESC LIMIT 1}), 'delete|LK00000005|t|t', 'those of people as well');
as('bob', qq{
	CREATE TABLE bob.fake (mls_source text, mls_source_key text);
	CREATE TRIGGER fake AFTER INSERT ON bob.fake REFERENCING NEW TABLE AS mls_new FOR EACH STATEMENT EXECUTE FUNCTION mls.log_changes('$id');
	INSERT INTO bob.fake VALUES ('a', 'forged')});
is(query(q{SELECT count(*) FROM bob.fake}) . query(q{SELECT count(*) FROM mls.change WHERE key = 'forged'}), '10', 'and are not forged by the trigger on a table of another\'s own');

# ---- Servers ----

query(qq{CREATE SERVER c FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '$url');
	CREATE SCHEMA carol AUTHORIZATION carol; } . table('carol.property', 'c') . q{ ALTER FOREIGN TABLE carol.property OWNER TO carol});
like(as('carol', q{SELECT mls_subscribe('carol.property')}), qr/42501: permission denied for foreign server c/, 'without USAGE on a server nobody subscribes');
is(query(q{SELECT count(*) FROM mls.subscription WHERE source = 'c'}), '0', 'and so nobody keeps others from it');
query(q{REVOKE USAGE ON FOREIGN SERVER b FROM bob});
like(as('bob', q{SELECT * FROM mls_sync('b', 'Property')}), qr/42501.*permission denied for foreign server b/s, 'who lost it syncs no more');
query(q{GRANT USAGE ON FOREIGN SERVER b TO bob});
is(as('bob', q{SELECT status FROM mls_sync('b', 'Property')}), 'finished', 'until it is back');

# ---- What is told to all ----

my $listener = $node->background_psql('postgres', extra_params => [ '-U', 'carol' ]);
$listener->query_safe('LISTEN mls');
as('alice', q{SELECT * FROM mls_sync()});
my @told = $listener->query_safe('SELECT 1') =~ /Asynchronous notification "mls" with payload "(.*)" received/g;
is(join(' ', @told), join(' ', map { qq({"event" : "$_", "source" : "a", "resource" : "Property"}) } qw(started finished)),
	'who listens hears that something has become of a resource, and no more');
as('bob', q{NOTIFY mls, 'anything'});
like($listener->query_safe('SELECT 1'), qr/"mls" with payload "anything"/, 'but not that it is true');
$listener->quit;

# A superuser who has become the role is not to be had back by its triggers.
as('alice', q{
	CREATE FUNCTION alice.back() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		RESET ROLE;
		PERFORM nextval('alice.caught');
		RETURN NULL;
	EXCEPTION WHEN OTHERS THEN RETURN NULL;
	END $$;
	CREATE TRIGGER back AFTER DELETE OR INSERT ON silver.a_property FOR EACH STATEMENT EXECUTE FUNCTION alice.back()});
query(q{SET ROLE alice; SELECT mls_rebuild('alice.property'); SELECT * FROM mls_sync('a', full => true)});
is(query(q{SELECT is_called FROM alice.caught}), 'f', 'SET ROLE is no way back for what runs beneath a function');
as('alice', q{SELECT mls_rebuild('alice.property')});
is(query(q{SELECT is_called FROM alice.caught}), 't', 'the owner himself, logged in, is not restricted');
is(query(q{
	SELECT string_agg(d.objid::regproc::text, ' ') FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
	 WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e' AND p.prosecdef
	   AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'mls_fdw')}), 'mls.is_replicated', 'one function is SECURITY DEFINER');

$mls->stop;
$node->stop;
done_testing();
