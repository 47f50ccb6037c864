# What a dataset tells of itself: files that no table reads, rows that cannot be stored, a mode that
# its tables are not made for, room that is used up, uploads that nobody goes on with; mls_check of
# each kind of place; and that a file at an address is fetched once where once will do.
use strict;
use warnings;

use JSON::PP ();
use MlsFiles;
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = PostgreSQL::Test::Utils::tempdir;
mkdir "$folder/$_" or die for qw(srv srv/office srv/modes srv/wide srv/empty);
my $node = new_node('told', 'mls_fdw.file_directories' => "'$folder/srv'");
my $mls = start_mls(listings => 2);
my $cabinet = start_cabinet();
my $root = $cabinet->url;

sub sql { return scalar $node->safe_psql('postgres', $_[0]) }
sub fails { my ($sql, $expected, $name) = @_; return like(sql_error($node, $sql), $expected, $name); }
sub health { return sql(q{SELECT level || ' ' || message FROM mls_health() WHERE item = 'files'}); }
sub remarked { return sql(qq{SELECT coalesce(note, '') FROM mls_status_detail WHERE source = '$_[0]' ORDER BY resource LIMIT 1}); }
sub step { my ($server, $item) = @_; return sql(qq{SELECT ok || ' ' || detail FROM mls_check('$server') WHERE item = '$item'}); }

my $time = time - 3600;
sub put
{
	my ($name, $text) = @_;
	open my $to, '>:raw', "$folder/srv/$name" or die;
	print $to $text;
	close $to or die;
	$time += 10;
	utime $time, $time, "$folder/srv/$name" or die;
	return;
}
sub server { my ($name, $url, $options) = @_; return sql("CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url '$url'" . ($options // '') . "); CREATE SCHEMA $name"); }
sub import_all { return sql("IMPORT FOREIGN SCHEMA files FROM SERVER $_[0] INTO $_[0]; SELECT mls_subscribe(ftrelid::regclass) FROM pg_foreign_table t JOIN pg_foreign_server s ON s.oid = t.ftserver WHERE srvname = '$_[0]'"); }

# ---- Files that no table reads ----

is(health(), '', 'without datasets nothing is said of files');
put('office/roster.csv', "Id,Name\n1,Ann\n");
server('office', "file://$folder/srv/office");
like(step('office', 'files'), qr/^true No foreign table reads them yet: IMPORT FOREIGN SCHEMA files FROM SERVER office INTO/, 'mls_check says what comes next');
import_all('office');
sql(q{SELECT * FROM mls_sync('office')});
is(remarked('office'), '', 'a sync has nothing to remark');
is(health(), 'ok tables read the files of all 1 source that consists of some', 'nor has mls_health');
is(step('office', 'files'), 'true Foreign tables read all of them.', 'nor mls_check');
put('office/sales_2026.csv', "Id,Amount\n1,10\n");
put('office/Sales 2027.csv', "Id,Amount\n1,10\n");
sql(q{SELECT * FROM mls_sync('office')});
is(remarked('office'), 'no table reads file "Sales 2027.csv", nor those of 1 other resource', 'a sync says which file no table reads');
is(health(), 'warning no table reads file "Sales 2027.csv": IMPORT FOREIGN SCHEMA files LIMIT TO ("Sales 2027") FROM SERVER office INTO ...; no table reads file "sales_2026.csv": IMPORT FOREIGN SCHEMA files LIMIT TO (sales_2026) FROM SERVER office INTO ...', 'so does mls_health');
is(step('office', 'files'), 'false No foreign table reads file "Sales 2027.csv", nor 1 other file: IMPORT FOREIGN SCHEMA files LIMIT TO ("Sales 2027") FROM SERVER office INTO ... makes one.', 'and mls_check');
sql(q{IMPORT FOREIGN SCHEMA files LIMIT TO ("Sales 2027") FROM SERVER office INTO office});
is(sql(q{SELECT string_agg(source || ' ' || name, ', ') FROM mls.unread}), 'office sales_2026.csv', 'with a table it is said no more');
unlink "$folder/srv/office/sales_2026.csv" or die;
sql(q{SELECT * FROM mls_sync('office')});
is(health() =~ s/ .*//r, 'ok', 'nor when it is gone');
sql(q{CREATE ROLE ann LOGIN; SELECT mls_grant('ann'); CREATE ROLE bob LOGIN; SELECT mls_grant('bob'); GRANT USAGE ON FOREIGN DATA WRAPPER mls_fdw TO ann, bob});
put('office/more.csv', "Id\n1\n");
sql(q{SELECT * FROM mls_sync('office')});
is(sql(q{SET ROLE ann; SELECT count(*) FROM mls.unread}), 0, 'another role is told of none');
is(sql(q{SELECT mls_dataset_remove('office.roster')}), 1, 'a dataset is removed');
is(sql(q{SELECT count(*) FROM mls.unread_file}), 0, 'and with it what was found beside it');

# ---- Rows that cannot be stored ----

my @names = map { "c$_" } 1 .. 1500;
put('wide/wide.csv', join(',', @names) . "\n" . join("\n", join(',', ('x') x 1500), join(',', ('y' x 12) x 1500)) . "\n");
server('wide', "file://$folder/srv/wide");
import_all('wide');
is(sql(q{SELECT status, inserted FROM mls_sync('wide')}), 'finished|1', 'a row is too wide for a page of PostgreSQL');
like(remarked('wide'), qr/^1 record was not stored \(the record was not stored: row is too big.*\); mls\.issue has each$/, 'and the status says that it is not here');
like(sql(q{SELECT note FROM mls_history WHERE source = 'wide' ORDER BY run DESC LIMIT 1}), qr/1 record was not stored/, 'so does its run');

# ---- A column named like what our own statements call a row ----

mkdir "$folder/srv/letters" or die;
put('letters/letters.csv', "K,t,s\n1,x,y\n");
server('letters', "file://$folder/srv/letters", q{, key 'K'});
import_all('letters');
sql(q{SELECT * FROM mls_sync('letters')});
is(sql(q{SELECT differs, remote, bronze, silver FROM mls_compare('letters', 'letters', '1') WHERE field = 't'}), 'f|x|x|x', 'is compared like others');
unlike(sql(q{SELECT string_agg(message, ' ') FROM mls_verify('letters')}), qr/could not be compared/, 'and verified');

# ---- Another mode ----

put('modes/list.csv', "K,V\n1,a\n2,b\n");
server('modes', "file://$folder/srv/modes", q{, mode 'append'});
import_all('modes');
sql(q{SELECT * FROM mls_sync('modes'); ALTER SERVER modes OPTIONS (SET mode 'mirror')});
fails(qq{SELECT * FROM $_('modes')}, qr/55000: .*foreign table modes\.list is not one for the mode of source "modes".*known by _sha256, _line, as they are in mode append.*mls_unsubscribe\('modes\.list', drop_data => true\)/s, "tables of append are none of mirror: $_") for qw(mls_sync mls_purge);
is(sql('SELECT count(*) FROM silver.modes_list'), 2, 'what is here stays');
sql(q{ALTER SERVER modes OPTIONS (SET mode 'append')});
is(sql(q{SELECT status FROM mls_sync('modes')}), 'finished', 'set as it was, all goes on');
sql(q{ALTER SERVER modes OPTIONS (SET mode 'mirror'); SELECT mls_unsubscribe('modes.list', drop_data => true); DROP FOREIGN TABLE modes.list});
import_all('modes');
is(sql(q{SELECT status, inserted FROM mls_sync('modes')}), 'finished|2', 'begun anew, it is a mirror');
sql(q{ALTER SERVER modes OPTIONS (SET mode 'append')});
fails(q{SELECT * FROM mls_sync('modes')}, qr/known by _file, _line, as they are outside mode append/, 'nor the other way about');
sql(q{ALTER SERVER modes OPTIONS (SET mode 'upsert')});
is(sql(q{SELECT status FROM mls_sync('modes')}), 'finished', 'modes with one kind of key follow each other');

# ---- Room for uploads ----

sub as { my ($role, $sql) = @_; return sql("SET ROLE $role; $sql"); }
sql(q{SELECT mls_tenant('ann', '{}', stored_bytes => 100); CREATE ROLE helper IN ROLE ann; SELECT mls_grant('helper'); GRANT USAGE ON FOREIGN DATA WRAPPER mls_fdw TO helper});
as($_, qq{CREATE SERVER inbox_$_ FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'upload:')}) for qw(ann helper bob);
as('ann', q{SELECT mls_upload('inbox_ann', 'a.csv', convert_to('K' || repeat('x', 59), 'UTF8'))});
as('helper', q{SELECT mls_upload('inbox_helper', 'b.csv', convert_to('K' || repeat('x', 29), 'UTF8'))});
is(as('ann', 'SELECT stored_bytes, bytes_stored FROM mls_tenants'), '100|90', 'what a tenant keeps is counted, with what its members keep for it');
is(as('bob', 'SELECT count(*), count(mls.stored(\'ann\')) FROM mls_tenants'), '0|0', 'and told to nobody else');
is(as('ann', q{SELECT level || ' ' || message FROM mls_health() WHERE item = 'files'}), 'warning nearly all of what it may keep in uploads (limit stored_bytes) is used up by: ann (90 bytes of 100 bytes)', 'who is near his limit is told by mls_health');
fails(q{SET ROLE ann; SELECT mls_upload('inbox_ann', 'c.csv', convert_to('K' || repeat('x', 10), 'UTF8'))},
	qr/54000: .*there is no room for file "c\.csv" of source "inbox_ann".*With its 11 bytes tenant "ann" would keep 101 in its uploads, and may keep 100 \(limit stored_bytes\).*mls_upload_drop/s, 'no more is kept than the limit');
fails(q{SET ROLE helper; SELECT mls_upload('inbox_helper', 'c.csv', convert_to('K' || repeat('x', 10), 'UTF8'))}, qr/limit stored_bytes/, 'whoever sends it');
is(as('ann', q{SELECT is_new FROM mls_upload('inbox_ann', 'a.csv', convert_to('K' || repeat('y', 69), 'UTF8'))}), 't', 'what replaces a file has its room');
is(as('ann', q{SELECT total FROM mls_upload('inbox_ann', 'a.csv', convert_to('K' || repeat('z', 39), 'UTF8'), more => true)}), 40, 'also in parts');
fails(q{SET ROLE ann; SELECT mls_upload('inbox_ann', 'a.csv', convert_to(repeat('z', 31), 'UTF8'), at => 40)}, qr/limit stored_bytes/, 'up to the limit');
is(as('bob', q{SELECT is_new FROM mls_upload('inbox_bob', 'a.csv', convert_to('K' || repeat('x', 999), 'UTF8'))}), 't', 'others have no such limit');
is(as('ann', q{SELECT mls_upload_drop('inbox_ann', 'a.csv')}), 't', 'room is made');
is(as('ann', q{SELECT is_new FROM mls_upload('inbox_ann', 'c.csv', convert_to('K' || repeat('x', 10), 'UTF8'))}), 't', 'and used');

# A transaction that does not see what was stored since it began stores nothing.
my $blind = $node->background_psql('postgres', on_error_stop => 0);
$blind->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL ROLE ann; SELECT 1');
as('ann', q{SELECT mls_upload('inbox_ann', 'd.csv', convert_to('K' || repeat('x', 39), 'UTF8'))});
$blind->query(q{SELECT mls_upload('inbox_ann', 'e.csv', convert_to('K' || repeat('x', 49), 'UTF8')); COMMIT});
$blind->quit;
is(as('ann', q{SELECT bytes_stored <= stored_bytes FROM mls_tenants}), 't', 'not even by transactions that see no others');
as('ann', q{SELECT mls_upload_drop('inbox_ann', 'd.csv')});

# Uploads that nobody goes on with.
as('ann', qq{SELECT mls_upload('inbox_ann', '$_.csv', 'K', more => true)}) for qw(old new);
sql(q{UPDATE mls.upload SET uploaded_at = uploaded_at - interval '23 hours' WHERE sha256 IS NULL; UPDATE mls.upload SET uploaded_at = uploaded_at - interval '2 hours' WHERE name = 'old.csv'});
as('bob', q{SELECT mls_upload('inbox_bob', 'b.csv', 'K')});
is(sql(q{SELECT string_agg(name, ' ' ORDER BY name) FROM mls.upload WHERE sha256 IS NULL}), 'new.csv', 'what nobody has gone on with for a day goes with the next upload');
is(sql(q{SELECT count(*) FROM mls.upload_part p JOIN mls.upload u ON u.id = p.upload WHERE u.name = 'old.csv'}), 0, 'with its parts');
as('ann', q{SELECT mls_upload('inbox_ann', 'new.csv', 'x', at => 1, more => true)});
sql(q{UPDATE mls.upload SET uploaded_at = uploaded_at - interval '23 hours' WHERE sha256 IS NULL});
sql(q{SELECT * FROM mls_sync('modes')});
is(sql(q{SELECT count(*) FROM mls.upload WHERE sha256 IS NULL}), 1, 'each part begins the day anew');
sql(q{UPDATE mls.upload SET uploaded_at = uploaded_at - interval '2 hours' WHERE sha256 IS NULL; SELECT * FROM mls_sync('modes')});
is(sql(q{SELECT count(*) FROM mls.upload WHERE sha256 IS NULL}), 0, 'a sync clears up as well');

# ---- Each kind of place ----

is(sql(q{SELECT string_agg(item || ' ' || ok, ', ') FROM mls_check('inbox_bob')}), 'configuration true, place true, files true, metadata true, a true, count true, order true, paging true, encoding true', 'uploads are checked');
like(step('inbox_bob', 'place'), qr/^true upload: can be read; 2 files are there, the first is "a\.csv"\./, 'what is there is said');
server('empty', "file://$folder/srv/empty");
is(sql(q{SELECT string_agg(item || ' ' || ok, ', ') FROM mls_check('empty')}), 'configuration true, place false, metadata true, encoding true', 'of an empty place nothing more can be said');
like(step('empty', 'place'), qr/^false .* can be read, and has no file that fits\.$/, 'than that');
$cabinet->put('/d/roster.csv', "Id,Name\n1,Ann\n", tag => '"a"');
server('web', "$root/d/roster.csv", q{, retries '0', requests_per_hour '50'});
$cabinet->asked;
is(sql(q{SELECT string_agg(item || ' ' || ok, ', ') FROM mls_check('web')}), 'configuration true, credentials true, place true, files true, metadata true, roster true, count true, order true, paging true, encoding true, quota true', 'an address has steps of its own');
is(scalar(my @asked = $cabinet->asked), 1, 'and is fetched once for all of them');
like(step('web', 'quota'), qr/Used: \d+ of 50 requests in an hour/, 'its quota is shown');
sql(q{CREATE USER MAPPING FOR CURRENT_USER SERVER web OPTIONS (username 'u', password 'wrong')});
$cabinet->put('/d/roster.csv', '', status => 401);
like(step('web', 'credentials'), qr/^true User name and password are configured\./, 'a login is known');
like(step('web', 'place'), qr/^false .*(?:401|credentials)/, 'and what its host says of it');
$cabinet->put('/d/roster.csv', '', status => 404);
like(step('web', 'place'), qr/^false could not read file "roster\.csv".*status 404/, 'a file that is not there is no place');
my ($key, $secret, $token) = ('AKIATESTKEYVALUE', 's3cr3t/Key+Value=for-tests', 'tok/en+Value==');
$mls->control('s3', $_) for { reset => JSON::PP::true, tags => JSON::PP::true, session_token => $token }, { put => [ 'photos', 'in/f.csv', "K\n1\n" ] };
server('bucket', 's3://photos/in', qq{, endpoint 'http://127.0.0.1:$mls->{port}', retries '0'});
like(step('bucket', 'credentials'), qr/^false .*user mapping/, 'a bucket wants keys');
sql(qq{CREATE USER MAPPING FOR CURRENT_USER SERVER bucket OPTIONS (access_key '$key', secret_key '$secret', session_token '$token')});
is(sql(q{SELECT string_agg(item || ' ' || ok, ', ') FROM mls_check('bucket')}), 'configuration true, credentials true, place true, files true, metadata true, f true, count true, order true, paging true, encoding true, quota true', 'with them it is checked like an address');
like(step('bucket', 'credentials'), qr/^true An access key is configured/, 'its login is said');
like(step('bucket', 'configuration'), qr{^true Protocol dataset, address s3://photos/in\.$}, 'so is its address');
unlike(sql(q{SELECT string_agg(detail, ' ') FROM mls_check('bucket')}), qr/\Q$secret\E/, 'without the secret');

# ---- Fetched once ----

$cabinet->put('/d/once.csv', "Id,Name\n1,Ann\n", tag => '"once"');
server('once', "$root/d/once.csv", q{, retries '0'});
import_all('once');
$cabinet->asked;
is(sql(q{SELECT status, inserted FROM mls_sync('once')}), 'finished|1', 'a first sync, which looks at the fields as well');
is(join(', ', $cabinet->asked), '/d/once.csv 200', 'fetches the file once');
is(sql(qq{SELECT status, rows FROM mls_dataset('all_once', '$root/d/once.csv', '{"retries": "0"}')}), 'finished|1', 'all in one statement');
is(join(', ', $cabinet->asked), '/d/once.csv 200', 'does the same');
$cabinet->put('/d/once.csv', "Id,Name\n1,Ann\n2,Bob\n", tag => '"twice"');
is(sql(q{SELECT count(*) FROM once.once}), 2, 'what is kept is kept for nobody else');
is(sql(q{SELECT status, inserted FROM mls_sync('once')}), 'finished|1', 'nor for the next sync');

# ---- Errors are those of who asked ----

my (undef, undef, $error) = $node->psql('postgres', "SELECT * FROM mls_dataset('gone', '$root/d/none.csv')");
like($error, qr/ERROR:.*has no file that can be read/, 'mls_dataset() says what is wrong');
unlike($error, qr/CONTEXT|PL\/pgSQL|make_dataset/, 'and nothing of its own statements');

$node->stop;
done_testing();
