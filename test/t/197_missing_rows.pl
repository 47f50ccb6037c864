# Rows of bronze, silver and gold that their owner takes out himself, before a run or
# between two of its pages: no run says that it is finished while they are not there.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 400, fields => 'small');
my %layer = (bronze => 'bronze.%s_property', silver => 'silver.%s_property', gold => 'gold.property');
my $number = 0;

# A source of its own; all keys are in gold once for each.
sub new_source
{
	my $name = 's' . ++$number;
	subscribe_property($node, $mls, $name, page_size => 100, key_prefix => "$name-", @_);
	return $name;
}

sub gold_rows
{
	my ($name) = @_;
	return $node->safe_psql('postgres', "SELECT count(*) FROM gold.property WHERE mls_source = '$name'");
}

sub health
{
	return $node->safe_psql('postgres', q{SELECT level || ': ' || message FROM mls_health() WHERE item = 'tables'});
}

sub is_true_copy
{
	my ($name, $what) = @_;
	is(differences($node, $mls, $name) . ' ' . gold_rows($name), '0 400', "$what: a true copy, and all of it in gold");
	is($node->safe_psql('postgres', "SELECT local_rows FROM mls.subscription WHERE source = '$name'"), '400', "$what: counted");
	return;
}

# Runs SQL while a sync, so many pages of which are committed, waits for the source; returns how it ends.
sub meanwhile
{
	my ($name, $pages, $call, $sql) = @_;
	$mls->reset;
	$mls->fault(kind => 'stall', resource => 'Property', skip => $pages, times => 1);
	my $run = start_psql($node, $call);
	ok($node->poll_query_until('postgres', qq{SELECT count(*) = 1 FROM pg_stat_activity a WHERE backend_type LIKE 'mls_fdw %'
		AND xact_start IS NULL AND query LIKE 'mls sync $name Property: page $pages,%'}), "$call waits after page $pages");
	$node->safe_psql('postgres', $sql);
	$mls->reset;
	return end_psql($run);
}

for my $layer (qw(bronze silver gold))
{
	for my $how ('TRUNCATE %s', 'DELETE FROM %s')
	{
		my $name = new_source();
		my $sql = sprintf $how, sprintf $layer{$layer}, $name;
		my $what = "$sql in a first load";
		next if $layer eq 'gold' && $how =~ /DELETE/;
		my $end = meanwhile($name, 2, "SELECT status FROM mls_sync('$name')", $sql);
		if ($layer eq 'gold')
		{
			is($end, "finished\n", "$what: finishes");
			like(last_run($node, $name, 'note'), qr/gold was emptied or rewritten meanwhile: 400 records were mapped again/, "$what: says what it has done");
		}
		else
		{
			like($end, qr/tables of resource "Property" of source "$name" have lost rows/, "$what: fails, and says why");
			is(last_run($node, $name, 'status'), 'failed', "$what: in the history as well");
			is(sync_row($node, $name, 'status'), 'finished', "$what: the next run");
		}
		is_true_copy($name, $what);
	}
}

# Between two runs
for my $layer (qw(bronze silver gold))
{
	my $name = new_source();
	is(sync_row($node, $name, 'status'), 'finished', 'a run');
	my $sql = sprintf "TRUNCATE $layer{$layer}", $name;
	$node->safe_psql('postgres', $sql);
	my ($status, $out, $err) = $node->psql('postgres', "SELECT status FROM mls_purge('$name')");
	is("$out$err", 'finished', 'a purge of what has other rows missing than those of gold') if $layer eq 'gold';
	like("$out$err", qr/have lost rows/, "$sql: a purge is not finished") if $layer ne 'gold';
	is(sync_row($node, $name, 'status'), 'finished', "$sql: the next run");
	is_true_copy($name, "$sql between two runs");
}

# Rewriting a table takes no row out of it
my $name = new_source();
my $end = meanwhile($name, 2, "SELECT status FROM mls_sync('$name')",
	"VACUUM FULL bronze.${name}_property; VACUUM FULL silver.${name}_property; VACUUM FULL gold.property");
is($end, "finished\n", 'VACUUM FULL of all three meanwhile');
is_true_copy($name, 'VACUUM FULL');
$mls->reset;
$node->safe_psql('postgres', "VACUUM FULL bronze.${name}_property");
is(sync_row($node, $name, 'status, inserted, updated, received < 400, message'), 'finished|0|0|t|', 'and before the next run, which reads nothing again');

# Tables that are dropped: whatever of them, the next sync has them full, and until then it is said.
for my $layers (qw(bronze silver gold bronze,silver bronze,gold silver,gold bronze,silver,gold))
{
	my $name = new_source();
	sync_row($node, $name, 'status');
	$node->safe_psql('postgres', q{SET client_min_messages = error; DROP TABLE } . join(', ', map { sprintf $layer{$_}, $name } split /,/, $layers) . ' CASCADE');
	my $what = "$layers dropped";
	unlike(health(), qr/^ok/, "$what: said");
	if ($layers ne 'gold')
	{
		like(sql_error($node, "SELECT * FROM mls_sync('$name')"), qr/was dropped.*mls_subscribe\(\)/s, "$what: a sync says how to go on");
		$node->safe_psql('postgres', "SET client_min_messages = error; SELECT mls_subscribe('$name.property')");
		unlike(health(), qr/^ok/, "$what: said as long as rows are missing") if $layers =~ /silver/ && $layers !~ /bronze/;
	}
	is(sync_row($node, $name, 'status'), 'finished', "$what: the next run");
	is_true_copy($name, $what);
	$node->safe_psql('postgres', "SELECT count(*) FROM mls_sync()") if $layers =~ /gold/;
	is(health(), 'ok: every subscription has its tables, with their rows', "$what: all is well again");
}

# With a rule that has changed meanwhile, and after processes that fill nothing
$name = new_source();
sync_row($node, $name, 'status');
$node->safe_psql('postgres', qq{SET client_min_messages = error; DROP TABLE silver.${name}_property; SELECT mls_subscribe('$name.property');
	SELECT mls_map_set('Property', 'X_Town', 'field', '{City}', source => '$name');
	SELECT count(*) FROM mls_purge('$name'); SELECT count(*) FROM mls_reconcile('$name')});
is(sync_row($node, $name, 'status'), 'finished', 'a silver table made anew, and a rule');
is_true_copy($name, 'a silver table made anew, and a rule');
is($node->safe_psql('postgres', qq{SELECT count("X_Town") > 0 FROM gold.property WHERE mls_source = '$name'}), 't', 'which is followed');

# A table that was emptied is seen before a run comes upon it; one that was rewritten has lost nothing.
for my $layer (qw(bronze silver))
{
	$node->safe_psql('postgres', sprintf "VACUUM FULL $layer{$layer}", $name);
	like(health(), qr/^ok/, "$layer rewritten");
	$node->safe_psql('postgres', sprintf "TRUNCATE $layer{$layer}", $name);
	is(health(), "warning: rows are missing until the next sync, which makes them again, of: $name.Property", "$layer emptied");
	sync_row($node, $name, 'status');
	like(health(), qr/^ok/, "$layer filled");
}

done_testing();
