# Pages that overlap: a source that finds its records in another order for each page sends as
# many as it counts, some of them twice and others not at all.  A record that comes again
# stands for no other.

use strict;
use warnings;

use JSON::PP ();
use MlsTest;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 120, fields => 'small');
$mls->control('option', { link => 'skip', page_size => 20, unordered => JSON::PP::true });
create_source($node, $mls, 'lake', tables => 'property, member, media', ordering => 'none', page_size => 20);

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

query(q{SELECT mls_subscribe('lake.property')});
my (undef, $out) = $node->psql('postgres', q{SELECT status, message FROM mls_sync('lake', 'Property')});
is($out =~ s/[|].*//r, 'finished', 'a source whose pages overlap is read to its end');
like($out, qr/some records came twice and others not at all, so the links were followed again/, 'and the run tells');
is(query('SELECT count(*) FROM silver.lake_property'), 120, 'with all records');
is(query(q{SELECT remote_rows FROM mls_status_detail WHERE resource = 'Property'}), 120, 'and the count of the source stands');

# Live, what came twice is given once, and a listing with holes is an error, whatever is asked for
for my $sql ('SELECT listing_key FROM lake.property', 'SELECT list_price FROM lake.property', 'SELECT * FROM lake.property',
	q{SELECT count(*) FROM lake.property t WHERE t::text > ''})
{
	like(sql_error($node, $sql),
		qr/the pages of resource "Property" of source "lake" overlap.*had come before on another page.*use mls_sync\(\)/s,
		"live, overlapping pages are an error: $sql");
}
query(q{ALTER SERVER lake OPTIONS (ADD push_count 'false')});
like(sql_error($node, 'SELECT list_price FROM lake.property'), qr/overlap/, '... also where the source counts nothing');
query(q{ALTER SERVER lake OPTIONS (DROP push_count)});
is(query('SELECT count(*) FROM lake.property'), 120, 'its count is right');
is(query('SELECT count(DISTINCT k), count(*) FROM (SELECT listing_key k FROM lake.property LIMIT 70) s'), '70|70',
	'a limit is met by different records');
$mls->control('option', { link => 'token' });
like(sql_error($node, 'SELECT list_price FROM lake.property'), qr/overlap/, 'links of another kind overlap as well');

# A record that moves to the next page while pages are read comes twice, and lacks nothing.
$mls->control('option', { unordered => JSON::PP::false, link => 'skip' });
is(query('SELECT count(*), count(DISTINCT listing_key) FROM lake.property'), '120|120', 'without overlaps all come');

# Where nothing overlaps, links are followed once
$mls->control('option', { unordered => JSON::PP::false });
query(q{SELECT mls_subscribe('lake.member')});
is(query(q{SELECT status, message FROM mls_sync('lake', 'Member')}), 'finished|', 'a source without overlaps is read once');
is(query('SELECT count(*) FROM silver.lake_member'), scalar @{ JSON::PP::decode_json($mls->get('keys?resource=Member')) }, 'and whole');

$node->stop;
$mls->stop;
done_testing();
