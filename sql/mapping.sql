\set SHOW_CONTEXT never
-- Mapping rules beyond names: lookups, constants, units, expressions, joins,
-- several rows from one, and what happens when a joined record changes.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';

CREATE SERVER crm FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'https://crm.example.com/odata', key_prefix 'C-');
CREATE SCHEMA crm;
CREATE FOREIGN TABLE crm.listings (
    id text OPTIONS (field 'id') NOT NULL,
    status text OPTIONS (field 'status'),
    kind text OPTIONS (field 'kind'),
    price numeric OPTIONS (field 'price'),
    rent numeric OPTIONS (field 'rent'),
    area numeric OPTIONS (field 'area'),
    features text[] OPTIONS (field 'features'),
    project text OPTIONS (field 'project'),
    modified timestamptz OPTIONS (field 'modified')
) SERVER crm OPTIONS (resource 'listings', key 'id', timestamp 'modified');
CREATE FOREIGN TABLE crm.projects (
    id text OPTIONS (field 'id') NOT NULL,
    name text OPTIONS (field 'name'),
    developer text OPTIONS (field 'developer'),
    modified timestamptz OPTIONS (field 'modified')
) SERVER crm OPTIONS (resource 'projects', key 'id', timestamp 'modified');
CREATE FOREIGN TABLE crm.companies (
    id text OPTIONS (field 'id') NOT NULL,
    name text OPTIONS (field 'name'),
    modified timestamptz OPTIONS (field 'modified')
) SERVER crm OPTIONS (resource 'companies', key 'id', timestamp 'modified');
CREATE FOREIGN TABLE crm.media (
    id text OPTIONS (field 'id') NOT NULL,
    owner text OPTIONS (field 'owner'),
    url text OPTIONS (field 'url'),
    modified timestamptz OPTIONS (field 'modified')
) SERVER crm OPTIONS (resource 'media', key 'id', timestamp 'modified');

-- Which rows: a listing for sale and rent is two; media belong to each listing of their project.
INSERT INTO mls.row_map (source, source_resource, resource, variant, condition, key) VALUES
  ('crm', 'listings', 'Property', '', $$r.kind <> 'rent'$$, NULL),
  ('crm', 'listings', 'Property', 'lease', $$r.kind IN ('rent', 'both')$$, $$r.id || '-L'$$),
  ('crm', 'media', 'Media', '', 'listing.id IS NOT NULL', $$r.id || '-' || listing.id$$);
INSERT INTO mls.join_map (source, source_resource, alias, source_field, joined_resource, joined_field) VALUES
  ('crm', 'listings', 'project', 'project', 'projects', 'id'),
  ('crm', 'listings', 'project_developer', 'project.developer', 'companies', 'id'),
  ('crm', 'media', 'listing', 'owner', 'listings', 'project');
SELECT mls_map_value('crm_status', v, r) FROM (VALUES ('Available', 'Active'), ('gone', NULL), ('sold', 'Closed')) t (v, r);
SELECT mls_map_setting('crm', 'area_unit', 'm2');
SELECT mls_map_set('Property', 'StandardStatus', 'lookup', '{status,crm_status,*}', source => 'crm', source_resource => 'listings');
SELECT mls_map_set('Property', 'ListPrice', 'field', '{price}', source => 'crm', source_resource => 'listings');
SELECT mls_map_set('Property', 'ListPrice', 'none', source => 'crm', source_resource => 'listings', variant => 'lease');
SELECT mls_map_set('Property', 'LeaseAmount', 'field', '{rent}', source => 'crm', source_resource => 'listings', variant => 'lease');
SELECT mls_map_set('Property', 'LivingArea', 'unit', '{area,setting.area_unit,"Square Feet"}', source => 'crm', source_resource => 'listings');
SELECT mls_map_set('Property', 'LivingAreaUnits', 'constant', '{"Square Feet"}', source => 'crm', source_resource => 'listings');
SELECT mls_map_set('Property', 'View', 'lookup', '{features,crm_view}', source => 'crm', source_resource => 'listings');
SELECT mls_map_value('crm_view', 'sea', 'Ocean'), mls_map_value('crm_view', 'hill', 'Hills');
SELECT mls_map_set('Property', 'BuilderModel', 'field', '{project.name}', source => 'crm', source_resource => 'listings');
SELECT mls_map_set('Property', 'BuilderName', 'expression', '{upper(project_developer.name)}', source => 'crm', source_resource => 'listings');
SELECT mls_map_set('Property', 'X_PricePerArea', 'expression', ARRAY['round(r.price / r.area, 2)'], source => 'crm', source_resource => 'listings');
SELECT mls_map_set('Property', 'ModificationTimestamp', 'field', '{modified}', source => 'crm', source_resource => 'listings');
SELECT mls_map_set('Media', 'MediaURL', 'field', '{url}', source => 'crm', source_resource => 'media');
SELECT mls_map_set('Media', 'ResourceRecordKey', 'expression', '{listing.id}', source => 'crm', source_resource => 'media');

SELECT gold FROM mls_subscribe('crm.listings');
SELECT * FROM mls_map_check('crm.listings');
SELECT gold FROM mls_subscribe('crm.projects');
SELECT gold FROM mls_subscribe('crm.companies');
SELECT gold FROM mls_subscribe('crm.media');
SELECT * FROM mls_map_check('crm.listings');
SELECT resource, variant, field, kind, rule, type FROM mls_map_explain('crm.listings');

CREATE FUNCTION load(bronze regclass, record json) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO %s (key, modified_at, modified, record, fetched_at, run_id)
                    VALUES ($1, $2::timestamptz, $2, $3, now(), 0)
                    ON CONFLICT (key) DO UPDATE SET record = excluded.record', bronze)
    USING record->>'id', record->>'modified', record;
END $$;
SELECT count(load('bronze.crm_listings', r)) FROM unnest(ARRAY[
  '{"id": "1", "status": " AVAILABLE ", "kind": "sale", "price": 100000, "area": 100, "features": ["Sea", "noise", "hill"], "project": "p1", "modified": "2024-01-01T00:00:00Z"}',
  '{"id": "2", "status": "gone", "kind": "both", "price": 200000, "rent": 900, "area": 50, "features": [], "project": "p1", "modified": "2024-01-02T00:00:00Z"}',
  '{"id": "3", "status": "odd", "kind": "rent", "rent": 500, "area": 0, "price": 1, "modified": "2024-01-03T00:00:00Z"}',
  '{"id": "4", "status": "sold", "kind": "sale", "price": 5, "area": 0, "modified": "2024-01-04T00:00:00Z"}']::json[]) r;
SELECT count(load('bronze.crm_projects', r)) FROM unnest(ARRAY[
  '{"id": "p1", "name": "Dunes", "developer": "d1", "modified": "2024-01-01T00:00:00Z"}',
  '{"id": "p2", "name": "Rocks", "modified": "2024-01-01T00:00:00Z"}']::json[]) r;
SELECT count(load('bronze.crm_companies', r)) FROM unnest(ARRAY['{"id": "d1", "name": "Acme", "modified": "2024-01-01T00:00:00Z"}']::json[]) r;
SELECT count(load('bronze.crm_media', r)) FROM unnest(ARRAY[
  '{"id": "m1", "owner": "p1", "url": "https://x/1", "modified": "2024-01-01T00:00:00Z"}',
  '{"id": "m2", "owner": "p2", "url": "https://x/2", "modified": "2024-01-01T00:00:00Z"}']::json[]) r;

-- Listings alone; then what they look at.
SELECT mls_rebuild('crm.listings');
CREATE VIEW shown AS SELECT "ListingKey" AS key, "StandardStatus" AS status, "ListPrice" AS price, "LeaseAmount" AS rent,
       "LivingArea" AS area, "View" AS view, "BuilderModel" AS model, "BuilderName" AS builder, "X_PricePerArea" AS ratio, mls_origin
  FROM gold.property ORDER BY 1;
SELECT * FROM shown;
-- A price of nothing per nothing is left empty, and said.
SELECT s.resource, i.key, i.field, i.reason FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription ORDER BY 1, 2;
SELECT mls_rebuild('crm.projects'), mls_rebuild('crm.companies'), mls_rebuild('crm.media');
SELECT key, model, builder FROM shown;
SELECT "MediaKey", "ResourceRecordKey", "MediaURL" FROM reso."Media" ORDER BY 1;

-- A listing moves to another project: its own fields and the media of both follow.
SELECT load('bronze.crm_listings', '{"id": "1", "status": "sold", "kind": "both", "price": 100000, "rent": 7, "area": 100, "project": "p2", "modified": "2024-02-01T00:00:00Z"}');
SELECT mls_rebuild('crm.listings');
SELECT key, status, model, builder FROM shown;
SELECT "MediaKey", "ResourceRecordKey" FROM reso."Media" ORDER BY 1;

-- Rules that cannot be are refused, with a reason.
SELECT mls_map_set('Property', 'City', 'expression', '{random()::text}', source => 'crm', source_resource => 'listings');
SELECT mls_map_set('Property', 'City', 'expression', '{(SELECT rolname FROM pg_authid LIMIT 1)}', source => 'crm', source_resource => 'listings');
SELECT mls_map_set('Property', 'City', 'expression', '{r.kind FROM pg_authid}', source => 'crm', source_resource => 'listings');
SELECT mls_map_set('Property', 'City', 'expression', '{kind}', source => 'crm', source_resource => 'listings');
SELECT mls_map_set('Property', 'City', 'expression', '{r.kind ||}', source => 'crm', source_resource => 'listings');
SELECT mls_map_set('Property', 'City', 'expression', '{no_such(r.kind)}', source => 'crm', source_resource => 'listings');
SELECT mls_map_set('Property', 'City', 'expression', '{count(*)}', source => 'crm', source_resource => 'listings');
-- What is wrong with a rule is said when it is set
SELECT mls_map_set('Property', 'City', 'feld', '{town}', source => 'crm', source_resource => 'listings');
SELECT mls_map_set('Property', 'BedroomsTotal', 'constant', '{many}', source => 'crm', source_resource => 'listings');
SELECT mls_map_set('Property', 'X_Area', 'unit', '{area,sqft,m}', source => 'crm', source_resource => 'listings');
SELECT mls_map_set('Property', 'ListingKey', 'field', '{town}', source => 'crm', source_resource => 'listings');
SELECT mls_map_set('Proprety', 'City', 'field', '{town}', source => 'crm', source_resource => 'listings');
SELECT mls_map_set('Property', 'City', 'field', '{town}', source => 'cmr');
SELECT mls_map_set('Property', 'ListPrise', 'field', '{town}', source => 'cmr');
SELECT mls_map_setting('crm', 'area_unit', 'furlong');
SELECT mls_map_setting('cmr', 'area_unit', 'ft2');
DELETE FROM mls.setting_map WHERE source = 'cmr';
SELECT mls_map_setting('crm', 'area_unti', 'm2');
DELETE FROM mls.setting_map WHERE name = 'area_unti';
SELECT mls_map_set('Property', 'X_' || repeat('é', 31), 'constant', '{1}', source => 'crm');
SELECT mls_map_set('Property', 'BuildingAreaTotal', 'expression', '{r.kind}', source => 'crm', source_resource => 'listings');
SELECT mls_map_set('Property', 'BuildingAreaTotal', 'expression', '{length(r.kind)}', source => 'crm', source_resource => 'listings');
SELECT mls_map_remove('Property', 'BuildingAreaTotal', source => 'crm', source_resource => 'listings');
SET client_min_messages = notice;
SELECT mls_map_remove('Property', 'StandardStatus', protocol => 'qobrix', source_resource => 'properties');
SET client_min_messages = warning;
SELECT count(mls_map_remove(resource, field, source, protocol, source_resource)) FROM mls.field_map
 WHERE NOT shipped AND (field IN ('BedroomsTotal', 'X_Area', 'ListingKey') OR resource = 'Proprety' OR source = 'cmr');
-- One whose column is missing makes nothing, and is found by the check.
SELECT mls_map_set('Property', 'City', 'expression', '{r.town}', source => 'crm', source_resource => 'listings');
SELECT * FROM mls_map_check('crm.listings');
SELECT mls_map_remove('Property', 'City', source => 'crm', source_resource => 'listings');
SELECT mls_map_remove('Property', 'City', source => 'crm', source_resource => 'listings');

-- So is what is wrong with a rule for all sources: a warning where it fits none, a notice where it fits some.
SET client_min_messages = notice;
CREATE SERVER mls FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'https://mls.example.com/odata', key_prefix 'M-');
CREATE FOREIGN TABLE crm.homes (id text OPTIONS (field 'Id') NOT NULL, town text OPTIONS (field 'Town'),
    changed timestamptz OPTIONS (field 'Changed')) SERVER mls OPTIONS (resource 'Property', key 'Id', timestamp 'Changed');
SELECT gold FROM mls_subscribe('crm.homes');
SELECT mls_map_set('Property', 'City', 'field', '{Town}');
SELECT mls_map_set('Property', 'City', 'field', '{Twon}');
SELECT mls_map_set('Property', 'City', 'field', '{Twon}', protocol => 'reso');
SELECT mls_map_set('Property', 'City', 'field', '{Town}', protocol => 'rets');
SELECT mls_map_set('Property', 'BedroomsTotal', 'constant', '{many}');
SELECT mls_map_set('Property', 'View', 'lookup', '{Town,crm_veiw}');
SELECT mls_map_set('Property', 'City', 'expression', '{r.twon}', priority => 1);
SELECT mls_map_set('*', 'City', 'field', '{Twon}', priority => 2);
-- And names that nothing has.
SELECT mls_map_set('Property', 'City', 'field', '{Town}', protocol => 'rest', priority => 3);
SELECT mls_map_set('Property', 'City', 'field', '{town}', source => 'crm', source_resource => 'listing', priority => 3);
SELECT mls_map_set('Property', 'City', 'field', '{Town}', source => 'mls', variant => 'leese', priority => 3);
SELECT mls_map_value('crm_satus', 'dune', 'Dunes');
SELECT mls_map_value('crm_view', 'dune', 'Dunes', source => 'cmr', protocol => 'oata');
DELETE FROM mls.value_map WHERE value = 'dune';
DELETE FROM mls.field_map WHERE NOT shipped AND (source <> 'crm' OR source_resource = 'listing');
SELECT mls_unsubscribe('crm.homes', true);
DROP SERVER mls CASCADE;
SET client_min_messages = warning;

-- A field is kept out by gold's name, or all that no rule names.
SELECT mls_map_set('Property', 'X_kind', 'none', source => 'crm', source_resource => 'listings');
SELECT string_agg(DISTINCT field, ' ' ORDER BY field) FROM mls_map_explain('crm.listings') WHERE kind = 'identity';
SELECT mls_map_set('*', '*', 'none', source => 'crm');
SELECT kind, string_agg(DISTINCT field, ' ' ORDER BY field) FROM mls_map_explain('crm.listings') GROUP BY 1 ORDER BY 1;
SELECT mls_map_remove('*', '*', source => 'crm'), mls_map_remove('Property', 'X_kind', source => 'crm', source_resource => 'listings');

-- Units.
SELECT mls.convert_unit(v, f, t) FROM (VALUES (1, 'Acres', 'Square Feet'), (100, 'm2', 'SquareFeet'), (1, 'km', 'Miles'), (1, 'm', 'm2'), (1, 'rods', 'm')) u (v, f, t);

-- A resource goes with what it made, and with nothing else.
SELECT mls_unsubscribe('crm.media', true);
SELECT count(*) FROM gold.media;
SELECT count(*) FROM gold.property;
DELETE FROM mls.field_map WHERE NOT shipped;
DELETE FROM mls.row_map WHERE NOT shipped;
DELETE FROM mls.join_map WHERE NOT shipped;
DELETE FROM mls.value_map WHERE NOT shipped;
DELETE FROM mls.setting_map WHERE NOT shipped;
SELECT mls_unsubscribe(foreign_table, true) FROM mls.subscription WHERE source = 'crm';
DROP SCHEMA crm CASCADE;
DROP SERVER crm CASCADE;
DROP FUNCTION load;
DROP SCHEMA bronze, silver, gold, reso CASCADE;
