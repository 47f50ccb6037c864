# What docs/serving.md shows of mls_serve: its SQL, then its shell, as one after the other
# would type them; the service behind nginx as docs/serve/nginx.conf has it; the manual.
use strict;
use warnings;

use JSON::PP;
use MlsServe;
use MlsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

need_serve();
my $tree = $ENV{MLS_TREE};
my $tmp = $PostgreSQL::Test::Utils::tmp_check;
my $node = new_node('serve_docs');
my $mls = start_mls(listings => 60);
my $root = "http://127.0.0.1:$mls->{port}";
$node->safe_psql('postgres', qq{
	CREATE SERVER trestle FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '$root/odata', token_url '$root/oauth/token');
	CREATE USER MAPPING FOR CURRENT_USER SERVER trestle OPTIONS (client_id 'demo', client_secret 's3cret-demo-value');
	CREATE SCHEMA trestle;
	IMPORT FOREIGN SCHEMA reso FROM SERVER trestle INTO trestle;
	SELECT mls_subscribe('trestle.property');
	SELECT * FROM mls_sync()});

# ---- the SQL of the page, to the last block of its part ----

my $page = slurp_file("$tree/docs/serving.md");
my ($id, $secret);
for my $sql ($page =~ /^```sql\n(.*?)^```/msg)
{
	my ($status, $out, $err) = $node->psql('postgres', $sql, on_error_stop => 1);
	is($status, 0, 'SQL: ' . substr($sql =~ s/\s+/ /gr, 0, 60)) or diag($err);
	($id, $secret) = ($1, $2) if $out =~ /^([\w-]{20,30})\|([\w-]{40,60})$/m;
	$secret = $1 if defined $id && $out =~ /^([\w-]{40,60})$/m;
}
ok(defined $id, 'a consumer came of it');

# ---- the service, behind nginx ----

append_to_file("$tmp/keys", 'k1 ' . 'k' x 64 . "\n");
chmod 0600, "$tmp/keys";
my $serve = start_serve($node, user => 'reso_api', jwt_secret_file => "$tmp/keys", public_url => 'https://api.example.com/reso/odata',
	trusted_proxies => '127.0.0.1', anonymous => 'web_anon', anonymous_rate => 1);
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $conf = slurp_file("$tree/docs/serve/nginx.conf");
$conf =~ s/127\.0\.0\.1:8080/$serve->{place}/g;
$conf =~ s/listen 443 ssl http2;/listen 127.0.0.1:$port;/;
$conf =~ s/^\s*ssl_.*\n//mg;
$conf =~ s{/var/log/nginx}{$tmp};
mkdir "$tmp/nginx";
append_to_file("$tmp/nginx.conf", "daemon off;\nerror_log $tmp/nginx_error.log;\npid $tmp/nginx.pid;\nevents {}\nhttp {\n"
	  . join('', map { "${_}_temp_path $tmp/nginx;\n" } qw(client_body proxy fastcgi uwsgi scgi)) . "$conf\n}\n");
my $nginx = IPC::Run::start([ 'nginx', '-c', "$tmp/nginx.conf", '-e', "$tmp/nginx_start.log" ], '<', \undef, '>', \my $nginx_out, '2>', \my $nginx_err);
wait_until('nginx listens', sub { $serve->get("http://127.0.0.1:$port/reso/odata/")->{status} == 200 }, 30) or diag($nginx_err);

# ---- the shell of the page ----

my ($shell) = $page =~ /^```sh\n(TOKEN=.*?)^```/ms;
$shell =~ s{https://api\.example\.com/reso/odata}{http://127.0.0.1:$port/reso/odata}g;
my @lines = split /\n/, $shell;
cmp_ok(scalar @lines, '>', 5, 'the page has commands');
my $token_line = shift @lines;
my $number = 0;
for my $line (@lines)
{
	my $file = "$tmp/line" . ++$number;
	append_to_file("$file.sh", "set -eu\nID='$id'\nSECRET='$secret'\n$token_line\ntest -n \"\$TOKEN\"\n$line > $file.out\n");
	command_ok([ 'bash', "$file.sh" ], 'shell: ' . substr($line =~ s/.*example|.*:\d+//r, 0, 70));
	my $body = slurp_file("$file.out");
	ok($body =~ /^<\?xml/ || eval { decode_json($body) }, 'gives JSON, or metadata') or diag($body);
}
is(scalar @{ decode_json(slurp_file("$tmp/line3.out"))->{value} }, 5, 'the page of five has five');

# ---- what the proxy must leave alone ----

my $through = "http://127.0.0.1:$port/reso/odata";
my $listing = $node->safe_psql('postgres', q{SELECT "ListingKey" FROM web_anon."Property" ORDER BY 1 LIMIT 1});
$node->safe_psql('postgres', qq{UPDATE gold.property SET "ListingKey" = 'a/b' WHERE "ListingKey" = '$listing'});
my $token = $serve->token($id, $secret);
is($serve->get("$through/Property('a%2Fb')?\$select=ListingKey", token => $token)->{json}{ListingKey}, 'a/b', 'a slash in a key passes as it was written');
is($serve->get("$through/Property?\$filter=" . 'x' x 20_000, token => $token)->{status}, 400, 'a long address passes');
my @statuses = map { $serve->get("$through/Property?\$top=1")->{status} } 1 .. 12;
cmp_ok(scalar(grep { $_ == 429 } @statuses), '>', 0, 'who asks too often through the proxy');
my $direct = $serve->get('/Property?$top=1', headers => { 'X-Forwarded-For' => '192.0.2.7' });
is($direct->{status}, 200, 'is not taken for somebody else');
my $written = slurp_file("$tmp/mls_serve.log");
unlike($written, qr/filter|top=/, 'its log has no queries');
$nginx->signal('QUIT');
$nginx->finish;

# ---- the manual says all that there is ----

my ($help) = run_command([ MlsServe::program(), '--help' ]);
my $manual = slurp_file("$tree/docs/serve/mls_serve.1");
for my $flag ($help =~ /^  (--[\w-]+)/mg)
{
	my $name = $flag =~ s/-/\\-/gr;
	like($manual, qr/\Q$name\E/, "the manual has $flag");
}
SKIP:
{
	skip 'there is no man here', 1 if system('command -v man >/dev/null 2>&1') != 0;
	is((run_command([ 'man', '--warnings', '-l', "$tree/docs/serve/mls_serve.1" ]))[1], '', 'and is well formed');
}
my ($version) = run_command([ MlsServe::program(), '--version' ]);
is($version, 'mls_serve ' . $node->safe_psql('postgres', q{SELECT extversion FROM pg_extension WHERE extname = 'mls_fdw'}), 'its version is that of the extension');

is($serve->stop, 0, 'it ends');
$mls->stop;
$node->stop;
done_testing();
