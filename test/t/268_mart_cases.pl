# Crafted cases of a mart, with figures worked out by hand: sides and co-agents by each rule, showings
# and open houses, both transactions, two currencies, months that end where clocks change, and rows
# as nobody should have them.
use strict;
use warnings;

use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = empty_node('mart_cases');
$node->start;

sub sql { my ($sql) = @_; return scalar $node->safe_psql('postgres', $sql) }

sub fill { my ($more, $columns) = @_; return sql('SELECT ' . ($columns || 'status, listings, message') . ' FROM mls_mart_sync(' . ($more || '') . ')') }

my $mls = 'mls_source text NOT NULL DEFAULT \'east\', mls_origin text NOT NULL DEFAULT \'\', mls_source_key text NOT NULL DEFAULT \'\', mls_updated_at timestamptz NOT NULL DEFAULT now()';
sql(qq{
	CREATE EXTENSION mls_fdw;
	CREATE SERVER east FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'https://east.example.com/', timezone 'America/New_York');
	CREATE SERVER tokyo FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'https://tokyo.example.com/', timezone 'Asia/Tokyo');
	CREATE SCHEMA gold;
	CREATE TABLE gold.property ("ListingKey" text PRIMARY KEY, $mls, "ListingId" text, "StandardStatus" text DEFAULT 'Closed', "PropertyType" text DEFAULT 'Residential', "City" text DEFAULT 'Austin', "X_Currency" text,
		"OnMarketDate" date, "OnMarketTimestamp" timestamptz, "PurchaseContractDate" date, "CloseDate" date, "WithdrawnDate" date, "StatusChangeTimestamp" timestamptz, "PriceChangeTimestamp" timestamptz,
		"ListPrice" numeric, "OriginalListPrice" numeric, "ClosePrice" numeric, "ConcessionsAmount" numeric, "LivingArea" numeric, "DaysOnMarket" bigint, "ParcelNumber" text, "UnitNumber" text,
		"ListAgentKey" text, "CoListAgentKey" text, "BuyerAgentKey" text, "CoBuyerAgentKey" text, "ListOfficeKey" text, "CoListOfficeKey" text, "BuyerOfficeKey" text, "CoBuyerOfficeKey" text);
	CREATE TABLE gold.member ("MemberKey" text PRIMARY KEY, $mls, "MemberFullName" text);
	CREATE TABLE gold.showing_appointment ("ShowingAppointmentKey" text PRIMARY KEY, $mls, "ListingKey" text, "ShowingAppointmentDate" date, "ShowingAppointmentStartTime" timestamptz, "ShowingAppointmentStatus" text, "ShowingAgentKey" text);
	CREATE TABLE gold.open_house ("OpenHouseKey" text PRIMARY KEY, $mls, "ListingKey" text, "OpenHouseDate" date, "OpenHouseStartTime" timestamptz, "OpenHouseStatus" text, "ShowingAgentKey" text)});

# A row of a table of gold.
sub row
{
	my ($table, %fields) = @_;
	my @names = grep { defined $fields{$_} } sort keys %fields;
	sql("INSERT INTO gold.$table (" . join(', ', map { /^mls/ ? $_ : qq{"$_"} } @names) . ') VALUES (' . join(', ', map { "'$fields{$_}'" } @names) . ')');
	return;
}
my %sale = (OnMarketDate => '2025-01-02', PurchaseContractDate => '2025-01-12', CloseDate => '2025-02-10', ListPrice => 100000, OriginalListPrice => 100000);

# ---- Sides ----

# Both sides with a co-agent each; one agent on all sides; a co-agent who is the agent; a co-agent
# without an agent, who has nothing to share; a lease; another currency; a price that does not count.
row('property', %sale, ListingKey => 'S1', ClosePrice => 100000, ListAgentKey => 'A', CoListAgentKey => 'B', BuyerAgentKey => 'C', CoBuyerAgentKey => 'D', ListOfficeKey => 'O', CoListOfficeKey => 'P', BuyerOfficeKey => 'O', CoBuyerOfficeKey => 'O');
row('property', %sale, ListingKey => 'S2', ClosePrice => 200000, ListAgentKey => 'A', BuyerAgentKey => 'A', ListOfficeKey => 'O', BuyerOfficeKey => 'O');
row('property', %sale, ListingKey => 'S3', ClosePrice => 300000, ListAgentKey => 'B', CoListAgentKey => 'B', ListOfficeKey => 'P');
row('property', %sale, ListingKey => 'S4', ClosePrice => 400000, CoListAgentKey => 'D', CoBuyerOfficeKey => 'Q');
row('property', %sale, ListingKey => 'S5', ClosePrice => 1500, PropertyType => 'Residential Lease', ListAgentKey => 'A', CoListAgentKey => 'D', ListOfficeKey => 'O');
row('property', %sale, ListingKey => 'S6', ClosePrice => 50000, X_Currency => 'eur', ListAgentKey => 'A', ListOfficeKey => 'O');
row('property', %sale, ListingKey => 'S7', ClosePrice => 10, ListAgentKey => 'C', ListOfficeKey => 'P');
my %by_rule = (
	none => [ 'A buyer sale USD 1.0 200000.00, A list lease USD 1.0 1500.00, A list sale EUR 1.0 50000.00, A list sale USD 2.0 300000.00, B list sale USD 1.0 300000.00, C buyer sale USD 1.0 100000.00, C list sale USD 1.0 ',
		'O buyer sale USD 2.0 300000.00, O list lease USD 1.0 1500.00, O list sale EUR 1.0 50000.00, O list sale USD 2.0 300000.00, P list sale USD 2.0 300000.00' ],
	half => [ 'A buyer sale USD 1.0 200000.00, A list lease USD 0.5 750.00, A list sale EUR 1.0 50000.00, A list sale USD 1.5 250000.00, B list sale USD 1.5 350000.00, C buyer sale USD 0.5 50000.00, C list sale USD 1.0 , D buyer sale USD 0.5 50000.00, D list lease USD 0.5 750.00',
		'O buyer sale USD 2.0 300000.00, O list lease USD 1.0 1500.00, O list sale EUR 1.0 50000.00, O list sale USD 1.5 250000.00, P list sale USD 2.5 350000.00' ],
	full => [ 'A buyer sale USD 1.0 200000.00, A list lease USD 1.0 1500.00, A list sale EUR 1.0 50000.00, A list sale USD 2.0 300000.00, B list sale USD 2.0 400000.00, C buyer sale USD 1.0 100000.00, C list sale USD 1.0 , D buyer sale USD 1.0 100000.00, D list lease USD 1.0 1500.00',
		'O buyer sale USD 2.0 300000.00, O list lease USD 1.0 1500.00, O list sale EUR 1.0 50000.00, O list sale USD 2.0 300000.00, P list sale USD 3.0 400000.00' ]);
sub sides { my ($rule, $who) = @_; return sql("SELECT string_agg(concat_ws(' ', ${who}_key, role, transaction, currency, sides, coalesce(volume::text, '')), ', ' ORDER BY ${who}_key, role, transaction, currency) FROM \"$rule\".agg_${who}_month WHERE month = '2025-02-01'") }
for my $rule (sort keys %by_rule)
{
	sql("SELECT mls_mart_create('$rule', levels => '{all,city}', coverage => '{\"east\": \"2024-01-01\", \"tokyo\": \"2024-01-01\"}', co_agents => '$rule')");
	is(fill("'$rule'", 'status, listings'), 'finished|7', "co-agents: $rule");
	is(sides($rule, 'member'), $by_rule{$rule}[0], "members: $rule");
	is(sides($rule, 'office'), $by_rule{$rule}[1], "offices: $rule");
}
# They change: both the old and the new ones are right.
sql(q{UPDATE gold.property SET "CoListAgentKey" = 'E' WHERE "ListingKey" = 'S1'; UPDATE gold.property SET "CoListOfficeKey" = NULL WHERE "ListingKey" = 'S1'});
is(fill(q{'half'}, 'status, listings'), 'finished|1', 'another co-agent');
is(sides('half', 'member'), $by_rule{half}[0] =~ s/B list sale USD 1\.5 350000\.00/B list sale USD 1.0 300000.00/r . ', E list sale USD 0.5 50000.00', 'takes the place of the first');
is(sides('half', 'office'), $by_rule{half}[1] =~ s/O list sale USD 1\.5 250000\.00/O list sale USD 2.0 300000.00/r =~ s/P list sale USD 2\.5 350000\.00/P list sale USD 2.0 300000.00/r, 'an office whose co-office is gone has the whole side');
sql(q{SELECT mls_mart_drop('none'), mls_mart_drop('full')});

# ---- Showings and open houses ----

row('showing_appointment', ShowingAppointmentKey => 'V1', ListingKey => 'S1', ShowingAppointmentDate => '2025-01-05', ShowingAppointmentStartTime => '2025-01-06T03:00Z', ShowingAppointmentStatus => 'Confirmed', ShowingAgentKey => 'A');
row('showing_appointment', ShowingAppointmentKey => 'V2', ListingKey => 'nobody', ShowingAppointmentStartTime => '2025-02-01T04:30Z', ShowingAppointmentStatus => 'Canceled');
row('showing_appointment', ShowingAppointmentKey => 'V3', mls_source => 'tokyo', ShowingAppointmentStartTime => '2025-01-31T15:30Z');
row('showing_appointment', ShowingAppointmentKey => 'V4', mls_source => 'unheard of', ShowingAppointmentDate => '2025-01-05');
row('open_house', OpenHouseKey => 'H1', ListingKey => 'S2', OpenHouseDate => '2025-01-05', OpenHouseStatus => 'Active', ShowingAgentKey => 'B');
row('open_house', OpenHouseKey => 'H2', ListingKey => 'S2', OpenHouseStartTime => '2025-11-02T04:30Z', OpenHouseStatus => 'Canceled');
row('open_house', OpenHouseKey => 'H3');
row('property', ListingKey => 'T1', mls_source => 'tokyo', StandardStatus => 'Active', OnMarketTimestamp => '2025-01-31T15:30Z', ListPrice => 1);
is(fill(q{'half'}, 'status, listings'), 'finished|1', 'showings, open houses, and a source that is new');
my $showings = q{SELECT string_agg(concat_ws(' ', v.showing_key, coalesce(v.listing_key, '-'), coalesce(v.date::text, '-'), coalesce(v.status, '-'), coalesce(v.member_key, '-'), s.name), ', ' ORDER BY v.showing_key) FROM half.fct_showing v JOIN half.dim_source s USING (source_id)};
my $houses = q{SELECT string_agg(concat_ws(' ', v.open_house_key, coalesce(v.listing_key, '-'), coalesce(v.date::text, '-'), coalesce(v.status, '-'), coalesce(v.member_key, '-'), s.name), ', ' ORDER BY v.open_house_key) FROM half.fct_open_house v JOIN half.dim_source s USING (source_id)};
is(sql($showings), 'V1 S1 2025-01-05 Confirmed A east, V2 nobody 2025-01-31 Canceled - east, V3 - 2025-02-01 - - tokyo', 'a showing is of the day in the zone of its source');
is(sql($houses), 'H1 S2 2025-01-05 Active B east, H2 S2 2025-11-02 Canceled - east, H3 - - - - east', 'and so is an open house, on the night when clocks change, too');
sql(q{UPDATE gold.showing_appointment SET "ShowingAppointmentStatus" = 'Canceled' WHERE "ShowingAppointmentKey" = 'V1'; DELETE FROM gold.showing_appointment WHERE "ShowingAppointmentKey" = 'V2'; DELETE FROM gold.open_house WHERE "OpenHouseKey" <> 'H3'});
fill(q{'half'});
is(sql($showings), 'V1 S1 2025-01-05 Canceled A east, V3 - 2025-02-01 - - tokyo', 'what is canceled or gone is so here');
is(sql($houses), 'H3 - - - - east', 'as well');
sql(q{SELECT * FROM mls_serve_events('{ShowingAppointment,Member}'); INSERT INTO gold.member ("MemberKey", "MemberFullName") VALUES ('A', 'Ann');
	SELECT mls_mart_table('half', 'names', 'SELECT m.member_key, upper(m.name) AS name FROM half.dim_member m', '{member_key}', 'one row a member')});
fill(q{'half'});
is(sql('SELECT string_agg(name, $$ $$) FROM half.names'), 'ANN', 'a table of the user\'s over members');
sql(q{UPDATE gold.member SET "MemberFullName" = 'Anna'; UPDATE gold.showing_appointment SET "ShowingAgentKey" = 'B' WHERE "ShowingAppointmentKey" = 'V1'});
is(fill(q{'half'}), 'finished|0|', 'members and showings whose events are noted');
is(sql('SELECT string_agg(name, $$ $$) FROM half.names') . ' ' . sql('SELECT member_key FROM half.fct_showing WHERE showing_key = $$V1$$'), 'ANNA B', 'are followed by what is made of them, though no listing has changed');

# ---- Months that end in a zone ----

# The hour before midnight of October's last day, before clocks go back; the first of November.
row('property', ListingKey => 'Z1', StandardStatus => 'Active', OnMarketTimestamp => '2025-11-01T03:59Z', ListPrice => 100000, City => 'Zone');
row('property', ListingKey => 'Z2', StandardStatus => 'Active', OnMarketTimestamp => '2025-11-01T04:00Z', ListPrice => 100000, City => 'Zone');
row('property', ListingKey => 'Z3', StandardStatus => 'Active', OnMarketTimestamp => '2025-12-01T04:59Z', ListPrice => 100000, City => 'Zone');
row('property', ListingKey => 'Z4', StandardStatus => 'Active', OnMarketTimestamp => '2025-12-01T05:00Z', ListPrice => 90000, OriginalListPrice => 100000, PriceChangeTimestamp => '2026-01-01T04:59Z', City => 'Zone');
row('property', %sale, ListingKey => 'Z5', CloseDate => '2025-11-30', ClosePrice => 100000, StatusChangeTimestamp => '2025-12-01T04:59Z', City => 'Zone');
row('property', %sale, ListingKey => 'Z6', CloseDate => '2025-11-30', ClosePrice => 100000, StatusChangeTimestamp => '2025-12-01T05:00Z', City => 'Zone');
is(fill(q{'half'}, 'status, listings'), 'finished|6', 'at the ends of months');
sub of_city { my ($city, $columns) = @_; return sql("SELECT string_agg(concat_ws(' ', to_char(a.month, 'MM'), $columns), ', ' ORDER BY a.month, a.source_id, a.currency) FROM half.agg_market_month a JOIN half.dim_location l USING (location_id) JOIN half.dim_property_type t USING (type_id)
	WHERE l.level = 'city' AND l.city = '$city' AND t.level = 'all' AND t.transaction = 'sale' AND a.source_id > 0 AND a.month BETWEEN '2025-10-01' AND '2025-12-31'") }
is(of_city('zone', 'a.new_listings, a.closed_sales, a.late_closings, a.price_cuts, a.inventory_eom'), '10 1 0 0 0 1, 11 2 2 1 0 3, 12 1 0 0 1 4', 'all is of the month in the zone of the source');

# ---- Rows as nobody should have them ----

my $others = of_city('zone', 'a::text');
row('property', ListingKey => 'X1', City => 'Odd');
row('property', ListingKey => 'X2', StandardStatus => 'Active', City => 'Odd', OnMarketDate => '9999-12-31', ListPrice => -5);
row('property', ListingKey => 'X3', City => 'Odd', OnMarketDate => 'infinity', CloseDate => '-infinity', ClosePrice => 'NaN', ListPrice => 'Infinity', OriginalListPrice => '-Infinity', LivingArea => 'NaN', ConcessionsAmount => 'NaN');
row('property', %sale, ListingKey => 'X4', City => 'Odd', CloseDate => '2025-11-05', ClosePrice => 'NaN', ConcessionsAmount => 'Infinity', ListAgentKey => '', ListOfficeKey => '');
row('property', %sale, ListingKey => 'X5', City => 'Odd', CloseDate => '2025-11-05', ClosePrice => -100000, ListPrice => -1, OriginalListPrice => 0, LivingArea => -3, DaysOnMarket => '9223372036854775807');
row('property', %sale, ListingKey => 'X6', City => 'Odd', CloseDate => '2025-11-05', ClosePrice => 100000, StatusChangeTimestamp => '294276-12-31 23:59:59+00', OnMarketTimestamp => '4714-11-24 00:00:00+00 BC', mls_source => 'tokyo', DaysOnMarket => '-9223372036854775808');
row('property', %sale, ListingKey => 'X7', City => 'Odd', CloseDate => '2024-01-01', ClosePrice => 100000);
row('property', ListingKey => 'X8', City => 'Odd', StandardStatus => 'Withdrawn', OnMarketDate => '2025-10-05', WithdrawnDate => '2025-10-01', ListPrice => 100000);
row('property', ListingKey => "X9''; DROP TABLE gold.property; --", City => q{Odd}, StandardStatus => q{active }, ParcelNumber => '(((((', UnitNumber => '%s %1$s');
row('property', ListingKey => 'Y1', City => 'Odd', StandardStatus => 'Active', OnMarketDate => '2025-11-03', ListPrice => 100000, ListingId => '77', ParcelNumber => 'P-77777');
row('property', ListingKey => 'Y2', City => 'Odd', StandardStatus => 'Active', OnMarketDate => '2025-11-03', ListPrice => 100000, ListingId => '77', ParcelNumber => 'P-77777', mls_source => 'tokyo');
is(fill(q{'half'}, 'status, listings'), 'finished|11', 'a mart is filled with them all the same');
is(sql(q{SELECT count(*) FROM half.agg_market_month WHERE 'NaN' IN (volume, avg_sale_price, sale_to_list_pct) OR 'Infinity' IN (volume, median_sale_price, median_price_sqft)}) . sql(q{SELECT count(*) FROM half.agg_day WHERE volume = 'NaN'}) . sql(q{SELECT count(*) FROM half.agg_market_sum WHERE volume = 'NaN'}), '000', 'no figure is none');
is(sql(q{SELECT string_agg(concat_ws(' ', listing_key, list_date, close_date, close_price, next_date), ', ' ORDER BY listing_key COLLATE "C") FROM half.fct_listing WHERE listing_key ~ '^X[2-7]$'}),
	'X2 9999-12-31, X3 infinity, X4 2025-01-02 2025-11-05, X5 2025-01-02 2025-11-05 -100000.00, X6 2025-01-02 2025-11-05 100000.00, X7 2025-01-02 2024-01-01 100000.00', 'days that cannot be are none, and prices that are no numbers neither');
is(of_city('odd', 'a.closed_sales, a.closed_with_price, a.volume, a.price_outliers'), '10 0 0 0.00 0, 10 0 0 0.00 0, 11 2 0 0.00 1, 11 1 1 100000.00 0, 12 0 0 0.00 0, 12 0 0 0.00 0', 'only what is a price counts as one');
is(sql(q{SELECT string_agg(concat_ws(' ', listing_key, double_of), ', ' ORDER BY listing_key) FROM half.fct_listing WHERE listing_key LIKE 'Y_'}), 'Y1, Y2', 'two listings of one ListingId of two sources are two');
is(sql(q{SELECT count(*) FROM half.fct_spell WHERE to_date < from_date}) . sql(q{SELECT count(*) FROM half.agg_market_month WHERE inventory_eom < 0}), '00', 'nothing ends before it begins');
my $kept = q{SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM (SELECT (to_jsonb(a) - 'computed_at')::text FROM half.%s a) t};
my @tables = qw(fct_listing fct_listing_event fct_spell agg_market_month agg_market_sum agg_day agg_member_month agg_office_month);
my %before = map { $_ => sql(sprintf $kept, $_) } @tables;
is(fill(q{'half', rebuild => true}, 'status'), 'finished', 'built as a whole');
is(join(' ', grep { sql(sprintf $kept, $_) ne $before{$_} } @tables), '', 'it is the same');
sql(q{DELETE FROM gold.property WHERE "ListingKey" ~ '^[XY]'});
is(fill(q{'half'}, 'status'), 'finished', 'when they are gone');
is(of_city('zone', 'a::text'), $others, 'nothing is left of them in other figures');
is(sql(q{SELECT count(*) FROM half.agg_market_sum a JOIN half.dim_location l USING (location_id) WHERE l.city = 'odd'}), 0, 'nor sums of their own');

$node->stop;
done_testing();
