# A replica moves to another PostgreSQL, with pg_upgrade and with a dump: all of it is there
# as it was, and sync, purge and verify go on from where they were.  The older one is that of
# MLS_OLD_INSTALL (test/versions.sh names one), else the same.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $mls = start_mls(listings => 120, fields => 'small');
my $old_install = $ENV{MLS_OLD_INSTALL};

# Whether a cluster has checksums by itself depends on the version; pg_upgrade wants both alike.
my $old = empty_node('old', $old_install ? (install_path => $old_install) : (), checksums => 1);
$old->start;
note 'from ' . $old->safe_psql('postgres', 'SHOW server_version');

# A server can give columns options of its own that another one refuses to read: then
# nobody moves any table from the one to the other.
my $restored = empty_node('restored');
$restored->start;
for my $option (split /\n/, $old->safe_psql('postgres', q{
	CREATE TABLE plain (a integer);
	SELECT option_name FROM pg_attribute, pg_options_to_table(attoptions) WHERE attrelid = 'plain'::regclass GROUP BY 1;
	DROP TABLE plain}))
{
	my (undef, undef, $refusal) = $restored->psql('postgres', qq{BEGIN; CREATE TABLE plain (a integer);
		ALTER TABLE plain ALTER a SET ("$option" = 1); ROLLBACK});
	next unless $refusal =~ /unrecognized parameter/;
	my ($from, $to) = map { $_->safe_psql('postgres', 'SHOW server_version') =~ /^(\S+)/ } $old, $restored;
	plan skip_all => qq{not run: $from writes the option "$option" for the columns of each table, and $to refuses it};
}
$old->safe_psql('postgres', q{CREATE EXTENSION mls_fdw; CREATE ROLE agent LOGIN});
subscribe_property($old, $mls, 'one');
$old->safe_psql('postgres', q{
	SELECT mls_grant('agent'), mls_track('one.property');
	SELECT mls_map_set('Property', 'X_Beds', 'field', ARRAY['BedroomsTotal'], source => 'one');
	COMMENT ON TABLE gold.property IS 'ours'});
is(sync_row($old, 'one', 'status, inserted'), 'finished|120', 'a replica on the old server');
$mls->control('delete', { resource => 'Property', count => 2 });
is($old->safe_psql('postgres', q{SELECT status, deleted FROM mls_purge('one')}), 'finished|2', 'with records that were removed');

# Each row of each table of the extension and of the layers, and who may do what.
my $everything = q{
	SELECT n.nspname || '.' || c.relname,
	       (xpath('/row/h/text()', query_to_xml(format(
	           'SELECT count(*) || '' '' || coalesce(md5(string_agg(t::text, ''|'' ORDER BY t::text COLLATE "C")), '''') AS h FROM %I.%I t',
	           n.nspname, c.relname), false, true, '')))[1],
	       (SELECT md5(string_agg(a::text, ' ' ORDER BY a::text)) FROM unnest(c.relacl) a
	         WHERE a::text NOT LIKE current_user || '=%'),
	       obj_description(c.oid, 'pg_class')
	  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	 WHERE n.nspname IN ('mls', 'bronze', 'silver', 'gold', 'reso') AND c.relkind IN ('r', 'p')
	 ORDER BY 1};
my $before = $old->safe_psql('postgres', $everything);
like($before, qr/^bronze\.one_property\|120 .*^gold\.property\|118 .*ours\n.*^mls\.subscription\|1 /ms, 'has its state');
my $cursor = subscription($old, 'one', 'cursor_timestamp, cursor_key');
like($cursor, qr/^2\d+-.*\|./, 'a cursor');

# The dump is made by the new programs, as PostgreSQL advises.
my $file = "$PostgreSQL::Test::Utils::tmp_check/replica.sql";
command_ok([ $restored->config_data('--bindir') . '/pg_dumpall', '-f', $file, '-d', $old->connstr('postgres') ],
	'dumped whole by the new programs');
$old->stop;
# The superuser is there already; all else has to go in.
my ($status, $out, $err) = $restored->psql('postgres', "\\i $file", on_error_stop => 0);
is(join("\n", grep { !/role "\w+" already exists/ } grep { /ERROR/ } split /\n/, $err), '', 'restored');

my $upgraded = empty_node('upgraded', checksums => 1);
chdir $PostgreSQL::Test::Utils::tmp_check or die $!;
my $old_bin = $old_install ? "$old_install/bin" : $old->config_data('--bindir');
my $new_bin = $upgraded->config_data('--bindir');
command_ok([ "$new_bin/pg_upgrade", '-d', $old->data_dir, '-D', $upgraded->data_dir, '-b', $old_bin, '-B', $new_bin,
		'-s', $upgraded->host, '-p', $old->port, '-P', $upgraded->port ], 'pg_upgrade');
$upgraded->start;

for my $node ($restored, $upgraded)
{
	my $name = $node->name;
	note "$name: " . $node->safe_psql('postgres', 'SHOW server_version');
	is($node->safe_psql('postgres', $everything), $before, "$name: every row is there, and every grant");
	is(subscription($node, 'one', 'cursor_timestamp, cursor_key'), $cursor, "$name: the cursor");
	is($node->safe_psql('postgres', q{SELECT extversion FROM pg_extension WHERE extname = 'mls_fdw'}),
		$node->safe_psql('postgres', q{SELECT default_version FROM pg_available_extensions WHERE name = 'mls_fdw'}),
		"$name: the extension");

	$mls->control('insert', { resource => 'Property', count => 2 });
	my $gone = $mls->control('delete', { resource => 'Property', count => 3 });
	$mls->reset;
	like(sync_row($node, 'one', 'status, inserted, received'), qr/^finished\|\d+\|\d\d?$/, "$name: a sync goes on");
	is(scalar(grep { $_->{path} =~ /Property/ } $mls->requests), 1, "$name: from the cursor, in one request");
	is($node->safe_psql('postgres', q{SELECT status, deleted FROM mls_purge('one')}), 'finished|3', "$name: a purge");
	is(differences($node, $mls, 'one'), 0, "$name: a true copy");
	is($node->safe_psql('postgres', q{SELECT count(*) FROM mls_verify('one') WHERE severity = 'error'}), '0', "$name: verified");
	is($node->safe_psql('postgres', q{SELECT mls_undo(max(run)) FROM mls_history WHERE process = 'purge'}), '3',
		"$name: the purge can be undone");
	is($node->safe_psql('postgres', q{SELECT count(*) FROM gold.property WHERE "X_Beds" IS NOT NULL}),
		$node->safe_psql('postgres', q{SELECT count(*) FROM silver.one_property WHERE bedrooms_total IS NOT NULL}),
		"$name: rules are in force");
	# The source is as before, for the other one.
	$mls->control('restore', { resource => 'Property', keys => $gone->{keys} });
	$node->stop;
}

done_testing();
