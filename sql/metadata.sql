-- Metadata: what EDMX documents become, without a network.
\getenv srcdir PG_ABS_SRCDIR
\set edmx :srcdir '/test/edmx/'

-- Strings and primitive types.  Precision and scale say nothing; a single entity set.
\set document `cat :edmx/strings.xml`
SELECT field, type, pg_type, is_key, nullable, lookup, is_collection, description FROM mls_metadata(:'document');
SELECT count(*) FROM mls_metadata_findings(:'document');
SELECT DISTINCT resource FROM mls_metadata(:'document');

-- Enumerations: with flags one value holds several members, in a collection each
-- element is one, whatever the flags say.
\set document `cat :edmx/enumerations.xml`
SELECT resource, field, type, pg_type, is_key, lookup, is_enum, is_flags, is_collection FROM mls_metadata(:'document');
SELECT * FROM mls_metadata_findings(:'document');

-- Inheritance, complex types, definitions; keys of several fields; descriptions that stand apart.
\set document `cat :edmx/structure.xml`
SELECT resource, field, type, pg_type, is_key, nullable, description FROM mls_metadata(:'document');
SELECT * FROM mls_metadata_findings(:'document');

-- A document without a container.
\set document `cat :edmx/no_container.xml`
SELECT resource, field, is_key FROM mls_metadata(:'document');
SELECT * FROM mls_metadata_findings(:'document');

-- A set that cannot be read, or whose records could not be told apart, is left out; the others stay.
\set document `cat :edmx/partly_bad.xml`
SELECT resource, field, is_key FROM mls_metadata(:'document');
SELECT * FROM mls_metadata_findings(:'document');

-- A prefix that means several schemas means the one that has the type.
\set document `cat :edmx/aliases.xml`
SELECT resource, field, type, is_enum, description FROM mls_metadata(:'document');
SELECT * FROM mls_metadata_findings(:'document');

-- Documents of which nothing can be read give one error each.
\set document `cat :edmx/bad_key.xml`
SELECT * FROM mls_metadata(:'document');
\set document `cat :edmx/bad_set.xml`
SELECT * FROM mls_metadata(:'document');
\set document `cat :edmx/bad_text.xml`
SELECT * FROM mls_metadata(:'document');
\set document `cat :edmx/bad_xml.xml`
\set VERBOSITY terse
SELECT * FROM mls_metadata(:'document');
SELECT * FROM mls_metadata('{"error": "no"}');
\set VERBOSITY default

-- What is no EDMX at all.
SELECT * FROM mls_metadata('');
SELECT * FROM mls_metadata('<html><body>Sign in</body></html>');
SELECT * FROM mls_metadata('<Edmx/>');
SELECT * FROM mls_metadata('<Edmx><DataServices/></Edmx>');
SELECT * FROM mls_metadata('<Edmx/>', 'gopher');

-- Document types are refused before an entity can be declared, whatever they declare.
SELECT * FROM mls_metadata('<!DOCTYPE html><html/>');
SELECT * FROM mls_metadata('<?xml version="1.0"?><!DOCTYPE e [<!ENTITY f SYSTEM "file:///etc/passwd">]><Edmx>&f;</Edmx>');
SELECT * FROM mls_metadata('<!DOCTYPE e [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]><e>&c;</e>');
SELECT * FROM mls_metadata('<!DOCTYPE e SYSTEM "http://127.0.0.1:1/e.dtd"><e/>');

-- Nor can a document exhaust anything.
SELECT * FROM mls_metadata(repeat('<a>', 200) || repeat('</a>', 200));
SELECT * FROM mls_metadata('<Edmx ' || (SELECT string_agg('a' || i || '=""', ' ') FROM generate_series(1, 1001) i) || '/>');
SELECT * FROM mls_metadata('<Edmx ' || (SELECT string_agg('a' || i || '=""', ' ') FROM generate_series(1, 1000) i) || '/>');
SELECT * FROM mls_metadata('<Edmx><DataServices><Schema Namespace="n"><EntityType Name="A" BaseType="B"/><EntityType Name="B" BaseType="n.A"/><EntityContainer><EntitySet Name="A" EntityType="n.A"/></EntityContainer></Schema></DataServices></Edmx>');
SELECT * FROM mls_metadata('<Edmx><DataServices><Schema Namespace="n"><EntityType Name="A" BaseType="A"/><EntityContainer><EntitySet Name="A" EntityType="A"/></EntityContainer></Schema></DataServices></Edmx>');

-- Characters outside ASCII, references, CDATA, a byte order mark.
SELECT field, description FROM mls_metadata(U&'\FEFF' || '<Edmx><DataServices><Schema Namespace="n"><EntityType Name="A"><Key><PropertyRef Name="Größe"/></Key>
  <Property Name="Größe" Type="Edm.Int32"><Annotation Term="Core.Description" String="m&#178; &#x1F3E0; a&lt;b"/></Property>
  <Property Name="Ort" Type="Edm.String"><Annotation Term="Core.Description"><String><![CDATA[<Ort> & ]]>Straße &amp; Nr.</String></Annotation></Property>
  </EntityType><EntityContainer><EntitySet Name="A" EntityType="A"/></EntityContainer></Schema></DataServices></Edmx>');

-- Blanks before the declaration, and a declaration of UTF-16 that was left when the document was encoded anew.
\set head '<Edmx><DataServices><Schema Namespace="n"><EntityType Name="A"><Key><PropertyRef Name="Größe"/></Key><Property Name="Größe" Type="Edm.Int32"/>'
\set tail '</EntityType><EntityContainer><EntitySet Name="A" EntityType="A"/></EntityContainer></Schema></DataServices></Edmx>'
SELECT field FROM mls_metadata(E'\r\n \t' || U&'\FEFF' || '<?xml version="1.0" encoding="utf-8"?>' || :'head' || :'tail');
SELECT field FROM mls_metadata(U&'\FEFF' || E'\n' || '<?xml version="1.0"?>' || :'head' || :'tail');
SELECT field FROM mls_metadata('<?xml version="1.0" encoding="utf-16"?>' || :'head' || :'tail');
SELECT field FROM mls_metadata('<?xml version=''1.0'' encoding=''Unicode''?>' || :'head' || :'tail');
