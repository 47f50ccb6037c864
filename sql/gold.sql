-- Gold and the RESO views, from records laid into bronze by hand: mls_rebuild()
-- makes them as a sync does, without a network.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';

CREATE SERVER north FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'https://north.example.com/odata');
CREATE SERVER south FOREIGN DATA WRAPPER mls_fdw
  OPTIONS (protocol 'reso', url 'https://south.example.com/odata', key_prefix 'S:', timezone 'America/Chicago');
CREATE SCHEMA north;
CREATE SCHEMA south;

-- North declares types as the dictionary does, lookups as enumerations.
CREATE FOREIGN TABLE north.property (
    listing_key text OPTIONS (field 'ListingKey') NOT NULL,
    list_price numeric OPTIONS (field 'ListPrice'),
    bedrooms_total integer OPTIONS (field 'BedroomsTotal'),
    standard_status text OPTIONS (field 'StandardStatus', enum 'true'),
    appliances text[] OPTIONS (field 'Appliances', enum 'true'),
    list_agent_key text OPTIONS (field 'ListAgentKey'),
    pool_private_yn boolean OPTIONS (field 'PoolPrivateYN'),
    close_date date OPTIONS (field 'CloseDate'),
    modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp'),
    view_score integer OPTIONS (field 'ViewScore'),
    x_note text OPTIONS (field 'X_Note'),
    open_houses jsonb OPTIONS (field 'OpenHouses'),
    record json OPTIONS (field '*')
) SERVER north OPTIONS (resource 'Property', key 'ListingKey', timestamp 'ModificationTimestamp');

SELECT gold FROM mls_subscribe('north.property');
SELECT column_name, data_type, col_description('gold.property'::regclass, ordinal_position) AS comment
  FROM information_schema.columns WHERE table_schema = 'gold' AND table_name = 'property' ORDER BY ordinal_position;
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'gold.property'::regclass AND contype = 'p';
SELECT reloptions FROM pg_class WHERE oid IN ('gold.property'::regclass, 'reso."Property"'::regclass) ORDER BY relkind;

CREATE FUNCTION load(bronze regclass, record json) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO %s (key, modified_at, modified, record, fetched_at, run_id)
                    VALUES ($1, $2::timestamptz, $2, $3, now(), 0)
                    ON CONFLICT (key) DO UPDATE SET record = excluded.record', bronze)
    USING coalesce(record->>'ListingKey', record->>'OfficeKey', (record->>'MemberKey') || '|' || (record->>'AssociationKey')),
          record->>'ModificationTimestamp', record;
END $$;
SELECT count(load('bronze.north_property', r)) FROM unnest(ARRAY[
    '{"ListingKey": "1", "ListPrice": 450000.50, "BedroomsTotal": 3, "StandardStatus": "ActiveUnderContract",
      "Appliances": ["GasRange", "Dishwasher", "Teleporter"], "ListAgentKey": "A1", "PoolPrivateYN": false,
      "CloseDate": "2024-05-06", "ModificationTimestamp": "2024-01-02T03:04:05.1234567Z",
      "ViewScore": 7, "X_Note": "n", "OpenHouses": [{"OpenHouseKey": "O1"}]}',
    '{"ListingKey": "2", "ModificationTimestamp": "2024-01-02T03:04:06Z"}']::json[]) r;
SELECT mls_rebuild('north.property');
SELECT * FROM reso."Property" ORDER BY "ListingKey" \gx

-- South declares everything differently, brings more, and numbers its listings as
-- North does.
CREATE FOREIGN TABLE south.property (
    "ListingKey" integer NOT NULL,
    "City" text[],
    "ListPrice" text,
    "BedroomsTotal" numeric,
    "StandardStatus" text,
    "Appliances" text,
    "ListAgentKey" integer,
    "PoolPrivateYN" text,
    "CloseDate" timestamptz,
    "ModificationTimestamp" timestamptz,
    "OriginalEntryTimestamp" date,
    "StoriesTotal" boolean,
    "ViewScore" text,
    "X_Note" boolean,
    "Note" text
) SERVER south OPTIONS (resource 'Property', key 'ListingKey', timestamp 'ModificationTimestamp');
SET client_min_messages = notice;
SELECT gold FROM mls_subscribe('south.property');
SET client_min_messages = warning;

-- What was there stays where it was; what is new comes after it.
SELECT string_agg(column_name, ' ' ORDER BY ordinal_position) FROM information_schema.columns
 WHERE table_schema = 'reso' AND table_name = 'Property';

SELECT count(load('bronze.south_property', r)) FROM unnest(ARRAY[
    '{"ListingKey": 1, "City": ["Austin"], "ListPrice": " 77.50 ", "BedroomsTotal": 2.0, "StandardStatus": "ActiveUnderContract",
      "Appliances": "Gas Range , Oven", "ListAgentKey": 5, "PoolPrivateYN": "Y", "CloseDate": "2024-05-07T04:30:00Z",
      "ModificationTimestamp": "2024-01-03T00:00:00Z", "OriginalEntryTimestamp": "2024-07-01", "StoriesTotal": true,
      "ViewScore": "8", "X_Note": true, "Note": "left out"}',
    '{"ListingKey": 2, "ListPrice": "call agent", "BedroomsTotal": 2.5, "Appliances": "", "ListAgentKey": null,
      "PoolPrivateYN": "maybe", "ModificationTimestamp": "2024-01-03T00:00:01Z", "ViewScore": "high"}']::json[]) r;
SELECT mls_rebuild('south.property');
SELECT * FROM reso."Property" WHERE "ListingKey" LIKE 'S:%' ORDER BY "ListingKey" \gx
SELECT mls_source, mls_source_key, "ListingKey" FROM gold.property ORDER BY 3;
-- Silver and bronze have the values that found no place.
SELECT "ListPrice", "BedroomsTotal", "PoolPrivateYN" FROM silver.south_property WHERE "ListingKey" = 2;

-- Subscribing again changes nothing.
CREATE TEMP TABLE before AS SELECT oid, relname, xmin::text AS version FROM pg_class WHERE oid IN ('gold.property'::regclass, 'reso."Property"'::regclass);
SELECT count(*) FROM mls_subscribe('north.property');
SELECT relname FROM before b WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = b.oid AND c.xmin::text = b.version);

-- A key that another source has: the first keeps it, the second's record is an issue.
ALTER SERVER south OPTIONS (DROP key_prefix);
SELECT mls_rebuild('south.property');
SELECT mls_source, "ListingKey", "ListPrice" FROM gold.property ORDER BY 1, 2;
SELECT s.source, i.key, i.reason FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription ORDER BY 1, 2, 3;
ALTER SERVER south OPTIONS (ADD key_prefix 'S:');
SELECT mls_rebuild('south.property');

-- A key that does not identify a record is not gold's key.
CREATE FOREIGN TABLE south.member_association (
    "MemberKey" text NOT NULL, "AssociationKey" text NOT NULL, "AssociationStaffYN" boolean, "ModificationTimestamp" timestamptz
) SERVER south OPTIONS (resource 'MemberAssociation', key 'MemberKey,AssociationKey', timestamp 'ModificationTimestamp');
SELECT gold FROM mls_subscribe('south.member_association');
SELECT count(load('bronze.south_member_association', r)) FROM unnest(ARRAY[
    '{"MemberKey": "1", "AssociationKey": "A", "ModificationTimestamp": "2024-01-01T00:00:00Z"}',
    '{"MemberKey": "2", "AssociationKey": "A", "ModificationTimestamp": "2024-01-01T00:00:00Z"}']::json[]) r;
SELECT mls_rebuild('south.member_association');
SELECT mls_source, mls_source_key, "MemberKey", "AssociationKey" FROM gold.member_association ORDER BY 2;

-- Rules of one's own: a renamed field, a field the dictionary lacks, one source only.
INSERT INTO mls.field_map (source, resource, field, arguments) VALUES
  ('south', 'Property', 'PublicRemarks', '{Note}'),
  ('south', 'Property', 'StoriesTotal', '{BedroomsTotal}'),
  ('south', 'Property', 'Scenery', '{ViewScore}');
SELECT gold FROM mls_subscribe('south.property');
SELECT mls_rebuild('south.property');
SELECT "ListingKey", "PublicRemarks", "StoriesTotal", "Scenery", "BedroomsTotal", "X_ViewScore" FROM reso."Property" ORDER BY 1;
DELETE FROM mls.field_map WHERE NOT shipped;

-- Resources outside the dictionary stay in silver.
CREATE FOREIGN TABLE south.parking (id text OPTIONS (field 'Id') NOT NULL, changed timestamptz OPTIONS (field 'Changed'))
  SERVER south OPTIONS (resource 'ParkingSpots', key 'Id', timestamp 'Changed');
SELECT silver, gold FROM mls_subscribe('south.parking');

-- A table that is not ours is not touched.
CREATE TABLE gold.office (id int);
CREATE FOREIGN TABLE south.office ("OfficeKey" text NOT NULL, "ModificationTimestamp" timestamptz)
  SERVER south OPTIONS (resource 'Office', key 'OfficeKey', timestamp 'ModificationTimestamp');
SELECT gold FROM mls_subscribe('south.office');
-- The schemas have the names one gives them.
SET mls_fdw.gold_schema = 'Best of "All"';
SET mls_fdw.reso_schema = '';
SELECT gold FROM mls_subscribe('south.office');
SELECT table_schema, table_name FROM information_schema.views WHERE table_name = 'Office';
RESET mls_fdw.gold_schema;

-- A source can be taken out of gold.
SELECT mls_unsubscribe('south.property', drop_data => true);
SELECT mls_source, count(*) FROM gold.property GROUP BY 1;

SET client_min_messages = error;
SELECT mls_unsubscribe(foreign_table) FROM mls.subscription;
DROP SERVER north, south CASCADE;
DROP SCHEMA north, south, bronze, silver, gold, reso, "Best of ""All""" CASCADE;
DROP FUNCTION load;
