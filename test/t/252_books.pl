# Workbooks, made here by hand: what cells are, which sheet is read, what is refused and why, what
# a long list of texts and a bomb cost, and syncs.  What other programs write is in 250_files.
use strict;
use warnings;

use MlsBooks;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $place = PostgreSQL::Test::Utils::tempdir . '/books';
mkdir $place or die "$place: $!";
my $node = new_node('books', 'mls_fdw.file_directories' => "'$place'");
my $time = time - 3600;

sub sql { return scalar $node->safe_psql('postgres', $_[0]) }

sub put
{
	my ($name, $bytes) = @_;
	open my $to, '>:raw', "$place/$name" or die "$name: $!";
	print $to $bytes;
	close $to or die;
	$time += 10;
	utime $time, $time, "$place/$name";
	return;
}

# A workbook of one sheet with these rows; other parts by name, formats, texts.
sub book
{
	my ($rows, %with) = @_;
	my @formats = @{$with{formats} // []};
	my @texts = @{$with{texts} // []};
	my $styles = '<styleSheet><numFmts>' . join('', map { qq(<numFmt numFmtId="@{[ 164 + $_ ]}" formatCode="$formats[$_]"/>) } 0 .. $#formats)
	  . '</numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/>'
	  . join('', map { qq(<xf numFmtId="@{[ 164 + $_ ]}"/>) } 0 .. $#formats) . '</cellXfs></styleSheet>';
	return archive(
		'_rels/.rels' => relations(rId1 => [ officeDocument => 'xl/workbook.xml' ]),
		'xl/workbook.xml' => $with{workbook} // qq(<workbook xmlns:r="$types"><workbookPr $with{pr}/><sheets><sheet name="One" sheetId="1" r:id="rId1"/></sheets></workbook>),
		'xl/_rels/workbook.xml.rels' => $with{relations} // relations(rId1 => [ worksheet => 'worksheets/a.xml' ], rId2 => [ styles => 'styles.xml' ], rId3 => [ sharedStrings => 'texts.xml' ]),
		'xl/worksheets/a.xml' => $with{sheet} // "<?xml version=\"1.0\"?><worksheet><sheetData>$rows</sheetData></worksheet>",
		'xl/styles.xml' => $styles,
		'xl/texts.xml' => '<sst>' . join('', map { /^</ ? "<si>$_</si>" : "<si><t>$_</t></si>" } @texts) . '</sst>',
		%{$with{parts} // {}});
}
# Rows of cells, each "value" or "attributes|value".
sub rows
{
	return join '', map { '<row>' . join('', map { /^([^|]*)\|(.*)$/s ? "<c $1><v>$2</v></c>" : qq(<c t="str"><v>$_</v></c>) } @$_) . '</row>' } @_;
}

# What is found in a file, and its rows without their places.
my $server = 0;
sub asked
{
	my ($file, $options) = @_;
	$server++;
	sql(qq{CREATE SERVER s$server FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$place', files 'x=$file'@{[ $options // '' ]});
		CREATE SCHEMA s$server});
	return "s$server";
}
sub reading
{
	my $name = asked(@_);
	return sql(qq{SELECT regexp_replace(remark, ' of source "[^"]*"', '', 'g') FROM mls_dataset_inspect('$name') WHERE field IS NULL LIMIT 1});
}
sub table
{
	my $name = asked(@_);
	sql(qq{IMPORT FOREIGN SCHEMA files FROM SERVER $name INTO $name});
	return sql(qq{SELECT string_agg((SELECT string_agg(value, '/' ORDER BY n) FROM json_each_text(row_to_json(x)) WITH ORDINALITY AS e(key, value, n) WHERE key NOT IN ('file', 'line')), E'\n' ORDER BY line) FROM $name.x});
}
sub types
{
	my $name = asked(@_);
	return sql(qq{SELECT string_agg(type, ' ' ORDER BY n) FROM mls_dataset_inspect('$name') WITH ORDINALITY AS i(resource, field, type, written, is_key, samples, remark, n) WHERE field !~ '^_'});
}

# ---- Cells ----

put('plain.xlsx', book(rows([ 'A', 'B', 'C' ], [ '|1', '|2.5', 't="b"|1' ], [ '|0.30000000000000004', '|-1E-3', 't="b"|0' ])));
is(table('plain.xlsx'), "1/2.5/true\n0.3/-0.001/false", 'cells and rows without references, numbers, booleans');
is(types('plain.xlsx'), 'numeric numeric boolean', 'and their types');
put('far.xlsx', book('<row r="2"><c r="B2" t="str"><v>Name</v></c><c r="D2" t="str"><v>Last</v></c></row><row r="5"><c r="D5"><v>7</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c><c r="XFE1048576" s="1"/></row>'));
like(reading('far.xlsx'), qr/could not read file "far\.xlsx": Row 1048576 has more than 16384 cells/, 'a cell beyond the last column');
put('far.xlsx', book('<row r="2"><c r="B2" t="str"><v>Name</v></c><c r="D2" t="str"><v>Last</v></c></row><row r="3"/><row r="5"><c r="B5"><v>1</v></c><c r="D5"><v>7</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'));
is(reading('far.xlsx'), 'far.xlsx (2 rows): sheet "One", header in row 2; 1 empty row; 1 record has more cells, kept in _extra', 'cells far out make no rectangle');
is(sql(qq{CREATE FOREIGN TABLE far (line bigint OPTIONS (field '_line'), last bigint OPTIONS (field 'Last')) SERVER s4 OPTIONS (resource 'x'); SELECT string_agg(line || ' ' || coalesce(last::text, '-'), ', ' ORDER BY line) FROM far}), '5 7, 1048576 -', 'and a line is the number of the row');

put('texts.xlsx', book(rows([ 't="s"|0', 't="s"|1' ], [ 't="s"|2', 't="s"|3' ], [ 't="s"|4', 't="inlineStr"|' ]) =~ s{<v></v>}{<is><r><t>in</t></r><r><t xml:space="preserve"> line</t></r></is>}r,
	texts => [ 'Head', 'Other', '<r><t>two </t></r><r><rPr/><t>runs</t></r><rPh sb="0" eb="1"><t>sound</t></rPh>', 'a_x000D_b_x005F_x000D__x00e9_', '<t xml:space="preserve"> a &amp; b </t>' ]));
is(table('texts.xlsx'), "two runs/a\rb_x000D_\x{c3}\x{a9}\n a & b /in line", 'shared texts of runs, escapes, texts in place');
put('prefix.xlsx', book('', sheet => '<x:worksheet xmlns:x="u"><x:sheetData><x:row><x:c t="str"><x:v>A</x:v></x:c></x:row><x:row><x:c t="d"><x:v>2024-01-31</x:v></x:c></x:row></x:sheetData></x:worksheet>'));
is(table('prefix.xlsx'), '2024-01-31', 'names with a prefix, dates as ISO 8601 has them');
put('odd.xlsx', book(rows([ 'A', 'B', 'C' ], [ 't="e"|#N/A', 't="str"|', '|9' ], [ 't="e"|#REF!', '|x', '|9' ]) =~ s{<c ><v>9</v>}{<c><f>1+1</f><v/>}r =~ s{<row>(?!.*<row>)}{<row hidden="1">}sr));
is(reading('odd.xlsx'), 'odd.xlsx (1 row): sheet "One", header in row 1; 1 empty row; 1 row is hidden, and read; 2 cells have an error for a value, and none here; 1 formula was not calculated, and has no value', 'errors, formulas without values, hidden rows are said');
put('mixed.xlsx', book(rows([ 'Price', 'Text' ], [ '|1.234', '1.234,50' ], [ '|2.5', '9,5' ])));
is(table('mixed.xlsx'), "1.234/1234.50\n2.5/9.5", 'a number of a sheet is never read by the way in which texts are written');

# ---- Dates ----

my @formats = ('dd/mm/yyyy hh:mm', '[h]:mm:ss', '#,##0,,&quot; day&quot;', '[Red]0.00;[Blue]-0.00', '[$-409]d mmm', 'mm:ss.0', '00000', '00000-0000', 'h:mm AM/PM', '0.00\d', 'yyyy&quot; #&quot;');
sub dated { return 's="' . ($_[0] eq 'day' ? 1 : 3 + $_[0]) . "\"|$_[1]" }
my @cases = ([ 'day', 1, '1900-01-01' ], [ 'day', 59, '1900-02-28' ], [ 'day', 60, '1900-02-29' ], [ 'day', 61, '1900-03-01' ], [ 'day', 45322, '2024-01-31' ], [ 'day', 45322.5, '2024-01-31T12:00:00' ],
	[ 'day', 2958465, '9999-12-31' ], [ 'day', 2958466, '2958466' ], [ 'day', -1, '-1' ], [ 0, 45322, '2024-01-31T00:00:00' ], [ 0, '45322.99999998843', '2024-01-31T23:59:59.999' ], [ 0, '45322.9999999999', '2024-02-01T00:00:00' ],
	[ 0, 0.75, '18:00:00' ], [ 1, 1.5625, '37:30:00' ], [ 2, 12500000, '12500000' ], [ 3, 3.5, '3.5' ], [ 4, 45322, '2024-01-31' ], [ 5, '0.0007', '00:01:00.480' ], [ 6, 2139, '02139' ], [ 6, 123456, '123456' ], [ 6, 1.5, '1.5' ],
	[ 7, 21390001, '02139-0001' ], [ 8, 0.25, '06:00:00' ], [ 9, 45322, '45322' ], [ 10, 45322, '2024-01-31' ]);
put('dates.xlsx', book(rows([ 'A', 'B' ], map({ [ dated($_->[0], $_->[1]), 'x' ] } @cases), [ 's="1"|0', 'none' ]), formats => \@formats));
my @found = map { s{/x$}{}r } split /\n/, table('dates.xlsx');
is($found[$_], $cases[$_][2], "$cases[$_][1] in format $cases[$_][0]") for 0 .. $#cases;
is($found[-1], 'none', 'the day zero is none');
put('dates04.xlsx', book(rows([ 'A' ], [ 's="1"|0' ], [ 's="1"|43860' ]), pr => 'date1904="1"'));
is(table('dates04.xlsx'), "1904-01-01\n2024-01-31", 'days counted from 1904');

# ---- Sheets ----

my $sheets = qq(<workbook xmlns:r="$types"><sheets><sheet name="Chart" r:id="r1"/><sheet name="Data" state="hidden" r:id="r2"/><sheet name="2" r:id="r3"/><sheet name="Three" r:id="r4"/></sheets></workbook>);
my $of = sub { '<worksheet><sheetData>' . rows([ 'A', 'B' ], [ $_[0], '|1' ]) . '</sheetData></worksheet>' };
put('sheets.xlsx', book('', workbook => $sheets, relations => relations(r1 => [ chartsheet => 'c.xml' ], r2 => [ worksheet => '/data.xml' ], r3 => [ worksheet => '../two.xml' ], r4 => [ worksheet => 'THREE.xml' ]),
	parts => { 'data.xml' => $of->('hidden'), 'two.xml' => $of->('two'), 'xl\\three.xml' => $of->('three') }));
is(reading('sheets.xlsx'), 'sheets.xlsx (1 row): sheet "2", others "Data" (hidden), "Three", header in row 1', 'the first sheet that is shown, and the others said');
is(table('sheets.xlsx'), 'two/1', 'is read');
is(table('sheets.xlsx', ", sheet '$_->[0]'"), "$_->[1]/1", "the option sheet: $_->[0]") for [ three => 'three' ], [ Data => 'hidden' ], [ 2 => 'two' ], [ 3 => 'three' ];
like(reading('sheets.xlsx', q{, sheet 'none'}), qr/It has no sheet "none"/, 'a sheet that is not there');

# ---- What is none, and what was made for harm ----

my $whole = book(rows([ 'A', 'B' ], [ 'x', '|1' ]));
my @refused = ([ cut => substr($whole, 0, length($whole) - 30), qr/It is cut: the directory at its end is missing/ ],
	[ old => "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1" . 'x' x 600, qr/It is encrypted, or a workbook of the old kind/ ],
	[ text => "A,B\n1,2\n3,4\n", qr/It is no workbook, whatever its name says/ ],
	[ ods => archive(mimetype => 'application/vnd.oasis.opendocument.spreadsheet', 'META-INF/manifest.xml' => '<m/>'), qr/It is an OpenDocument/ ],
	[ xlsb => archive('_rels/.rels' => relations(a => [ officeDocument => 'xl/workbook.bin' ]), 'xl/workbook.bin' => 'x'), qr/It is a binary workbook/ ],
	[ other => archive('a.txt' => 'x'), qr/It is an archive of something else/ ],
	[ index => book(rows([ 'A', 'B' ], [ 't="s"|7', '|1' ])), qr/Row 2 has a text that the workbook does not have/ ],
	[ order => book('<row r="3"><c r="A3"><v>1</v></c></row><row r="2"/>'), qr/Row 2 stands behind row 3/ ],
	[ cells => book('<row r="3"><c r="B3"><v>1</v></c><c r="A3"/></row>'), qr/Row 3 has cells that are not in their order/ ],
	[ row => book('<row r="1048577"/>'), qr/Row 1048577 is beyond the last/ ],
	[ doctype => book('', sheet => '<!DOCTYPE x [<!ENTITY a "b">]><worksheet><sheetData/></worksheet>'), qr/part "xl\/worksheets\/a\.xml"/ ],
	[ deep => book('', sheet => '<a>' x 200), qr/nested more than 100 deep/ ],
	[ chart => book('', sheet => '<chart/>'), qr/Its sheet is none of cells/ ],
	[ empty => book(''), qr/It has neither a header nor rows/ ],
	[ missing => book('', relations => relations(rId1 => [ worksheet => 'none.xml' ])), qr/Its part "xl\/none\.xml" is missing/ ]);
# The checksum, the length and the flags of the sheet's entry in the directory.
for my $change ([ checksum => 16, 'xxxx', qr/Its part "xl\/worksheets\/a\.xml" is damaged/ ], [ length => 24, pack('V', 10), qr/is longer than the archive says/ ], [ encrypted => 8, pack('v', 1), qr/is encrypted/ ], [ method => 10, pack('v', 12), qr/is packed in a way that workbooks are not/ ])
{
	my $changed = $whole;
	substr($changed, rindex($changed, 'xl/worksheets/a.xml') - 46 + $change->[1], length $change->[2]) = $change->[2];
	push @refused, [ $change->[0], $changed, $change->[3] ];
}
for my $case (@refused)
{
	put("bad_$case->[0].xlsx", $case->[1]);
	like(reading("bad_$case->[0].xlsx"), $case->[2], "refused: $case->[0]");
}
put('bomb.xlsx', book('', sheet => '<worksheet><sheetData>' . ' ' x 40_000_000 . '</sheetData></worksheet>'));
like(reading('bomb.xlsx'), qr/becomes more than 200 times as large when it is unpacked/, 'a bomb is refused unread');
put('large.xlsx', book(rows([ 'A', 'B' ], map { [ "t$_", "|$_" ] } 1 .. 20_000)));
like(reading('large.xlsx', q{, max_answer_bytes '500kB'}), qr/It is larger than 512000 bytes, unpacked/, 'and so is what is larger than an answer may be');
put('named.csv', $whole);
like(reading('named.csv'), qr/It is an archive or a workbook, whatever its name says/, 'nor is a workbook taken for text');
put('old.xls', $whole);
put('packed.xlsx.gz', $whole);
is(reading('old.xls') . reading('packed.xlsx.gz'), '', 'by other names it is not read');

# ---- A long list of texts ----

my $count = 250_000;
put('long.xlsx', book(rows([ 'K', 'Text' ], map { [ "|$_", 't="s"|' . ($count - $_) ] } 1 .. $count), texts => [ map { sprintf '%08d %s', $_, reverse($_ * 7919) x 16 } 0 .. $count - 1 ]));
my $name = asked('long.xlsx');
my ($rows, $memory) = split /\n/, sql(qq{CREATE FOREIGN TABLE long (k bigint OPTIONS (field 'K'), text text OPTIONS (field 'Text')) SERVER $name OPTIONS (resource 'x');
	SELECT count(*) || ' ' || count(DISTINCT left(text, 8)) || ' ' || bool_and(left(text, 8)::int = $count - k) FROM long; SELECT substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\\s*(\\d+) kB')});
is($rows, "$count $count true", 'texts that do not fit into memory are the right ones');
cmp_ok($memory, '<', 80 * 1024, 'and not held as a whole') or diag("$memory kB");

# ---- Syncs ----

put('roster.xlsx', book(rows([ 'Agent', 'Volume' ], [ 'Ann', '|10' ], [ 'Bob', '|20' ])));
my $sync = asked('roster.xlsx', q{, key 'Agent'});
sql(qq{IMPORT FOREIGN SCHEMA files FROM SERVER $sync INTO $sync; SELECT mls_subscribe('$sync.x')});
sub sync { return sql(qq{SELECT concat_ws(' ', status, received, inserted, updated, unchanged) FROM mls_sync('$sync')}) }
is(sync(), 'finished 2 2 0 0', 'a workbook is synced');
is(sync(), 'finished 0 0 0 0', 'and not read again');
put('roster.xlsx', book(rows([ 'Agent', 'Volume' ], [ 'Ann', '|10' ], [ 'Bob', '|25.5' ], [ 'Eve', '|1' ])));
is(sync(), 'finished 3 1 1 1', 'a new one brings what is new');
is(sql(qq{SELECT state || ' ' || rows || ' ' || reading FROM mls.file WHERE name = 'roster.xlsx'}), 'synced 3 sheet "One", header in row 1', 'the file says how it was read');
sql(qq{ALTER SERVER $sync OPTIONS (ADD sheet '1')});
is(sync(), 'finished 3 0 0 3', 'another sheet has all read again');
put('roster.xlsx', substr($whole, 0, 700));
like(sql_error($node, qq{SELECT * FROM mls_sync('$sync')}), qr/1 file of resource "x".*could not be read.*It is cut/s, 'half of one fails');
is(sql(qq{SELECT count(*) FROM silver.${sync}_x}), 3, 'and nothing of it is here');
# ---- Sheets as resources ----

mkdir "$place/sheets" or die;
put('sheets/book.xlsx', plain_book(Rooms => [ [qw(Id Area)], [ 1, 20 ], [ 2, 30 ] ], 'The Agents' => [ [qw(Code Name)], [ 'a', 'Ann' ] ]));
put('sheets/other.xlsx', plain_book(Rooms => [ [qw(Id Area)], [ 3, 40 ] ], More => [ [qw(Id Area)], [ 4, 50 ] ]));
sql(qq{CREATE SERVER sheets FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$place/sheets',
		files 'rooms=book.xlsx#1, agents=book.xlsx#The Agents, all=other.xlsx#Rooms, all=other.xlsx#2');
	CREATE SCHEMA sheets; IMPORT FOREIGN SCHEMA files FROM SERVER sheets INTO sheets});
is(sql(q{SELECT string_agg(DISTINCT foreign_table_name, ' ') FROM information_schema.foreign_tables WHERE foreign_table_schema = 'sheets'}), 'agents all rooms', 'sheets are resources');
is(sql(q{SELECT (SELECT sum(area) FROM sheets.rooms) || ' ' || (SELECT name FROM sheets.agents)}), '50 Ann', 'each with its rows');
is(sql(q{SELECT string_agg(concat_ws(' ', id, file, line), ', ' ORDER BY id) FROM sheets."all"}), '3 other.xlsx#Rooms 2, 4 other.xlsx#2 2', 'or one resource of several');
sql(qq{CREATE SERVER twice FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$place/sheets', files 'x=*.xlsx#Rooms, x=book.xlsx#Rooms'); CREATE SCHEMA twice; IMPORT FOREIGN SCHEMA files FROM SERVER twice INTO twice});
is(sql(q{SELECT string_agg(concat_ws(' ', id, file), ', ' ORDER BY id) FROM twice.x}), '1 book.xlsx#Rooms, 2 book.xlsx#Rooms, 3 other.xlsx#Rooms', 'and one that two patterns name is read once');
sql(q{SELECT mls_subscribe('sheets.rooms'), mls_subscribe('sheets.all')});
is(sql(q{SELECT string_agg(concat_ws(' ', resource, status, inserted), ', ' ORDER BY resource) FROM mls_sync('sheets')}), 'all finished 2, rooms finished 2', 'and synced');
is(sql(q{SELECT string_agg(name || ' ' || state, ', ' ORDER BY name) FROM mls.file WHERE name LIKE '%#%'}), 'book.xlsx#1 synced, other.xlsx#2 synced, other.xlsx#Rooms synced', 'a row of mls.file for each');
put('sheets/other.xlsx', plain_book(Rooms => [ [qw(Id Area)], [ 3, 41 ] ], More => [ [qw(Id Area)], [ 4, 50 ] ]));
is(sql(q{SELECT concat_ws(' ', status, received, updated) FROM mls_sync('sheets', 'all')}), 'finished 2 1', 'both are read again when the workbook has changed');
like(sql_error($node, qq{CREATE SERVER none FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$place/sheets', files 'x=book.xlsx#Kitchens'); CREATE FOREIGN TABLE none (id text OPTIONS (field 'Id')) SERVER none OPTIONS (resource 'x'); SELECT * FROM none}),
	qr/could not read file "book\.xlsx#Kitchens".*It has no sheet "Kitchens"/s, 'one that is not there is said');
done_testing();
