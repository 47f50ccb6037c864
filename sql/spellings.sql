-- What other sources than those of JSON send: RFC 1123, a clock of twelve hours, lists
-- with quotes, and members of objects by path.
CREATE TYPE v_time AS (a date, b timestamp, c timestamptz);
SELECT value, (mls_row(NULL::v_time, json_build_object('a', value, 'b', value, 'c', value))).* FROM (VALUES
  ('Fri, 03 May 2024 14:05:09 GMT'), ('3 May 2024 00:30:00 +0200'), ('Fri, 31 Dec 1999 23:59:59 -05:00'),
  ('2024-04-29 6:00:00 AM'), ('2024-04-29 12:30:00 am'), ('2024-04-29 12:30 PM'),
  ('2024-04-29 13:00:00 PM'), ('2024-04-29 0:00:00 AM'), ('Fri, 31 Feb 2024 00:00:00 GMT'),
  ('Fri, 03 May 2024 14:05:09'), ('03/05/2024 10:05:09 AM'), ('May'), (',')) v(value);
CREATE TYPE v_listed AS (a text[]);
SELECT value, (mls_row(NULL::v_listed, json_build_object('a', value))).* FROM (VALUES
  ('Pool,Spa'), ('"Other, See Remarks", Pool'), ('"say ""no""",x'), ('5" pipe,"'), ('"",a'), ('"a"b,c')) v(value);
CREATE TYPE v_path AS ("Address/City" text, "Building/Rooms" jsonb, "Building/Size/@Unit" text, "a/b" integer, "List/Name" text, "Text/Name" text);
SELECT * FROM mls_row(NULL::v_path, '{"Address": {"Street": "x", "City": "Sampleton"},
  "Building": {"Rooms": [{"Type": "Kitchen"}], "Size" : { "@Unit" : "ft", "#text": "3" } },
  "a/b": "7", "List": [{"Name": "x"}], "Text": "{\"Name\": 1}"}');
SELECT * FROM mls_row(NULL::v_path, '{"Address": {}, "Building": null, "a": {"b": "8"}}');
SELECT * FROM mls_row(NULL::v_path, '{"Address": {"City": null}, "Building": {"Size": {"Unit": "ft"}}}');
DROP TYPE v_time, v_listed, v_path;
