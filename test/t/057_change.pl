# The change log: what a sync changes in gold, in the order of commits.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 300, fields => 'small');
subscribe_property($node, $mls, 'one');
subscribe_property($node, $mls, 'two', key_prefix => 'T:');

like(sql_error($node, q{SELECT mls_track('pg_class')}), qr/42704.*not subscribed/s, 'only what is subscribed');
sync_row($node, 'one', 'status');
is($node->safe_psql('postgres', q{SELECT count(*) FROM mls.change}), '0', 'off until it is asked for');

$node->safe_psql('postgres', q{SELECT mls_track('one.property')});
sync_row($node, 'one', 'status');
is($node->safe_psql('postgres', q{SELECT count(*) FROM mls.change}), '0', 'nothing changed, nothing logged');
$mls->control('update', { resource => 'Property', count => 1, fields => { City => 'Elsewhere' } });
$mls->control('insert', { resource => 'Property', count => 2 });
sync_row($node, 'one', 'status');
sync_row($node, 'two', 'status');
is($node->safe_psql('postgres', q{SELECT kind, count(*), count(fields) FROM mls.change GROUP BY 1 ORDER BY 1}),
	"insert|2|0\nupdate|1|1", 'an update and inserts, of this source only');
is($node->safe_psql('postgres', q{
	SELECT c.source, c.resource, c.run = (SELECT max(r.id) FROM mls.run r JOIN mls.subscription s ON s.id = r.subscription WHERE s.source = 'one'),
	       c.fields->'City'->>'new', c.fields->'City'->>'old' IS DISTINCT FROM 'Elsewhere', c.fields ? 'ListPrice',
	       c.fields ? 'ModificationTimestamp', g."ListingKey" = c.key
	FROM mls.change c JOIN gold.property g ON g.mls_source_key = c.key AND g.mls_source = c.source
	WHERE kind = 'update'}), 'one|Property|t|Elsewhere|t|f|t|t', 'only what changed, old and new');
$node->safe_psql('postgres', q{DELETE FROM gold.property WHERE "ListingKey" = 'LK00000003'});
is($node->safe_psql('postgres', q{
	SELECT kind, key, run IS NULL, fields->'ListingKey'->>'old', fields->'ListingKey'->'new'
	FROM mls.change ORDER BY position DESC LIMIT 1}), 'delete|LK00000003|t|LK00000003|null', 'a deletion, with what is gone');

# Commit order: the second writer gets its numbers after the first has committed
my $first = $node->background_psql('postgres');
$first->query_safe(q{BEGIN});
$first->query_safe(q{UPDATE gold.property SET "City" = 'First' WHERE "ListingKey" = 'LK00000005'});
my $second = start_psql($node, q{UPDATE gold.property SET "City" = 'Second' WHERE "ListingKey" = 'LK00000006'});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted});
$first->query_safe(q{COMMIT});
end_psql($second);
is($node->safe_psql('postgres', q{
	SELECT string_agg(fields->'City'->>'new', ',' ORDER BY position), bool_and(kind = 'update')
	FROM (SELECT * FROM mls.change ORDER BY position DESC LIMIT 2) c}), 'First,Second|t', 'numbers follow commits');
$first->quit;

# A reader that goes on from the last position it has seen misses nothing, while
# transactions of all lengths are committed or rolled back around it
my $script = "$PostgreSQL::Test::Utils::tmp_check/writer.sql";
open my $out, '>', $script or die "$script: $!";
print $out q{\set key random(10, 290)
\set wait random(0, 20)
\set end random(1, 5)
BEGIN;
UPDATE gold.property SET "City" = 'C' || random() WHERE "ListingKey" = 'LK' || lpad(:key::text, 8, '0');
SELECT pg_sleep(:wait / 1000.0);
\if :end = 1
ROLLBACK;
\else
COMMIT;
\endif
};
close $out;
$node->safe_psql('postgres', q{
	CREATE TABLE seen (position bigint);
	INSERT INTO seen SELECT max(position) FROM mls.change});
my $rows_before = $node->safe_psql('postgres', 'SELECT count(*) FROM mls.change');
my ($told, $warned) = ('', '');
my $writers = IPC::Run::start(
	[ 'pgbench', '-n', '-c', '8', '-T', '5', '-f', $script, $node->connstr('postgres') ],
	'<', \undef, '>', \$told, '2>', \$warned, IPC::Run::timeout(60));
my $reader = $node->background_psql('postgres');
my $read = q{INSERT INTO seen SELECT position FROM mls.change WHERE position > (SELECT max(position) FROM seen)};
my $readings = 0;
while ($writers->pumpable)
{
	$reader->query_safe($read);
	$readings++;
	$writers->pump_nb;
}
ok($writers->finish, 'writers end well') or diag($told, $warned);
$reader->query_safe($read);
$reader->quit;
cmp_ok($readings, '>', 20, 'the reader has read often');
is($node->safe_psql('postgres', q{
	SELECT count(*) > 100, count(*) FILTER (WHERE s.position IS NULL)
	FROM mls.change c LEFT JOIN seen s USING (position)
	WHERE c.position > (SELECT min(position) FROM seen)}), 't|0', 'and has missed no change');

# Retention and the end
$node->safe_psql('postgres', q{UPDATE mls.change SET at = at - interval '40 days' WHERE kind = 'insert'});
is($node->safe_psql('postgres', q{SELECT removed FROM mls_prune() WHERE what = 'changes'}), '2', 'pruned by age');
my $triggers = q{SELECT string_agg(tgname, ',' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = 'gold.property'::regclass};
my ($one, $two) = map { subscription($node, $_, 'id') } 'one', 'two';
$node->safe_psql('postgres', q{SELECT mls_track('two.property')});
$node->safe_psql('postgres', q{SELECT mls_track('one.property', false)});
is($node->safe_psql('postgres', $triggers),
	"mls_change_${two}_delete,mls_change_${two}_insert,mls_change_${two}_update",
	'switched off, no trigger stays, and those of another source do');
$node->safe_psql('postgres', q{SELECT mls_track('one.property')});
$node->safe_psql('postgres', q{SELECT mls_unsubscribe('two.property', drop_data => true)});
is($node->safe_psql('postgres', $triggers),
	"mls_change_${one}_delete,mls_change_${one}_insert,mls_change_${one}_update",
	'whoever unsubscribes takes the triggers along');
is($node->safe_psql('postgres', q{SELECT count(*) FROM mls.change WHERE source = 'two' AND kind = 'delete'}), '302',
	'and what went is logged');
$node->safe_psql('postgres', q{SET client_min_messages = error; DROP TABLE gold.property CASCADE});
$node->safe_psql('postgres', q{SET client_min_messages = error; SELECT mls_subscribe('one.property')});
like($node->safe_psql('postgres', $triggers), qr/^mls_change_${one}_delete/, 'a table of gold made anew has them');
$node->safe_psql('postgres', q{SET client_min_messages = error; DROP SERVER one CASCADE; DROP SERVER two CASCADE; DROP EXTENSION mls_fdw});
is($node->safe_psql('postgres', $triggers), '', 'they do not outlive the extension');

$node->stop;
done_testing();
