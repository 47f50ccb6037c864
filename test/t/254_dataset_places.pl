# Files at addresses and in buckets, read as those of a directory are: what has not changed is
# not fetched again, what is cut or has become something else is refused and the old data stays,
# secrets go where they belong and show nowhere; and a dataset in one statement.
use strict;
use warnings;

use IO::Compress::Gzip qw(gzip $GzipError);
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use MlsFiles;
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = PostgreSQL::Test::Utils::tempdir;
mkdir "$folder/srv" or die;
my $node = new_node('places', 'log_statement' => "'none'", 'log_min_messages' => 'debug1', 'log_temp_files' => 0, 'mls_fdw.file_directories' => "'$folder/srv'");
my $mls = start_mls(listings => 2);
my $cabinet = start_cabinet();
my $root = $cabinet->url;
my $seen = '';

sub sql { my $answer = $node->safe_psql('postgres', $_[0]); $seen .= $answer; return $answer; }
sub fails
{
	my ($sql, $expected, $name) = @_;
	my $error = sql_error($node, $sql);
	$seen .= $error;
	return like($error, $expected, $name);
}
sub sync { return sql("SELECT concat_ws(' ', status, received, inserted, updated, unchanged) FROM mls_sync('$_[0]')"); }
sub files { return sql("SELECT string_agg(name || ' ' || state || ' ' || rows, ', ' ORDER BY name) FROM mls.file f JOIN mls.subscription s ON s.id = f.subscription WHERE s.source = '$_[0]'"); }
sub put { return $cabinet->put(@_); }
sub asked { return $cabinet->asked; }
sub server
{
	my ($name, $url, $options) = @_;
	return sql("CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url '$url', retries '0'" . ($options // '') . "); CREATE SCHEMA $name");
}
sub import_all { return sql("IMPORT FOREIGN SCHEMA files FROM SERVER $_[0] INTO $_[0]; SELECT mls_subscribe(ftrelid::regclass) FROM pg_foreign_table t JOIN pg_foreign_server s ON s.oid = t.ftserver WHERE srvname = '$_[0]'"); }

# ---- An address ----

my $roster = "Agent ID,Name,Zip\n007,Ann,02139\n8,Bob,10001\n";
put('/d/roster.csv?sig=s3cretSignature', $roster, tag => '"v1"', modified => 'Mon, 02 Mar 2026 10:00:00 GMT');
server('web', "$root/d/roster.csv?sig=s3cretSignature");
is(sql(q{SELECT string_agg(field || ' ' || type, ', ' ORDER BY n) FROM mls_dataset_inspect('web') WITH ORDINALITY AS i(resource, field, type, written, is_key, samples, remark, n) WHERE field IS NOT NULL}),
	'Agent ID text, Name text, Zip text, _file text, _line bigint', 'a file at an address is looked at');
import_all('web');
is(sql('SELECT name, zip FROM web.roster WHERE line = 2'), 'Ann|02139', 'a live query');
like(plan_of($node, q{SELECT * FROM web.roster}), qr{files of "roster" in http://127\.0\.0\.1:\d+/d/roster\.csv\?sig=\*+}, 'EXPLAIN shows no secret of the address');
asked();
is(sync('web'), 'finished 2 2 0 0', 'a sync');
is((asked())[-1], '/d/roster.csv?sig=s3cretSignature 200', 'asks for the address as it stands');
is(files('web'), 'roster.csv synced 2', 'and knows its file');
is(sync('web'), 'finished 0 0 0 0', 'another one');
is(join(', ', asked()), '/d/roster.csv?sig=s3cretSignature 304 "v1"', 'asks whether it has changed, and fetches nothing');
my $place = '/d/roster.csv?sig=s3cretSignature';
put($place, $roster =~ s/Bob/Rob/r, tag => '"v2"', modified => 'Mon, 02 Mar 2026 10:00:00 GMT');
is(sync('web'), 'finished 2 0 1 1', 'one that has changed is fetched, and one row written');
put($place, $roster =~ s/Bob/Rob/r, tag => '"v3"');
asked();
is(sync('web'), 'finished 0 0 0 0', 'other words for the same bytes are no change');
is(join(', ', asked()), "$place 200 \"v2\"", 'though they are fetched');
is(sql(q{SELECT status, missing FROM mls_purge('web')}), 'finished|0', 'a purge reads the file');

# ---- What is no file, or not all of it ----

for my $case (
	[ 'cut', { tag => '"c"', cut => 7 }, qr/transfer closed|roster\.csv/ ],
	[ 'cut on its way as gzip', { tag => '"c"', gzip => JSON::PP::true, cut => 9 }, qr/damaged or cut short/ ],
	[ 'missing', { status => 404 }, qr/answered with status 404/ ],
	[ 'broken down', { status => 500 }, qr/answered with status 500/ ])
{
	my ($name, $how, $why) = @$case;
	put($place, "Agent ID,Name,Zip\n1,New,1\n2,New,2\n3,New,3\n", %$how);
	fails(q{SELECT * FROM mls_sync('web')}, qr/1 file of resource "roster" of source "web" could not be read/, "a file that is $name is refused");
	like(sql(q{SELECT error FROM mls.file f JOIN mls.subscription s ON s.id = f.subscription WHERE s.source = 'web'}), $why, "and the table of files says why: $name");
	is(sql(q{SELECT string_agg(name, ' ' ORDER BY line) FROM silver.web_roster}), 'Ann Rob', 'the old data stays');
}
put($place, "<!DOCTYPE html>\n<html>Please log in, or not</html>");
fails(q{SELECT * FROM web.roster}, qr/a page for people \(HTML\)/, 'a page is no file');
fails(q{SELECT * FROM mls_purge('web')}, qr/a page for people.*nothing was removed/s, 'nor does a purge take it for one');
put($place, '', status => 302, headers => { Location => 'https://elsewhere.example/x?secret=1' });
fails(q{SELECT * FROM mls_sync('web')}, qr{answered with a redirect.*https://elsewhere\.example/x}s, 'a redirect is not followed, and said');
put($place, $roster, gzip => JSON::PP::true);
is(sync('web') =~ s/^(finished 2) .*/$1/r, 'finished 2', 'one that was packed on its way is read');
put($place, $roster);
asked();
is(sync('web'), 'finished 0 0 0 0', 'where nothing tells versions apart');
is(join(', ', asked()), "$place 200", 'it is fetched, and known by its bytes');
put($place, $roster, modified => 'Mon, 02 Mar 2026 10:00:00 GMT');
sync('web');
asked();
is(sync('web'), 'finished 0 0 0 0', 'where only a time does');
is(join(', ', asked()), "$place 304", 'it is asked by that');
gzip(\$roster => \my $packed) or die $GzipError;
put('/d/packed.csv.gz', substr $packed, 0, -9);
server('packed', "$root/d/packed.csv.gz");
like(sql(q{SELECT remark FROM mls_dataset_inspect('packed')}), qr/gzip has begun in it and does not end/, 'gzip that ends too early');
sql(q{ALTER SERVER web OPTIONS (ADD max_answer_bytes '1kB')});
put($place, "A\n" . "x\n" x 1000);
fails(q{SELECT * FROM web.roster}, qr/max_answer_bytes/, 'a file has a limit');
sql(q{ALTER SERVER web OPTIONS (ADD requests_per_hour '1', SET max_answer_bytes '1MB')});
put($place, $roster);
sql(q{SELECT count(*) FROM web.roster});
fails(q{SELECT count(*) FROM web.roster}, qr/quota/i, 'and its source a quota');

# ---- Large: not in memory ----

my $many = "K,V\n" . join '', map { "k$_,$_\n" } 1 .. 300_000;
put('/d/many.csv', $many, tag => '"m"');
server('many', "$root/d/many.csv", q{, key 'K'});
import_all('many');
is(sync('many') =~ s/^(finished 300000) .*/$1/r, 'finished 300000', 'a file that is kept in a temporary one');
is(sql('SELECT count(DISTINCT k), sum(v) FROM silver.many_many'), '300000|45000150000', 'is read whole');
like(slurp_file($node->logfile), qr/LOG:  temporary file: path "[^"]*", size @{[ length $many ]}$/m, 'from the disk');
put('/d/many.csv', $many . "more,1\n", tag => '"m2"');
sql(q{ALTER SERVER many OPTIONS (ADD page_size '50')});
my $sync = start_psql($node, q{SELECT * FROM mls_sync('many')});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM mls.run WHERE status = 'running' AND pages >= 3}) or die 'no page came';
sql(q{SELECT pg_terminate_backend(pid) FROM mls.run WHERE status = 'running'});
end_psql($sync);
is(sql(q{SELECT count(*) FROM pg_ls_tmpdir()}), 0, 'where nothing is left, though a run was broken off');

# ---- Names ----

for my $case (
	[ 'told', '/export?id=5', { headers => { 'Content-Disposition' => 'attachment; filename="../../etc/agents list.csv"' } }, "A\n1\n", 'agents list.csv' ],
	[ 'utf8', '/export?id=6', { headers => { 'Content-Disposition' => q{attachment; filename="x.csv"; filename*=UTF-8''K%C3%B6ln%2Fb%C3%BCro.csv} } }, "A\n1\n", "b\x{fc}ro.csv" ],
	[ 'plain', '/leads', {}, qq([{"a": 1}]), 'leads.json' ],
	[ 'zipped', '/packed', {}, $packed, 'packed.csv.gz' ],
	[ 'book', '/book?x=/y', {}, slurp_file((glob "$ENV{MLS_TREE}/test/files/*.xlsx")[0]), 'book.xlsx' ],
	[ 'latin', '/export?id=7', { headers => { 'Content-Disposition' => "attachment; filename=b\xfcro.csv" } }, "A\n1\n", 'b_ro.csv' ],
	[ 'endless', '/export?id=8', { headers => { 'Content-Disposition' => 'attachment; filename=' . 'x' x 3000 . '.csv' } }, "A\n1\n", 'export.csv' ],
	[ 'nameless', '/%2e%2e%2f', {}, "A\n1\n", 'file.csv' ])
{
	my ($server, $path, $how, $bytes, $name) = @$case;
	put($path, $bytes, tag => '"n"', %$how);
	server($server, "$root$path");
	import_all($server);
	utf8::encode($name);
	asked();
	is(sync($server) =~ s/ .*//r, 'finished', "a file whose name is $server");
	is(files($server) =~ s/ synced.*//r, $name, "is called $name");
	sync($server);
	is((asked())[-1], "$path 304 \"n\"", 'and asked about by its tag');
}

# ---- Several ----

put('/m/a.csv', "K,V\n1,a\n2,b\n", tag => '"a"');
put('/m/b.csv', "K,V\n2,c\n", tag => '"b"');
put('/m/broken.csv', "K,V\n3,\"d\n", tag => '"x"');
server('several', "$root/m/", q{, files 'rows=a.csv, rows=b.csv, rows=broken.csv, other=other.csv', mode 'upsert', key 'K', schema_policy 'ignore'});
put('/m/other.csv', "K\n1\n");
import_all('several');
fails(q{SELECT * FROM mls_sync('several', 'rows')}, qr/1 file of resource "rows".*broken\.csv/s, 'of several files one is broken');
is(files('several'), 'a.csv synced 2, b.csv synced 1, broken.csv failed 0', 'it fails alone');
is(sql('SELECT string_agg(k || v, $$ $$ ORDER BY k) FROM silver.several_rows'), '1a 2c', 'and the others are here');
put('/m/broken.csv', "K,V\n3,d\n", tag => '"y"');
asked();
is(sql(q{SELECT status, received FROM mls_sync('several', 'rows')}), 'finished|1', 'when it is mended');
is(join(', ', asked()), '/m/a.csv 304 "a", /m/b.csv 304 "b", /m/broken.csv 200', 'it alone is fetched again');
is(sql('SELECT string_agg(k || v, $$ $$ ORDER BY k) FROM silver.several_rows'), '1a 2c 3d', 'and all is here');
$cabinet->remove('/m/b.csv');
fails(q{SELECT * FROM mls_sync('several', 'rows')}, qr/b\.csv.*status 404/s, 'one that is there no more is a failure, not gone');
server('list', "$root/m/");
fails(q{SELECT * FROM mls_dataset_inspect('list')}, qr/nothing lists files.*option files/s, 'an address of many files wants names');
sql(q{ALTER SERVER list OPTIONS (ADD files 'x=*.csv')});
fails(q{SELECT * FROM mls_dataset_inspect('list')}, qr/"\*\.csv" is no name of a file below its address/, 'and no patterns');

# ---- Secrets ----

for my $case (
	[ 'basic', { login => 'Basic ' . encode_base64('ann:s3cretPassword', '') }, q{username 'ann', password 's3cretPassword'} ],
	[ 'bearer', { login => 'Bearer s3cretToken' }, q{token 's3cretToken'} ],
	[ 'header', { key => [ 'X-File-Key', 's3cretKey' ] }, q{api_key 's3cretKey'}, q{, header_name 'X-File-Key'} ])
{
	my ($name, $how, $mapping, $options) = @$case;
	put("/s/$name.csv", "A\n1\n", %$how);
	server($name, "$root/s/$name.csv", $options);
	sql("CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS ($mapping)");
	import_all($name);
	is(sync($name), 'finished 1 1 0 0', "a login by $name");
	sql("DROP USER MAPPING FOR CURRENT_USER SERVER $name");
	put("/s/$name.csv", "A\n2\n", %$how);
	fails("SELECT * FROM mls_sync('$name')", $name eq 'header' ? qr/status 403/ : qr/28000: .*rejected|28000: /s, "which is refused without: $name");
	is(sql("SELECT a FROM silver.${name}_$name"), '1', 'and the old data stays');
}

# ---- Where the server may go ----

sql(q{CREATE ROLE ann LOGIN; GRANT USAGE ON FOREIGN DATA WRAPPER mls_fdw TO ann; SELECT mls_grant('ann'); GRANT CREATE ON DATABASE postgres TO ann});
for my $case ([ 'http://localhost:1/x.csv', qr/may not be asked over plain http/ ], [ 'https://localhost:1/x.csv', qr/not public/ ], [ 'https://169.254.169.254/latest/meta-data/x.csv', qr/not public/ ])
{
	sql(qq{SET ROLE ann; CREATE SERVER inside FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url '$case->[0]', retries '0');
		CREATE SCHEMA inside; CREATE FOREIGN TABLE inside.x (a text) SERVER inside OPTIONS (resource 'x')});
	fails('SET ROLE ann; SELECT * FROM inside.x', $case->[1], "no way to $case->[0]");
	sql('SET ROLE ann; DROP SERVER inside CASCADE; DROP SCHEMA inside');
	sql(qq{SET ROLE ann; CREATE SERVER inside FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 's3://b/p', endpoint '@{[ $case->[0] =~ s{(//[^/]*).*}{$1}r ]}', retries '0');
		CREATE USER MAPPING FOR ann SERVER inside OPTIONS (access_key 'k', secret_key 's')});
	fails(q{SET ROLE ann; SELECT * FROM mls_dataset_inspect('inside')}, $case->[1], 'nor with a bucket');
	sql('SET ROLE ann; DROP SERVER inside CASCADE');
}
for my $url ('https://user:pass@example.com/x.csv', 'ftp://example.com/x.csv', 'gopher:x', 'upload:x', 's3://', 's3://b/../c', 'https://', 'file:/srv')
{
	fails("CREATE SERVER bad FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url '$url')", qr/invalid value for option "url"/, "no place: $url");
}

# ---- Buckets ----

my ($key, $secret, $token) = ('AKIATESTKEYVALUE', 's3cr3t/Key+Value=for-tests', 'tok/en+Value==');
sub s3 { my (%change) = @_; $mls->control('s3', \%change); return; }
s3(reset => JSON::PP::true, tags => JSON::PP::true, page => 3, session_token => $token);
s3(put => [ 'photos', "in/$_->[0]", $_->[1] ]) for [ 'sales_1.csv', "K,V\n1,a\n" ], [ 'sales_2.csv', "K,V\n2,b\n" ], [ 'sales_3 (new)+.csv', "K,V\n3,c\n" ], [ 'sales_4.csv', "K,V\n4,d\n" ],
  [ 'notes.txt', "x\n" ], [ 'deep/sales_9.csv', "K,V\n9,z\n" ], [ '.hidden.csv', "K\n" ];
s3(put => [ 'photos', 'other/secret.csv', "Salary\n100\n" ]);
sub bucket
{
	my ($name, $options) = @_;
	sql(qq{CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 's3://photos/in', endpoint 'http://127.0.0.1:$mls->{port}', retries '0', $options);
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (access_key '$key', secret_key '$secret', session_token '$token'); CREATE SCHEMA $name});
	return import_all($name);
}
bucket('bucket', q{files 'sales=sales_*.csv', key 'K'});
is(sync('bucket'), 'finished 4 4 0 0', 'the objects of a bucket that fit a pattern, listed in pages');
is(sql('SELECT string_agg(k || v, $$ $$ ORDER BY k) FROM silver.bucket_sales'), '1a 2b 3c 4d', 'are here, without those of folders below');
$mls->reset;
is(sync('bucket'), 'finished 0 0 0 0', 'another sync');
is(scalar(grep { $_->{path} =~ /sales/ } $mls->requests), 0, 'fetches none of them');
s3(put => [ 'photos', 'in/sales_2.csv', "K,V\n2,B\n" ]);
is(sync('bucket') =~ s/^finished \d+ /finished /r, 'finished 0 1 3', 'one that has changed in its bytes alone is fetched, and with a key those that stand beside it');
s3(after_list => [ 'in/sales_4.csv', "K,V\n4,D\n" ]);
s3(put => [ 'photos', 'in/sales_4.csv', "K,V\n4,x\n" ]);
fails(q{SELECT * FROM mls_sync('bucket')}, qr/sales_4\.csv.*replaced or removed since it was listed/s, 'one that is replaced after it was listed is noticed');
is(sql(q{SELECT v FROM silver.bucket_sales WHERE k = '4'}), 'd', 'and nothing of it is here');
s3(after_list => undef);
is(sync('bucket') =~ s/ .*//r, 'finished', 'the next sync');
is(sql(q{SELECT v FROM silver.bucket_sales WHERE k = '4'}), 'D', 'has the new one');
s3(remove => [ 'photos', 'in/sales_1.csv' ]);
sync('bucket');
is(sql(q{SELECT status, missing FROM mls_purge('bucket')}), 'finished|1', 'what a removed object held is purged');
for my $case ([ 'empty', qr/54000: could not list the files of source "bucket".*does not come to an end/s ], [ 'names', qr/54000: source "unending" has too many files.*option files can name/s ])
{
	sql(qq{CREATE SERVER unending FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 's3://photos/in', endpoint 'http://127.0.0.1:$mls->{port}', retries '0');
		CREATE USER MAPPING FOR CURRENT_USER SERVER unending OPTIONS (access_key '$key', secret_key '$secret', session_token '$token')}) if $case->[0] eq 'names';
	s3(endless => $case->[0]);
	fails(q{SELECT * FROM mls_dataset_inspect('} . ($case->[0] eq 'names' ? q{unending} : q{bucket}) . q{')}, $case->[1], "a list that never ends: $case->[0]");
}
s3(endless => undef);
s3(deny => ['list']);
fails(q{SELECT * FROM mls_sync('bucket')}, qr/could not list the files of source "bucket".*AccessDenied.*rights s3:GetObject and s3:ListBucket/s, 'rights that lack are named');
s3(deny => ['get']);
s3(put => [ 'photos', 'in/sales_5.csv', "K,V\n5,e\n" ]);
fails(q{SELECT * FROM mls_sync('bucket')}, qr/could not read a file of source "bucket".*AccessDenied/s, 'also of an object');
s3(deny => []);
sql(q{CREATE USER MAPPING FOR ann SERVER bucket OPTIONS (access_key 'k', secret_key 's')});
fails(q{SET ROLE ann; SELECT * FROM mls_dataset_inspect('bucket')}, qr/permission denied for foreign server/, 'another role has no way in');
sql(q{ALTER USER MAPPING FOR CURRENT_USER SERVER bucket OPTIONS (SET session_token 'old-token-value')});
fails(q{SELECT * FROM mls_sync('bucket')}, qr/InvalidToken.*session_token/s, 'a token that has ended');
sql(qq{ALTER USER MAPPING FOR CURRENT_USER SERVER bucket OPTIONS (SET session_token '$token')});
sql(q{DROP USER MAPPING FOR CURRENT_USER SERVER bucket});
fails(q{SELECT * FROM mls_dataset_inspect('bucket')}, qr/user mapping not found/, 'without keys nothing is asked');
fails(q{CREATE SERVER odd FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 's3://b', public_url 'https://x.example')}, qr/Only servers of protocol "file" have it/, 'what only stores have is refused');

# 50 files at once, one of them broken.
s3(reset => JSON::PP::true, tags => JSON::PP::true, session_token => $token);
s3(put => [ 'photos', sprintf('in/f%02d.csv', $_), "K,V\nk$_,$_\n" ]) for 1 .. 50;
s3(put => [ 'photos', 'in/f25.csv', "K,V\n\"k25,25\n" ]);
bucket('fifty', q{files 'f=*.csv', mode 'append'});
fails(q{SELECT * FROM mls_sync('fifty')}, qr/1 file of resource "f".*f25\.csv/s, 'of 50 files one is broken');
is(sql(q{SELECT string_agg(state || ' ' || n, ', ' ORDER BY state) FROM (SELECT state, count(*) AS n FROM mls.file f JOIN mls.subscription s ON s.id = f.subscription WHERE s.source = 'fifty' GROUP BY 1) c}), 'failed 1, synced 49', 'it fails alone');
is(sql('SELECT count(*), sum(v) FROM silver.fifty_f'), '49|1250', 'and 49 are here');
s3(put => [ 'photos', 'in/f25.csv', "K,V\nk25,25\n" ]);
is(sync('fifty'), 'finished 1 1 0 0', 'mended, it comes');
sql(q{SELECT mls_unsubscribe('fifty.f', drop_data => true); DROP SERVER fifty CASCADE; DROP SCHEMA fifty});
is(sql(q{SELECT count(*) FROM pg_class WHERE relname LIKE 'fifty%'}), 0, 'a dataset that is dropped leaves no table');
is(sql(q{SELECT count(*) FROM mls.file WHERE name ~ '^f\d\d\.csv$'}), 0, 'nor rows of its files');

# ---- One statement ----

sub dataset { return sql("SELECT resource, foreign_table, silver, status, rows, message FROM mls_dataset($_[0])"); }
put('/one/roster.csv', $roster, tag => '"o"');
is(dataset("'one', '$root/one/roster.csv'"), 'roster|one.roster|silver.one_roster|finished|2|', 'an address');
is(sql(q{SELECT name FROM silver.one_roster WHERE zip = '02139'}), 'Ann', 'is here');
fails("SELECT * FROM mls_dataset('one', '$root/one/roster.csv')", qr/42710: server "one" exists already/, 'a server that is there is refused');
fails("SELECT * FROM mls_dataset('" . 'x' x 64 . "', '$root/one/roster.csv')", qr/42622: "x+" is too long for a name/, 'a name that would be cut is refused');
sql('CREATE SCHEMA two');
fails("SELECT * FROM mls_dataset('two', '$root/one/roster.csv')", qr/42P06: schema "two" exists already/, 'so is a schema');
is(sql(q{SELECT count(*) FROM pg_foreign_server WHERE srvname = 'two'}), 0, 'and nothing is left of it');
is(dataset("'two', '$root/one/roster.csv', schema => 'two'"), 'roster|two.roster|silver.two_roster|finished|2|', 'unless it is named');
fails("SELECT * FROM mls_dataset('three', '$root/one/none.csv')", qr/02000: source "three" has no file that can be read.*none\.csv.*status 404/s, 'a file that is not there');
fails(q{SELECT * FROM mls_dataset('three', 'ftp://x/y.csv')}, qr/invalid value for option "url"/, 'or cannot be');
is(sql(q{SELECT count(*) FROM pg_foreign_server WHERE srvname = 'three'}), 0, 'leaves nothing');
open my $to, '>', "$folder/srv/days.csv" or die;
print $to "K,Day\n1,2026-01-31\n";
close $to or die;
utime time - 3600, time - 3600, "$folder/srv/days.csv";
is(dataset(qq{'folder', 'file://$folder/srv', '{"key": "K"}'}), 'days|folder.days|silver.folder_days|finished|1|', 'a directory, with options');
fails(qq{SELECT * FROM mls_dataset('three', 'file://$folder/srv', '{"key": "Key"}')}, qr/has no file that can be read.*resource "days" has no field "Key".*Check the address and the options: files names files, key fields/s, 'a key that no file has is named');
{
	open my $half, '>', "$folder/srv/half.csv" or die;
	print $half "K,Day\n1,\"2026\n";
	close $half or die;
	my (undef, undef, $told) = $node->psql('postgres', qq{SELECT * FROM mls_dataset('again', 'file://$folder/srv', '{"files": "days=days.csv, half=half.csv, none=none.csv"}')});
	like($told, qr/NOTICE:.*"half\.csv".*never closed/, 'of several files one that cannot be read is told');
	like($told, qr/NOTICE:.*fits "none=none\.csv" of the option files/, 'and one that is not there');
	unlink "$folder/srv/half.csv" or die;
	is(sql(q{SELECT mls_dataset_remove(foreign_table) FROM mls.subscription WHERE source = 'again' AND resource = 'days'}), 1, 'a dataset that is made wrongly is removed');
}
is(dataset(qq{'again', 'file://$folder/srv', '{"files": "dates=days.csv", "mode": "append"}'}), 'dates|again.dates|silver.again_dates|finished|1|', 'and made once more, with other options');
is(sql(q{SELECT array_to_string(srvoptions, ' ') FROM pg_foreign_server WHERE srvname = 'again'}) =~ s/url=\S+ //r, 'files=dates=days.csv protocol=dataset mode=append', 'which are those of the server');
is(dataset(qq{'fromS3', 's3://photos/in', '{"endpoint": "http://127.0.0.1:$mls->{port}", "files": "f=f*.csv"}', '{"access_key": "$key", "secret_key": "$secret", "session_token": "$token"}'}),
	'f|"fromS3".f|silver.from_s3_f|finished|50|', 'a bucket, with its login');
fails(qq{SELECT * FROM mls_dataset('bad', 's3://photos/in', '{}', '{"access_key": "$key", "secret": "$secret"}')}, qr/invalid option "secret"/, 'a login that is none is refused, without it');
is(dataset(q{'leads', 'upload:'}), '', 'uploads: nothing yet');
sql(q{SELECT mls_upload('leads', 'leads.csv', convert_to(E'K,V\n1,a\n', 'UTF8'))});
is(dataset(q{'leads', 'upload:'}), 'leads|leads.leads|silver.leads_leads|finished|1|', 'and when there is something');
fails("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM mls_dataset('four', '$root/one/roster.csv')", qr/25001: /, 'a transaction that would not see it is refused');
fails("SET ROLE ann; SELECT * FROM mls_dataset('two', '$root/one/roster.csv')", qr/server "two" exists already/, 'another role cannot take what is there');
is(sql("SET ROLE ann; SELECT resource, foreign_table, status, rows FROM mls_dataset('anns', '$root/one/roster.csv')"), 'roster|anns.roster|finished|2', 'and makes its own');
is(sql(q{SELECT srvowner::regrole, (SELECT relowner::regrole FROM pg_class WHERE oid = 'anns.roster'::regclass), (SELECT owner FROM mls.subscription WHERE source = 'anns') FROM pg_foreign_server WHERE srvname = 'anns'}), 'ann|ann|ann', 'which is its in each part');
sql('REVOKE USAGE ON FOREIGN DATA WRAPPER mls_fdw FROM ann');
fails("SET ROLE ann; SELECT * FROM mls_dataset('more', '$root/one/roster.csv')", qr/permission denied for foreign-data wrapper mls_fdw/, 'who may not make servers makes no datasets');

# ---- Nothing shows ----

my $log = slurp_file($node->logfile);
for my $word ('s3cretPassword', 's3cretToken', 's3cretKey', 's3cretSignature', 's3cr3t/Key', 'tok/en+Value', 'old-token-value')
{
	unlike($seen, qr/\Q$word\E/, "no answer shows a secret ($word)");
	unlike($log, qr/^.*(?:DEBUG|LOG|DETAIL|HINT|CONTEXT|WARNING):.*\Q$word\E/m, "nor does the log ($word)");
}
$node->stop;
done_testing();
