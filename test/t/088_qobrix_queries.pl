# A foreign table over Qobrix answers like a local copy of it: generated conditions over every
# type, under a cautious and a trusting configuration; and how its pages are read.
use strict;
use warnings;

use MlsConditions;
use MlsQobrix;
use MlsTest;
use Test::More;

my $node = new_node('qobrix_queries');
my $mls = start_mls(listings => 8, qobrix => 250);
create_tenant($node, $mls, 'cautious', page_size => 100);
create_tenant($node, $mls, 'trusting', page_size => 90, tables => 'properties', push_null_tests => 'true',
	push_not => 'true', push_not_equal => 'true', push_any => 'true', text_exact => 'true');

sub sql { return $node->safe_psql('postgres', $_[0]) }

# What is imported
is(sql(q{SELECT count(*) FROM information_schema.foreign_tables WHERE foreign_table_schema = 'cautious'}), '19',
	'all resources become tables');
is(sql(q{SELECT string_agg(format('%s %s', attname, format_type(atttypid, NULL)), ', ' ORDER BY attnum)
	FROM pg_attribute WHERE attrelid = 'cautious.properties'::regclass
	 AND attname IN ('id', 'ref', 'list_selling_price_amount', 'listing_date', 'modified', 'featured', 'view', 'custom_listing_property', 'seller_contact')}),
	'id text, ref bigint, listing_date date, list_selling_price_amount numeric, view text[], featured boolean, '
	  . 'modified timestamp with time zone, custom_listing_property text, seller_contact jsonb', 'columns have the types of the schema');

# Queries
sql('CREATE TABLE copy AS SELECT * FROM cautious.properties');
my $total = () = $mls->get('keys?resource=qobrix/properties') =~ /"[0-9a-f-]{36}"/g;
is(sql('SELECT count(*), count(DISTINCT id) FROM copy'), "$total|$total", 'all records came, each once');
my @conditions = conditions_over($node, 'copy', 160, 'id');
for my $source (qw(cautious trusting))
{
	my $pushed = answers_agree($node, "$source.properties", 'copy', 'id', qr/properties\?(?!.*search=)/, @conditions);
	cmp_ok($pushed, '>', $source eq 'cautious' ? 60 : 85, "$source: $pushed of 160 conditions are pushed");
}

$node->stop;
done_testing();
