# An increment costs few requests: six resources, with and without a login.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('requests');
my $mls = start_mls(listings => 3000, fields => 'small');
my %key = (Property => 'ListingKey', Member => 'MemberKey', Office => 'OfficeKey', Media => 'MediaKey',
	OpenHouse => 'OpenHouseKey', Lookup => 'LookupKey');
my $token = $mls->url =~ s{/odata}{/oauth/token}r;

$node->safe_psql('postgres', qq{
	CREATE SERVER six FOREIGN DATA WRAPPER mls_fdw
	  OPTIONS (protocol 'reso', url '@{[$mls->url]}', token_url '$token');
	CREATE USER MAPPING FOR CURRENT_USER SERVER six OPTIONS (client_id 'demo', client_secret 's3cret-demo-value');
	CREATE SCHEMA six});
for my $resource (sort keys %key)
{
	$node->safe_psql('postgres', qq{
		CREATE FOREIGN TABLE six.$resource (key text OPTIONS (field '$key{$resource}'),
			modified timestamptz OPTIONS (field 'ModificationTimestamp'))
		SERVER six OPTIONS (resource '$resource', key '$key{$resource}', timestamp 'ModificationTimestamp');
		SET client_min_messages = warning;
		SELECT mls_subscribe('six.$resource')});
}
my $all = q{SELECT count(*), bool_and(status = 'finished'), sum(inserted + updated), sum(requests) <= 10 FROM mls_sync('six')};
like($node->safe_psql('postgres', $all), qr/^6\|t\|/, 'six resources are loaded');
my %size = map { $_ => $node->safe_psql('postgres', qq{SELECT count(*) FROM bronze.six_\L$_} =~ s/openhouse/open_house/r) } keys %key;
note(join ', ', map { "$_ $size{$_}" } sort keys %size);

# So many changes, spread over the resources as their sizes allow, then all in one.
sub change
{
	my ($count, @resources) = @_;
	my $left = $count;
	$mls->control('clock', { advance => 3600 });
	while (my $resource = shift @resources)
	{
		my $share = @resources ? int($left / (@resources + 1)) : $left;
		$share = $size{$resource} if $share > $size{$resource};
		$mls->control('touch', { resource => $resource, count => $share }) if $share > 0;
		$left -= $share;
	}
	return $count - $left;
}
my @by_size = sort { $size{$a} <=> $size{$b} } keys %key;
for my $count (0, 1, 150, 1000)
{
	for my $where ([ 'spread over all', @by_size ], [ 'in the largest', $by_size[-1] ])
	{
		my ($name, @resources) = @$where;
		my $changed = change($count, @resources);
		is($changed, $count, "$count changes $name");
		$mls->control('reset');
		my ($n, $finished, $written) = split /\|/, $node->safe_psql('postgres', $all);
		is("$n $finished $written", "6 t $count", 'all six are synced, and all changes arrive');
		my $requests = () = $mls->requests;
		cmp_ok($requests, '<=', 10, "with $requests requests, the login among them");
	}
}

$node->stop;
done_testing();
