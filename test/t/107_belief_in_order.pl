# What a source's order can be believed for: records without a timestamp stand at one end of it,
# at which one sources do not agree, so an interrupted load that goes on behind a timestamp can
# miss them; and a query whose order and limit the source applies sees what comes where.

use strict;
use warnings;

use JSON::PP ();
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 1000, fields => 'small');
my @keys = sort @{ JSON::PP::decode_json($mls->get('keys?resource=Property')) };
my @unstamped = map { $keys[ 30 * $_ ] } 1 .. 29;
$mls->control('option', { nulls_high => JSON::PP::true });
$mls->control('set', { resource => 'Property', keys => \@unstamped, fields => { ModificationTimestamp => undef } });

# All is as it was, but for where an order has nulls
sub reset_server
{
	my ($high) = @_;
	$mls->reset;
	$mls->control('option', { nulls_high => $high ? JSON::PP::true : JSON::PP::false });
	return;
}

# A load that ends in the middle, and the next run
sub interrupt
{
	my ($name, $how, $told) = @_;
	reset_server(1);
	$mls->fault(kind => 'status', status => $how, resource => 'Property', skip => 3, times => 1);
	my (undef, undef, $error) = $node->psql('postgres', "SELECT mls_sync('$name')");
	like($error, qr/could not fetch page/, "$name: a load is interrupted");
	isnt(subscription($node, $name, 'resume_timestamp'), '', '... behind a timestamp');
	reset_server(1);
	my ($status, $note) = split /[|]/, sync_row($node, $name, 'status, message');
	is($status, 'finished', '... goes on');
	like($note, $told, '... and tells that it was not whole');
	is($node->safe_psql('postgres', "SELECT count(*), count(modification_timestamp) FROM silver.${name}_property"),
		'1000|971', '... and has all records, with a timestamp and without');
	is(differences($node, $mls, $name), 0, '... as they are');
	is(sync_row($node, $name, 'status, inserted'), 'finished|0', '... for good');
	return;
}

my $not_whole = qr/the load was interrupted and what it went on with did not make it whole/;
subscribe_property($node, $mls, 'keyset', page_size => 100);
interrupt('keyset', 500, $not_whole);
subscribe_property($node, $mls, 'uncounted', page_size => 100, push_count => 'false');
interrupt('uncounted', 403, $not_whole);
# By links it is seen that they stand where the order has them not.
subscribe_property($node, $mls, 'stamped', page_size => 100, ordering => 'timestamp');
interrupt('stamped', 500, qr/the source did not keep its order/);

# One without records that lack a timestamp is as whole as before, and read once
$mls->control('set', { resource => 'Property', keys => \@unstamped, fields => { ModificationTimestamp => '2024-03-01T00:00:00Z' } });
subscribe_property($node, $mls, 'whole', page_size => 100);
$mls->fault(kind => 'status', status => 500, resource => 'Property', skip => 3, times => 1);
$node->psql('postgres', q{SELECT mls_sync('whole')});
reset_server(1);
is(sync_row($node, 'whole', 'status, message, inserted'), 'finished||700', 'a load that is whole in the end is not read again');

# All here, and read again: what has no timestamp is counted, but may be another by now
$mls->control('set', { resource => 'Property', keys => \@unstamped, fields => { ModificationTimestamp => undef } });
subscribe_property($node, $mls, 'again', page_size => 100);
is(sync_row($node, 'again', 'inserted'), 1000, 'records without a timestamp are here');
$mls->control('set', { resource => 'Property', keys => \@unstamped, fields => { ListPrice => 7 } });
$mls->fault(kind => 'status', status => 500, resource => 'Property', skip => 3, times => 1);
$node->psql('postgres', q{SELECT mls_sync('again', full => true)});
isnt(subscription($node, 'again', 'resume_timestamp'), '', 'a reading of everything is interrupted');
reset_server(1);
like(sync_row($node, 'again', 'status, message'), qr/^finished[|]$not_whole/, '... goes on, and over what it may have passed');
is(differences($node, $mls, 'again'), 0, '... and each record is as it is there');
$mls->control('set', { resource => 'Property', keys => \@unstamped, fields => { ModificationTimestamp => '2024-03-01T00:00:00Z' } });

# What a source cannot be asked for behind a record: its links lead there
subscribe_property($node, $mls, 'odd', page_size => 100);
$mls->fault(kind => 'status', status => 400, match => 'ListingKey gt', skip => 2, times => -1);
like(sync_row($node, 'odd', 'status, message'), qr/^finished[|]the source refused to list what comes behind a record, so its links were followed/,
	'a key that a source does not understand in a condition stops nothing');
is(differences($node, $mls, 'odd'), 0, '... and all come');
reset_server(1);

# ---- Live ----

reset_server(1);
create_property($node, $mls, 'live', page_size => 100);
$mls->control('set', { resource => 'Property', keys => \@unstamped, fields => { ListPrice => undef, ModificationTimestamp => undef } });
$node->safe_psql('postgres', q{CREATE TABLE here AS SELECT * FROM live.property});

# The same query, twice in one session: refused where the source's order is another one, and right when it is repeated
sub is_right
{
	my ($what, $column, $order, $limit, $refused) = @_;
	my $query = "SELECT coalesce($column\::text, 'none') FROM %s ORDER BY $column $order LIMIT $limit";
	my $there = sprintf $query, 'live.property';
	my (undef, $out, $error) = $node->psql('postgres', "$there;\n$there", on_error_stop => 0);
	my @rows = split /\n/, $out;
	if ($refused) { like($error, $refused, "$what: the source's order is not ours") }
	else { is($error, '', "$what: the source's order is ours"); splice @rows, 0, $limit }
	is(join("\n", @rows), $node->safe_psql('postgres', sprintf $query, 'here'), "$what: in the end the answer is PostgreSQL's");
	return;
}

my $never = qr/source "live" does not order resource "Property" by field "ModificationTimestamp" as it was asked to.*should have no null.*HINT:  Repeat the query/s;
is_right('nulls first, descending', 'list_price', 'DESC NULLS LAST', 7,
	qr/by field "ListPrice" as it was asked to.*In descending order it has nulls first/s);
is_right('nulls last, ascending', 'list_price', 'NULLS FIRST', 40, qr/In ascending order it has nulls last/);
is_right('a timestamp that is null', 'modification_timestamp', 'DESC', 7, $never);
is_right('all is well', 'listing_key', '', 3);
$mls->control('option', { nulls_high => JSON::PP::false });
is_right('nulls as the standard has them', 'list_price', 'DESC NULLS LAST', 7);
is_right('... ascending', 'list_price', 'NULLS FIRST', 40);
$mls->control('option', { ignore_order => JSON::PP::true });
my (undef, undef, $error) = $node->psql('postgres', 'SELECT list_price FROM live.property ORDER BY list_price DESC NULLS LAST LIMIT 900');
like($error, qr/A record comes behind one that should follow it/, 'an order that is not kept is seen');

$node->stop;
$mls->stop;
done_testing();
