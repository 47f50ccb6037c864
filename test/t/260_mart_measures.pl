# Measures of a mart against figures worked out by hand, for 30 listings.
use strict;
use warnings;

use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = empty_node('main');
$node->append_conf('postgresql.conf', "mls_fdw.allowed_hosts = '127.0.0.1'\n");
$node->start;

sub sql
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

# A run of the mart; columns of what it returns.
sub fill
{
	my ($more, $columns) = @_;
	return sql('SELECT ' . ($columns || 'status, listings, figures, message') . ' FROM mls_mart_sync(' . ($more || '') . ')');
}

sql(q{
	CREATE EXTENSION mls_fdw;
	CREATE SERVER east FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'https://east.example.com/', timezone 'America/New_York');
	CREATE SERVER north FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'https://north.example.com/');
	CREATE SCHEMA gold;
	CREATE TABLE gold.property (
		"ListingKey" text PRIMARY KEY, mls_source text NOT NULL DEFAULT 'east', mls_origin text NOT NULL DEFAULT 'Property', mls_source_key text NOT NULL DEFAULT '', mls_updated_at timestamptz NOT NULL DEFAULT now(),
		"StandardStatus" text, "PropertyType" text DEFAULT 'Residential', "PropertySubType" text DEFAULT 'Single Family Residence', "StructureType" text[],
		"Country" text DEFAULT 'US', "StateOrProvince" text DEFAULT 'TX', "City" text DEFAULT 'Austin', "PostalCode" text DEFAULT '78701-1234', "ParcelNumber" text, "X_Currency" text,
		"OnMarketDate" date, "OnMarketTimestamp" timestamptz, "ListingContractDate" date, "PurchaseContractDate" date, "CloseDate" date, "OffMarketDate" date, "CancellationDate" date,
		"WithdrawnDate" date, "ExpirationDate" date DEFAULT '2031-01-01', "StatusChangeTimestamp" timestamptz, "PriceChangeTimestamp" timestamptz,
		"ListPrice" numeric, "OriginalListPrice" numeric, "PreviousListPrice" numeric, "ClosePrice" numeric, "ConcessionsAmount" bigint, "LeaseAmountFrequency" text,
		"LivingArea" numeric, "LivingAreaUnits" text, "DaysOnMarket" bigint, "CumulativeDaysOnMarket" bigint,
		"ListAgentKey" text, "CoListAgentKey" text, "BuyerAgentKey" text, "ListOfficeKey" text, "CoListOfficeKey" text, "BuyerOfficeKey" text);
	CREATE TABLE gold.history_transactional ("HistoryTransactionalKey" text PRIMARY KEY, mls_source text NOT NULL DEFAULT 'east', mls_origin text NOT NULL DEFAULT '', mls_source_key text NOT NULL DEFAULT '',
		mls_updated_at timestamptz NOT NULL DEFAULT now(), "ResourceName" text DEFAULT 'Property', "ResourceRecordKey" text, "FieldName" text DEFAULT 'StandardStatus', "PreviousValue" text, "NewValue" text,
		"ModificationTimestamp" timestamptz)});

# A listing: key, status, day on the market, day of the contract, and other fields.
sub listing
{
	my ($key, $status, $listed, $contract, %fields) = @_;
	my %all = (ListingKey => $key, StandardStatus => $status, OnMarketDate => $listed, PurchaseContractDate => $contract, %fields);
	my @names = grep { defined $all{$_} } sort keys %all;
	sql('INSERT INTO gold.property (' . join(', ', map { /^mls/ ? $_ : qq{"$_"} } @names) . ') VALUES (' . join(', ', map { "'$all{$_}'" } @names) . ')');
	return;
}

sub sold
{
	my ($close, $price, $list, $original) = @_;
	return (CloseDate => $close, ClosePrice => $price, ListPrice => $list, OriginalListPrice => $original);
}

# Houses in Austin, in USD, of a source in New York's zone.
listing('L01', 'Closed', '2025-01-05', '2025-01-20', sold('2025-02-10', 294000, 300000, 310000), LivingArea => 2000, ConcessionsAmount => 4000, DaysOnMarket => 16, CumulativeDaysOnMarket => 17,
	ListAgentKey => 'A1', CoListAgentKey => 'C1', BuyerAgentKey => 'A2', ListOfficeKey => 'O1', CoListOfficeKey => 'O1', BuyerOfficeKey => 'O2');
listing('L02', 'Closed', '2025-01-10', '2025-02-05', sold('2025-02-28', 410000, 400000, 400000), LivingArea => 200, LivingAreaUnits => 'Square Meters',
	ListAgentKey => 'A1', BuyerAgentKey => 'A1', ListOfficeKey => 'O1', BuyerOfficeKey => 'O1');
# The last evening of January, and of February, there.
listing('L03', 'Active', undef, undef, OnMarketTimestamp => '2025-02-01T04:30:00Z', ListPrice => 475000, PreviousListPrice => 500000, OriginalListPrice => 500000, PriceChangeTimestamp => '2025-03-01T04:00:00Z');
# Closed in January, written in February.
listing('L04', 'Closed', '2024-12-01', '2025-01-15', sold('2025-01-30', 245000, 250000, 260000), StatusChangeTimestamp => '2025-02-03T15:00:00Z');
# Under contract, back, under contract again.
listing('L05', 'Closed', '2025-01-02', '2025-02-01', sold('2025-02-20', 200000, 200000, 200000));
sql(q{INSERT INTO gold.history_transactional ("HistoryTransactionalKey", "ResourceRecordKey", "PreviousValue", "NewValue", "ModificationTimestamp") VALUES
	('1', 'L05', 'Active', 'Pending', '2025-01-12T15:00Z'), ('2', 'L05', 'Pending', 'Active', '2025-01-20T15:00Z'),
	('3', 'L05', 'Active', 'Pending', '2025-02-01T15:00Z'), ('4', 'L05', 'Pending', 'Closed', '2025-02-20T15:00Z')});
listing('L06', 'Expired', '2024-11-01', undef, ExpirationDate => '2025-02-15', ListPrice => 100000);
listing('L07', 'Canceled', '2024-12-15', undef, CancellationDate => '2025-01-25', ListPrice => 100000);
# Withdrawn, and listed again 13 days later.
listing('L08', 'Withdrawn', '2025-02-03', undef, WithdrawnDate => '2025-02-25', ListPrice => 340000, ParcelNumber => 'P-10001');
listing('L09', 'Closed', '2025-03-10', '2025-03-20', sold('2025-03-31', 330000, 330000, 330000), ParcelNumber => 'p 10001');
listing('L10', 'ActiveUnderContract', '2025-02-10', '2025-03-05', ListPrice => 100000);
listing('L11', 'ComingSoon', undef, undef, ListingContractDate => '2025-03-01', ListPrice => 100000);
# None of these counts.
listing('L12', 'Incomplete', '2025-01-02', undef);
listing('L13', 'Delete', '2025-01-02', '2025-01-03', sold('2025-01-04', 1000000, 1000000, 1000000));
listing('L14', undef, '2025-01-02', undef);
listing('L15', 'Closed', '2025-01-15', '2025-01-31', sold('2025-02-14', 10, 150000, 150000));
listing('L16', 'Closed', '2025-02-01', '2025-02-15', sold('2025-03-15', 250000, 100000, 100000));
listing('L17', 'Closed', '2025-02-01', '2025-03-01', CloseDate => '2025-03-20', ListPrice => 100000);
listing('L18', 'Closed', '2025-02-20', '2025-03-02', sold('2099-01-01', 100000, 100000, 100000));
listing('L19', 'Hold', '2025-01-20', undef, OffMarketDate => '2025-03-05', ListPrice => 100000);
# Back from a contract that its fields still tell of.
listing('L20', 'Active', '2025-02-05', '2025-02-20', StatusChangeTimestamp => '2025-03-03T16:00:00Z', ListPrice => 100000);
listing('L30', 'Active', '2025-03-31', undef, ListPrice => 100000, City => ' AUSTIN');
# To let: by the month, the week, the season.
my %lease = (PropertyType => 'Residential Lease', PropertySubType => 'Apartment');
listing('L21', 'Closed', '2025-01-10', '2025-01-25', sold('2025-02-01', 1900, 2000, 2000), LeaseAmountFrequency => 'Monthly', %lease);
listing('L22', 'Closed', '2025-02-01', '2025-02-10', sold('2025-02-15', 500, 500, 500), LeaseAmountFrequency => 'Weekly', %lease);
listing('L23', 'Closed', '2025-02-02', '2025-02-18', sold('2025-02-20', 9000, 9000, 9000), LeaseAmountFrequency => 'Seasonal', %lease, PropertyType => 'Residential Lease ', PropertySubType => ' Apartment');
# Another source, place and currency; and another currency there.
my %north = (mls_source => 'north', Country => 'CY', StateOrProvince => 'LM', City => 'Limassol', PostalCode => '3030', PropertySubType => 'Apartment');
listing('L24', 'Closed', '2025-01-05', '2025-01-25', sold('2025-02-10', 200000, 210000, 220000), X_Currency => 'EUR', %north);
listing('L25', 'Active', '2025-02-01', undef, ListPrice => 1, X_Currency => 'EUR', %north);
listing('L26', 'Closed', '2025-01-08', '2025-01-30', sold('2025-02-12', 290000, 300000, 300000), %north);
# A source that tells of no contract until it is closed.
listing('L35', 'Closed', '2025-01-05', undef, sold('2025-02-10', 100000, 100000, 100000), mls_source => 'bare');
listing('L36', 'Pending', '2025-01-05', '2025-03-01', mls_source => 'bare', X_Currency => '$');
# A source that only tells what is on the market.
listing('L27', 'Active', '2025-01-15', undef, mls_source => 'idx', ListPrice => 1);
listing('L28', 'Active', '2025-03-01', undef, mls_source => 'idx', ListPrice => 1);
# Listed, contracted and closed on one day.
listing('L29', 'Closed', '2025-01-03', '2025-01-03', sold('2025-01-03', 50000, 50000, 60000), PropertyType => 'Land', PropertySubType => undef);
sql(q{UPDATE gold.property SET "PropertySubType" = NULL WHERE "ListingKey" = 'L29'});
# Of no type, though of a subtype: what is for sale or to let is not known.
listing('L37', 'Active', '2025-01-20', undef, ListPrice => 250000);
listing('L38', 'Active', '2025-01-20', undef, ListPrice => 250000, StateOrProvince => 'MN');
sql(q{UPDATE gold.property SET "PropertyType" = NULL WHERE "ListingKey" IN ('L37', 'L38')});

is(sql(q{SELECT mls_mart_create(coverage => '{"bare": "2024-01-01", "east": "2024-01-01", "north": "2024-01-01"}') > 0}), 't', 'a mart is made');
is(sql(q{SELECT state FROM mls_marts}), 'new', 'and is new');
is(fill(q{}, 'status, listings, message'), 'finished|31|all was computed: it is new', 'filled: three listings do not count');
is(sql(q{SELECT state, listings, as_of >= current_date - 1 FROM mls_marts}), 'filled|31|t', 'as its status says');
is(sql(q{SELECT f.transaction, t.level, t.property_sub_type IS NULL, f.list_date FROM mart.fct_listing f JOIN mart.dim_property_type t USING (type_id) WHERE f.listing_key = 'L37'}),
	'unknown|all|t|2025-01-20', 'a listing of no type but a subtype counts');
is(sql(q{SELECT string_agg(DISTINCT f ->> 'place', ' and ') FROM mls.market_rows('mart', 'figures', 'city', 'unknown', 'USD', '0', '60') f}), 'AUSTIN, TX, US and Austin, MN, US', 'two places of one name are told apart');
is(sql(q{SELECT string_agg(DISTINCT f ->> 'place', ' and ') FROM mls.market_rows('mart', 'figures', 'state', 'unknown', 'USD', '0', '60') f}), 'MN and TX', 'others have their names');

# ---- By hand: houses of Austin, of the source east, in USD ----

my @months = qw(2024-11 2024-12 2025-01 2025-02 2025-03 2025-04);
my %by_hand = (
	new_listings => [ 1, 2, 6, 6, 2, 0 ],
	new_pending => [ 0, 0, 4, 4, 4, 0 ],
	new_pending_net => [ 0, 0, 3, 3, 4, 0 ],
	closed_sales => [ 0, 0, 1, 4, 3, 0 ],
	closed_with_price => [ 0, 0, 1, 3, 2, 0 ],
	volume => [ '0.00', '0.00', '245000.00', '904000.00', '580000.00', '0.00' ],
	expired => [ 0, 0, 0, 1, 0, 0 ],
	canceled => [ 0, 0, 1, 0, 0, 0 ],
	withdrawn => [ 0, 0, 0, 1, 0, 0 ],
	inventory_eom => [ 1, 3, 5, 5, 3, 3 ],
	inventory_eom_with_auc => [ 1, 3, 5, 5, 4, 4 ],
	inventory_eom_with_coming_soon => [ 1, 3, 5, 5, 4, 4 ],
	active_any => [ 1, 3, 9, 11, 8, 3 ],
	# Of a divisor of 0 nothing comes.
	months_supply_12p => [ '', '', '15.00', '7.50', '3.00', '3.00' ],
	months_supply_1c => [ '', '', '5.00', '1.25', '1.00', '' ],
	months_supply_12c => [ '', '', '60.00', '12.00', '4.50', '4.50' ],
	absorption_pct => [ '', '0.00', '33.33', '80.00', '60.00', '0.00' ],
	median_sale_price => [ '', '', '245000.00', '294000.00', '290000.00', '' ],
	avg_sale_price => [ '', '', '245000.00', '301333.33', '290000.00', '' ],
	median_sale_price_net => [ '', '', '245000.00', '290000.00', '290000.00', '' ],
	avg_sale_price_net => [ '', '', '245000.00', '300000.00', '290000.00', '' ],
	median_price_sqft => [ '', '', '', '168.73', '', '' ],
	sale_to_list_pct => [ '', '', '98.00', '100.17', '100.00', '' ],
	sale_to_original_pct => [ '', '', '94.23', '99.11', '100.00', '' ],
	dom_median => [ '', '', '45.00', '19.00', '14.00', '' ],
	dom_avg => [ '', '', '45.00', '19.75', '17.33', '' ],
	dom_median_pending => [ '', '', '16.00', '18.50', '16.50', '' ],
	dom_avg_pending => [ '', '', '25.33', '19.25', '17.75', '' ],
	dom_source_median => [ '', '', '', '16.00', '', '' ],
	dom_source_avg => [ '', '', '', '16.00', '', '' ],
	cdom_median => [ '', '', '45.00', '19.00', '28.00', '' ],
	cdom_source_median => [ '', '', '', '17.00', '', '' ],
	price_cuts => [ 0, 0, 0, 1, 0, 0 ],
	price_cuts_pct => [ '0.00', '0.00', '0.00', '20.00', '0.00', '0.00' ],
	median_cut_pct => [ '', '', '', '5.00', '', '' ],
	age_of_inventory => [ '29.00', '30.00', '21.00', '27.00', '54.00', '84.00' ],
	fell_through => [ 0, 0, 1, 0, 1, 0 ],
	price_outliers => [ 0, 0, 0, 1, 0, 0 ],
	ratio_outliers => [ 0, 0, 0, 0, 1, 0 ],
	late_closings => [ 0, 0, 1, 0, 0, 0 ],
	doubled_sales => [ (0) x 6 ],
	is_thin => [ ('true') x 6 ],
	is_complete => [ ('true') x 6 ],
	sources => [ (1) x 6 ]);

# A measure of a group, for these months.
sub measure
{
	my ($column, %group) = @_;
	my $place = $group{city} ? "l.level = 'city' AND l.city = '$group{city}'" : "l.location_id = 1";
	my $type = $group{subtype} ? "t.level = 'subtype' AND t.property_sub_type = '$group{subtype}'" : "t.level = '$group{level}'";
	return sql(qq{SELECT string_agg(coalesce(a.$column\::text, ''), ' ' ORDER BY a.month) FROM mart.agg_market_month a JOIN mart.dim_location l USING (location_id)
		JOIN mart.dim_property_type t USING (type_id) JOIN mart.dim_source s USING (source_id)
		WHERE $place AND $type AND t.transaction = '$group{transaction}' AND coalesce(s.name, 'all') = '$group{source}' AND a.currency = '$group{currency}' AND a.month BETWEEN '2024-11-01' AND '2025-04-30'});
}

my %houses = (city => 'austin', subtype => 'Single Family Residence', transaction => 'sale', source => 'east', currency => 'USD');
is(measure($_, %houses), join(' ', @{ $by_hand{$_} }), "houses of Austin: $_") for sort keys %by_hand;
is(sql(q{SELECT string_agg(column_name, ' ' ORDER BY column_name) FROM information_schema.columns WHERE table_schema = 'mart' AND table_name = 'agg_market_month'
	AND column_name <> ALL ('{month,location_id,type_id,source_id,currency,has_closed,has_history,covered_from,computed_at}')}), join(' ', sort keys %by_hand), 'these are all measures');

# ---- Others ----

my %lets = (city => 'austin', subtype => 'Apartment', transaction => 'lease', source => 'east', currency => 'USD');
is(measure('closed_sales', %lets), '0 3 0 0', 'leases are apart');
is(measure('closed_with_price', %lets), '0 2 0 0', 'a season is no month');
is(measure('price_outliers', %lets), '0 1 0 0', 'and is counted as such');
is(measure('volume', %lets), '0.00 4066.67 0.00 0.00', 'rents are of a month');
is(measure('median_sale_price', %lets), ' 2033.34  ', 'their median too');
is(measure('sale_to_list_pct', %lets), ' 97.50  ', 'and what was reached of the rent that was asked');
my %limassol = (city => 'limassol', subtype => 'Apartment', transaction => 'sale', source => 'north', currency => 'EUR');
is(measure('volume', %limassol), '0.00 200000.00 0.00 0.00', 'euros');
is(measure('volume', %limassol, currency => 'USD'), '0.00 290000.00 0.00 0.00', 'are not mixed with dollars');
is(measure('inventory_eom', %limassol), '0 1 1 1', 'nor are what is for sale in them');
is(measure('closed_sales', level => 'all', transaction => 'sale', source => 'east', currency => 'USD'), '0 0 2 4 3 0', 'of one source everywhere, land included');
is(measure('volume', level => 'all', transaction => 'sale', source => 'east', currency => 'USD'), '0.00 0.00 295000.00 904000.00 580000.00 0.00', 'and its volume');
is(measure('active_any', level => 'type', transaction => 'sale', source => 'east', currency => 'USD') =~ /1/ ? 'yes' : 'no', 'yes', 'kinds of property are groups, too');
is(sql(q{SELECT string_agg(concat_ws(' ', active_any, inventory_eom, dom_median), ', ' ORDER BY month) FROM mart.agg_market_month a JOIN mart.dim_property_type t USING (type_id) JOIN mart.dim_location l USING (location_id)
	JOIN mart.dim_source s USING (source_id) WHERE t.property_type = 'Land' AND l.level = 'city' AND s.name = 'east' AND month < '2025-03-01'}), '1 0 0.00, 0 0', 'listed and sold on one day: on the market for a moment');

# What a source does not give is not 0.
my %everywhere = (level => 'all', transaction => 'sale', currency => 'USD');
is(measure('closed_sales', %everywhere, source => 'idx') . measure('new_pending', %everywhere, source => 'idx') . measure('inventory_eom', %everywhere, source => 'idx'), ' ' x 9, 'a source of what is on the market knows nothing of sales, or of the past');
is(measure('closed_sales', %everywhere, source => 'all'), ' ' x 5, 'nor do all sources together with it');
is(measure('closed_sales', %everywhere, source => 'bare') . join(' ', map { measure($_, %everywhere, source => 'bare') } qw(new_pending new_pending_net fell_through dom_median_pending months_supply_12p)), '0 1 0 0' . ' ' x 19, 'of contracts that no field tells of nothing is known, but of sales');
is(sql(q{SELECT bool_and(d.new_pending IS NULL AND d.closed_sales IS NOT NULL) FROM mart.agg_day d JOIN mart.dim_source s USING (source_id) WHERE s.name = 'bare' AND d.date >= '2025-01-05'}), 't', 'nor of a day');
is(measure('sources', %everywhere, source => 'all'), '4 4 4 4 4 4', 'as it is said');
is(sql(q{SELECT inventory_eom, closed_sales IS NULL, a.has_closed, covered_from = month, is_complete FROM mart.agg_market_month a JOIN mart.dim_source s USING (source_id) JOIN mart.dim_property_type t USING (type_id)
	WHERE s.name = 'idx' AND location_id = 1 AND t.level = 'all' ORDER BY month DESC LIMIT 1}), '2|t|f|t|f', 'but what is on the market now');
is(sql(q{SELECT string_agg(concat_ws(' ', name, timezone, has_closed, has_off, has_contracts, has_history, sales_from, market_from = date_trunc('month', now())), ', ' ORDER BY name) FROM mart.dim_source WHERE source_id > 0}),
	'bare UTC t t f f 2024-01-01 f, east America/New_York t t t t 2024-01-01 f, idx UTC f f t f t, north UTC t t t f 2024-01-01 f', 'what sources give');

# ---- Facts ----

is(sql(q{SELECT string_agg(concat_ws(' ', status, from_date, to_date), ', ' ORDER BY seq) FROM mart.fct_spell WHERE listing_key = 'L05'}),
	'Active 2025-01-02 2025-01-12, Pending 2025-01-12 2025-01-20, Active 2025-01-20 2025-02-01, Pending 2025-02-01 2025-02-20, Closed 2025-02-20', 'spells');
is(sql(q{SELECT string_agg(concat_ws(' ', kind, date, old_status, new_status, old_price, new_price, origin), ', ' ORDER BY seq) FROM mart.fct_listing_event WHERE listing_key IN ('L03')}),
	'new 2025-01-31 Active field, price 2025-02-28 500000 475000 field', 'changes, of the days that they are there');
is(sql(q{SELECT count(*) FROM mart.fct_spell a JOIN mart.fct_spell b ON a.listing_key = b.listing_key AND a.seq < b.seq
	AND daterange(a.from_date, a.to_date) && daterange(b.from_date, b.to_date)}), 0, 'no two spells of a listing overlap');
is(sql(q{SELECT list_date, dom, cdom FROM mart.fct_listing WHERE listing_key = 'L09'}), '2025-03-10|10|32', 'days on market go on when a property is listed again');
is(sql(q{SELECT close_date IS NULL, next_date, problem FROM mart.fct_listing WHERE listing_key = 'L18'}), 't|2099-01-01|it is closed, without a CloseDate that can be used', 'a closing in the future is none');
is(sql(q{SELECT currency, problem FROM mart.fct_listing WHERE listing_key = 'L36'}), 'USD|its X_Currency is no code of three letters: that of the mart is taken', 'a sign is no currency');
is(sql(q{SELECT string_agg(DISTINCT currency, ' ' ORDER BY currency) FROM mart.agg_market_month}), 'EUR USD', 'and no group');
is(sql(q{SELECT string_agg(listing_key, ' ') FROM mart.fct_listing WHERE listing_key IN ('L12', 'L13', 'L14')}), '', 'what never counts is not there');
is(sql(q{SELECT string_agg(name || ' ' || level, ', ' ORDER BY location_id) FROM mart.dim_location WHERE level IN ('city', 'postal') AND state IS DISTINCT FROM 'mn'}), 'Limassol city, AUSTIN city, 3030 postal, 78701 postal', 'a place is one however it is written');
is(sql(q{SELECT string_agg(concat_ws(' ', member_key, role, sides, volume), ', ' ORDER BY member_key, role) FROM mart.agg_member_month WHERE month = '2025-02-01' AND transaction = 'sale'}),
	'A1 buyer 1.0 410000.00, A1 list 1.5 557000.00, A2 buyer 1.0 294000.00, C1 list 0.5 147000.00', 'sides of members: co-agents have a half');
is(sql(q{SELECT string_agg(concat_ws(' ', office_key, role, sides, volume), ', ' ORDER BY office_key, role) FROM mart.agg_office_month WHERE month = '2025-02-01' AND transaction = 'sale'}),
	'O1 buyer 1.0 410000.00, O1 list 2.0 704000.00, O2 buyer 1.0 294000.00', 'and of offices');
is(sql(q{SELECT d.new_listings, d.new_pending, d.closed_sales, d.volume, d.inventory FROM mart.agg_day d JOIN mart.dim_source s USING (source_id) JOIN mart.dim_property_type t USING (type_id)
	WHERE d.date = '2025-01-31' AND s.name = 'east' AND t.transaction = 'sale' AND d.currency = 'USD'}), '1|1|0|0.00|5', 'a day');
is(sql(q{SELECT count(*) FROM mls.mart_column c JOIN pg_class r ON r.relname = c.relation JOIN pg_namespace n ON n.oid = r.relnamespace AND n.nspname = 'mart'
	JOIN pg_attribute a ON a.attrelid = r.oid AND a.attname = c.name WHERE col_description(r.oid, a.attnum) IS DISTINCT FROM c.definition OR obj_description(r.oid) IS NULL}), 0, 'each column says what it means');

# Members, offices, showings and open houses are copied as they are.
sql(q{
	CREATE TABLE gold.member ("MemberKey" text PRIMARY KEY, mls_source text DEFAULT 'east', mls_origin text, mls_source_key text, mls_updated_at timestamptz, "MemberFullName" text, "OfficeKey" text);
	CREATE TABLE gold.office ("OfficeKey" text PRIMARY KEY, mls_source text DEFAULT 'east', mls_origin text, mls_source_key text, mls_updated_at timestamptz, "OfficeName" text);
	CREATE TABLE gold.open_house ("OpenHouseKey" text PRIMARY KEY, mls_source text DEFAULT 'east', mls_origin text, mls_source_key text, mls_updated_at timestamptz, "ListingKey" text, "OpenHouseStartTime" timestamptz);
	CREATE TABLE gold.showing_appointment ("ShowingAppointmentKey" text PRIMARY KEY, mls_source text DEFAULT 'east', mls_origin text, mls_source_key text, mls_updated_at timestamptz, "ShowingAppointmentDate" date);
	INSERT INTO gold.member ("MemberKey", "MemberFullName", "OfficeKey") VALUES ('A1', 'Ann', 'O1');
	INSERT INTO gold.office ("OfficeKey", "OfficeName") VALUES ('O1', 'One');
	INSERT INTO gold.open_house ("OpenHouseKey", "ListingKey", "OpenHouseStartTime") VALUES ('H1', 'L03', '2025-02-02T03:00:00Z');
	INSERT INTO gold.showing_appointment ("ShowingAppointmentKey", "ShowingAppointmentDate") VALUES ('S1', '2025-02-02')});
is(fill(), 'finished|0|0|', 'a run for those alone');
is(sql(q{SELECT concat_ws(' ', m.name, o.name, h.date, h.listing_key, s.date) FROM mart.dim_member m JOIN mart.dim_office o USING (office_key), mart.fct_open_house h, mart.fct_showing s}), 'Ann One 2025-02-01 L03 2025-02-02', 'and they are there');

# A property that two offices list at the same time, and again when the first has ended.
listing('L32', 'Expired', '2025-01-01', undef, ExpirationDate => '2025-02-10', City => 'Marfa', ParcelNumber => 'P-20002');
listing('L33', 'Withdrawn', '2025-01-11', undef, WithdrawnDate => '2025-01-31', City => 'Marfa', ParcelNumber => 'P-20002');
listing('L34', 'Closed', '2025-02-20', '2025-03-02', sold('2025-03-12', 200000, 200000, 200000), City => 'Marfa', ParcelNumber => 'P-20002');
is(fill(q{}, 'status, listings'), 'finished|3', 'a property listed twice');
is(sql(q{SELECT string_agg(concat_ws(' ', listing_key, dom, cdom), ', ' ORDER BY listing_key) FROM mart.fct_listing WHERE listing_key IN ('L32', 'L33', 'L34')}),
	'L32 40 40, L33 20 30, L34 10 50', 'is on the market once');

# A sale that two sources tell of, each with a key of its own.
my %twice = (City => 'Sonora', ParcelNumber => 'P-30003');
listing('L40', 'Closed', '2025-01-05', '2025-01-20', sold('2025-02-10', 100000, 100000, 100000), %twice);
listing('L41', 'Closed', '2025-01-06', '2025-01-20', sold('2025-02-10', 100000, 100000, 100000), %twice, mls_source => 'north');
my %sonora = (city => 'sonora', subtype => 'Single Family Residence', transaction => 'sale', currency => 'USD');
is(fill(q{}, 'status, listings'), 'finished|2', 'one sale, two listings');
is(join(' / ', map { measure('closed_sales', %sonora, source => $_) . ', ' . measure('doubled_sales', %sonora, source => $_) } qw(all east north)), '0 2 0 0, 0 1 0 0 / 0 1 0 0, 0 0 0 0 / 0 1 0 0, 0 0 0 0', 'is counted twice, which is said');
is(sql(q{SELECT listing_key, double_of FROM mart.fct_listing WHERE double_of IS NOT NULL}), 'L41|L40', 'of which it is');
sql(q{UPDATE gold.property SET "CloseDate" = '2025-02-11' WHERE "ListingKey" = 'L40'});
is(fill(q{}, 'status, listings'), 'finished|1', 'the first turns out to be another');
is(measure('doubled_sales', %sonora, source => 'all'), '0 0 0 0', 'then none is');

# A history of days that cannot be.
sql(q{INSERT INTO gold.history_transactional ("HistoryTransactionalKey", "ResourceRecordKey", "PreviousValue", "NewValue", "ModificationTimestamp") VALUES
	('8', 'L03', 'Active', 'Pending', '0001-03-01T15:00Z'), ('9', 'L03', 'Pending', 'Active', '-infinity'), ('10', 'L03', 'Active', 'Pending', 'infinity')});
is(fill(q{rebuild => true}, 'status'), 'finished', 'a history of year 1');
is(sql(q{SELECT (SELECT count(*) FROM mart.agg_market_month WHERE month < '2024-01-01'), (SELECT string_agg(concat_ws(' ', status, from_date), ', ') FROM mart.fct_spell WHERE listing_key = 'L03')}),
	'0|Active 2025-01-31', 'says nothing');

# Dates that are no beginning of anything.
my %old = (City => 'Alpine', mls_source => 'old');
listing("O$_", 'Closed', "2025-0$_-01", "2025-0$_-05", sold("2025-0$_-15", 100000, 100000, 100000), %old) for 3 .. 6;
listing('O8', 'Closed', '1970-01-01', '1970-01-01', sold('1970-01-01', 100000, 100000, 100000), %old);
listing('O9', 'Closed', '2001-01-01', '2001-01-05', sold('2001-01-15', 100000, 100000, 100000), %old);
fill();
is(sql(q{SELECT string_agg(problem, '') FROM mart.fct_listing WHERE listing_key = 'O8'}), 'it is closed, without a CloseDate that can be used', 'the epoch is no day of a closing');
is(sql(q{SELECT sales_from FROM mart.dim_source WHERE name = 'old'}), '2025-04-01', 'one closing of long ago is no beginning');
is(sql(q{SELECT min(month) FROM mart.agg_market_month a JOIN mart.dim_source s USING (source_id) WHERE s.name = 'old' AND a.closed_sales IS NOT NULL}), '2025-04-01', 'and no month is 0 for it');

# Who may read them no more has no copy of them.
sql(q{
	CREATE ROLE analyst LOGIN;
	SELECT mls_grant('analyst');
	GRANT CREATE ON DATABASE postgres TO analyst;
	GRANT SELECT ON ALL TABLES IN SCHEMA gold TO analyst;
	SET ROLE analyst;
	SELECT mls_mart_create('his', levels => '{all}')});
is(fill(q{'his'}, 'status'), 'finished', 'the mart of another role');
my $copied = q{SELECT (SELECT count(*) FROM his.dim_member), (SELECT count(*) FROM his.dim_office), (SELECT count(*) FROM his.fct_showing), (SELECT count(*) FROM his.fct_open_house)};
is(sql($copied), '1|1|1|1', 'has them too');
sql(q{REVOKE SELECT ON gold.member, gold.office, gold.showing_appointment, gold.open_house FROM analyst});
is(fill(q{'his'}, 'status, message'), 'finished|', 'until he may read them no more');
is(sql($copied), '0|0|0|0', 'then they are gone');
sql(q{SELECT mls_mart_drop('his')});

# The second contract of a listing whose field still tells of the first.
listing('L31', 'Pending', '2025-01-02', '2025-01-05', City => 'Waco');
sql(q{INSERT INTO gold.history_transactional ("HistoryTransactionalKey", "ResourceRecordKey", "PreviousValue", "NewValue", "ModificationTimestamp") VALUES
	('5', 'L31', 'Active', 'Pending', '2025-01-06T15:00Z'), ('6', 'L31', 'Pending', 'Active', '2025-02-10T15:00Z'), ('7', 'L31', 'Active', 'Pending', '2025-03-04T15:00Z')});
is(fill(q{}, 'status, listings'), 'finished|1', 'one more listing');
is(join(' / ', map { measure($_, %houses, city => 'waco') } qw(new_pending new_pending_net fell_through dom_median_pending)), '1 0 1 0 / 0 0 1 0 / 0 1 0 0 /   25.00 ', 'each contract is of its month');
is(sql(q{SELECT string_agg(concat_ws(' ', date, new_status), ', ' ORDER BY seq) FROM mart.fct_listing_event WHERE listing_key = 'L31'}), '2025-01-02 Active, 2025-01-05 Pending, 2025-02-10 Active, 2025-03-04 Pending', 'the first one of the day that the field says');

done_testing();
