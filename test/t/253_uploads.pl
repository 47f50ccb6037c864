# Files that are uploaded: they behave as those of a directory do, belong to who has the server,
# come in parts where they are large, and are in a dump.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use IO::Compress::Gzip qw(gzip $GzipError);
use MlsBooks;
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('uploads', restart_after_crash => 'on');

sub sql { return scalar $node->safe_psql('postgres', $_[0]) }
sub fails { my ($sql, $expected, $name) = @_; return like(sql_error($node, $sql), $expected, $name); }
sub sync { return sql("SELECT concat_ws(' ', status, received, inserted, updated, unchanged) FROM mls_sync('$_[0]')"); }
sub files { return sql("SELECT string_agg(name || ' ' || state || ' ' || rows, ', ' ORDER BY name) FROM mls.file f JOIN mls.subscription s ON s.id = f.subscription WHERE s.source = '$_[0]'"); }
sub server { return sql("CREATE SERVER $_[0] FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'upload:'" . ($_[1] // '') . "); CREATE SCHEMA $_[0]"); }
sub put
{
	my ($server, $name, $bytes) = @_;
	my $hex = unpack 'H*', $bytes;
	return sql("SELECT total, sha256, is_new FROM mls_upload('$server', '$name', '\\x$hex')");
}

# ---- A file and its life ----

my $roster = "Agent ID,Name,Zip,Joined\n007,Ann,02139,2024-01-31\n8,Bob,10001,2023-12-01\n";
server('office');
is(put('office', 'roster.csv', $roster), length($roster) . '|' . sha256_hex($roster) . '|t', 'a file is kept');
is(sql(q{SELECT string_agg(field || ' ' || type, ', ' ORDER BY n) FROM mls_dataset_inspect('office') WITH ORDINALITY AS i(resource, field, type, written, is_key, samples, remark, n) WHERE field IS NOT NULL}),
	'Agent ID text, Name text, Zip text, Joined date, _file text, _line bigint', 'and looked at');
is(sql(q{SELECT string_agg(item, ' ') FROM mls_check('office') WHERE ok}), 'configuration place files metadata roster count order paging encoding', 'mls_check');
sql('IMPORT FOREIGN SCHEMA files FROM SERVER office INTO office');
is(sql('SELECT agent_id, zip, joined FROM office.roster WHERE file = $$roster.csv$$ ORDER BY line'), "007|02139|2024-01-31\n8|10001|2023-12-01", 'a live query');
like(plan_of($node, q{SELECT * FROM office.roster}), qr/Remote Request: files of "roster" in upload:/, 'EXPLAIN');
sql(q{SELECT mls_subscribe('office.roster')});
is(sync('office'), 'finished 2 2 0 0', 'a sync, which does not wait');
is(files('office'), 'roster.csv synced 2', 'its file is known');
is(put('office', 'roster.csv', $roster) =~ s/.*\|//r, 'f', 'the same bytes are not kept twice');
is(sql('SELECT count(*) FROM mls.upload'), 1, 'there is one');
is(sync('office'), 'finished 0 0 0 0', 'nor read');
put('office', 'roster.csv', $roster =~ s/Bob/Rob/r);
is(sync('office'), 'finished 2 0 1 1', 'one row has changed, and one is written');
is(sql('SELECT count(*) FROM mls.upload_part'), 1, 'of the one before nothing is left');
sql(q{BEGIN; SELECT mls_upload('office', 'roster.csv', 'Agent ID,Name,Zip,Joined'); ROLLBACK});
is(sync('office'), 'finished 0 0 0 0', 'what was taken back was never there');
put('office', 'roster.csv', "Agent ID,Name,Zip,Joined\n007,\"Ann,02139,2024-01-31\n");
fails(q{SELECT * FROM mls_sync('office')}, qr/1 file of resource "roster".*never closed/s, 'a broken file fails');
is(sql('SELECT count(*) FROM silver.office_roster'), 2, 'what was here stays');
put('office', 'roster.csv', "Agent ID,Name,Zip,Joined\n007,Ann,02139,2024-01-31\n");
is(sync('office'), 'finished 1 0 0 1', 'and a whole one is read in its place');
is(sql(q{SELECT status, missing FROM mls_purge('office', 'roster')}), 'finished|1', 'a purge removes what it has no more');
is(sql(q{SELECT mls_upload_drop('office', 'roster.csv'), mls_upload_drop('office', 'roster.csv')}), 't|f', 'a file is dropped');
is(sync('office'), 'finished 0 0 0 0', 'a sync');
is(files('office'), 'roster.csv gone 1', 'knows that it is gone');
fails(q{SELECT * FROM mls_purge('office')}, qr/lists no record/, 'a purge does not take an empty place for an empty roster');

# ---- Each mode ----

for my $mode (qw(replace append upsert))
{
	server($mode, ", mode '$mode', files 'rows=*.csv'" . ($mode eq 'upsert' ? q{, key 'K'} : ''));
	put($mode, 'b.csv', "K,V\n1,a\n2,b\n");
	sql("IMPORT FOREIGN SCHEMA files FROM SERVER $mode INTO $mode; SELECT mls_subscribe('$mode.rows')");
	sync($mode);
	put($mode, 'a.csv', "K,V\n2,c\n3,d\n");
	put($mode, 'copy.csv', "K,V\n1,a\n2,b\n") if $mode eq 'append';
	sync($mode);
	sql("SELECT * FROM mls_purge('$mode', force => true)");
}
is(sql(q{SELECT string_agg(k || v, ' ' ORDER BY line) FROM silver.replace_rows}), '2c 3d', 'replace has what came last, whatever its name');
is(sql(q{SELECT string_agg(k || v, ' ' ORDER BY k, v) FROM silver.append_rows}), '1a 2b 2c 3d', 'append has each file once, under any name');
is(sql(q{SELECT reading FROM mls.file WHERE name = 'copy.csv'}), 'the same bytes as "b.csv"', 'and says so');
is(sql(q{SELECT string_agg(k || v, ' ' ORDER BY k) FROM silver.upsert_rows}), '1a 2c 3d', 'upsert has the last of each key');

# ---- Kinds ----

server('kinds');
gzip(\$roster => \my $packed) or die $GzipError;
put('kinds', 'packed.csv.gz', $packed);
put('kinds', 'list.json', '[{"a": 1}, {"a": 2}]');
put('kinds', 'book.xlsx', slurp_file((glob "$ENV{MLS_TREE}/test/files/*.xlsx")[0]));
put('kinds', 'cut.csv.gz', substr $packed, 0, -9);
is(sql(q{SELECT string_agg(DISTINCT resource, ' ' ORDER BY resource) FROM mls_dataset_inspect('kinds')}), 'book list packed', 'workbooks, JSON, gzip');
like(sql(q{SELECT remark FROM mls_dataset_inspect('kinds') WHERE resource IS NULL}), qr/cut\.csv\.gz.*gzip has begun in it and does not end/, 'half of one is found');
fails("SELECT mls_upload('kinds', '$_->[0]', 'x')", $_->[1], "no name: $_->[0]")
  for [ 'notes.docx', qr/22023: cannot upload file.*of no kind that is read/s ], [ '../x.csv', qr/neither slashes nor control/ ], [ '.x.csv', qr/begins neither with a dot/ ],
  [ 'a\\b.csv', qr/neither slashes/ ], [ '', qr/of 1 to 255 bytes/ ], [ 'x' x 252 . '.csv', qr/of 1 to 255 bytes/ ];
fails(qq{SELECT mls_upload('replace', 'x.json', 'x')}, qr/has no pattern that fits its name/, 'nor one that files does not name');
fails(q{SELECT mls_upload('kinds', 'x.csv', '')}, qr/has nothing in it/, 'nothing is no file');
sql(q{CREATE SERVER folder FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file:///srv/x'); CREATE SERVER api FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'https://x.example')});
fails(q{SELECT mls_upload('folder', 'x.csv', 'x')}, qr/its files are not uploaded/i, 'a directory takes none');
fails(q{SELECT mls_upload('api', 'x.csv', 'x')}, qr/It is no dataset/, 'nor does another source');
fails(q{SELECT mls_upload('nothing', 'x.csv', 'x')}, qr/server "nothing" does not exist/, 'nor what is not there');

# ---- Parts ----

my $rows = "K,V\n" . join '', map { "k$_,$_\n" } 1 .. 100_000;
server('large');
my $half = int(length($rows) / 3);
my @parts = map { substr $rows, $_ * $half, $_ < 2 ? $half : length $rows } 0 .. 2;
sub part
{
	my ($n, $at, $more) = @_;
	return "SELECT total, sha256, is_new FROM mls_upload('large', 'rows.csv', '\\x" . unpack('H*', $parts[$n]) . "', at => $at, more => $more)";
}
is(sql(part(0, 0, 'true')), "$half||t", 'the first part of a file');
is(sql(q{SELECT count(*) FROM mls_dataset_inspect('large')}), 0, 'half a file is none');
fails(part(1, $half + 1, 'true'), qr/55000: upload of file "rows\.csv" to source "large" does not go on at byte/, 'a part that does not follow is refused');
is(sql(part(1, $half, 'true')) =~ s/\|.*//r, 2 * $half, 'one that does is kept');
fails(part(1, $half, 'true'), qr/does not go on at byte/, 'and not once more');
is(sql(part(2, 2 * $half, 'false')), length($rows) . '|' . sha256_hex($rows) . '|t', 'the last makes it whole');
sql('IMPORT FOREIGN SCHEMA files FROM SERVER large INTO large');
is(sql('SELECT count(*), count(DISTINCT k), sum(v) FROM large.rows'), '100000|100000|5000050000', 'and all of it is read');
is(sql(part(0, 0, 'true') . '; ' . part(1, $half, 'true') . '; ' . part(2, 2 * $half, 'false')) =~ s/.*\|//sr, 'f', 'the same in parts is the same');
is(sql(q{SELECT count(*), count(sha256) FROM mls.upload WHERE server = 'large'}), '1|1', 'and there once');

# Two who send a file of one name do not make one of both.
my @first = map { sql("SELECT number FROM mls_upload('large', 'twice.csv', convert_to(E'K,V\\n$_,1\\n', 'UTF8'), more => true)") } qw(a b);
fails("SELECT mls_upload('large', 'twice.csv', convert_to(E'a,2\\n', 'UTF8'), at => 8, upload => $first[0])", qr/55000:.*does not go on at byte 8.*begun it anew/s, 'a part does not go on what another has begun anew');
is(sql("SELECT number = $first[1] FROM mls_upload('large', 'twice.csv', convert_to(E'b,2\\n', 'UTF8'), at => 8, upload => $first[1])"), 't', 'his does');
is(sql(q{SELECT convert_from(string_agg(p.bytes, '' ORDER BY p.at), 'UTF8') FROM mls.upload u JOIN mls.upload_part p ON p.upload = u.id WHERE u.name = 'twice.csv'}), "K,V\nb,1\nb,2\n", 'and the file is all of his');
sql(q{SELECT mls_upload_drop('large', 'twice.csv')});

sql(q{ALTER SERVER large OPTIONS (ADD max_answer_bytes '500kB')});
fails(part(0, 0, 'true') . '; ' . part(1, $half, 'true'), qr/54000: file "rows\.csv" is too large for source "large".*max_answer_bytes/s, 'a file has a limit');
sql(q{ALTER SERVER large OPTIONS (SET max_answer_bytes '8GB')});

# A sync goes on behind what is uploaded meanwhile, and reads that next.
sql(q{ALTER SERVER large OPTIONS (ADD page_size '50', ADD key 'K'); ALTER FOREIGN TABLE large.rows OPTIONS (SET key 'K'); SELECT mls_subscribe('large.rows')});
my $sync = start_psql($node, q{SELECT * FROM mls_sync('large')});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM mls.run WHERE status = 'running' AND pages >= 5}) or die 'no page came';
put('large', 'rows.csv', "K,V\nk1,1\nk2,5\n");
end_psql($sync);
like(sql(q{SELECT state || ' ' || error FROM mls.file WHERE name = 'rows.csv'}), qr/^failed .*written to while it was read|^failed .*replaced or dropped/, 'a file that is replaced while it is read fails');
is(sync('large') =~ s/^(finished 2) .*/$1/r, 'finished 2', 'and the new one is read by the next sync');
is(sql(q{SELECT v FROM silver.large_rows WHERE k = 'k2'}), '5', 'which has its values');

# One that is killed goes on where it stopped.
put('large', 'rows.csv', $rows);
my $killed = start_psql($node, q{SELECT * FROM mls_sync('large')});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM mls.run WHERE status = 'running' AND pages >= 20}) or die 'no page came';
kill 'KILL', sql(q{SELECT pid FROM mls.run WHERE status = 'running'});
end_psql($killed);
$node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die;
like(sql(q{SELECT state || ' ' || (rows BETWEEN 1 AND 99999) FROM mls.file WHERE name = 'rows.csv'}), qr/^syncing true/, 'a sync is killed on its way');
is(sync('large') =~ s/ .*//r, 'finished', 'the next one');
is(sql('SELECT count(*), count(DISTINCT k), sum(v) FROM silver.large_rows'), '100000|100000|5000050000', 'has each row once');
my $cut = start_psql($node, q{SELECT mls_upload('large', 'more.csv', convert_to(repeat(E'1,2\n', 10000000), 'UTF8')), pg_sleep(600)});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'}) or die 'it did not sleep';
sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'});
end_psql($cut);
is(sql(q{SELECT count(*) FROM mls.upload WHERE name = 'more.csv'}), 0, 'an upload that is broken off leaves nothing');

sql(q{INSERT INTO mls.upload (server, owner, name, bytes, sha256) SELECT 'kinds', current_user::regrole, 'n' || n || '.csv', 1, '' FROM generate_series(1, 9996) n});
fails(q{SELECT mls_upload('kinds', 'onemore.csv', 'x')}, qr/54000: source "kinds" has too many files/, 'a place has 10,000 files at most');
is(sql(q{SELECT is_new FROM mls_upload('kinds', 'list.json', '[]')}), 't', 'in place of one that is there another can come');

# ---- Whose ----

sql(q{CREATE ROLE ann LOGIN; CREATE ROLE bob LOGIN; SELECT mls_grant('ann'); SELECT mls_grant('bob');
	CREATE SERVER anns FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'upload:');
	GRANT USAGE ON FOREIGN DATA WRAPPER mls_fdw TO ann, bob; ALTER SERVER anns OWNER TO ann});
sql(q{SET ROLE ann; SELECT mls_upload('anns', 'secret.csv', convert_to(E'Salary\n100\n', 'UTF8'))});
for my $try (q{SELECT mls_upload('anns', 'x.csv', 'x')}, q{SELECT mls_upload_drop('anns', 'secret.csv')}, q{SELECT * FROM mls_dataset_inspect('anns')})
{
	fails("SET ROLE bob; $try", qr/42501: permission denied for foreign server anns/, "another may not: $try");
}
is(sql(q{SET ROLE bob; SELECT count(*) FROM mls.upload}), 0, 'nor see that it is there');
is(sql(q{SET ROLE bob; SELECT count(*) FROM mls.upload_part}), 0, 'nor its bytes');
is(sql(q{SET ROLE ann; SELECT count(*), (SELECT count(*) FROM mls.upload_part) FROM mls.upload}), '1|0', 'who has it sees it, and reads it by its table only');
fails(q{SET ROLE ann; INSERT INTO mls.upload (server, owner, name, bytes) VALUES ('office', 'postgres', 'x.csv', 0)}, qr/permission denied for table upload/, 'nobody writes these tables');
is(sql(q{SET ROLE ann; SELECT count(*) FROM mls.uploads_at((SELECT oid FROM pg_foreign_server WHERE srvname = 'office'))}), 0, 'and of another server nothing is told');
sql(q{GRANT USAGE ON FOREIGN SERVER anns TO bob});
is(sql(q{SET ROLE bob; SELECT count(*) FROM mls.upload}), 1, 'who may use the server sees its files');
is(sql(q{SET ROLE bob; SELECT is_new FROM mls_upload('anns', 'more.csv', convert_to(E'A\n1\n', 'UTF8'))}), 't', 'and may upload');
is(sql(q{SELECT owner FROM mls.upload WHERE name = 'more.csv'}), 'ann', 'for the owner of the server');
sql(q{DROP SERVER anns; SET ROLE bob; CREATE SERVER anns FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'upload:')});
is(sql(q{SET ROLE bob; SELECT count(*) FROM mls_dataset_inspect('anns')}), 0, 'a server of the same name has nothing of another role');
is(sql(q{SET ROLE bob; SELECT mls_upload_drop('anns', 'secret.csv')}), 'f', 'and drops nothing');
sql(q{DROP SERVER anns});
fails(q{SET ROLE bob; SELECT 1 / mls_upload_drop('anns', 'secret.csv')::int}, qr/division by zero/, 'nor does who has not its privileges');
is(sql(q{SET ROLE ann; SELECT mls_upload_drop('anns', 'secret.csv'), mls_upload_drop('anns', 'more.csv')}), 't|t', 'who had the server can, when it is gone');

# ---- Elsewhere ----

server('moved');
put('moved', 'rows.csv', "K,V\n1,a\n");
sql(q{IMPORT FOREIGN SCHEMA files FROM SERVER moved INTO moved; SELECT mls_subscribe('moved.rows'); ALTER SERVER moved RENAME TO renamed});
is(sync('renamed'), 'finished 1 1 0 0', 'files follow a server that is renamed');
server('former');
put('former', 'rows.csv', "K,V\n1,old\n");
sql(q{IMPORT FOREIGN SCHEMA files FROM SERVER former INTO former; SELECT mls_subscribe('former.rows'); ALTER SERVER former RENAME TO latter; CREATE SERVER former FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'upload:')});
is(sql(q{SELECT count(*) FROM mls_dataset_inspect('former')}), 0, 'a new server of the former name has none of them');
fails(q{SELECT mls_upload('former', 'rows.csv', 'K')}, qr/55000: source "former" cannot take files yet.*Sync the one that was renamed/s, 'and takes none that would be the other one\'s');
is(sql(q{SELECT v FROM former.rows}), 'old', 'which has its own before its next sync');
put('latter', 'rows_2.csv', "K,V\n2,more\n");
is(sync('latter'), 'finished 1 1 0 0', 'and with it');
put('former', 'rows.csv', "K,V\n1,new\n");
is(sql(q{SELECT string_agg(server || ' ' || name, ', ' ORDER BY id) FROM mls.upload WHERE server IN ('former', 'latter')}), 'latter rows.csv, latter rows_2.csv, former rows.csv', 'then each has its own');
is(sync('latter'), 'finished 0 0 0 0', 'and stays as it is');

# Sheets of one workbook are resources, and go and stay with the file.
server('sheets', q{, files 'rooms=book.xlsx#1, agents=book.xlsx#Agents'});
put('sheets', 'book.xlsx', plain_book(Rooms => [ ['Room'], ['r1'] ], Agents => [ ['Agent'], ['a1'] ]));
sql(q{IMPORT FOREIGN SCHEMA files FROM SERVER sheets INTO sheets; SELECT mls_subscribe('sheets.rooms'); SELECT mls_subscribe('sheets.agents'); SELECT * FROM mls_sync('sheets')});
is(sql(q{SELECT mls_dataset_remove('sheets.rooms')}), 1, 'a dataset is removed');
is(sql(q{SELECT count(*) FROM mls.upload WHERE server = 'sheets'}), 1, 'but not the workbook that another reads');
is(sql(q{SELECT mls_dataset_remove('sheets.agents', 'book.xlsx#Agents')}), 1, 'a sheet is removed');
is(sql(q{SELECT count(*) FROM mls.upload WHERE server = 'sheets'}), 0, 'with its workbook');
is(sync('sheets'), 'finished 0 0 0 0', 'so that no sync brings it again');

# What a file has brought goes with it, in several batches, also what came after that was asked for.
server('gone', q{, files 'rows=*.csv'});
put('gone', "$_.csv", "K\n" . join '', map { "$_\n" } 1 .. 4500) for qw(a b);
sql(q{IMPORT FOREIGN SCHEMA files FROM SERVER gone INTO gone; SELECT mls_subscribe('gone.rows'); SELECT * FROM mls_sync('gone')});
my $gate = $node->background_psql('postgres');
$gate->query_safe('SELECT pg_advisory_lock(7)');
my $late = start_psql($node, q{SELECT mls_dataset_remove('gone.rows', 'a.csv') FROM (SELECT pg_advisory_xact_lock_shared(7) OFFSET 0) l});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted}) or die 'it does not wait';
put('gone', 'a.csv', "K\n" . join '', map { "$_\n" } 1 .. 4600);
is(sync('gone'), 'finished 4600 100 0 4500', 'a file is synced while it is about to be removed');
$gate->query_safe('SELECT pg_advisory_unlock(7)');
$gate->quit;
is(end_psql($late), "4600\n", 'and removed with all that it has brought');
is(sql(q{SELECT string_agg(file || ' ' || n, ', ') FROM (SELECT file, count(*) AS n FROM silver.gone_rows GROUP BY 1) f}), 'b.csv 4500', 'from silver');
is(sql(q{SELECT count(*) FROM bronze.gone_rows}), 4500, 'and bronze, without a tombstone');

my $dump = "$PostgreSQL::Test::Utils::tmp_check/uploads.dump";
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'the database is dumped');
my $here = sql(q{SELECT string_agg(concat_ws(' ', u.server, u.name, u.sha256, p.n), ', ' ORDER BY u.id) FROM mls.upload u JOIN (SELECT upload, count(*) AS n FROM mls.upload_part GROUP BY 1) p ON p.upload = u.id});
$node->stop;
my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
$new->start;
$new->safe_psql('postgres', 'CREATE ROLE ann; CREATE ROLE bob');
$new->command_ok([ 'pg_restore', '--exit-on-error', '-d', $new->connstr('postgres'), $dump ], 'and restored');
is($new->safe_psql('postgres', q{SELECT string_agg(concat_ws(' ', u.server, u.name, u.sha256, p.n), ', ' ORDER BY u.id) FROM mls.upload u JOIN (SELECT upload, count(*) AS n FROM mls.upload_part GROUP BY 1) p ON p.upload = u.id}), $here, 'with its files');
is($new->safe_psql('postgres', q{SELECT status, received FROM mls_sync('renamed')}), 'finished|0', 'which are known');
is($new->safe_psql('postgres', q{SELECT k || v FROM moved.rows}), '1a', 'and read');
is($new->safe_psql('postgres', q{SELECT is_new FROM mls_upload('renamed', 'more.csv', 'K')}), 't', 'numbers go on');
$new->stop;
done_testing();
