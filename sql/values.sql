-- Values: what fields of a record become, and what does not fit.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';

-- One value as one type: nulls for what does not fit.
CREATE TYPE v_text AS (a text, b varchar(5), c char(5));
CREATE TYPE v_number AS (a numeric, b numeric(6,2), c smallint, d integer, e bigint, f real, g double precision);
CREATE TYPE v_time AS (a date, b timestamp, c timestamptz, d time, e timestamptz(0));
CREATE TYPE v_other AS (a boolean, b uuid, c json, d jsonb);
CREATE TYPE v_list AS (a text[], b integer[], c numeric[], d date[], e jsonb[]);

-- Builds a record that gives the same value to fields a to g.
CREATE FUNCTION same(value text) RETURNS json LANGUAGE sql IMMUTABLE AS $$
  SELECT format('{"a":%1$s,"b":%1$s,"c":%1$s,"d":%1$s,"e":%1$s,"f":%1$s,"g":%1$s}', value)::json $$;

-- Text: escapes, what is no string, lengths in characters.
SELECT value, (mls_row(NULL::v_text, same(value))).* FROM (VALUES
  ('""'), ('"abc"'), ('"abc   "'), ('"abcdef"'), ('"ab\"\\\/\b\f\n\r\tc"'), ('"h\u00f6r\ud83d\ude00"'),
  ('"höräö"'), ('12.50'), ('1e3'), ('true'), ('null'), ('[1, "x"]'), ('{"k": 1}')) v(value);

-- What is no character is replaced by one of its own: \u0000 and halves of surrogate pairs,
-- but not a backslash followed by the letters.
SELECT value, (mls_row(NULL::v_text, same(value))).a FROM (VALUES
  ('"a\u0000b"'), ('"a\\u0000b"'), ('"a\\\u0000b"'), ('"\ud83d"'), ('"\ude00x"'), ('"\ud83d\u0041"'), ('"\uD83D\uDE00"')) v(value);

-- Numbers: exact decimals; whole numbers may be written as such in several ways.
SELECT value, left(r.a::text, 30) AS a, b, c, d, e, f, g FROM (VALUES
  ('0'), ('-0'), ('12'), ('"12"'), ('12.0'), ('12.5'), ('1.2e1'), ('"-7"'), ('"+7"'), ('1e-2'), ('0.1'), ('9999.99'), ('9999.995'),
  ('-9999.99'), ('32768'), ('-32768'), ('2147483648'), ('9223372036854775807'), ('9223372036854775808'),
  ('-9223372036854775808'), ('12345678901234567890.123456789'), ('1e400'), ('1e9999'), ('"NaN"'), ('"INF"'), ('"-Infinity"'),
  ('""'), ('" 1"'), ('"1,000"'), ('"$5"'), ('"0x10"'), ('"1_000"'), ('"."'), ('"1e"'), ('true'), ('[1]')) v(value), LATERAL mls_row(NULL::v_number, same(value)) r;
SELECT (mls_row(NULL::v_number, same('1' || repeat('0', 999)))).a = ('1' || repeat('0', 999))::numeric AS thousand_digits,
       (mls_row(NULL::v_number, same('1' || repeat('0', 1000)))).a IS NULL AS no_more;

-- Dates and times: fractions are cut, offsets count, days exist.
SELECT value, (mls_row(NULL::v_time, same('"' || value || '"'))).* FROM (VALUES
  ('2024-02-29'), ('2023-02-29'), ('2024-02-29T23:59:59Z'), ('2024-02-29T23:59:59.1239999Z'), ('2024-02-29T23:59:59.9999999Z'),
  ('2024-01-01T00:00:00.5-06:00'), ('2024-01-01T00:00:00+0530'), ('2024-01-01T00:00:00+05'), ('2024-01-01 12:30'),
  ('2016-12-31T23:59:60Z'), ('2024-01-01T24:00:00Z'), ('2024-01-01T24:00:01Z'), ('0001-01-01T00:00:00Z'), ('0000-01-01T00:00:00Z'),
  ('0001-01-01T00:00:00+14:00'), ('9999-12-31T23:59:59.9999999-12:00'), ('1900-01-01T00:00:00Z'), ('12:30:15.25'), ('24:00:00'), ('25:00'),
  ('2024-13-01'), ('2024-1-1'), ('20240101'), ('2024-01-01T'), ('2024-01-01T10:00:00.Z'), ('2024-01-01T10:00:00 Z'), ('/Date(0)/'), ('')) v(value);
SELECT (mls_row(NULL::v_time, same('20240101'))).*;

-- Booleans, identifiers, JSON.
SELECT value, (mls_row(NULL::v_other, same(value))).* FROM (VALUES
  ('true'), ('false'), ('"true"'), ('"N"'), ('"yes"'), ('1'), ('0'), ('2'), ('""'), ('null'),
  ('"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"'), ('"a0eebc999c0b4ef8bb6d6bb9bd380a1"'), ('"{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"'),
  ('{"b": 1, "a": [1.50, "\u0000"], "b": 2}'), ('[]'), ('1e200000')) v(value);

-- Lists: from arrays, and from one string where a source sends several values so.
SELECT value, (mls_row(NULL::v_list, same(value))).* FROM (VALUES
  ('[]'), ('["Pool","Spa, heated"]'), ('"Pool, Spa,,"'), ('""'), ('[1, 2, null]'), ('["1"]'), ('[1.5]'), ('["2024-02-29", null]'),
  ('[{"k":[1]}, "x]\"", [2]]'), ('null'), ('7'), ('{"k":1}')) v(value);

-- Missing fields are null, unknown ones do not matter, the last of repeated ones counts.
SELECT * FROM mls_row(NULL::v_text, '{"x": 1, "a": "first", "y": {"a": "inner"}, "a": "last"}');
SELECT * FROM mls_row(NULL::v_text, '{}');
SELECT mls_row(NULL::v_text, NULL);

-- A foreign table's columns name their fields; "*" is the whole record.
CREATE SERVER source FOREIGN DATA WRAPPER mls_fdw
  OPTIONS (protocol 'reso', url 'https://api.example.com/odata', timezone 'America/Chicago');
CREATE FOREIGN TABLE property (
  listing_key text OPTIONS (field 'ListingKey'),
  dropped text,
  list_price numeric(14,2) OPTIONS (field 'ListPrice'),
  price_text text OPTIONS (field 'ListPrice'),
  modified timestamptz OPTIONS (field 'ModificationTimestamp'),
  "City" text,
  record json OPTIONS (field '*'),
  record_b jsonb OPTIONS (field '*'))
  SERVER source OPTIONS (resource 'Property');
ALTER FOREIGN TABLE property DROP COLUMN dropped;
SELECT listing_key, list_price, price_text, modified, "City", record::text, record_b FROM mls_row(NULL::property,
  '{"ListingKey": "K1", "City":"Austin",  "ListPrice": 250000, "ModificationTimestamp": "2024-07-01T12:00:00", "Other": [1]}');
-- Summer and winter, the hour that happens twice and the one that does not.
SELECT t, modified FROM (VALUES ('2024-01-01T12:00:00'), ('2024-11-03T01:30:00'), ('2024-03-10T02:30:00'), ('2024-01-01T12:00:00Z')) v(t),
  LATERAL mls_row(NULL::property, json_build_object('ModificationTimestamp', t)) r;
-- The order of fields may change from record to record.
SELECT r.listing_key, r."City", r.list_price FROM (VALUES
  ('{"ListingKey":"1","City":"A","ListPrice":1}'), ('{"City":"B","ListPrice":2,"ListingKey":"2"}'),
  ('{"ListPrice":3}'), ('{"ListingKey":"4","X1":1,"City":"D","ListPrice":4}'), ('{"ListingKey":"5","City":"E","ListPrice":5}')) v(j),
  LATERAL mls_row(NULL::property, j::json) r;

-- What cannot be filled is said when the row type is first used, not record by record.
CREATE TYPE v_unsupported AS (ok text, place point);
SELECT mls_row(NULL::v_unsupported, '{}');
CREATE FOREIGN TABLE whole (record integer OPTIONS (field '*')) SERVER source OPTIONS (resource 'Property');
SELECT mls_row(NULL::whole, '{}');
SELECT mls_row(1, '{}');
SELECT mls_row(NULL::v_text, '[1]');
SELECT mls_row(NULL::v_text, '7');

DROP SERVER source CASCADE;
DROP FUNCTION same;
DROP TYPE v_text, v_number, v_time, v_other, v_list, v_unsupported;
