# A foreign table over Qobrix answers like a local copy of it: generated conditions over every
# type, under a cautious and a trusting configuration; and how its pages are read.
use strict;
use warnings;

use MlsConditions;
use MlsQobrix;
use MlsTest;
use Test::More;

my $node = new_node('qobrix_queries');
my $mls = start_mls(listings => 8, qobrix => 180);
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
my %share = (cautious => scalar @conditions, trusting => 60);
for my $source (sort keys %share)
{
	my $count = $share{$source};
	my $pushed = answers_agree($node, "$source.properties", 'copy', 'id', qr/properties\?(?!.*search=)/, @conditions[ 0 .. $count - 1 ]);
	cmp_ok($pushed, '>', $count * ($source eq 'cautious' ? 0.4 : 0.6), "$source: $pushed of $count conditions are pushed");
}

# Order: pages by number, whose records may not move
for my $order ('list_selling_price_amount DESC NULLS LAST', 'listing_date NULLS FIRST', 'bedrooms DESC NULLS LAST, modified DESC NULLS LAST')
{
	my ($columns) = map { s/ (DESC|NULLS \w+)//gr } $order;
	for my $limit (7, 130)
	{
		my $query = "SELECT $columns FROM %s ORDER BY $order LIMIT $limit";
		is(sql(sprintf $query, 'cautious.properties'), sql(sprintf $query, 'copy'), "$order: the first $limit");
	}
	like(plan_of($node, "SELECT $columns FROM cautious.properties ORDER BY $order LIMIT 7"), qr/sort\[\]=.*limit=7/, 'the source orders and cuts');
}
$mls->fault(kind => 'moving', match => 'api/v2/properties', record => 99, times => 1);
$mls->control('clock', { advance => 86400 });
like(sql_error($node, 'SELECT count(*) FROM (SELECT modified FROM cautious.properties ORDER BY modified NULLS FIRST OFFSET 0) s'),
	qr/40001.*moved while source "cautious" was read.*HINT:.*Try again/s, 'a record that moves is noticed');
is(sql('SELECT count(DISTINCT id) FROM cautious.properties'), $total, 'by key it is met once');

# Lists longer than an address
my $ids = join ', ', map { "'$_'" } split /\n/, sql('SELECT id FROM copy ORDER BY md5(id) LIMIT 170');
is(sql("SELECT count(*), count(DISTINCT id) FROM cautious.properties WHERE id IN ($ids)"), '170|170', 'a long list is asked for in parts');
like(plan_of($node, "SELECT id FROM cautious.properties WHERE id IN ($ids)"), qr/\(part 1 of \d\)/, 'as the plan says');

# Associations that come when asked, under another spelling of their name
sql(q{ALTER FOREIGN TABLE cautious.properties OPTIONS (ADD expand 'Translations'); ALTER FOREIGN TABLE cautious.properties ADD COLUMN translations jsonb OPTIONS (field 'translations')});
isnt(sql(q{SELECT count(translations -> 'ru_RU' ->> 'name') FROM cautious.properties}), '0', 'texts in other languages come with the list');
like(plan_of($node, 'SELECT translations FROM cautious.properties'), qr/include\[\]=Translations/, 'as the plan says');
unlike(plan_of($node, 'SELECT id FROM cautious.properties'), qr/include/, 'where they are wanted');
sql(q{CREATE SCHEMA worded; IMPORT FOREIGN SCHEMA qobrix LIMIT TO (properties, projects, agents) FROM SERVER cautious INTO worded OPTIONS (expand 'media,Translations')});
is(sql(q{SELECT string_agg(ftrelid::regclass || ' ' || option_value, ', ' ORDER BY ftrelid::regclass::text) FROM pg_foreign_table, pg_options_to_table(ftoptions)
	WHERE option_name = 'expand' AND ftrelid::regclass::text LIKE 'worded.%'}), 'worded.agents media, worded.projects media,Translations, worded.properties media,Translations',
	'an import asks for them where there are some');
isnt(sql(q{SELECT count(translations -> 'ru_RU' ->> 'name') FROM worded.properties}), '0', 'and makes their column');

$node->stop;
done_testing();
