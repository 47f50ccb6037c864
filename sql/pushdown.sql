-- What is asked of a RESO Web API source for which SQL, and what is kept local
-- and why.  EXPLAIN never connects, so no source is needed.
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
CREATE SCHEMA feed;
SET search_path = feed, public;
CREATE SERVER plain FOREIGN DATA WRAPPER mls_fdw
	OPTIONS (protocol 'reso', url 'https://mls.example.com/odata');
CREATE USER MAPPING FOR CURRENT_USER SERVER plain OPTIONS (token 'never-shown');
CREATE FOREIGN TABLE property (
	listing_key text OPTIONS (field 'ListingKey') NOT NULL,
	city text OPTIONS (field 'City'),
	nickname varchar(40) OPTIONS (field 'Nickname'),
	list_price numeric OPTIONS (field 'ListPrice'),
	beds int OPTIONS (field 'BedroomsTotal'),
	lots bigint OPTIONS (field 'NumberOfLots'),
	area float8 OPTIONS (field 'LivingArea'),
	ratio float4 OPTIONS (field 'Ratio'),
	pool boolean OPTIONS (field 'PoolPrivateYN'),
	close_date date OPTIONS (field 'CloseDate'),
	modified timestamptz OPTIONS (field 'ModificationTimestamp'),
	opens time OPTIONS (field 'Opens'),
	features text[] OPTIONS (field 'PoolFeatures'),
	status text OPTIONS (field 'StandardStatus', type 'Ns.StandardStatus', enum 'true'),
	media jsonb OPTIONS (field 'Media')
) SERVER plain OPTIONS (resource 'Property', key 'ListingKey', expand 'Media', timestamp 'ModificationTimestamp');

-- The lines of a plan that tell of the source, without what is the same for all.
CREATE FUNCTION asked(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
		IF line ~ '^\s*(Remote|Kept)' THEN
			line := regexp_replace(line, '(\$select=[^&]*|\$orderby=ListingKey|\$count=true)(&|$)', '', 'g');
			RETURN NEXT rtrim(btrim(line), '&?');
		END IF;
	END LOOP;
END $$;
CREATE FUNCTION where_(condition text) RETURNS SETOF text LANGUAGE sql AS
	$$ SELECT asked('SELECT listing_key FROM feed.property WHERE ' || condition) $$;
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text; sides text[];
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
		-- Which side of an equality comes first is the version's choice.
		sides := regexp_match(line, '^(\s*Filter: \()(\w+\.\w+) = (\w+\.\w+)\)$');
		IF sides[2] > sides[3] THEN line := format('%s%s = %s)', sides[1], sides[3], sides[2]); END IF;
		IF line !~ '^\s*Output' THEN RETURN NEXT line; END IF;
	END LOOP;
END $$;

-- Only what is needed is selected; the whole row needs no list of names.
EXPLAIN (VERBOSE, COSTS OFF) SELECT city FROM property WHERE beds = 3;
EXPLAIN (VERBOSE, COSTS OFF) SELECT 1 FROM property;
EXPLAIN (VERBOSE, COSTS OFF) SELECT p FROM property p;
EXPLAIN (VERBOSE, COSTS OFF) SELECT media FROM property;

-- Comparisons, either way round, over all kinds of values.
SELECT where_($$ list_price < 500000 AND 2 <= beds AND lots <> 7 $$);
SELECT where_($$ list_price BETWEEN 1.50 AND 99999999999999999999.25 $$);
SELECT where_($$ city = 'Coeur d''Alene' AND nickname = '100%' $$);
SELECT where_($$ beds = 3::bigint AND lots = 3::smallint $$);
SELECT where_($$ close_date >= '2024-02-29' AND opens < '18:30' $$);
SELECT where_($$ modified >= '2024-05-01 12:00+02' AND modified < '2024-05-02 00:00:00.1234+00' $$);
SELECT where_($$ area > 100.5 AND area = 7 $$);
SELECT where_($$ status = 'Active' $$);

-- Text has no common order; single precision is not what the source has.
SELECT where_($$ city > 'M' $$);
SELECT where_($$ city <> 'Austin' $$);
SELECT where_($$ ratio < 0.5 $$);
SELECT where_($$ lower(city) = 'austin' $$);
SELECT where_($$ beds = lots $$);
SELECT where_($$ list_price > random() * 1000000 $$);
SELECT where_($$ list_price = 'NaN' $$);
SELECT where_($$ beds > 2.5 $$);

-- Values that are known when the scan starts.
SELECT where_($$ modified > now() - interval '1 day' AND close_date > current_date - 30 $$);
SELECT where_($$ modified >= date '2024-05-01' $$);
SELECT where_($$ close_date > now() AND close_date <= timestamptz '2024-05-01 08:00' $$);
SELECT where_($$ listing_key = (SELECT max(o) FROM unnest(ARRAY['a', 'b']) o) $$);

-- Lists.
SELECT where_($$ city IN ('Austin', 'Round Rock', NULL) $$);
SELECT where_($$ beds = ANY ('{2,3}') AND lots = ANY (ARRAY[1, 2]::bigint[]) $$);
SELECT where_($$ city NOT IN ('Austin', 'Dallas') $$);
SELECT where_($$ beds < ANY ('{2,3}') $$);

-- Patterns: the longest literal piece.
SELECT where_($$ city LIKE 'Aus%' AND city LIKE '%tin' AND city LIKE '%ust%' $$);
SELECT where_($$ city LIKE 'A_stin\_%xx' AND city LIKE '50\%' AND city LIKE '%_%' $$);
SELECT where_($$ city LIKE 'O''F#%%' ESCAPE '#' $$);
SELECT where_($$ city ILIKE 'aus%' OR city ~ '^A' $$);
SELECT where_($$ city NOT LIKE 'Aus%' $$);

-- Flags and nulls.
SELECT where_($$ pool $$);
SELECT where_($$ NOT pool $$);
SELECT where_($$ pool IS TRUE AND pool = true $$);
SELECT where_($$ pool IS NOT TRUE $$);
SELECT where_($$ city IS NULL $$);
SELECT where_($$ modified IS NOT NULL $$);

-- Collections.
SELECT where_($$ 'Heated' = ANY (features) $$);
SELECT where_($$ features @> '{Heated,"In Ground"}' $$);
SELECT where_($$ '{Heated}' <@ features AND features && '{A,B}' $$);
SELECT where_($$ features <@ '{Heated}' $$);
SELECT where_($$ NOT 'Heated' = ANY (features) $$);

-- AND may lose an arm, OR may not.
SELECT where_($$ beds = 1 OR city = 'Austin' $$);
SELECT where_($$ beds = 1 OR city > 'M' $$);
SELECT where_($$ (beds = 1 AND city > 'M') OR (beds = 2 AND pool) $$);
SELECT where_($$ NOT (beds = 1 OR list_price > 5) $$);

-- Columns that hold no comparable field, and collations.
SELECT where_($$ media ? 'x' AND media = '{}' $$);
CREATE COLLATION loose (provider = icu, locale = 'und', deterministic = false);
SELECT where_($$ city = 'Austin' COLLATE loose $$);
SELECT where_($$ city = 'Austin' COLLATE "C" $$);

-- A generic plan keeps its parameters.
SET plan_cache_mode = force_generic_plan;
PREPARE by_city(text, text[], numeric, text) AS SELECT listing_key FROM property
	WHERE city = $1 AND features @> $2 AND (list_price < $3 OR beds = 2) AND city LIKE $4;
SELECT asked($$ EXECUTE by_city('Austin', '{Heated}', 5, 'A%') $$);
PREPARE any_of(int[]) AS SELECT listing_key FROM property WHERE beds = ANY ($1);
SELECT asked($$ EXECUTE any_of('{1,2}') $$);
RESET plan_cache_mode;
SELECT asked($$ EXECUTE by_city('Austin', '{Heated}', 5, 'A%') $$);
SELECT asked($$ EXECUTE any_of('{}') $$);

-- Order: numbers, dates and instants, where nulls come first or cannot come, as in the
-- modification timestamp.  An instant comes last: what it shows is not all a source keeps.
SELECT plan($$ SELECT listing_key FROM property ORDER BY modified DESC $$);
SELECT plan($$ SELECT listing_key FROM property ORDER BY list_price NULLS FIRST, close_date DESC NULLS LAST $$);
SELECT plan($$ SELECT listing_key FROM property ORDER BY list_price $$);
SELECT plan($$ SELECT listing_key FROM property ORDER BY modified, city $$);

-- A type that rounds what the source has compares other values than the source:
-- such a column is compared here, and comes last in an order.
CREATE FOREIGN TABLE rounded (
	listing_key text OPTIONS (field 'ListingKey') NOT NULL,
	price numeric(12,0) OPTIONS (field 'ListPrice') NOT NULL,
	seen timestamptz(0) OPTIONS (field 'Seen') NOT NULL,
	opens time(0) OPTIONS (field 'Opens')
) SERVER plain OPTIONS (resource 'Property', key 'ListingKey');
SELECT asked('SELECT * FROM rounded WHERE price = 5 AND seen < ''2024-01-01''');
SELECT asked('SELECT * FROM rounded WHERE price IN (5, 6) AND opens >= ''12:00''');
SELECT plan($$ SELECT price FROM rounded ORDER BY price, seen LIMIT 5 $$);

-- A limit is exact only over conditions that are, in an order the source gives.
SELECT plan($$ SELECT listing_key FROM property WHERE beds = 3 ORDER BY modified DESC LIMIT 5 OFFSET 2 $$);
SELECT plan($$ SELECT listing_key FROM property WHERE city = 'Austin' ORDER BY modified LIMIT 5 $$);
SELECT plan($$ SELECT listing_key FROM property ORDER BY city LIMIT 5 $$);
SELECT plan($$ SELECT listing_key FROM property ORDER BY modified FETCH FIRST 5 ROWS WITH TIES $$);
SELECT plan($$ SELECT listing_key FROM property LIMIT 5 FOR UPDATE $$);
SELECT plan($$ SELECT DISTINCT beds FROM property LIMIT 5 $$);
SELECT plan($$ SELECT listing_key, generate_series(1, 2) FROM property LIMIT 5 $$);
SELECT asked($$ SELECT max(modified) FROM property $$);

-- count(*), alone and exact.
SELECT plan($$ SELECT count(*) FROM property WHERE beds >= 3 AND modified IS NOT NULL $$);
SELECT plan($$ SELECT count(*) FROM property WHERE city = 'Austin' $$);
SELECT plan($$ SELECT count(city) FROM property $$);
SELECT plan($$ SELECT count(*) FILTER (WHERE beds = 1) FROM property $$);
SELECT plan($$ SELECT count(*) FROM property HAVING count(*) > 1 $$);
SELECT plan($$ SELECT beds, count(*) FROM property GROUP BY beds $$);

-- Joins: a lookup per row for a few rows, one fetch for many.
CREATE TABLE wish (id int, key text, min_beds int);
INSERT INTO wish SELECT i, 'LK' || i, i FROM generate_series(1, 3) i;
ANALYZE wish;
SELECT plan($$ SELECT w.id, p.city FROM wish w JOIN property p ON p.listing_key = w.key $$);
SELECT plan($$ SELECT w.id, p.city FROM wish w LEFT JOIN property p
	ON p.listing_key = w.key AND p.beds >= w.min_beds AND p.city > w.key $$);
INSERT INTO wish SELECT i, 'LK' || i, i FROM generate_series(1, 20000) i;
ANALYZE wish;
SELECT plan($$ SELECT w.id, p.city FROM wish w JOIN property p ON p.listing_key = w.key $$);

-- Platforms differ in what they do faithfully; options say so.
ALTER SERVER plain OPTIONS (ADD push_null_tests 'true', push_not_equal 'true', push_not 'true', text_exact 'true', push_in 'true');
SELECT where_($$ city IS NULL AND beds IS NOT NULL AND city <> 'Austin' AND beds <> 2 $$);
SELECT where_($$ city NOT IN ('Austin', 'Dallas') AND beds IN (1, 2) $$);
SELECT where_($$ pool IS NOT TRUE $$);
SELECT plan($$ SELECT count(*) FROM property WHERE city = 'Austin' $$);
ALTER SERVER plain OPTIONS (ADD push_or 'false', push_like 'false', push_any 'false', push_count 'false', ordering 'none');
SELECT where_($$ beds = 1 OR beds > 7 $$);
SELECT where_($$ city LIKE 'A%' AND features @> '{Heated}' $$);
SELECT plan($$ SELECT count(*) FROM property WHERE beds = 3 $$);
SELECT plan($$ SELECT listing_key FROM property ORDER BY modified $$);

-- Nothing is written, and nothing secret is shown.
INSERT INTO property (listing_key, modified) VALUES ('x', now());
DELETE FROM property;
SELECT count(*) AS secrets FROM asked('SELECT * FROM feed.property') line WHERE line ~ 'never-shown';
SET client_min_messages = warning;
DROP SERVER plain CASCADE;
DROP SCHEMA feed CASCADE;
