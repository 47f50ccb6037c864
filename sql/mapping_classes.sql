\set SHOW_CONTEXT never
-- A rule for a resource holds for each class of it; a rule for the class comes first.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';

CREATE SERVER board FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'rets', url 'https://board.example.com/login');
CREATE SCHEMA board;
CREATE FOREIGN TABLE board.res (
    id text OPTIONS (field 'L_ID') NOT NULL,
    price numeric OPTIONS (field 'L_PRICE'),
    town text OPTIONS (field 'L_TOWN'),
    built integer OPTIONS (field 'L_147', standard_name 'YearBuilt'),
    heat text OPTIONS (field 'L_HEAT', standard_name 'Heating'),
    modified timestamptz OPTIONS (field 'L_MOD', standard_name 'ModificationTimestamp')
) SERVER board OPTIONS (resource 'Property:RES', key 'L_ID', timestamp 'L_MOD');
CREATE FOREIGN TABLE board.lnd (
    id text OPTIONS (field 'L_ID') NOT NULL,
    price numeric OPTIONS (field 'L_PRICE'),
    town text OPTIONS (field 'L_TOWN'),
    modified timestamptz OPTIONS (field 'L_MOD')
) SERVER board OPTIONS (resource 'Property:LND', key 'L_ID', timestamp 'L_MOD');
SELECT mls_map_set('Property', 'ListPrice', 'field', '{L_PRICE}', source => 'board', source_resource => 'Property');
SELECT mls_map_set('Property', 'City', 'field', '{L_TOWN}', source => 'board', source_resource => 'Property');
SELECT mls_map_set('Property', 'City', 'constant', '{Nowhere}', source => 'board', source_resource => 'Property:LND');
SELECT gold FROM mls_subscribe('board.res');
SELECT gold FROM mls_subscribe('board.lnd');
INSERT INTO bronze.board_property_res (key, modified_at, modified, record, fetched_at, run_id) VALUES
  ('1', '2024-01-01Z', '2024-01-01', '{"L_ID": "1", "L_PRICE": "100", "L_TOWN": "Ajax", "L_147": "1987", "L_HEAT": "Oil, Wood,Forced Air, Gas", "L_MOD": "2024-01-01T00:00:00"}', now(), 0);
INSERT INTO bronze.board_property_lnd (key, modified_at, modified, record, fetched_at, run_id) VALUES
  ('2', '2024-01-01Z', '2024-01-01', '{"L_ID": "2", "L_PRICE": "200", "L_TOWN": "Ajax", "L_MOD": "2024-01-01T00:00:00"}', now(), 0);
SELECT mls_rebuild('board.res'), mls_rebuild('board.lnd');
SELECT "ListingKey", "ListPrice", "City", "YearBuilt", "Heating", "ModificationTimestamp" FROM gold.property WHERE mls_source = 'board' ORDER BY 1;

-- A list whose values hold commas; of a platform's rules and the protocol's the platform's.
SELECT mls_map_value('heat', 'Forced air, gas', 'Forced Air|Natural Gas', protocol => 'rets');
SELECT mls_map_value('heat', 'Oil', 'Oil', protocol => 'rets');
SELECT mls_map_value('heat', 'Oil', 'Fuel Oil', protocol => 'rets/generic');
SELECT mls_map_set('Property', 'Heating', 'list', '{r.heat, heat, *}', protocol => 'rets/generic', source_resource => 'Property');
SELECT mls_map_set('Property', 'Cooling', 'constant', '{None}', protocol => 'rets/crea', source_resource => 'Property');
SELECT mls_rebuild('board.res');
SELECT "ListingKey", "Heating" FROM gold.property WHERE mls_source = 'board' AND "Heating" IS NOT NULL;
SELECT field, kind, rule FROM mls_map_explain('board.res') ORDER BY 1;
SELECT mls.map_list('Oil (new), Coal', '{"oil": "Oil", "coal": null}', '*'), mls.map_list('a,,b', '{}', 'Other'),
       mls.map_list(' , ', '{}', '*') IS NULL AS empty, mls.map_list('x', '{}', NULL) IS NULL AS unknown;

SELECT mls_unsubscribe('board.res'), mls_unsubscribe('board.lnd');
DROP SCHEMA board, bronze, silver, gold, reso CASCADE;
DELETE FROM mls.field_map WHERE NOT shipped;
DELETE FROM mls.value_map WHERE NOT shipped;
DELETE FROM mls.run;
DELETE FROM mls.issue;
DROP SERVER board CASCADE;
