-- Strings as rules want them on their way into silver; bronze has what was sent.
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE SERVER crm FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'https://crm.example.com/odata');
CREATE SCHEMA crm;
CREATE FOREIGN TABLE crm.people (
    id text OPTIONS (field 'id') NOT NULL,
    name text OPTIONS (field 'name'),
    email varchar(30) OPTIONS (field 'email'),
    fee numeric OPTIONS (field 'fee'),
    age integer OPTIONS (field 'age'),
    tags text[] OPTIONS (field 'tags'),
    extra jsonb OPTIONS (field 'extra'),
    modified timestamptz OPTIONS (field 'modified')
) SERVER crm OPTIONS (resource 'people', key 'id', timestamp 'modified');
SELECT count(*) FROM mls_subscribe('crm.people');
INSERT INTO bronze.crm_people (key, record, fetched_at, run_id)
SELECT r->>'id', r, now(), 0 FROM unnest(ARRAY[
  E'{"id": "1", "name": "  A \\" B\\t", "email": "\u00a0Ann@Example.COM ", "fee": "\u20ac 1.234,50", "age": " 41 ", "tags": [" x "], "extra": {"a": " y "}}',
  '{"id": "2", "name": "", "email": "  ", "fee": "USD 99,000", "age": "nan", "tags": [], "extra": ""}',
  '{"id": "3", "name": null, "fee": "1,234.5", "age": "1 000"}',
  '{"id": "4", "fee": "-12", "age": "12 rooms"}',
  '{"id": "5", "fee": "call agent", "age": 7}',
  '{"id": "6", "fee": "1.234.567", "age": "null"}',
  '{"id": "7", "fee": "0,5", "age": ""}']::json[]) r;
SELECT mls_rebuild('crm.people');
SELECT * FROM silver.crm_people ORDER BY id;
SELECT mls_clean_set('{trim,empty,number}', source => 'crm');
SELECT mls_clean_set('{trim,empty,lower}', field => 'email', source => 'crm', source_resource => 'people');
DELETE FROM mls.issue;
SELECT mls_rebuild('crm.people');
SELECT * FROM silver.crm_people ORDER BY id;
SELECT key, field, value, reason FROM mls.issue ORDER BY 1, 2;
SELECT record->>'email' FROM bronze.crm_people WHERE key = '1';
-- No steps for a field: as it came.
SELECT mls_clean_set('{}', field => 'name', source => 'crm');
SELECT mls_rebuild('crm.people');
SELECT id, name FROM silver.crm_people WHERE name IS NOT NULL ORDER BY id;
SELECT mls_clean_set('{polish}', source => 'crm');
DELETE FROM mls.clean_map WHERE NOT shipped;
SELECT mls_unsubscribe('crm.people', true);
DROP SERVER crm CASCADE;
DROP SCHEMA crm, bronze, silver CASCADE;
