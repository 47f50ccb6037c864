# What docs/environments.md and docs/marts.md show of pipelines is run: the script that checks a
# configuration in an empty database, the commands of the jobs that promote it, and the dbt project,
# whose YAML, Jinja and SQL are what dbt would make of them (test/dbt.py).
use strict;
use warnings;

use JSON::PP;
use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $tree = $ENV{MLS_TREE};
my $folder = PostgreSQL::Test::Utils::tempdir();
my $mls = start_mls(listings => 60);
$mls->control('update', { resource => 'Property', count => 60, fields => { StandardStatus => 'Active', OnMarketDate => '2025-01-05', ListPrice => 500000, Latitude => 30, Longitude => -90 } });
my $dev = empty_node('dev');
my $server = empty_node('server');
$_->start for $dev, $server;

sub sql { my ($sql) = @_; return scalar $dev->safe_psql('postgres', "SET client_min_messages = warning; $sql") }

# A block of a page that follows some words, without its indentation.
sub block
{
	my ($page, $words) = @_;
	my ($block) = slurp_file("$tree/docs/$page") =~ /\Q$words\E[^\n]*\n\n((?:(?:    [^\n]*)?\n)+)/;
	die "no block after $words" unless defined $block;
	return $block =~ s/^    //gmr =~ s/\n+\z/\n/r;
}

sub put_file
{
	my ($name, $content) = @_;
	unlink "$folder/$name";
	append_to_file("$folder/$name", $content);
	return;
}

# A command in the folder, with the server of the pipeline: its exit code and what it said.
sub run_in
{
	my ($command) = @_;
	local @ENV{qw(PGHOST PGPORT PGUSER PROD)} = ($server->host, $server->port, 'postgres', $server->connstr('prod'));
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'sh', '-c', "cd $folder && $command" ], '<', \'', '>', \$out, '2>', \$err);
	return ($? >> 8, "$out$err");
}

sub yaml { my ($text) = @_; put_file('parsed.yml', $text); my ($json, $err) = run_command([ '/usr/bin/python3', '-c', 'import json, sys, yaml; print(json.dumps(yaml.load(open(sys.argv[1]), yaml.BaseLoader)))', "$folder/parsed.yml" ]); is($err, '', 'it is YAML'); return decode_json($json) }

# ---- A configuration, as dev has it ----

sql('CREATE EXTENSION mls_fdw');
create_source($dev, $mls, 'east', tables => 'property, member, office');
sql(q{SELECT mls_subscribe('east.property'), mls_subscribe('east.member'), mls_subscribe('east.office');
	SELECT count(*) FROM mls_sync();
	SELECT mls_mart_create('mart', levels => '{all,city}', coverage => '{"east": "2019-01-01"}');
	SELECT mls_test_add_shipped('gold'), mls_test_add_shipped('mart'), mls_test_suite('mine');
	SELECT mls_test_add('mine', 'agents', 'relationships', 'gold.property', '{ListAgentKey}', '{"columns": ["MemberKey"]}', other => 'gold.member', severity => 'warn');
	SELECT mls_test_add('mine', 'states', 'accepted_values', 'gold.property', '{StandardStatus}', '{"values": ["Pending", "it''s"]}', severity => 'warn', filter => '"ListPrice" > 0', error_if => 30);
	SELECT mls_test_add('mine', 'prices', 'not_null', 'gold.property', '{ListPrice}');
	SELECT mls_test_drop('gold', t.test) FROM mls_test('gold') t WHERE t.status = 'failed';
	SELECT mls_test_add('mine', 'fresh', 'freshness', 'gold.member', '{mls_updated_at}', '{"warn_after": "90 minutes", "error_after": "2 days"}', filter => 'mls_source = ''east''', severity => 'warn')});
is(sql('SELECT status FROM mls_mart_sync()'), 'finished', 'dev has a mart');

# ---- The script that checks it ----

put_file('promote.sh', block('environments.md', 'As a script, `promote.sh`'));
put_file('roles.sql', "SELECT 1;\n");
put_file('secrets.sed', "s/<secret:east\\.postgres\\.token>/static-token-value/\n");
put_file('config.sql', scalar $dev->safe_psql('postgres', 'SELECT mls_export()') . "\n");
like(slurp_file("$folder/config.sql"), qr/<secret:east\.postgres\.token>/, 'the configuration says where a secret is missing');

sub check_fails
{
	my ($what, $pattern) = @_;
	my ($code, $said) = run_in('sh promote.sh');
	isnt($code, 0, "$what fails");
	like($said, $pattern, 'and says why');
	$server->safe_psql('postgres', 'DROP DATABASE IF EXISTS "check" WITH (FORCE)');
	return;
}
my ($code, $said) = run_in('sh promote.sh');
is($code, 0, 'promote.sh, as it is documented') or diag($said);
is($server->safe_psql('check', 'SELECT (SELECT count(*) FROM gold.property), (SELECT count(*) > 0 FROM mart.agg_market_month)'), '60|t', 'it syncs, and fills the mart');
check_fails('a database that is there', qr/database "check" already exists/);
my $good = slurp_file("$folder/config.sql");
put_file('secrets.sed', '');
check_fails('one without its secret', qr/401|rejected/);
put_file('secrets.sed', "s/<secret:east\\.postgres\\.token>/static-token-value/\n");
put_file('config.sql', "$good-- one line more\n");
check_fails('one that is not as it would be printed', qr/^< -- one line more$/m);
put_file('config.sql', "${good}SELECT mls_map_bad();\n");
check_fails('one that does not run', qr/mls_map_bad/);
sql(q{SELECT mls_test_add('mine', 'never', 'range', 'gold.property', '{ListPrice}', '{"min": 1000000000}')});
put_file('config.sql', scalar $dev->safe_psql('postgres', 'SELECT mls_export()') . "\n");
check_fails('one of which a data test fails', qr/1 of \d+ data tests failed: mine\.never/);
sql(q{SELECT mls_test_drop('mine', 'never')});
put_file('config.sql', $good);

# ---- The jobs of GitHub and GitLab ----

# Runs what a promotion runs; prod is then as dev is.
sub promotes
{
	my ($who, @commands) = @_;
	$server->safe_psql('postgres', 'DROP DATABASE IF EXISTS prod WITH (FORCE)');
	$server->safe_psql('postgres', 'CREATE DATABASE prod');
	for my $command (@commands)
	{
		my ($code, $said) = run_in($command);
		is($code, 0, "$who: $command") or diag($said);
	}
	is($server->safe_psql('prod', 'SELECT mls_export()') . "\n", $good, "$who: the configuration is in prod");
	return;
}
my $github = yaml(block('environments.md', 'GitHub, `.github/workflows/mls.yml`'));
is_deeply([ sort keys %$github ], [qw(jobs on)], 'a workflow');
is_deeply([ map { $_->{run} // $_->{uses} } @{ $github->{jobs}{check}{steps} } ], [ 'actions/checkout@v4', 'sh promote.sh' ], 'GitHub checks by the script');
is_deeply([ @{ $github->{jobs}{promote} }{qw(needs if environment)} ], [ 'check', "github.ref == 'refs/heads/main'", 'prod' ], 'and promotes what was checked, and agreed to');
promotes('GitHub', map { $_->{run} =~ s/\$\{\{ secrets\.PROD \}\}/\$PROD/r } grep { $_->{run} } @{ $github->{jobs}{promote}{steps} });
my $gitlab = yaml(block('environments.md', 'GitLab, `.gitlab-ci.yml`'));
is_deeply($gitlab->{check}{script}, ['sh promote.sh'], 'GitLab checks by the script');
is_deeply([ @{ $gitlab->{promote} }{qw(needs environment)}, $gitlab->{promote}{rules}[0]{when} ], [ ['check'], 'prod', 'manual' ], 'and promotes by hand what was checked');
is($gitlab->{check}{services}[0]{alias}, $gitlab->{check}{variables}{PGHOST}, 'it knows where its database is');
promotes('GitLab', @{ $gitlab->{promote}{script} });

# ---- dbt ----

mkdir "$folder/$_" for qw(dbt dbt/models dbt/models/staging dbt/models/marts);
put_file("dbt/$_", block('marts.md', "`$_`")) for 'dbt_project.yml', 'models/staging/stg_listings.sql', 'models/marts/city_report.sql';

# What dbt of a version would do with it.
sub dbt
{
	my ($version) = @_;
	my ($json, $err) = run_command([ '/usr/bin/python3', "$tree/test/dbt.py", $version, "$folder/dbt", 'analytics' ]);
	return $json eq '' ? $err : decode_json($json);
}

# What dbt would say of tests, by their names: it compares the rows that a query finds with thresholds.
sub said_of
{
	my (@tests) = @_;
	my %faults = map { split /\|/, $_ } split /\n/, sql(join ' UNION ALL ', map { "SELECT '$_->{name}', count(*) FROM ($_->{query}) t" } @tests);
	my %said;
	for my $test (@tests)
	{
		my $n = $faults{ $test->{name} };
		my ($error, $warning) = map { $test->{$_} =~ /^>= (\d+)$/ ? $n >= $1 : $test->{$_} eq '!= 0' ? $n != 0 : die $test->{$_} } qw(error_if warn_if);
		my $level = $error && $test->{severity} eq 'error' ? 'failed' : $error || $warning ? 'warned' : 'passed';
		# It counts values that are not accepted, we count rows.
		$said{ $test->{name} } = $level eq 'passed' || $test->{name} eq 'mine_states' ? $level : "$level $n";
	}
	return %said;
}
sql(q{UPDATE gold.property SET "ListAgentKey" = 'nobody' WHERE "ListingKey" IN (SELECT min("ListingKey") FROM gold.property);
	UPDATE gold.property SET "ListPrice" = NULL WHERE "ListingKey" IN (SELECT max("ListingKey") FROM gold.property);
	UPDATE gold.member SET mls_updated_at = now() - interval '3 hours'});
my %ours = map { split /\|/, $_, 2 } split /\n/, sql(q{SELECT t.suite || '_' || t.test, t.status || CASE WHEN t.status <> 'passed' AND t.test <> 'states' THEN ' ' || t.failures ELSE '' END FROM mls_test() t});
for my $version ('1.5.0', '1.7.4', '1.8.0', '1.10.0', '1.10.5', '2.0.0')
{
	put_file('dbt/models/staging/sources.yml', sql("SELECT mls_dbt_sources('$version')") . "\n");
	my $made = dbt($version);
	is(ref $made, 'HASH', "dbt $version reads it") or diag($made), next;
	my %theirs = said_of(@{ $made->{tests} });
	my @shared = sort grep { exists $ours{$_} } keys %theirs;
	cmp_ok(scalar @shared, '>=', 8, "dbt $version: tests of ours come along");
	is(join(', ', map { "$_ $theirs{$_}" } @shared), join(', ', map { "$_ $ours{$_}" } @shared), "dbt $version: and say the same");
	is(join(', ', map { "$_ $theirs{$_}" } grep { !exists $ours{$_} && $theirs{$_} ne 'passed' } sort keys %theirs), '', "dbt $version: keys are keys");
	my ($fresh) = grep { $_->{relation} eq '"gold"."member"' } @{ $made->{freshness} };
	my $age = sql("SELECT extract(epoch FROM snapshotted_at - max_loaded_at)::bigint FROM ($fresh->{query}) f");
	is(join(' ', $age > $fresh->{warn_after}, $age > $fresh->{error_after} || 0), '1 0', "dbt $version: freshness warns as well");
	sql(join ';', 'DROP SCHEMA IF EXISTS analytics, analytics_reports CASCADE', @{ $made->{statements} });
	is(sql('SELECT (SELECT count(*) FROM analytics.stg_listings), (SELECT count(*) > 0 FROM mart.agg_market_month), (SELECT count(*) >= 0 FROM analytics_reports.city_report)'), '60|t|t', "dbt $version: and the models can be built");
}
is($ours{mine_agents} . ' ' . $ours{mine_prices}, 'warned 1 failed 1', 'of what was planted');
put_file('dbt/models/staging/sources.yml', sql("SELECT mls_dbt_sources('1.7.4')") . "\n");
like(dbt('1.10.5'), qr/"(?:tests|loaded_at_field)" is no key here/, 'what is printed for an old version is none for a new one');
put_file('dbt/models/staging/sources.yml', sql("SELECT mls_dbt_sources('1.10.5')") . "\n");
like(dbt('1.7.4'), qr/"(?:config|data_tests)" is no key here/, 'nor the other way round');
put_file('dbt/models/marts/city_report.sql', q[select * from {{ source('mart', 'no_such_table') }}]);
like(dbt('1.10.5'), qr/there is no source \('mart', 'no_such_table'\)/, 'a source that is not there is found');

# Two suites whose names are one to dbt.
sql(q{SELECT mls_test_suite('my-own'), mls_test_suite('my_own');
	SELECT mls_test_add(s, 'place there', 'not_null', 'gold.property', '{City}', severity => 'warn') FROM unnest('{my-own,my_own}'::text[]) s;
	SELECT mls_test_add('my_own', 'place-there', 'not_null', 'gold.property', '{PostalCode}', severity => 'warn')});
put_file('dbt/models/marts/city_report.sql', block('marts.md', '`models/marts/city_report.sql`'));
put_file('dbt/models/staging/sources.yml', sql("SELECT mls_dbt_sources('1.10.5')") . "\n");
my $made = dbt('1.10.5');
is(ref $made, 'HASH', 'names that are alike stay apart') or diag($made);

$mls->stop;
$dev->stop;
$server->stop;
done_testing();
