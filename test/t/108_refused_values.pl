# A source that sends a value may refuse a condition with it: letters beyond ASCII, a quote, a
# lookup's value of yesterday.  One such key stops neither a purge nor a reconcile, and a live
# query is answered all the same.

use strict;
use warnings;

use MlsRets;
use MlsSync;
use MlsTest;
use Test::More;

my $node = new_node('refused_values');
my $mls = start_mls(listings => 300, fields => 'small');
subscribe_property($node, $mls, 'odata', page_size => 100);
create_rets($node, $mls, 'rets', page_size => 100, tables => 'property_all');
sub sql { return $node->safe_psql('postgres', $_[0]) }
sql(q{SELECT mls_subscribe('rets.property_all'); SELECT mls_sync('odata'); SELECT mls_sync('rets')});
my %key = (odata => 'listing_key', rets => 'l_listing_key');
my %silver = (odata => 'silver.odata_property', rets => 'silver.rets_property_all');
my @keys = grep { /^\w+$/a } split /\n/, sql('SELECT listing_key FROM silver.odata_property ORDER BY 1');

# Refuses what names a key, as each face does.
sub refuse
{
	my ($what, %more) = @_;
	$mls->reset;
	$mls->fault(kind => 'status', status => 400, match => "filter=.*$what", times => -1, %more);
	$mls->fault(kind => 'rets_reply', code => 20206, match => "Query=.*$what", times => -1, %more);
	return;
}

sub remaining
{
	my ($name, @those) = @_;
	my $list = join ', ', map { "'$_'" } @those;
	return sql("SELECT count(*) FROM $silver{$name} WHERE $key{$name} IN ($list)");
}

# ---- Purge ----

my @gone = @keys[ 20, 21, 22, 40, 41 ];
$mls->control('delete', { resource => 'Property', keys => \@gone });
for my $name (qw(odata rets))
{
	refuse($gone[2]);
	is(sql("SELECT status, deleted, message FROM mls_purge('$name')"),
		'finished|4|1 record stays as it is, for the source refuses to be asked for it by its key',
		"$name: a key that is refused holds no other back");
	is(remaining($name, @gone), 1, '... and is kept');
	refuse("($gone[2]|$keys[50])");
	is(sql("SELECT status, deleted FROM mls_purge('$name')"), 'finished|0', '... also by the next purge');
	$mls->reset;
	is(sql("SELECT status, deleted, message FROM mls_purge('$name')"), 'finished|1|', '... until it can be asked for');
	is(remaining($name, @gone), 0, '... and is gone');
}

# ---- Reconcile ----

for my $name (qw(odata rets))
{
	my $bronze = $silver{$name} =~ s/silver/bronze/r;
	my $list = join ', ', map { "'$_'" } @keys[ 60 .. 69 ];
	sql("DELETE FROM $bronze WHERE key IN ($list); DELETE FROM $silver{$name} WHERE $key{$name} IN ($list)");
	refuse($keys[63]);
	is(sql("SELECT status, message FROM mls_reconcile('$name')") =~ s/[|].*stays as it is, for the source refuses.*/|one refused/r, 'finished|one refused',
		"$name: reconcile tells of a key that is refused");
	is(remaining($name, @keys[ 60 .. 69 ]), 9, '... and fetches the others');
	$mls->reset;
	is(sql("SELECT status, message FROM mls_reconcile('$name')") =~ /^finished/, 1, '... the next one');
	is(remaining($name, @keys[ 60 .. 69 ]), 10, '... fetches it');
}

# A source that takes no key at all is an error, after a few requests
$mls->control('delete', { resource => 'Property', keys => [ @keys[ 80 .. 110 ] ] });
refuse('LK');
my $error = sql_error($node, q{SELECT mls_purge('odata')});
like($error, qr/source "odata" refused to filter resource "Property" by its key/, 'a source that takes no key at all is an error');
is(remaining('odata', @keys[ 80 .. 110 ]), 31, '... and nothing is removed');

# ---- Live ----

my $city = sql(q{SELECT city FROM silver.odata_property WHERE city !~ '[^A-Za-z]' GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1});
sql('CREATE TABLE here AS SELECT * FROM rets.property_all');
for my $code (20205, 20206)
{
	$mls->reset;
	$mls->fault(kind => 'rets_reply', code => $code, match => "Query=.*$city", times => -1);
	is(sql("SELECT count(*) FROM rets.property_all WHERE l_city = '$city'"), sql("SELECT count(*) FROM here WHERE l_city = '$city'"),
		"a value that is refused ($code) is compared here");
}
$mls->reset;
$mls->fault(kind => 'rets_reply', code => 20206, match => 'rets/search', times => -1);
like(sql_error($node, "SELECT count(*) FROM rets.property_all WHERE l_city = '$city'"), qr/reply code 20206/, 'what is refused without conditions as well is an error');
for my $status (400, 422, 501)
{
	$mls->reset;
	$mls->fault(kind => 'status', status => $status, match => "filter=.*$city", times => -1);
	is(sql("SELECT count(*) FROM odata.property WHERE city = '$city'"), sql("SELECT count(*) FROM here WHERE l_city = '$city'"),
		"... by a RESO source with status $status");
}

$node->stop;
$mls->stop;
done_testing();
