# A list of keys that was interrupted goes on where it stopped, if it still can.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 1000, fields => 'small');

# Requests for pages of keys that a process needs, and what it says.
sub listing
{
	my ($process) = @_;
	my $before = () = $mls->requests;
	my $row = $node->safe_psql('postgres', "SELECT status, listed, message FROM mls_$process('one')");
	my @all = $mls->requests;
	return ($row, scalar grep { $_->{path} =~ /Property/ && $_->{status} == 200 } @all[ $before .. $#all ]);
}

# Fails at the seventh page of keys.
sub interrupt
{
	my ($process) = @_;
	$mls->fault(kind => 'status', status => 500, resource => 'Property', skip => 6, times => 1);
	isnt(sql_error($node, "SELECT * FROM mls_$process('one')"), '', "$process is interrupted");
	return;
}

subscribe_property($node, $mls, 'one', page_size => 100, key_page_size => 100, retries => 0);
sync_row($node, 'one', 'status');
$mls->control('delete', { resource => 'Property', count => 20 });
my ($row, $whole) = listing('reconcile');
cmp_ok($whole, '>=', 10, 'a whole list');

interrupt('purge');
is($node->safe_psql('postgres', q{SELECT listing_process, listing_listed FROM mls.subscription}), 'purge|600', 'the position is kept');
($row, my $rest) = listing('purge');
like($row, qr/^finished\|980\|went on with an interrupted list of 600 keys/, 'the next run goes on');
cmp_ok($rest, '<', $whole - 4, 'and does not ask for what it has');
is(differences($node, $mls, 'one'), 0, 'it removes what is gone');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_class WHERE relname LIKE 'mls\_listing%'}), 0, 'and leaves no table');

# What another process has begun, or one that asked for something else, is no use
interrupt('purge');
($row, $rest) = listing('reconcile');
is($row, 'finished|980|', 'another process begins anew');
is($rest, $whole, 'with the first page');
interrupt('reconcile');
$node->safe_psql('postgres', q{UPDATE mls.subscription SET listing_began = listing_began - interval '2 days'});
is((listing('reconcile'))[0], 'finished|980|', 'a list that is too old is begun anew');
interrupt('reconcile');
$node->stop('immediate');
$node->start;
is((listing('reconcile'))[0], 'finished|980|', 'so is one whose keys went with a crash');

# A link that leads nowhere
interrupt('reconcile');
$node->safe_psql('postgres', q{UPDATE mls.subscription SET listing_link = 'Property?$skiptoken=lost'});
is((listing('reconcile'))[0], 'finished|980|', 'a link that leads nowhere: the list is begun anew');

# Records that come and go meanwhile
interrupt('purge');
$mls->control('insert', { resource => 'Property', count => 15 });
$mls->control('delete', { resource => 'Property', count => 30 });
sync_row($node, 'one', 'status');
$node->safe_psql('postgres', q{SELECT * FROM mls_purge('one')});
$node->safe_psql('postgres', q{SELECT * FROM mls_purge('one')});
is(differences($node, $mls, 'one'), 0, 'records that came and went meanwhile are judged rightly');

# Cancelled
interrupt('purge');
$mls->fault(kind => 'stall', resource => 'Property', skip => 1, times => 1);
my $psql = start_psql($node, q{SELECT * FROM mls_purge('one')});
$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM mls.subscription WHERE listing_listed > 600 AND listing_link IS NOT NULL});
$node->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT * FROM mls_purge%' AND pid <> pg_backend_pid()});
end_psql($psql);
like((listing('purge'))[0], qr/went on with an interrupted list of [789]00 keys/, 'a cancelled one goes on as well');

$node->stop;
done_testing();
