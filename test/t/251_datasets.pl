# Datasets from the first look to gold: what would be made, what is made, live queries, syncs that
# read no byte twice, files that wait, fail, change and go, guards, and each mode.
use strict;
use warnings;

use IO::Compress::Gzip qw(gzip $GzipError);
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

my $folder = PostgreSQL::Test::Utils::tempdir;
mkdir "$folder/$_" or die for qw(srv srv/office srv/days srv/newest srv/keyed srv/wide srv/killed other);
my $node = new_node('datasets', 'mls_fdw.file_directories' => "'$folder/srv'", restart_after_crash => 'on');

sub sql { return scalar $node->safe_psql('postgres', $_[0]) }
sub fails { my ($sql, $expected, $name) = @_; return like(sql_error($node, $sql), $expected, $name); }

# Writes a file as a careful program does, with a time that is not now.
my $time = time - 3600;
sub put
{
	my ($name, $text, $age) = @_;
	open my $to, '>:raw', "$folder/srv/.new" or die;
	print $to $text;
	close $to or die;
	$time += 10;
	my $at = defined $age ? time - $age : $time;
	utime $at, $at, "$folder/srv/.new";
	rename "$folder/srv/.new", "$folder/srv/$name" or die "$name: $!";
	return;
}
sub server
{
	my ($name, $place, $options) = @_;
	return sql(qq{CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$folder/srv/$place'$options);
		CREATE SCHEMA $name; IMPORT FOREIGN SCHEMA files FROM SERVER $name INTO $name});
}
sub files { return sql("SELECT string_agg(name || ' ' || state || ' ' || rows, ', ' ORDER BY name) FROM mls.file f JOIN mls.subscription s ON s.id = f.subscription WHERE s.source = '$_[0]'"); }
sub sync { return sql("SELECT concat_ws(' ', status, received, inserted, updated, unchanged) FROM mls_sync('$_[0]')"); }

# ---- Looking ----

put('office/roster.csv', "Agent ID,Name,Zip,Volume,Joined\n007,Ann,02139,\"\$1,250.50\",2024-01-31\n8,Bob,10001,\$99.95,2023-12-01\n");
put('office/leads.ndjson', qq({"id": 1, "email": "a\@example.com"}\n{"id": 2, "email": null}\n));
put('office/notes.docx', 'x');
put("office/k\xf6ln.csv", "A\n1\n");
sql(qq{CREATE SERVER office FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$folder/srv/office')});
is(sql(q{SELECT string_agg(concat_ws(' ', resource, field, type, written, is_key, samples), E'\n' ORDER BY n) FROM mls_dataset_inspect('office')
	WITH ORDINALITY AS i(resource, field, type, written, is_key, samples, remark, n) WHERE field IS NOT NULL AND resource = 'roster'}),
	join("\n", 'roster Agent ID text f {007,8}', 'roster Name text f {Ann,Bob}', 'roster Zip text f {02139,10001}',
		'roster Volume numeric number 1,234.5 f {"$1,250.50",$99.95}', 'roster Joined date f {2024-01-31,2023-12-01}',
		'roster _file text t {roster.csv}', 'roster _line bigint t {2,3}'), 'what would be made is shown, with samples');
is(sql(q{SELECT remark FROM mls_dataset_inspect('office') WHERE resource IS NULL}), '2 files are of a kind, or of a name, that is not read: "k?ln.csv", "notes.docx"', 'what is not read is said');
is(sql(q{SELECT count(*) FROM pg_foreign_table}), 0, 'and nothing is made');
is(sql(q{SELECT string_agg(item, ' ') FROM mls_check('office') WHERE ok}), 'configuration place files metadata leads count order paging encoding', 'mls_check');

sql(q{CREATE SCHEMA office; IMPORT FOREIGN SCHEMA files FROM SERVER office INTO office});
is(sql(q{SELECT agent_id, zip, volume, joined FROM office.roster WHERE volume > 100}), '007|02139|1250.50|2024-01-31', 'a live query');
is(sql(q{SELECT count(*) FROM office.roster r JOIN office.leads l ON l.id = ltrim(r.agent_id, '0')}), 0, 'a join of two files');
is(sql(q{SELECT name FROM office.roster WHERE file = 'roster.csv' AND line = 3}), 'Bob', 'a row by file and line');
is(sql(q{SELECT count(*) FROM office.roster WHERE file = 'none.csv'}), 0, 'and of no file');
like(plan_of($node, q{SELECT * FROM office.roster}), qr{Remote Request: files of "roster" in file://}, 'EXPLAIN reads nothing and says what would be');

# ---- Who may, and where ----

symlink "$folder/other", "$folder/srv/way" or die;
fails(qq{CREATE SERVER bad FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url '$_')}, qr/invalid value for option "url"/, "no place: $_")
  for "file://$folder/srv/../other", 'ftp://example.com/x.csv', 'file://relative';
for my $case ([ 'outside', 'other', qr/may not read its directory.*mls_fdw\.file_directories/s ], [ 'linked', 'srv/way', qr/symbolic links are not followed/ ], [ 'missing', 'srv/none', qr/No such file/ ],
	[ 'file', 'srv/office/roster.csv', qr/Not a directory.*files of it by the server option files/s ])
{
	sql(qq{CREATE SERVER $case->[0] FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$folder/$case->[1]')});
	fails("SELECT * FROM mls_dataset_inspect('$case->[0]')", $case->[2], "a place that is $case->[0]");
}
symlink '/etc/passwd', "$folder/srv/office/passwd.csv" or die;
is(sql(q{SELECT count(*) FROM mls_dataset_inspect('office') WHERE resource = 'passwd'}), 0, 'a link in the place is no file of it');
sql('CREATE ROLE stranger LOGIN');
fails(q{SET ROLE stranger; SELECT * FROM mls_dataset_inspect('office')}, qr/permission denied for function/, 'a stranger may not look');
sql('GRANT EXECUTE ON FUNCTION mls_dataset_inspect(text) TO stranger');
fails(q{SET ROLE stranger; SELECT * FROM mls_dataset_inspect('office')}, qr/permission denied for foreign server/, 'nor with the function alone');
fails(q{CREATE SERVER feed FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file:///srv/x'); SELECT * FROM mls_dataset_inspect('feed')}, qr/server "feed" is no dataset/, 'a store is none');
fails(q{CREATE SERVER odd FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file:///srv/x', mode 'sometimes')}, qr/invalid value for option "mode"/, 'options are checked');
sql(qq{CREATE SERVER odd FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$folder/srv/office', delimiter 'xx')});
fails(q{CREATE SCHEMA odd; IMPORT FOREIGN SCHEMA files FROM SERVER odd INTO odd}, qr/invalid value for option "delimiter"/, 'also by who reads');

# ---- Mirror: syncs and purges ----

sql(q{SELECT mls_subscribe('office.roster')});
is(sync('office'), 'finished 2 2 0 0', 'a first sync');
is(files('office'), 'roster.csv synced 2', 'its file is known');
is(sql(q{SELECT agent_id, zip, volume, joined FROM silver.office_roster ORDER BY line}), "007|02139|1250.50|2024-01-31\n8|10001|99.95|2023-12-01", 'silver has the types');
is(sql(q{SELECT record->>'Volume' FROM bronze.office_roster ORDER BY key LIMIT 1}), '$1,250.50', 'bronze the text');
is(sync('office'), 'finished 0 0 0 0', 'a second one reads nothing');
utime $time + 5, $time + 5, "$folder/srv/office/roster.csv" or die;
is(sync('office'), 'finished 0 0 0 0', 'nor where only the time of the file has changed');
put('office/roster.csv', "Agent ID,Name,Zip,Volume,Joined\n007,Ann,02139,\"\$1,250.50\",2024-01-31\n8,Rob,10001,\$99.95,2023-12-01\n");
utime $time - 5, $time - 5, "$folder/srv/office/roster.csv" or die; # as the one before
is(sync('office'), 'finished 2 0 1 1', 'one row has changed, of a file of the same length and time, and one is written');
put('office/roster.csv', "Agent ID,Name,Zip,Volume,Joined\n007,Ann,02139,oops,2024-13-31\n8,Rob,10001,\$99.95,2023-12-01\n9,Eve,00501,,\n");
is(sync('office'), 'finished 3 1 1 1', 'values that do not fit');
is(sql(q{SELECT volume IS NULL, joined IS NULL, zip FROM silver.office_roster WHERE agent_id = '007'}), 't|t|02139', 'are NULL');
is(sql(q{SELECT string_agg(field || ' ' || value || ' ' || reason, ', ' ORDER BY field) FROM mls.issue WHERE kind = 'value' AND solved_at IS NULL}),
	'Joined "2024-13-31" is not a date, Volume "oops" is not a number', 'and issues');

put('office/roster.csv', "Agent ID,Name,Zip,Volume,Joined\n007,Ann,02139,1,2024-01-31\n8,\"Rob,10001,2,2023-12-01\n");
fails(q{SELECT * FROM mls_sync('office')}, qr/1 file of resource "roster".*could not be read.*never closed.*What the other files hold is here/s, 'a file whose quote is never closed fails');
is(sql(q{SELECT state, error, failures FROM mls.file}), 'failed|could not read file "roster.csv" of source "office": The quote that opens in line 3 is never closed.|1', 'and says why');
is(sql(q{SELECT count(*) FROM silver.office_roster WHERE volume = 1}), 0, 'nothing of it is here');
fails(q{SELECT * FROM office.roster}, qr/could not read file "roster\.csv"/, 'a live query fails likewise');
fails(q{SELECT * FROM mls_purge('office')}, qr/could not read file "roster\.csv".*nothing was removed/s, 'so does a purge, and removes nothing');
is(sql('SELECT count(*) FROM silver.office_roster'), 3, 'what was here stays');

put('office/roster.csv', "Agent ID,Name,Zip,Volume,Joined\n007,Ann,02139,1,2024-01-31\n", 1);
is(sync('office'), 'finished 0 0 0 0', 'a file that was written just now waits');
is(files('office'), 'roster.csv pending 0', 'and is said to');
is(sql(q{SELECT note FROM mls.run ORDER BY id DESC LIMIT 1}), '1 file waits for a later sync, for the option settle wants files that were not written just now', 'also by the run');
fails(q{SELECT * FROM mls_purge('office')}, qr/file "roster\.csv" of source "office" may still be written/, 'nothing is removed meanwhile');
put('office/roster.csv', "Agent ID,Name,Zip,Volume,Joined\n007,Ann,02139,1,2024-01-31\n");
is(sync('office'), 'finished 1 0 1 0', 'then it is read');
is(sql(q{SELECT status, missing FROM mls_purge('office', 'roster')}), 'finished|2', 'and a purge removes what it has no more');
is(sql(q{SELECT string_agg(agent_id, ' ') FROM silver.office_roster}), '007', 'two rows are gone');
is(files('office'), 'roster.csv not_synced 1', 'after a purge all is read once more');
is(sync('office'), 'finished 1 0 0 1', 'and nothing written');

# A file that comes back as it was, after its rows were removed.
rename "$folder/srv/office/roster.csv", "$folder/other/roster.csv" or die;
is(sync('office'), 'finished 0 0 0 0', 'the file is gone');
is(files('office'), 'roster.csv gone 1', 'and is said to be');
fails(q{SELECT * FROM mls_purge('office')}, qr/lists no record/, 'a purge does not take an empty place for an empty roster');
is(sql(q{SELECT deleted FROM mls_purge('office', 'roster', force => true)}), 1, 'unless it is forced');
rename "$folder/other/roster.csv", "$folder/srv/office/roster.csv" or die;
is(sync('office'), 'finished 1 0 1 0', 'it is back, and so are its rows');
is(sql('SELECT count(*) FROM silver.office_roster'), 1, 'here they are');
sql('TRUNCATE bronze.office_roster, silver.office_roster');
sync('office');
is(sql('SELECT count(*) FROM silver.office_roster'), 1, 'rows that somebody has removed are made again');

# ---- Many files: one fails alone ----

put("days/sales_$_.csv", "Id,Amount\n$_-1,10\n$_-2,20\n") for 1 .. 5;
put('days/sales_6.csv.gz', "Id,Amount\n6-1,10\n");
put('days/other.csv', "A,B\n1,2\n");
server('days', 'days', q{, files 'sales=sales_*, other.csv', mode 'append'});
is(sql(q{SELECT string_agg(DISTINCT foreign_table_name, ' ') FROM information_schema.foreign_tables WHERE foreign_table_schema = 'days'}), 'other sales', 'patterns make resources');
is(sql(q{SELECT count(*), sum(amount), count(DISTINCT sha256) FROM days.sales}), '11|160|6', 'a resource of several files');
put('days/sales_7.csv.gz', "\x1f\x8b\x08\x00\x00\x00\x00\x00");
sql(q{SELECT mls_subscribe('days.sales')});
fails(q{SELECT * FROM mls_sync('days')}, qr/1 file of resource "sales".*"sales_7\.csv\.gz".*It is cut/s, 'one file of seven is cut, and the others are here');
is(files('days'), join(', ', map({ "sales_$_.csv synced 2" } 1 .. 5), 'sales_6.csv.gz synced 1', 'sales_7.csv.gz failed 0'), 'each with its state');
is(sql('SELECT count(*) FROM silver.days_sales'), 11, 'and all their rows');
put('days/sales_7.csv.gz', "Id,Amount\n7-1,5\n");
is(sync('days'), 'finished 1 1 0 0', 'mended, it comes alone');

# Append: the same bytes never twice, under whatever name; nothing is removed.
put('days/sales_again.csv', "Id,Amount\n3-1,10\n3-2,20\n");
is(sync('days'), 'finished 0 0 0 0', 'the same bytes under another name');
is(sql(q{SELECT reading FROM mls.file WHERE name = 'sales_again.csv'}), 'the same bytes as "sales_3.csv"', 'are known');
# Nor is what was there by half, or is here no more, taken for the whole.
put('days/sales_8.csv', qq{Id,Amount\n8-1,10\n8-2,"20\n});
fails(q{SELECT * FROM mls_sync('days')}, qr/never closed/, 'a file that fails');
rename "$folder/srv/days/sales_8.csv", "$folder/srv/days/sales_8b.csv" or die;
sql(q{ALTER SERVER days OPTIONS (ADD quote 'none')});
sync('days');
is(sql(q{SELECT state, rows, reading LIKE 'the same%' FROM mls.file WHERE name = 'sales_8b.csv'}), 'synced|2|f', 'and has another name when it can be read is read');
is(sql(q{SELECT count(*) FROM silver.days_sales WHERE id LIKE '8-%'}), 2, 'and its rows are here');
sql(q{ALTER SERVER days OPTIONS (DROP quote)});
unlink "$folder/srv/days/sales_8b.csv" or die;
sync('days');
sql(q{DELETE FROM bronze.days_sales WHERE record->>'Id' LIKE '8-%'; DELETE FROM silver.days_sales WHERE id LIKE '8-%'});
sync('days');
rename "$folder/srv/days/sales_5.csv", "$folder/other/sales_5.csv" or die;
is(sync('days'), 'finished 0 0 0 0', 'a file is moved away');
is(sql(q{SELECT state, sha256 IS NOT NULL FROM mls.file WHERE name = 'sales_5.csv'}), 'gone|t', 'and is known by its bytes');
rename "$folder/other/sales_5.csv", "$folder/srv/days/sales_5b.csv" or die;
is(sync('days'), 'finished 0 0 0 0', 'by which it is passed over when it comes back');
unlink "$folder/srv/days/sales_5b.csv" or die;
sync('days');
put('days/sales_9.csv', "Id,Amount\n1-3,30\n");
is(sync('days'), 'finished 1 1 0 0', 'a file more');
put('days/sales_9.csv', "Id,Amount\n1-3,30\n1-4,40\n", 1);
is(sync('days'), 'finished 0 0 0 0', 'one that goes on growing waits while it is written');
put('days/sales_9.csv', "Id,Amount\n1-3,30\n1-4,40\n1-5,50\n");
is(sync('days'), 'finished 2 2 0 0', 'then the lines behind those that were taken are taken');
is(files('days') =~ /(sales_9\S* \w+ \d+)/ && $1, 'sales_9.csv synced 3', 'and the file has all of them');
put('days/sales_9b.csv', "Id,Amount\n1-3,30\n");
is(sync('days'), 'finished 1 0 1 0', 'what it was at first makes no new rows');
put('days/sales_9b.csv', "Id,Amount\n1-3,30\n1-4,41\n");
fails(q{SELECT * FROM mls_sync('days')}, qr/"sales_9b\.csv".*changed after its rows were taken/s, 'nor does it grow beside it');
unlink "$folder/srv/days/sales_9b.csv" or die;
is(sql(q{SELECT status FROM mls_sync('days', full => true)}), 'finished', 'read again as a whole');
is(sql(q{SELECT count(*), count(DISTINCT id) FROM silver.days_sales WHERE id LIKE '1-%'}), '5|5', 'it has its rows once');
for my $text ("Id,Amount\n1-3,31\n1-4,40\n1-5,50\n", "Id,Amount\n1-3,30\n1-4,40\n1-5,507\n", "Amount,Id\n30,1-3\n40,1-4\n50,1-5\n60,1-6\n")
{
	put('days/sales_9.csv', $text);
	fails(q{SELECT * FROM mls_sync('days')}, qr/"sales_9\.csv".*changed after its rows were taken, and each file is taken once.*HINT:.*a file with a name of its own\. What the other files/s, 'one that changes otherwise is not taken');
	fails(q{SELECT * FROM mls_sync('days')}, qr/"sales_9\.csv".*changed after its rows were taken/s, 'however often');
}
is(sql(q{SELECT count(*) FROM silver.days_sales WHERE id LIKE '1-%'}), 5, 'and has its rows once');
put('days/sales_9.csv', "Id,Amount\n1-3,30\n1-4,40\n1-5,50\n");
is(sync('days'), 'finished 0 0 0 0', 'as it was, it is here');
put('days/sales_9.csv', "Id,Amount\n1-3,30\n1-4,40\n1-5,50\n1-6,\xe4\n");
fails(q{SELECT * FROM mls_sync('days')}, qr/"sales_9\.csv".*What is here of it was read otherwise: cells between commas, UTF-8, header in line 1/s, 'nor one whose lines would be read in another way than those before');
put('days/sales_9.csv', "Id,Amount\n1-3,30\n1-4,40\n1-5,50\n");
# A last line without its end may go on; one that has it by the next line was whole.
put('days/sales_10.csv', "Id,Amount\n10-1,1\n10-2,2");
is(sync('days'), 'finished 2 2 0 0', 'a file without an end of its last line');
put('days/sales_10.csv', "Id,Amount\n10-1,1\n10-2,2\n10-3,3\n");
is(sync('days'), 'finished 1 1 0 0', 'that has it by the next');
put('days/sales_11.csv.gz', "Id,Amount\n11-1,1\n");
is(sync('days'), 'finished 1 1 0 0', 'a file that is called packed, and is not');
put('days/sales_11.csv.gz', "Id,Amount\n11-1,1\n11-2,2\n");
is(sync('days'), 'finished 1 1 0 0', 'grows like others');
sql(q{DELETE FROM bronze.days_sales WHERE record->>'Id' ~ '^1[01]-|^1-[45]'; DELETE FROM silver.days_sales WHERE id ~ '^1[01]-|^1-[45]'});
unlink map { "$folder/srv/days/sales_$_" } qw(10.csv 11.csv.gz 9.csv);
sync('days');
sync('days');
unlink "$folder/srv/days/sales_2.csv" or die;
is(sync('days'), 'finished 0 0 0 0', 'a file that is gone');
is(sql(q{SELECT status || ' ' || deleted FROM mls_purge('days')}), 'finished 0', 'takes nothing with it');
is(sql('SELECT count(*), sum(amount) FROM silver.days_sales'), '13|195', 'all that ever was is here');

# ---- One key in two files: the last file counts, whatever came when ----

mkdir "$folder/srv/pair" or die;
put('pair/a.csv', "MemberKey,City\nK1,Austin\n");
put('pair/c.csv', "MemberKey,City\nK1,Dallas\nK2,Waco\n");
server('pair', 'pair', q{, files 'm=*.csv', key 'MemberKey', purge_limit '1'});
sql(q{SELECT mls_subscribe('pair.m')});
my $pair = q{SELECT string_agg(member_key || city, ' ' ORDER BY member_key) FROM silver.pair_m};
sync('pair');
is(sql($pair), 'K1Dallas K2Waco', 'of two files with one key the last counts');
put('pair/a.csv', "MemberKey,City\nK1,Houston\n");
sync('pair');
is(sql($pair), 'K1Dallas K2Waco', 'also if the first one has changed');
put('pair/b.csv', "MemberKey,City\nK1,El Paso\nK2,Laredo\n");
sync('pair');
is(sql($pair), 'K1Dallas K2Waco', 'or one has come between them');
put('pair/d.csv', "MemberKey,City\nK3,Katy\n");
is(sync('pair'), 'finished 1 1 0 0', 'what comes behind all of them is read alone');
unlink "$folder/srv/pair/c.csv" or die;
sync('pair');
is(sql($pair), 'K1El Paso K2Laredo K3Katy', 'of one that is gone the others have the rows');
put('pair/b.csv', "MemberKey,City\nK2,Laredo\n");
sync('pair');
is(sql($pair), 'K1Houston K2Laredo K3Katy', 'as they have those that it lost');
is(sql(q{SELECT status || ' ' || deleted FROM mls_purge('pair')}), 'finished 0', 'and a purge finds nothing');
put('pair/d.csv', "Member Key,City\nK3,Katy\n");
fails(q{SELECT * FROM mls_purge('pair')}, qr/lacks the field "MemberKey" of the key/, 'nor takes rows for gone whose key has lost its name');

# ---- Other headers than before ----

mkdir "$folder/srv/headers" or die;
put('headers/m1.csv', "MemberKey,City,List Price\nK1,Austin,100\n");
server('headers', 'headers', q{, files 'm=*.csv', mode 'upsert', key 'MemberKey'});
sql(q{SELECT mls_subscribe('headers.m')});
is(sync('headers'), 'finished 1 1 0 0', 'a file with its header');
for my $text ("Member Key,City,List Price\nK1,Waco,100\nK2,Katy,200\n", "K3,Waco,abc\nK4,Katy,def\n")
{
	put('headers/m2.csv', $text);
	fails(q{SELECT * FROM mls_sync('headers')}, qr/"m2\.csv".*Its header lacks the field "MemberKey" of the key/s, 'one without the key is refused as a whole');
	is(sql(q{SELECT state, rows FROM mls.file WHERE name = 'm2.csv'}), 'failed|0', 'and counts no rows');
}
put('headers/m2.csv', "MemberKey,Town,List Price\nK2,Katy,200\n");
sync('headers');
is(sql(q{SELECT state, rows, substring(reading FROM 'its header lacks .*') FROM mls.file WHERE name = 'm2.csv'}), 'synced|1|its header lacks "City"', 'one that lacks a column says so');
is(sql(q{SELECT key, value, reason FROM mls.issue WHERE kind = 'file' AND solved_at IS NULL}), 'm2.csv|0|"City"|is what its header lacks', 'in an issue, too');
put('headers/m2.csv', "MemberKey,City,List Price\nK2,Katy,200\n");
sync('headers');
is(sql(q{SELECT count(*) FROM mls.issue WHERE kind = 'file' AND solved_at IS NULL}), 0, 'until it has it again');

# ---- Replace: the newest file counts ----

put('newest/list_a.csv', "Code,Price\nA,1\nB,2\nC,3\n");
put('newest/list_b.csv', "Code,Price\nA,1\nB,5\nD,4\n");
server('newest', 'newest', q{, files 'list=list_*', mode 'replace', key 'Code', purge_limit '1'});
is(sql('SELECT string_agg(code || price, $$ $$ ORDER BY code) FROM newest.list'), 'A1 B5 D4', 'only the newest is read');
sql(q{SELECT mls_subscribe('newest.list')});
is(sync('newest'), 'finished 3 3 0 0', 'and synced');
put('newest/list_c.csv', "Code,Price\nA,1\nB,6\nE,7\n");
is(sync('newest'), 'finished 3 1 2 0', 'a newer one; of the others the file is another');
is(sql(q{SELECT deleted FROM mls_purge('newest')}), 1, 'takes the place of the one before');
is(sql('SELECT string_agg(code || price, $$ $$ ORDER BY code) FROM silver.newest_list'), 'A1 B6 E7', 'whole');
put('newest/list_d.csv', "Code,Price\nZ,1\n");
is(sync('newest'), 'finished 1 1 0 0', 'a file of one row');
fails(q{SELECT * FROM mls_purge('newest')}, qr/purge of resource "list" of source "newest" would remove too many/, 'is refused as the new whole');

# What is dated in the future does not stay the newest for its date.
put('newest/list_e.csv', "Code,Price\nF,1\n", -86400 * 3650);
my $said = sql(q{SELECT concat_ws(' ', received, message) FROM mls_sync('newest')});
like($said, qr/^1 file "list_e\.csv" is dated in the future, 20\d\d-\S+ \S+, and counts from when it came here$/, 'a file that is dated in the future is the newest when it comes, and is said to be');
is(sql(q{SELECT i.key, reason FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription WHERE s.source = 'newest' AND kind = 'file' AND solved_at IS NULL}),
	'list_e.csv|0|is when it was written, which is in the future; it counts from when it came here', 'in an issue, too');
put('newest/list_f.csv', "Code,Price\nG,1\n", 0);
Time::HiRes::utime(Time::HiRes::time, Time::HiRes::time, "$folder/srv/newest/list_f.csv") or die;
sql(q{ALTER SERVER newest OPTIONS (ADD settle '0')});
is(sync('newest'), 'finished 1 1 0 0', 'what comes after it is newer');
is(sql(q{SELECT name || ' ' || state FROM mls.file f JOIN mls.subscription s ON s.id = f.subscription WHERE s.source = 'newest' AND name IN ('list_e.csv', 'list_f.csv') ORDER BY 1}), "list_e.csv gone\nlist_f.csv synced", 'as mls.file says');

# ---- Upsert, and broken lines ----

put('keyed/people.ndjson', qq({"MemberKey": "1", "Name": "Ann"}\n{"MemberKey": "2", "Name": \n{"MemberKey": "3", "Name": "Eve"}\n{"Name": "nobody"}\n));
server('keyed', 'keyed', q{, mode 'upsert', key 'MemberKey'});
fails('SELECT * FROM keyed.people', qr/could not read file "people\.ndjson".*Line 2 is no valid JSON/s, 'a live query does not pass over a broken line');
sql(q{SELECT mls_subscribe('keyed.people')});
is(sync('keyed'), 'finished 3 2 0 0', 'a sync does');
is(sql(q{SELECT kind, key, value, reason FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription WHERE s.source = 'keyed' AND kind = 'file'}),
	'file|people.ndjson|2|{"MemberKey": "2", "Name":|is no valid JSON', 'and makes an issue of it');
is(sql(q{SELECT rows, rejected FROM mls.file WHERE name = 'people.ndjson'}), '3|1', 'which the file counts');
is(sql(q{SELECT count(*) FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription WHERE s.source = 'keyed' AND kind = 'record'}), 1, 'a row without its key is an issue, too');
put('keyed/people.ndjson', qq({"MemberKey": "2", "Name": "Bob"}\n));
is(sync('keyed'), 'finished 1 1 0 0', 'the next delivery adds');
is(sql('SELECT string_agg(name, $$ $$ ORDER BY member_key) FROM silver.keyed_people'), 'Ann Bob Eve', 'and keeps');
is(sql(q{SELECT count(*) FROM mls.issue WHERE kind = 'file' AND solved_at IS NULL}), 0, 'the line is no issue any more');

put('keyed/people.ndjson', qq({"MemberKey": "7", "Name": "Zoe"}\n{"MemberKey": "7", "Name": "Zoey"}\n));
is(sql(q{SELECT concat_ws(' ', received, inserted, message) FROM mls_sync('keyed')}), '2 1 1 row has the key of another, and the last counts', 'a key that comes twice is said');
is(sql(q{SELECT name FROM silver.keyed_people WHERE member_key = '7'}), 'Zoey', 'of its rows the last one counts');

# Other options of reading: all is read anew. What stays open is an issue until it is decided.
put('keyed/open.csv', "K;When;Flag\n1;03/04/2024;N\n2;05/06/2024;N\n");
sql(qq{CREATE SERVER opened FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$folder/srv/keyed', files 'open.csv', schema_check_interval '0');
	CREATE SCHEMA opened; IMPORT FOREIGN SCHEMA files FROM SERVER opened INTO opened; SELECT mls_subscribe('opened.open')});
is(sync('opened'), 'finished 2 2 0 0', 'a file with what can be read in two ways');
my $open = q{SELECT string_agg(field || ' ' || value, ', ' ORDER BY field) FROM mls.issue WHERE kind = 'open' AND solved_at IS NULL};
is(sql($open), 'Flag N, When 03/04/2024', 'has issues');
is(sql('SELECT string_agg("when", $$ $$ ORDER BY k) FROM silver.opened_open'), '03/04/2024 05/06/2024', 'and texts');
sql(q{ALTER SERVER opened OPTIONS (ADD nulls 'N')});
is(sync('opened'), 'finished 2 0 2 0', 'another option of reading has all read again');
is(sql($open), 'When 03/04/2024', 'what is no value any more is no issue');
sql(q{ALTER SERVER opened OPTIONS (ADD dates 'dmy')});
is(sync('opened'), 'finished 0 0 0 0', 'one of types has not');
is(sql("SELECT coalesce(($open), 'none')"), 'none', 'but decides');

# ---- Wider files ----

put('wide/w_1.csv', "K,N,D\na,1,2024-01-01\nb,2,2024-01-02\n");
server('wide', 'wide', q{, files 'w=w_*', schema_check_interval '0', key 'K'});
sql(q{SELECT mls_subscribe('wide.w')});
is(sync('wide'), 'finished 2 2 0 0', 'two columns of types');
put('wide/w_2.csv', "K,N,D,More\nc,2.5,2024-01-03,x\nd,many,soon,y\n");
is(sync('wide'), 'finished 2 2 0 0', 'then a file with a column more, and values that are wider');
is(sql('SELECT string_agg(concat_ws($$/$$, k, n, d, more), $$ $$ ORDER BY k) FROM silver.wide_w'), 'a/1/2024-01-01 b/2/2024-01-02 c/2024-01-03/x d/y', 'the column is added, what does not fit is NULL');
is(sql(q{SELECT string_agg(value, ' ' ORDER BY value) FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription WHERE s.source = 'wide' AND kind = 'value' AND solved_at IS NULL}), '"2.5" "many" "soon"', 'and an issue each');

# ---- Other columns, by each policy ----

# A file that has a column more, one less and a wider one than when its table was made.
sub drifted { return sql("SELECT string_agg(reason, '; ' ORDER BY reason) FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription WHERE s.source = '$_[0]' AND i.key IS NULL AND i.solved_at IS NULL AND i.kind <> 'file'"); }
sub bad { return sql("SELECT string_agg(concat_ws(' ', i.kind, i.key, i.field, i.value), ', ' ORDER BY i.kind, i.key) FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription WHERE s.source = '$_[0]' AND i.kind IN ('value', 'file') AND i.solved_at IS NULL"); }
sub columns { return sql("SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '$_[0].w'::regclass AND attnum > 0 AND NOT attisdropped"); }
sub silver { return sql("SELECT string_agg(concat_ws('/', k, coalesce(n::text, '-'), coalesce(d::text, '-')" . ($_[1] ? ", coalesce($_[1], '-')" : '') . "), ' ' ORDER BY k) FROM silver.$_[0]_w"); }
my $differences = 'field "D" was removed; its column stays; field "More" was added, with type text; field "N" changed its type from bigint to numeric; its column keeps the type it has';
for my $policy (qw(evolve freeze stop ignore))
{
	my $name = "by_$policy";
	my $follows = $policy =~ /evolve|stop/;
	mkdir "$folder/srv/$name" or die;
	put("$name/w.csv", "K,N,D\na,1,2024-01-01\nb,2,2024-01-02\n");
	server($name, $name, qq{, schema_check_interval '0', key 'K', schema_policy '$policy'});
	sql("SELECT mls_subscribe('$name.w')");
	is(sync($name), 'finished 2 2 0 0', "$policy: a file");
	put("$name/w.csv", "K,N,More\na,1.5,x\nb,2,y\nc,3,z\n");
	if ($policy eq 'stop')
	{
		fails(q{SELECT * FROM mls_sync('by_stop')}, qr/the schema of resource "w" of source "by_stop" has changed.*field "More" was added.*field "D" was removed.*field "N" changed its type/s, 'stop: with other columns it is not taken');
		is(silver('by_stop'), 'a/1/2024-01-01 b/2/2024-01-02', 'stop: what is here stays');
		is(files('by_stop'), 'w.csv synced 2', 'stop: as does what is known of the file');
		fails(q{SELECT * FROM mls_sync('by_stop', full => true)}, qr/has changed/, 'stop: also where all is asked for');
		sql(q{SELECT mls_schema_accept('by_stop')});
		is(columns('by_stop'), 'k n d file line more', 'stop: accepted, the column is there');
	}
	is(sync($name), 'finished 3 1 2 0', "$policy: with other columns it is taken");
	is(drifted($name), $policy =~ /evolve|freeze/ ? $differences : '', "$policy: what is said of the columns");
	is(columns($name), $follows ? 'k n d file line more' : 'k n d file line', "$policy: what the table has");
	is(silver($name, $follows ? 'more' : undef), $follows ? 'a/-/-/x b/2/-/y c/3/-/z' : 'a/-/- b/2/- c/3/-', "$policy: what fits its columns is there");
	is(bad($name), 'file w.csv|0 "D", value a N "1.5"', "$policy: what does not is an issue");
	is(sql("SELECT record->>'More' FROM bronze.${name}_w WHERE record->>'K' = 'c'"), 'z', "$policy: bronze has all");
	is(sync($name), 'finished 0 0 0 0', "$policy: and that is that");
	is(drifted($name), $policy eq 'freeze' ? $differences =~ s/.*column stays; //r : '', "$policy: what remains to be decided");
	next if $follows;
	is(sql("SELECT string_agg(change || ' ' || name, ', ' ORDER BY name) FROM mls_schema_accept('$name')"), '', "$policy: what is known already is no difference");
	is(columns($name), $policy eq 'freeze' ? 'k n d file line more' : 'k n d file line', "$policy: accepted later");
	next if $policy eq 'ignore';
	is(sync($name), 'finished 0 0 0 0', "$policy: without reading again");
	is(silver($name, 'more'), 'a/-/-/x b/2/-/y c/3/-/z', "$policy: it is filled from bronze");
}

# ---- Where a piece of a file ends ----

# Files are read in pieces of 64 kB; the first ends behind each byte of some records in turn.
my $records = qq(a,"x""y"\r\nb,"1\r\n2"\r\nc,\r\n\r\nd,p"q\r\n"e","z"\r\n);
mkdir "$folder/srv/pieces" or die;
for my $place (0 .. length $records)
{
	my $start = "K,V\r\nk,";
	put("pieces/p_$place.csv", $start . 'p' x (65536 - length($start) - 2 - $place) . "\r\n$records");
}
server('pieces', 'pieces', q{, files 'p=p_*'});
is(sql(q{SELECT string_agg(DISTINCT concat_ws(' ', k, coalesce(v, 'null'), _line), '; ') FROM pieces.p WHERE k <> 'k'} =~ s/_line/line/r), qq(a x"y 3; b 1\r\n2 4; c null 6; d p"q 8; e z 9), 'records are the same wherever a piece ends');
is(sql(q{SELECT count(*) FROM pieces.p}), 6 * (1 + length $records), 'and all are there');

# ---- Memory, and an end that is late ----

my $big = "Zip,Amount,Name\n" . join('', map { sprintf "%05d,%d,\"Name, %d\"\n", $_ % 99999, $_, $_ } 10000 .. 129999);
put('wide/big.csv', $big . "00501,last,Eve\n");
put('wide/big_cut.csv', $big . '00501,1,"Eve');
sql(qq{CREATE SERVER big FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$folder/srv/wide', files 'big=big.csv, cut=big_cut.csv')});
is(sql(q{SELECT string_agg(field || ' ' || type, ', ') FROM mls_dataset_inspect('big') WHERE resource = 'big' AND field !~ '^_'}), 'Zip text, Amount text, Name text', 'the last row of 120,001 decides a type');
is(sql(q{CREATE SCHEMA big; IMPORT FOREIGN SCHEMA files FROM SERVER big INTO big; SELECT count(*), min(zip) FROM big.big}), '120001|00000', 'all rows');
like(sql(q{SELECT remark FROM mls_dataset_inspect('big') WHERE resource IS NULL}), qr/big_cut\.csv.*The quote that opens in line 120002 is never closed/, 'an end that is missing is found');

# Names without end: they are numbered, or refused, and neither takes for ever.
put('wide/same.csv', join(',', ('N') x 16_384) . "\n1\n");
put('wide/names.ndjson', join '', map { qq({"n$_": 1}\n) } 1 .. 16_000);
put('wide/endless.ndjson', join '', map { qq({"n$_": 1}\n) } 1 .. 40_000);
sql(qq{CREATE SERVER names FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$folder/srv/wide', files 'same.csv, names.ndjson, endless.ndjson')});
is(sql(q{SET statement_timeout = '60s'; SELECT string_agg(concat_ws(' ', resource, count, last), ', ' ORDER BY resource) FROM (
	SELECT resource, count(*), (array_agg(field ORDER BY n DESC))[1] AS last FROM mls_dataset_inspect('names')
	WITH ORDINALITY AS i(resource, field, type, written, is_key, samples, remark, n) WHERE field !~ '^_' GROUP BY 1) AS r}), 'names 16000 n16000, same 16384 N_16384', 'many columns of one name, and many names');
like(sql(q{SELECT string_agg(remark, ' ') FROM mls_dataset_inspect('names') WHERE field IS NULL}), qr/has too many fields: Its records have more than 16384 names/, 'too many are refused');

# Thirty megabytes, packed, in the memory of a page.
my $long = "K,Text\n" . join('', map { "$_," . 'x' x 70 . "\n" } 1 .. 400_000);
gzip(\$long, \my $packed) or die $GzipError;
put('wide/long.csv.gz', $packed);
sql(qq{CREATE SERVER long FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$folder/srv/wide', files 'long.csv.gz'); CREATE FOREIGN TABLE long (k bigint OPTIONS (field 'K'), text text OPTIONS (field 'Text')) SERVER long OPTIONS (resource 'long')});
my ($rows, $memory) = split /\n/, sql(q{SELECT count(*) || ' ' || sum(length(text)) FROM long; SELECT substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\s*(\d+) kB')});
is($rows, '400000 28000000', 'a long file');
cmp_ok($memory, '<', 45 * 1024, 'is not held as a whole') or diag("$memory kB");

# ---- Killed ----

mkdir "$folder/srv/$_" or die for qw(moved back);
put('moved/rows.csv', "K,V\n" . join('', map { "k$_,$_\n" } 1 .. 20_000));
server('moved', 'moved', q{, files 'rows=*.csv', page_size '20', mode 'append'});
sql(q{SELECT mls_subscribe('moved.rows')});
my $stopped = start_psql($node, q{SELECT * FROM mls_sync('moved')});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM mls.run WHERE status = 'running' AND pages >= 5}) or die 'no page came';
sql(q{SELECT pg_terminate_backend(pid) FROM mls.run WHERE status = 'running'});
end_psql($stopped);
$node->poll_query_until('postgres', q{SELECT state = 'syncing' AND rows BETWEEN 1 AND 19999 FROM mls.file WHERE name = 'rows.csv'}) or die 'it came to its end';
rename "$folder/srv/moved/rows.csv", "$folder/srv/moved/rows_2.csv" or die;
sync('moved');
is(sql('SELECT count(*), count(DISTINCT k) FROM silver.moved_rows'), '20000|20000', 'a file that is renamed while a part of it is here is read whole');

put('back/a.csv', "K\n1\n2\n");
server('back', 'back', q{, files 'rows=*.csv', mode 'append'});
sql(q{SELECT mls_subscribe('back.rows')});
is(sync('back'), 'finished 2 2 0 0', 'a file');
rename "$folder/srv/back/a.csv", "$folder/other/a.csv" or die;
sync('back');
sql('TRUNCATE bronze.back_rows, silver.back_rows');
rename "$folder/other/a.csv", "$folder/srv/back/a.csv" or die;
sync('back');
is(sql('SELECT count(*) FROM silver.back_rows'), 2, 'that comes back when its rows are gone is read again');


put('killed/rows.csv', "K,V\n" . join('', map { "k$_,$_\n" } 1 .. 20_000));
server('killed', 'killed', q{, page_size '20', key 'K'});
sql(q{SELECT mls_subscribe('killed.rows')});
my $sync = start_psql($node, q{SELECT * FROM mls_sync('killed')});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM mls.run WHERE status = 'running' AND pages >= 5}) or die 'no page came';
kill 'KILL', sql(q{SELECT pid FROM mls.run WHERE status = 'running'});
end_psql($sync);
$node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die;
my $half = sql('SELECT count(*) FROM silver.killed_rows');
cmp_ok($half, '>', 0, 'a sync is killed on its way');
cmp_ok($half, '<', 20_000, 'and not behind it');
is(files('killed'), "rows.csv syncing $half", 'the file says how far it came');
is(sync('killed'), join(' ', 'finished', 20_000 - $half, 20_000 - $half, 0, 0), 'the next one goes on behind it, and does nothing twice');
is(sql('SELECT count(*), count(DISTINCT k), sum(v) FROM silver.killed_rows'), '20000|20000|200010000', 'all of it');
is(files('killed'), 'rows.csv synced 20000', 'and the file is here');

# ---- Gold ----

put('office/members.csv', "Member Key,First,Last,Office\nM-1,Ann,Smith,O-1\nM-2,Bob,Jones,O-1\n");
sql(q{IMPORT FOREIGN SCHEMA files LIMIT TO (members) FROM SERVER office INTO office;
	ALTER FOREIGN TABLE office.members OPTIONS (SET key 'Member Key');
	INSERT INTO mls.row_map (source, source_resource, resource) VALUES ('office', 'members', 'Member');
	INSERT INTO mls.field_map (source, source_resource, resource, field, arguments) VALUES
		('office', 'members', 'Member', 'MemberFirstName', '{First}'),
		('office', 'members', 'Member', 'MemberLastName', '{Last}'),
		('office', 'members', 'Member', 'OfficeKey', '{Office}')});
is(sql(q{SELECT (mls_subscribe('office.members')).gold}), 'gold.member', 'a roster feeds gold by rules');
sync('office');
is(sql(q{SELECT string_agg(concat_ws(' ', "MemberKey", "MemberFirstName", "MemberLastName", "OfficeKey"), ', ' ORDER BY "MemberKey") FROM gold.member}), 'M-1 Ann Smith O-1, M-2 Bob Jones O-1', 'as any source does');
sql(q{SELECT mls_unsubscribe('office.members')});
is(sql(q{SELECT count(*) FROM mls.file WHERE name = 'members.csv'}), 0, 'an unsubscribed one leaves no row of its files');
done_testing();
