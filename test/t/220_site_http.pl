# The operators' site over HTTP: sessions, rights, and what strangers, other pages and clumsy
# hands try.
use strict;
use warnings;

use IO::Socket::INET;
use IPC::Run ();
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use MlsServe;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

need_serve();
my $node = new_node('site_http');
my $mls = start_mls(listings => 60);
create_source($node, $mls, 'east', schema_check_interval => 0, requests_per_day => 100_000);

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

query(q{SELECT mls_subscribe(t::regclass) FROM unnest('{east.property,east.member}'::text[]) t});
is(query(q{SELECT count(*) FROM mls_sync() WHERE status <> 'finished'}), 0, 'synced');
my %password = (operator => 'op"era\\tör', viewer => 'viewer secret', stranger => 'stranger secret', victim => 'victim secret', leaver => 'leaver secret');
query(qq{SET password_encryption = 'scram-sha-256'; CREATE ROLE "$_" LOGIN PASSWORD '$password{$_}'}) for sort keys %password;
my $owner = query('SELECT current_user');
query(qq{GRANT "$owner" TO operator; SELECT mls_grant('operator'); GRANT pg_monitor TO viewer, leaver});
my $hba = slurp_file($node->data_dir . '/pg_hba.conf');
unlink $node->data_dir . '/pg_hba.conf';
append_to_file($node->data_dir . '/pg_hba.conf', 'local all ' . join(',', sort keys %password) . " scram-sha-256\n$hba");
$node->reload;

# ---- Where it may listen ----

like(serve_fails($node, site => '0.0.0.0:0'), qr/would be reached from other machines.*--site-open/, 'no address of other machines');
like(serve_fails($node, site => '0.0.0.0:0', site_open => ''), qr/--site-url has to be said/, 'nor without a name');
like(serve_fails($node, site => '127.0.0.1:0', site_url => 'ftp://x/'), qr/no public URL/, 'a public URL is one of HTTP');

# The login of the program is nobody's: with its own rights nothing is done.
our $site = start_serve($node, site => '127.0.0.1:0', user => 'no_such_role', trusted_proxies => '127.0.0.1');
my $number = 0;

# Who is logged in: a cookie, and the word for changes.
sub log_in
{
	my ($role, %how) = @_;
	utf8::decode(my $known = $password{$role} // '');
	my $answer = $site->get('/api/login', method => 'POST', body => JSON::PP->new->utf8->encode({ role => $role, password => $how{password} // $known }),
		headers => { 'Content-Type' => 'application/json', 'X-Forwarded-For' => $how{from} // '198.51.100.' . ++$number, $how{cookie} ? (Cookie => $how{cookie}) : (), %{ $how{headers} || {} } });
	($answer->{cookie}) = ($answer->{headers}{'set-cookie'} // '') =~ /^([^;]+)/;
	$answer->{csrf} = $answer->{json}{csrf};
	return $answer;
}

sub ask
{
	my ($who, $target, %how) = @_;
	return $site->get("/api/q/$target", headers => { Cookie => $who->{cookie} }, %how);
}

sub act
{
	my ($who, $name, $body, %headers) = @_;
	return $site->get("/api/do/$name", method => 'POST', body => ref $body ? JSON::PP->new->utf8->encode($body) : $body,
		headers => { Cookie => $who->{cookie}, 'Content-Type' => 'application/json', 'X-CSRF-Token' => $who->{csrf}, %headers });
}

# ---- Files and headers ----

my $index = $site->get('/');
is($index->{status}, 200, 'the page');
like($index->{headers}{'content-type'}, qr{^text/html}, 'is HTML');
my %seen = ('index.html' => length $index->{body});
my @wanted = $index->{body} =~ /(?:src|href)="([\w.]+)"/g;
while (defined(my $name = shift @wanted))
{
	next if $seen{$name};
	my $file = $site->get("/$name");
	is($file->{status}, 200, $name);
	$seen{$name} = length $file->{body};
	push @wanted, $file->{body} =~ /from '\.\/([\w.]+)'/g;
	like($file->{headers}{'content-security-policy'}, qr/^default-src 'none'; script-src 'self'; style-src 'self';(?!.*unsafe).*frame-ancestors 'none'/, "$name may run nothing of elsewhere, nor be framed");
}
cmp_ok(scalar keys %seen, '>=', 15, 'all modules are there');
my $bytes = 0;
$bytes += $_ for values %seen;
cmp_ok($bytes, '<', 150_000, "all of it has less than 150 kB: $bytes bytes");
unlike($index->{body}, qr/<style|<script(?![^>]* src=)|\son\w+=|style=/i, 'nothing stands inline');
unlike(join(' ', map { $site->get("/$_")->{body} } grep { /\.js\z/ } keys %seen), qr/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/, 'no script makes HTML of a text');
for my $target ('/', '/site.js', '/api/session', '/api/q/status', '/nothing', '/metrics')
{
	my $headers = $site->get($target)->{headers};
	is(join('|', map { $headers->{$_} // '' } qw(x-frame-options x-content-type-options referrer-policy cache-control)), 'DENY|nosniff|no-referrer|no-store', "headers of $target");
}
is($site->get('/', method => 'HEAD')->{status}, 200, 'HEAD');
is($site->get($_)->{status}, 404, "$_ is nowhere") for '/../etc/passwd', '/..%2f..%2fetc/passwd', '/questions.sql', '/site', '/index.html/x';
is($site->get('/site.js', method => 'POST', body => 'x')->{status}, 405, 'files are not posted to');
is($site->get('/', headers => { Host => 'evil.example' })->{status}, 421, 'a name that others have lead here is not known');
is($site->get('/', headers => { Host => $_ })->{status}, 200, "$_ is") for 'localhost:80', 'LOCALHOST', '127.0.0.1', '[::1]:8080';
is($site->get('/', headers => { Host => $_ })->{status}, 421, "$_ is not") for 'localhost.evil.example', '127.0.0.1.evil.example', 'evil.example:127.0.0.1';
{
	my ($port) = $site->{site} =~ /:(\d+)\z/;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 10) or die $!;
	print $socket "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
	like(scalar <$socket>, qr{^HTTP/1\.1 400 }, 'two names are none');
}
is($site->get('/api/login', method => 'POST', body => 'x' x 70_000, headers => { 'Content-Type' => 'application/json' })->{status}, 413, 'no long bodies');

# ---- Without a session ----

is($site->get('/api/session')->{json}{role}, undef, 'nobody is logged in');
is($site->get("/api/$_")->{status}, 401, "/api/$_ is for who is logged in") for 'q/status', 'live', 'jobs';
is($site->get("/api/$_", method => 'POST', body => '{}', headers => { 'Content-Type' => 'application/json' })->{status}, 401, "so is /api/$_") for 'do/sync', 'logout', 'cancel';
is($site->get('/api/q/status', headers => { Cookie => $_ })->{status}, 401, "no session: $_") for 'mls_site=', 'mls_site=' . 'A' x 43, 'other=1; mls_site=x', 'mls_site=' . 'x' x 4000;

is($site->get('/api/do/upload', method => 'POST', body => 'x' x 70_000, headers => { 'Content-Type' => 'application/json' })->{status}, 413, 'nor of who sends pieces of files without a session');

# ---- Logging in ----

my $operator = log_in('operator', cookie => 'mls_site=chosen-by-somebody-else');
is($operator->{status}, 200, 'a role and its password') or diag($operator->{body});
like($operator->{headers}{'set-cookie'}, qr/^mls_site=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict\z/, 'a cookie that scripts and other sites do not have');
isnt($operator->{cookie}, 'mls_site=chosen-by-somebody-else', 'is ours');
is($site->get('/api/q/status', headers => { Cookie => 'mls_site=chosen-by-somebody-else' })->{status}, 401, 'one that others have chosen is no session');
unlike($operator->{body}, qr/password|\Q$password{operator}\E/, 'no password comes back');
my $again = log_in('operator', cookie => $operator->{cookie});
isnt($again->{cookie}, $operator->{cookie}, 'each login has another');
is(ask($operator, 'status')->{status}, 401, 'and the one before it has ended');
$operator = $again;
my $viewer = log_in('viewer');
my $stranger = log_in('stranger');
is($viewer->{status} + $stranger->{status}, 400, 'others log in beside');

my %piece = (source => 'nowhere', name => 'a.csv', at => 0, more => JSON::PP::false, bytes => 'QUJD' x 20_000);
is(act($operator, 'upload', \%piece)->{status}, 404, 'a piece of a file may be longer, of who is logged in');
is(act($operator, 'upload', \%piece, 'X-CSRF-Token' => 'x')->{status}, 403, 'from our page');
is(act($operator, 'upload', { %piece, bytes => '!' })->{status}, 400, 'and is base64');
is(act($viewer, 'upload', \%piece)->{status}, 403, 'who may not upload does not');

my $wrong = log_in('operator', password => 'wrong');
is($wrong->{status}, 401, 'a wrong password');
is($wrong->{headers}{'set-cookie'}, undef, 'has no cookie');
is(log_in('nobody_such', password => 'wrong')->{status}, 401, 'a role that is not there');
my $trusted = log_in($owner, password => 'anything');
is($trusted->{status}, 403, 'a role that the database asks for no password is nobody');
like($trusted->{json}{error}{message}, qr/asks this role for no password/, 'and is told why');
wait_until('and has no connection', sub { query(q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mls_serve site' AND usename = current_user}) == 0 });
for my $body ('', 'x', '[]', '{}', '{"role":"operator"}', '{"role":"operator","password":""}', '{"role":["operator"],"password":"x"}', '{"role":"' . 'x' x 64 . '","password":"x"}', '{"role":"a\u0000b","password":"x"}', '{"role":' . '[' x 50)
{
	is($site->get('/api/login', method => 'POST', body => $body, headers => { 'Content-Type' => 'application/json' })->{status}, 400, 'malformed: ' . substr $body, 0, 40);
}
is($site->get('/api/login', method => 'POST', form => { role => 'operator', password => 'x' })->{status}, 415, 'no form of elsewhere logs in');
is(log_in('operator', headers => { Origin => $_ })->{status}, 403, "nor a page of $_") for 'https://evil.example', 'http://127.0.0.1', 'null', "http://$site->{site}.evil.example";
is(log_in('operator', headers => { 'Sec-Fetch-Site' => $_ })->{status}, 403, "nor one that is $_") for 'cross-site', 'same-site';
is(log_in('operator', headers => { Origin => "http://$site->{site}", 'Sec-Fetch-Site' => 'same-origin' })->{status}, 200, 'our own does');

# ---- Changes are asked for by our own pages ----

my $runs = query('SELECT count(*) FROM mls.run');
is(act($operator, 'sync', { source => 'east' }, 'X-CSRF-Token' => $_)->{status}, 403, 'without the word of the session: ' . substr $_, 0, 8) for '', 'x', $viewer->{csrf}, "$operator->{csrf}x";
is(act($operator, 'sync', { source => 'east' }, Origin => 'https://evil.example')->{status}, 403, 'from elsewhere, even with it');
is(act($operator, 'sync', 'source=east', 'Content-Type' => 'text/plain')->{status}, 415, 'as a form');
is($site->get('/api/do/sync?source=east', headers => { Cookie => $operator->{cookie}, 'X-CSRF-Token' => $operator->{csrf} })->{status}, 405, 'by a link');
is($site->get('/api/logout', headers => { Cookie => $operator->{cookie} })->{status}, 405, 'nor is anybody logged out by one');
is($site->get('/api/q/status', method => 'POST', body => '{}', headers => { Cookie => $operator->{cookie}, 'X-CSRF-Token' => $operator->{csrf}, 'Content-Type' => 'application/json' })->{status}, 405, 'a question is no change');
is(act($operator, 'status', {})->{status}, 404, 'nor an action');
is(ask($operator, 'sync?source=east')->{status}, 404, 'nor an action a question');
is(query('SELECT count(*) FROM mls.run'), $runs, 'nothing of that has run');

# ---- What a role sees is what SQL gives it ----

sub as_role
{
	my ($role, $sql) = @_;
	local $ENV{PGPASSWORD} = $password{$role};
	my ($out, $err) = ('', '');
	my $good = IPC::Run::run([ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-v', 'ON_ERROR_STOP=1', '-h', $node->host, '-p', $node->port, '-U', $role, '-d', 'postgres', '-c', $sql ], '<', \undef, '>', \$out, '2>', \$err);
	chomp $out;
	return $good ? $out : ($err =~ /ERROR:\s+(\w{5})/)[0];
}
my %sql = (
	status => 'SELECT source, resource, state, rows, remote_rows, issues FROM mls_status_detail ORDER BY 1, 2',
	health => 'SELECT item, level, message FROM mls_health()',
	runs => 'SELECT run, source, status, received, requests FROM mls_history ORDER BY run DESC LIMIT 60',
	schedules => 'SELECT source, process, schedule FROM mls_schedules',
	consumers => 'SELECT consumer, client_id FROM mls.consumer ORDER BY consumer',
	issues => 'SELECT s.source, i.reason FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription WHERE solved_at IS NULL GROUP BY 1, 2 ORDER BY count(*) DESC, 1');
my %canonical = (status => [qw(source resource state rows remote_rows issues)], health => [qw(item level message)], runs => [qw(run source status received requests)],
	schedules => [qw(source process schedule)], consumers => [qw(consumer client_id)], issues => [qw(source reason)]);
my $refused = 0;
for my $who ([ operator => $operator ], [ viewer => $viewer ], [ stranger => $stranger ])
{
	for my $question (sort keys %sql)
	{
		my $answer = ask($who->[1], $question);
		my $site_says = $answer->{status} == 200
		  ? join("\n", map { my $row = $_; join '|', map { $row->{$_} // '' } @{ $canonical{$question} } } @{ $answer->{json}{rows} }) : $answer->{json}{error}{sqlstate};
		utf8::encode($site_says) if utf8::is_utf8($site_says);
		is($site_says, as_role($who->[0], $sql{$question}), "$question of $who->[0]");
		$refused++ if $answer->{status} == 403;
	}
}
cmp_ok($refused, '>=', 6, 'which is nothing for a stranger');
my $rights = ask($viewer, 'rights');
is($rights->{status}, 200, 'a role sees what it may');
is(scalar(grep { $_->{allowed} } @{ $rights->{json}{rows} }), 0, 'a viewer nothing');
like((grep { $_->{action} eq 'sync' } @{ $rights->{json}{rows} })[0]{reason}, qr/Role "viewer" may not call mls_sync\(\)/, 'and why');
my %may = map { $_->{action} => $_->{allowed} } @{ ask($operator, 'rights')->{json}{rows} };
ok($may{$_}, "an operator may $_") for qw(sync purge reconcile undo count verify compare);
ok(!$may{schedule}, 'not schedule, for there is no pg_cron');
query(q{CREATE SERVER shop FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'postgres', url 'postgresql://127.0.0.1:1/shop', tls 'none'); SELECT mls_publish('gold.property', 'shop', 'listing')});
is_deeply([ map { "$_->{action} $_->{source}" . ($_->{allowed} ? '' : '!') } grep { $_->{source} eq 'shop' } @{ ask($operator, 'rights')->{json}{rows} } ], [ 'publish shop', 'schedule shop!' ], 'destinations are sent to, and nothing else');
is_deeply([ map { ask($_, 'publications')->{json}{rows}[0]{name} // 'none' } $operator, $viewer ], [ 'listing', 'listing' ], 'which are seen by who may');
is(ask($stranger, 'publications')->{status}, 403, 'and by nobody else');
query(q{SET client_min_messages = error; SELECT mls_unpublish('shop', 'listing'); DROP SERVER shop CASCADE});

# A job of a role that may not fails as SQL does.
sub job_of
{
	my ($who, $answer) = @_;
	return $answer unless $answer->{status} == 202;
	my $job;
	wait_until('the job ends', sub {
		($job) = grep { $_->{job} == $answer->{json}{job} } @{ $site->get('/api/jobs', headers => { Cookie => $who->{cookie} })->{json}{jobs} };
		return $job->{ended};
	});
	return $job;
}
my $job = job_of($viewer, act($viewer, 'sync', { source => 'east' }));
is($job->{answer}{error}{sqlstate}, '42501', 'an action without the right is refused by the database');
is(query('SELECT count(*) FROM mls.run'), $runs, 'and has done nothing');
$mls->control('update', { resource => 'Property', keys => ['LK00000007'], fields => { ListPrice => 4711 } });
$job = job_of($operator, act($operator, 'sync', { source => 'east', resource => 'Property' }));
ok($job->{good}, 'one with it is done');
is($job->{answer}{rows}[0]{updated}, query('SELECT updated FROM mls_history ORDER BY run DESC LIMIT 1'), 'and says what the history says');
is(query(q{SELECT "ListPrice" FROM gold.property WHERE "ListingKey" = 'LK00000007'}), 4711, 'which is so');
is(scalar @{ $site->get('/api/jobs', headers => { Cookie => $viewer->{cookie} })->{json}{jobs} }, 1, 'nobody sees jobs of others');
is($site->get('/api/cancel', method => 'POST', body => "{\"job\":$job->{job}}", headers => { Cookie => $viewer->{cookie}, 'X-CSRF-Token' => $viewer->{csrf}, 'Content-Type' => 'application/json' })->{status}, 404, 'nor cancels them');

# One that waits for a lock is cancelled.
{
	my $holder = $node->background_psql('postgres');
	$holder->query_safe('BEGIN; LOCK TABLE mls.subscription IN ACCESS EXCLUSIVE MODE');
	my $begun = act($operator, 'purge', { source => 'east', dry_run => JSON::PP::true });
	is($begun->{status}, 202, 'a job begins');
	wait_until('it waits', sub { query(q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mls_serve site' AND wait_event_type = 'Lock'}) > 0 });
	my $cancel = $site->get('/api/cancel', method => 'POST', body => "{\"job\":$begun->{json}{job}}", headers => { Cookie => $operator->{cookie}, 'X-CSRF-Token' => $operator->{csrf}, 'Content-Type' => 'application/json' });
	is($cancel->{status}, 200, 'it is cancelled');
	is(job_of($operator, $begun)->{answer}{error}{sqlstate}, '57014', 'and says so');
	$holder->query_safe('ROLLBACK');
	$holder->quit;
}

# ---- Values are values ----

query(q{UPDATE gold.property SET "UnparsedAddress" = '<script>alert(1)</script>' || chr(8238) || 'abc' WHERE "ListingKey" = 'LK00000005';
	CREATE TABLE canary (); INSERT INTO mls.issue (subscription, key, field, value, reason) SELECT id, '<img src=x onerror=alert(2)>', 'City', repeat('<b>', 3400), '"><script>alert(3)</script>' FROM mls.subscription LIMIT 1});
my $found = ask($operator, 'find?text=%3Cscript%3Ealert(1)');
is($found->{json}{rows}[0]{key}, 'LK00000005', 'what looks like a script is found as it stands');
like($found->{headers}{'content-type'}, qr{^application/json}, 'and told as JSON');
is(length ask($operator, 'issues')->{json}{rows}[0]{value}, 10200, 'ten thousand characters are told whole');
is(scalar @{ ask($operator, "find?text=$_")->{json}{rows} }, 0, "nothing is found, and nothing happens: $_")
  for q{';DROP%20TABLE%20canary;--}, q{%27%20OR%201=1%20--}, q{$1}, '@.', '%24%24';
for my $sign ('%', '_', '\\')
{
	my @rows = @{ ask($operator, sprintf 'find?text=%%%02X', ord $sign)->{json}{rows} };
	my $known = query(qq{SELECT string_agg("ListingKey", ' ' ORDER BY "ListingKey") FROM gold.property WHERE position('$sign' IN "UnparsedAddress") > 0});
	my %found = map { $_->{key} => 1 } @rows;
	is(join(' ', grep { $found{$_} } split / /, $known), $known, "$sign is found");
	is(scalar(grep { $_->{field} eq 'UnparsedAddress' && index($_->{label}, $sign) < 0 } @rows), 0, 'where it stands: it is no pattern');
}
is(scalar @{ ask($operator, q{runs?source=%27%20OR%20%27%27=%27})->{json}{rows} }, 0, 'nor by a name');
is(ask($operator, "run?run=$_")->{status}, 400, "no number: $_") for '', '1;DROP', '1e3', '0x10', '99999999999999999999', '%201', '1%00', 'NaN';
is(ask($operator, "run")->{status}, 400, 'what is needed is missing');
is(ask($operator, "find?text=$_")->{status}, 400, "no text: $_") for '%ff', 'a%00b';
is(ask($operator, "find?text=" . 'x' x 5000)->{status}, 200, 'a long one is one');
is(ask($operator, $_)->{status}, 404, "no question: $_") for 'nothing', 'status/x', 'STATUS', 'status%2F';
is(act($operator, 'purge', { source => 'east', dry_run => 'perhaps' })->{status}, 400, 'no truth value');
is(act($operator, 'purge', { source => [ 'east' ] })->{status}, 400, 'no list where a text is wanted');
is(act($operator, 'schedule', { source => 'east', sync => '* * * * *' })->{json}{error}{sqlstate}, '55000', 'errors of SQL are told with their state');
is(query(q{SELECT to_regclass('canary') IS NOT NULL}), 't', 'the canary lives');
is(ask($operator, 'layers?source=east&resource=Property&key=LK00000007')->{json}{rows}[0]{key}, 'LK00000007', 'a record in its layers');
is(query(q{SELECT count(*) FROM mls_layers('east', 'Property', 'none')}), 0, 'one that nobody has');
is(query(q{SELECT record_key IS NOT NULL FROM mls_layers('east', 'Property') LIMIT 1}), 't', 'the newest, if none is named');
is(query(q{SELECT string_agg(DISTINCT gold, ',') FROM mls_layers('east', 'Property', 'LK00000007') WHERE field = 'ListPrice'}), 4711, 'as gold has it');

# ---- A connection that is lost, a password that was changed ----

query(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mls_serve site'});
is(ask($operator, 'status')->{status}, 200, 'a connection that is lost is opened anew');
my $leaver = log_in('leaver');
is(ask($leaver, 'status')->{status}, 200, 'somebody is there');
query(q{ALTER ROLE leaver PASSWORD 'another'; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'leaver'});
is(ask($leaver, 'status')->{status}, 401, 'and not with a password of before');
is($site->get('/api/session', headers => { Cookie => $leaver->{cookie} })->{json}{role}, undef, 'his session has ended');

# ---- Guessing ----

# Some attempts are free; each further one has to wait longer, so on a slow machine it comes later.
sub guess_until_slowed
{
	my ($guess) = @_;
	my $answer;
	for my $attempt (1 .. 12)
	{
		$answer = $guess->($attempt);
		return ($attempt, $answer) if $answer->{status} != 401;
	}
	return (13, $answer);
}
my ($attempts, $slowed) = guess_until_slowed(sub { log_in('victim', password => "guess $_[0]", from => '203.0.113.9') });
cmp_ok($attempts, '>', 5, 'some guesses are free');
is($slowed->{status}, 429, 'who has guessed so often waits');
like($slowed->{headers}{'retry-after'}, qr/^[1-9]\d*\z/, 'for so long');
my $lines = $site->log_text;
like($lines, qr/warning: site: a login as "victim" from 203\.0\.113\.9 was refused: Role or password is wrong\.$/m, 'who guesses stands in the log');
like($lines, qr/a login as "victim" from 203\.0\.113\.9 was refused, and the next one waits \d+ s: /, 'and that he waits');
unlike($lines, qr/guess \d/, 'without what he guessed');
(undef, $slowed) = guess_until_slowed(sub { $site->get('/metrics', user => "victim:guess $_[0]", headers => { 'X-Forwarded-For' => '203.0.113.9' }) });
is($slowed->{status}, 429, 'there is no other door');
is(log_in('victim', from => '203.0.113.10')->{status}, 200, 'others with that role do not');
is(log_in('viewer', from => '203.0.113.9')->{status}, 200, 'nor the same with another');
(undef, $slowed) = guess_until_slowed(sub { $site->get('/metrics', user => "victim:guess $_[0]", curl => [ '-H', 'X-Forwarded-For: 192.0.2.' . $_[0], '-H', 'X-Forwarded-For: 203.0.113.9' ]) });
is($slowed->{status}, 429, 'who claims to be another is who the proxy says');

# ---- Many sessions ----

my @many = map { log_in('viewer') } 1 .. 9;
is(scalar(grep { $_->{status} == 200 } @many), 9, 'a role logs in again and again');
is(ask($many[0], 'status')->{status}, 401, 'and its oldest session has ended');
is(ask($many[8], 'status')->{status}, 200, 'not its newest');
is(ask($operator, 'status')->{status}, 200, 'nor those of others');

# ---- Logging out ----

my $out = $site->get('/api/logout', method => 'POST', body => '{}', headers => { Cookie => $many[8]{cookie}, 'X-CSRF-Token' => $many[8]{csrf}, 'Content-Type' => 'application/json' });
like($out->{headers}{'set-cookie'}, qr/^mls_site=; .*Max-Age=0/, 'who logs out loses the cookie');
is(ask($many[8], 'status')->{status}, 401, 'and whoever has kept it the session');

# ---- Live ----

{
	my $stream = $site->get('/api/live', max_time => 3, headers => { Cookie => $operator->{cookie} });
	like($stream->{headers}{'content-type'}, qr{^text/event-stream}, 'what runs is told as it goes on');
	my ($data) = $stream->{body} =~ /^event: now\ndata: (.*)$/m;
	my $now = JSON::PP->new->utf8->decode($data);
	is(scalar @{ $now->{progress}{rows} }, 0, 'nothing does');
	cmp_ok(scalar @{ $now->{jobs} }, '>=', 2, 'but something did');
}

# ---- Monitors ----

my $metrics = $site->get('/metrics');
is($metrics->{status}, 401, 'numbers are for who is known');
like($metrics->{headers}{'www-authenticate'}, qr/^Basic /, 'by name and password');
is($site->get('/metrics', user => 'viewer:wrong')->{status}, 401, 'which have to be right');
$metrics = $site->get('/metrics', user => "viewer:$password{viewer}");
like($metrics->{headers}{'content-type'}, qr{^text/plain; version=0\.0\.4}, 'Prometheus reads them');
is(join("\n", grep { !/mls_site/ && /./ } split /\n/, $metrics->{body}), as_role('viewer', 'SELECT mls_metrics()'), 'they are those of SQL, as that role');
like($metrics->{body}, qr/^mls_site_sessions [1-9]\d*$/m, 'with those of the site');
{
	my $dashboard = JSON::PP->new->utf8->decode(slurp_file("$ENV{MLS_TREE}/docs/site/grafana.json"));
	my %known = map { $_ => 1 } split /\n/, query('SELECT DISTINCT name FROM mls.metric');
	my @numbers = map { $_->{expr} =~ /\b(mls_\w+)/g } map { @{ $_->{targets} } } @{ $dashboard->{panels} };
	cmp_ok(scalar @numbers, '>', 12, 'the dashboard has numbers');
	is(join(' ', grep { !$known{$_} } @numbers), '', 'that there are');
}
is($site->get('/metrics', user => "stranger:$password{stranger}")->{status}, 403, 'a stranger has none');
my $uptime = $site->get('/status.json', user => "viewer:$password{viewer}");
is($uptime->{status}, 200, 'all is well');
is($uptime->{json}{level}, as_role('viewer', q{SELECT CASE WHEN bool_or(level = 'critical') THEN 'critical' WHEN bool_or(level = 'warning') THEN 'warning' ELSE 'ok' END FROM mls_health()}), 'as SQL says');
query(q{INSERT INTO mls.run (subscription, process, status, finished_at, message) SELECT id, 'sync', 'failed', now(), 'it "broke"' FROM mls.subscription, generate_series(1, 3)});
$uptime = $site->get('/status.json', user => "viewer:$password{viewer}");
is($uptime->{status}, 503, 'a critical finding is seen by its status alone');
is((grep { $_->{item} eq 'failures' } @{ $uptime->{json}{findings} })[0]{level}, 'critical', 'and told');
query(q{DELETE FROM mls.run WHERE message = 'it "broke"'});

# ---- Nothing is told that should not be ----

unlike($site->log_text, qr/\Q$_\E/, 'the log has no password') for values %password;
is(query(q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%secret%' AND application_name = 'mls_serve site'}), 0, 'nor has a query');

# ---- Ages ----

{
	local $site = start_serve($node, site => '127.0.0.1:0', site_idle_seconds => 2, site_session_seconds => 6);
	my $who = log_in('viewer');
	my $stream = $site->get('/api/live', max_time => 30, headers => { Cookie => $who->{cookie} });
	like($stream->{body}, qr/event: end\n/, 'to look on does not keep a session that nobody uses');
	is(ask($who, 'status')->{status}, 401, 'it has ended');
	$who = log_in('viewer');
	wait_until('a page looks again by itself', sub { $site->get('/api/q/setup', headers => { Cookie => $who->{cookie}, 'X-Passive' => 1 })->{status} == 401 }, 20);
	is(ask($who, 'status')->{status}, 401, 'nor does a page that looks again by itself');
	$who = log_in('viewer');
	my $uses = 0;
	wait_until('each ends at an age', sub { $uses++; return ask($who, 'setup')->{status} == 401 }, 20);
	cmp_ok($uses, '>', 2, 'however much it is used');
	$site->stop;
}

# ---- Behind a proxy, and at a path ----

{
	my $directory = PostgreSQL::Test::Utils::tempdir_short();
	local $site = start_serve($node, site => "$directory/site", site_url => 'https://mls.example.com/desk/', trusted_proxies => 'local');
	my @socket = (curl => [ '--unix-socket', "$directory/site" ]);
	$site->{url} = 'http://mls.example.com';
	my $body = JSON::PP->new->utf8->encode({ role => 'viewer', password => $password{viewer} });
	my $login = $site->get('/desk/api/login', method => 'POST', body => $body, @socket, headers => { 'Content-Type' => 'application/json', Origin => 'https://mls.example.com', 'X-Forwarded-For' => '198.51.100.77' });
	is($login->{status}, 200, 'at a path') or diag($login->{body});
	like($login->{headers}{'set-cookie'}, qr/^mls_site=[\w-]{43}; Path=\/desk\/; HttpOnly; SameSite=Strict; Secure\z/, 'with a cookie for it, and for encrypted connections alone');
	is($site->get('/api/login', method => 'POST', body => $body, @socket, headers => { 'Content-Type' => 'application/json', Origin => 'http://mls.example.com' })->{status}, 200, 'or without, as proxies do');
	is($site->get('/desk/', @socket, headers => { Host => 'other.example.com' })->{status}, 421, 'by no other name');
	is((stat "$directory/site")[2] & 07777, 0660, 'the socket is not for all');
	$site->stop;
}
{
	local $site = start_serve($node, site => '127.0.0.1:0', site_url => 'https://mls.example.com');
	like(log_in('viewer')->{headers}{'set-cookie'}, qr/^__Host-mls_site=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure\z/, 'at the root no other host can set it');
	$site->stop;
}

# ---- Cures ----

# Each check of mls_health() that can find something has one on the Overview; geocoding is checked
# only where something is geocoded, feeds, marts, tests and files of datasets where there are some.
{
	my ($cures) = $site->get("/overview.js")->{body} =~ /^const CURES = \{(.*?)^\};/ms;
	is(join(' ', sort grep { !/^(schema|geocoding|feeds|marts|tests|files)$/ } $cures =~ /^\t(\w+):/mg), query(q{SELECT string_agg(item, ' ' ORDER BY item COLLATE "C") FROM mls_health()}), 'each check has a cure');
}

# ---- The end ----

{
	my $holder = $node->background_psql('postgres');
	$holder->query_safe('BEGIN; LOCK TABLE mls.subscription IN ACCESS EXCLUSIVE MODE');
	is(act($operator, 'count', { source => 'east' })->{status}, 202, 'a job runs');
	wait_until('it waits', sub { query(q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mls_serve site' AND wait_event_type = 'Lock'}) > 0 });
	my $watching = $site->begin('/api/live', headers => { Cookie => $viewer->{cookie} });
	is($site->stop, 0, 'the program ends all the same');
	$site->finish($watching);
	$holder->query_safe('ROLLBACK');
	$holder->quit;
	wait_until('its connections end', sub { query(q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mls_serve site'}) == 0 });
}

$mls->stop;
done_testing();
