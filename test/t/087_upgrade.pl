# Upgrades.  A version that is released stays as a script in the folder releases, with
# a script that leads to the next: after an upgrade everything is as after a new
# installation.
use strict;
use warnings;

use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $tree = $ENV{MLS_TREE};
my $node = new_node('main');
my ($version) = split /\n/, $node->safe_psql('postgres',
	q{SELECT default_version FROM pg_available_extensions WHERE name = 'mls_fdw'});
my %frozen = map { (/mls_fdw--([0-9.]+)\.sql$/)[0] => $_ } grep { /mls_fdw--[0-9.]+\.sql$/ } glob "$tree/releases/*.sql";

# What the extension consists of, with definitions, owners' grants and comments
sub objects
{
	my ($database) = @_;
	return $node->safe_psql($database, q{
		SELECT o.type || ' ' || o.identity || ' ' || coalesce(obj_description(d.objid, d.classid::regclass::name), '')
		       || ' ' || coalesce(pg_get_functiondef(p.oid) || coalesce(p.proacl::text, ''), '')
		       || ' ' || coalesce(pg_get_viewdef(v.oid), '') || coalesce(c.relacl::text, '')
		       || ' ' || coalesce((SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod),
		                                  a.attnotnull, pg_get_expr(f.adbin, f.adrelid), col_description(c.oid, a.attnum)), ', ' ORDER BY a.attname)
		                    FROM pg_attribute a LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
		                   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '')
		       || ' ' || coalesce((SELECT string_agg(pg_get_constraintdef(k.oid), ', ' ORDER BY k.conname)
		                    FROM pg_constraint k WHERE k.conrelid = c.oid), '')
		       || ' ' || coalesce((SELECT string_agg(concat_ws(' ', y.polname, y.polcmd, pg_get_expr(y.polqual, y.polrelid)), ', ' ORDER BY y.polname)
		                    FROM pg_policy y WHERE y.polrelid = c.oid), '')
		       || ' ' || coalesce((SELECT string_agg(pg_get_triggerdef(t.oid), ', ' ORDER BY t.tgname)
		                    FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal), '')
		       || ' ' || coalesce(array_position(e.extconfig, c.oid) IS NOT NULL, false)
		  FROM pg_extension e
		  JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
		 CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) o
		  LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
		  LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
		  LEFT JOIN pg_class v ON v.oid = c.oid AND v.relkind = 'v'
		 WHERE e.extname = 'mls_fdw'
		 ORDER BY 1});
}

my $fresh = objects('postgres');
cmp_ok(scalar(split /\n/, $fresh), '>', 100, 'a new installation has objects');

# A version is frozen when it is released, and not changed after that.
my $released = slurp_file("$tree/CHANGELOG.md") !~ /^## \Q$version\E \(unreleased\)$/m;
is(exists $frozen{$version} ? 1 : 0, $released ? 1 : 0, "version $version is frozen if it is released");
if ($released)
{
	my ($sharedir) = run_command([ 'pg_config', '--sharedir' ]);
	is(slurp_file("$sharedir/extension/mls_fdw--$version.sql"), slurp_file($frozen{$version}),
		'what is built is what was released');
}

for my $from (sort grep { $_ ne $version } keys %frozen)
{
	$node->safe_psql('postgres', 'CREATE DATABASE upgrade');
	$node->safe_psql('upgrade', "CREATE EXTENSION mls_fdw VERSION '$from'; ALTER EXTENSION mls_fdw UPDATE");
	is(objects('upgrade'), $fresh, "an upgrade from $from leads to what a new installation is");
	$node->safe_psql('postgres', 'DROP DATABASE upgrade');
}

$node->stop;
done_testing();
