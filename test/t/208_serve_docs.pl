# What docs/serving.md shows of mls_serve: its SQL, then its shell, as one after the other
# would type them; the service behind nginx and Apache as docs/serve has them; what the guide
# for clients shows; the manual.
use strict;
use warnings;

use IO::Socket::UNIX;
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

# ---- the service, behind nginx and Apache ----

# Its keys are made as the page says.
my ($make_keys) = $page =~ /^    (umask 077; .*?)^\n/ms;
$make_keys =~ s{/etc/mls_serve}{$tmp/etc}g;
append_to_file("$tmp/keys.sh", "set -eu\n$make_keys");
command_ok([ 'bash', "$tmp/keys.sh" ], 'keys are made');
my $serve = start_serve($node, user => 'reso_api', jwt_secret_file => "$tmp/etc/keys", public_url => 'https://api.example.com/reso/odata', basic => '',
	trusted_proxies => '127.0.0.1', anonymous => 'web_anon', anonymous_rate => 1, origins => 'https://www.example.com');
is(join(' ', map { "$_->{kid} $_->{alg}" } @{ $serve->get('/.well-known/jwks.json')->{json}{keys} }), '2026b RS256', 'the RSA key is shown');

# A configuration of the page, without TLS, on a port of its own and before our program.
sub adapted
{
	my ($file, $port) = @_;
	my $conf = slurp_file("$tree/docs/serve/$file");
	$conf =~ s/127\.0\.0\.1:8080/$serve->{place}/g;
	$conf =~ s/listen 443 ssl http2;|(<VirtualHost )\*:443>/defined $1 ? "${1}127.0.0.1:$port>" : "listen 127.0.0.1:$port;"/e;
	$conf =~ s/^\s*(?:ssl_|SSL).*\n//mg;
	$conf =~ s{/var/log/(?:nginx|apache2)}{$tmp}g;
	$conf =~ s/mls_serve\.log/$file.log/;
	$conf =~ s/^(\s*)#(ProxyPass)/$1$2/mg;
	return $conf;
}

sub start_proxy
{
	my ($name) = @_;
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	mkdir "$tmp/$name";
	my @command;
	if ($name eq 'nginx')
	{
		append_to_file("$tmp/$name.conf", "daemon off;\nerror_log $tmp/nginx_error.log;\npid $tmp/nginx.pid;\nevents {}\nhttp {\n"
			  . join('', map { "${_}_temp_path $tmp/nginx;\n" } qw(client_body proxy fastcgi uwsgi scgi)) . adapted('nginx.conf', $port) . "\n}\n");
		@command = ('nginx', '-c', "$tmp/$name.conf", '-e', "$tmp/nginx_start.log");
	}
	else
	{
		append_to_file("$tmp/$name.conf", join('', map { "LoadModule ${_}_module /usr/lib/apache2/modules/mod_$_.so\n" } qw(mpm_event authz_core headers env proxy proxy_http))
			  . "ServerRoot $tmp/apache\nDefaultRuntimeDir $tmp/apache\nPidFile $tmp/apache.pid\nErrorLog $tmp/apache_error.log\nServerName localhost\nListen 127.0.0.1:$port\n" . adapted('apache.conf', $port));
		@command = ('apache2', '-DFOREGROUND', '-f', "$tmp/$name.conf");
	}
	my ($out, $err) = ('', '');
	my $handle = IPC::Run::start(\@command, '<', \undef, '>', \$out, '2>', \$err);
	wait_until("$name listens", sub { IPC::Run::pump_nb($handle); $serve->get("http://127.0.0.1:$port/reso/odata/", user => "$id:$secret")->{status} == 200 }, 30) or diag($err);
	return { handle => $handle, root => "http://127.0.0.1:$port/reso/odata", log => "$tmp/$name.conf.log" };
}

my %proxies = map { $_ => start_proxy($_) } qw(nginx apache);

# ---- the shell of the pages ----

# Each line of a block, where ID and SECRET are set.  The first one may set TOKEN for the others.
sub run_shell
{
	my ($name, $shell, $root) = @_;
	$shell =~ s{https://api\.example\.com/reso/odata}{$root}g;
	my @lines = split /\n/, $shell;
	my $token_line = $lines[0] =~ /^TOKEN=/ ? (shift @lines) . "\ntest -n \"\$TOKEN\"\n" : '';
	my @bodies;
	for my $line (@lines)
	{
		my $file = "$tmp/$name" . @bodies;
		append_to_file("$file.sh", "set -eu\nID='$id'\nSECRET='$secret'\n$token_line$line > $file.out\n");
		command_ok([ 'bash', "$file.sh" ], "$name: " . substr($line =~ s/.*(?:example|:\d+)//r, 0, 70));
		push @bodies, slurp_file("$file.out");
		ok($bodies[-1] =~ /^<\?xml/ || eval { decode_json($bodies[-1]) }, 'gives JSON, or metadata') or diag($bodies[-1]);
	}
	return @bodies;
}

my ($shell) = $page =~ /^```sh\n(TOKEN=.*?)^```/ms;
for my $proxy (sort keys %proxies)
{
	my @bodies = run_shell($proxy, $shell, $proxies{$proxy}{root});
	cmp_ok(scalar @bodies, '>', 5, 'the page has commands');
	is(scalar @{ decode_json($bodies[2])->{value} }, 5, 'the page of five has five');
}
my $guide = slurp_file("$tree/docs/serve/clients.md");
my ($scoped) = map { run_shell('guide', $_, $proxies{apache}{root}) } $guide =~ /^```sh\n(.*?)^```/msg;
is(decode_json($scoped)->{scope}, 'Property Media', 'the guide gets a token of a scope');

# ---- what a proxy must leave alone ----

my $listing = $node->safe_psql('postgres', q{SELECT "ListingKey" FROM idx."Property" ORDER BY 1 LIMIT 1});
$node->safe_psql('postgres', qq{UPDATE gold.property SET "ListingKey" = 'a/b' WHERE "ListingKey" = '$listing'});
my $token = $serve->token($id, $secret);
for my $proxy (sort keys %proxies)
{
	my $through = $proxies{$proxy}{root};
	is($serve->get("$through/Property('a%2Fb')?\$select=ListingKey", token => $token)->{json}{ListingKey}, 'a/b', "$proxy: a slash in a key passes as it was written");
	is($serve->get("$through/Property('a%2Fb')/City/\$value", token => $token)->{status}, $serve->get("/Property('a%2Fb')/City/\$value", token => $token)->{status}, 'what follows it too');
	is($serve->get("$through/Property?\$filter=City%20eq%20'%25%26%2B%23%3F%2F%5C'&\$count=true", token => $token)->{body}, $serve->get("/Property?\$filter=City%20eq%20'%25%26%2B%23%3F%2F%5C'&\$count=true", token => $token)->{body}, 'other signs too');
	is($serve->get("$through/Property?\$filter=" . 'x' x 20_000, token => $token)->{status}, 400, 'a long address passes');
	my @statuses = map { $serve->get("$through/Property?\$top=1", headers => { 'X-Forwarded-For' => "192.0.2.$_" })->{status} } 1 .. 40;
	cmp_ok(scalar(grep { $_ == 429 } @statuses), '>', 0, 'who asks too often through the proxy, whatever he says where he is');
	my $direct = $serve->get('/Property?$top=1', headers => { 'X-Forwarded-For' => $proxy eq 'nginx' ? '192.0.2.107' : '192.0.2.108' });
	is($direct->{status}, 200, 'is not taken for somebody else');
	my $tag = $serve->get("$through/Property?\$top=3", token => $token)->{headers}{etag};
	is($serve->get("$through/Property?\$top=3", token => $token, headers => { 'If-None-Match' => $tag, 'Accept-Encoding' => 'gzip' })->{status}, 304, 'tags pass');
	is($serve->get("$through/Property?\$top=60", token => $token, headers => { 'Accept-Encoding' => 'gzip' }, curl => ['--raw'])->{headers}{'content-encoding'}, 'gzip', 'a page is compressed once');
	is($serve->get($through =~ s{/reso/odata}{/.well-known/oauth-authorization-server/reso/odata}r)->{json}{jwks_uri}, 'https://api.example.com/reso/odata/.well-known/jwks.json', 'the description is reached');
	my $preflight = $serve->get("$through/Property", method => 'OPTIONS', headers => { Origin => 'https://www.example.com', 'Access-Control-Request-Method' => 'GET', 'Access-Control-Request-Headers' => 'authorization,prefer' });
	is($preflight->{headers}{'access-control-allow-origin'}, 'https://www.example.com', 'a page of the origin may ask');
	like($preflight->{headers}{'access-control-allow-headers'}, qr/Authorization.*Prefer/, 'with a token and a preference');
}
my $moved = $proxies{apache}{root} =~ s{/odata}{/oauth/token}r;
is($serve->get($moved, form => { grant_type => 'client_credentials', scope => 'odata' }, user => "$id:$secret")->{json}{token_type}, 'Bearer', 'the address of tokens before is kept by a line');

# ---- Power BI ----

# What it sends for the query of the guide: first what there is, then the rows, steps folded.
{
	my ($m) = $guide =~ /^```powerquery\n(.*?)^```/ms;
	my ($feed) = $m =~ /OData\.Feed\("([^"]*)"/;
	is($feed, 'https://api.example.com/reso/odata', 'the feed is the root');
	my ($set) = $m =~ /Name = "(\w+)"/;
	my ($each) = $m =~ /Table\.SelectRows\(\w+, each (.*)\)/;
	my ($columns) = $m =~ /Table\.SelectColumns\(\w+, \{(.*?)\}/;
	my ($first) = $m =~ /Table\.FirstN\(\w+, (\d+)\)/;
	my %words = ('=' => 'eq', '<>' => 'ne', '>' => 'gt', '>=' => 'ge', '<' => 'lt', '<=' => 'le');
	my $filter = $each =~ s/\[(\w+)\]/$1/gr =~ s/"([^"]*)"/'$1'/gr =~ s/ (<>|[<>]=?|=) / $words{$1} /gr;
	my @columns = $columns =~ /"(\w+)"/g;
	my %power = (
		user => "$id:$secret",
		headers => { 'OData-MaxVersion' => '4.0', 'User-Agent' => 'Microsoft.Data.Mashup (https://go.microsoft.com/fwlink/?LinkID=304225)', 'Accept-Encoding' => 'gzip, deflate',
			Accept => 'application/json;odata.metadata=minimal;q=1.0,application/json;odata=minimalmetadata;q=0.9,application/atomsvc+xml;q=0.8,application/atom+xml;q=0.8,application/xml;q=0.7,text/plain;q=0.7' });
	my $base = $proxies{nginx}{root};
	my $document = $serve->get($base, %power, curl => ['--compressed']);
	ok(scalar(grep { $_->{name} eq $set && $_->{kind} eq 'EntitySet' } @{ $document->{json}{value} }), 'the service document has the table');
	is($document->{headers}{'odata-version'}, '4.0', 'in the version that is asked for');
	my $metadata = $serve->get("$base/\$metadata", %power, headers => { %{ $power{headers} }, Accept => 'application/xml' }, curl => ['--compressed']);
	like($metadata->{body}, qr/<Property Name="$_" /, "its description has $_") for @columns;
	is($metadata->{headers}{'odata-version'}, '4.0', 'as 4.0');
	my $rows = $serve->get("$base/$set?\$filter=" . filter_url("($filter)" =~ s/ and /) and (/r) . '&$select=' . join(',', @columns) . "&\$top=$first", %power, curl => ['--compressed']);
	is($rows->{status}, 200, 'the steps are one request') or diag($rows->{body});
	cmp_ok(scalar @{ $rows->{json}{value} }, '>', 0, 'which has rows');
	is(scalar(grep { $_->{StandardStatus} || $_->{ListPrice} < 300000 } @{ $rows->{json}{value} }), 0, 'of those that were asked for');
	is(join(' ', sort grep { !/@/ } keys %{ $rows->{json}{value}[0] }), join(' ', sort @columns), 'with the columns');
	like($serve->get("$base/$set/\$count?\$filter=" . filter_url($filter), %power)->{body}, qr/^\d+$/, 'and their number');
	is($serve->get("$base/\$metadata", %power, user => "$id:wrong")->{status}, 401, 'a wrong secret is refused');
}

# ---- TypeScript ----

SKIP:
{
	skip 'there is no node here', 3 if system('command -v node >/dev/null 2>&1') != 0;
	my ($ts) = $guide =~ /^```ts\n(.*?)^```/ms;
	# Without its types it is JavaScript; that they are right is seen by test/peers.
	$ts =~ s/: Promise<\w+>|: AsyncGenerator<\w+>|: Record<string, string>|: (?:string|number|any)(?: \| undefined)?(?=[ ,;)])//g;
	append_to_file("$tmp/guide.mjs", $ts);
	local @ENV{qw(RESO_URL RESO_ID RESO_SECRET)} = ($proxies{nginx}{root}, $id, $secret);
	my ($out, $err) = run_command([ 'node', "$tmp/guide.mjs" ]);
	is($err, '', 'the example runs');
	my @keys = map { (split / /)[0] } split /\n/, $out;
	my ($records) = $serve->all_records('/Property?$filter=' . filter_url("StandardStatus eq 'Active' and ListPrice gt 300000") . '&$orderby=ListPrice%20desc', token => $token);
	cmp_ok(scalar @keys, '>', 0, 'and has records');
	is("@keys", join(' ', map { $_->{ListingKey} } @$records), 'all that there are');
}

# ---- names that moved ----

{
	my $moved_page = slurp_file("$tree/docs/serve/mls_2_0.md");
	my @rows = map { [ split / *\| */ ] } $moved_page =~ /^\| ((?:Property|Member|Office|Media|Contacts|ShowingAppointment)[^\n]*) \|$/mg;
	@rows = grep { @$_ == 3 } @rows;
	cmp_ok(scalar @rows, '>', 12, 'the page has a table of names');
	for my $row (@rows)
	{
		my ($resources, undef, $here) = @$row;
		for my $resource (split /, /, $resources)
		{
			my @names = grep { /^[A-Z]\w*[a-z]\w*$|^X_/ } $here =~ /\b([A-Z]\w+)\b/g;
			@names = ('DevelopmentStatus', 'NewConstructionYN') if $here =~ /DevelopmentStatus/;
			@names = grep { $_ ne 'LotSizeSquareFeet' || $resource eq 'Property' } @names;
			is($node->safe_psql('postgres', sprintf q{SELECT string_agg(f, ' ') FROM unnest('{%s}'::text[]) f WHERE NOT EXISTS (SELECT FROM mls.field_map m WHERE m.protocol = 'qobrix' AND m.resource = '%s' AND m.field = f)}, join(',', @names), $resource), '', "rules make $resource: @names");
		}
	}
}

for my $proxy (sort keys %proxies)
{
	my $written = slurp_file($proxies{$proxy}{log});
	like($written, qr{/reso/odata/Property}, "$proxy writes what was asked");
	unlike($written, qr/filter|top=/, 'without queries');
	$proxies{$proxy}{handle}->signal($proxy eq 'nginx' ? 'QUIT' : 'TERM');
	$proxies{$proxy}{handle}->finish;
}

# ---- the unit ----

# Its line and its example of settings start the program; what is around it systemd knows.
{
	my $unit = slurp_file("$tree/docs/serve/mls_serve.service");
	my ($line) = $unit =~ /^ExecStart=(.*)$/m;
	my %set = $unit =~ /^#   (\w+)=(.*)$/mg;
	ok($set{PGPASSWORD} && $set{MLS_SERVE_DATABASE} =~ /host=127\.0\.0\.1 dbname=mls user=reso_api/, 'it has an example of settings');
	my ($host, $db_port) = ($node->host, $node->port);
	$set{MLS_SERVE_DATABASE} =~ s/host=\S+ dbname=\S+/host=$host port=$db_port dbname=postgres/;
	my $program = MlsServe::program();
	$line =~ s{^\S+/bin/mls_serve}{$program};
	$line =~ s{%d}{$tmp/etc};
	s{/run/mls_serve}{$tmp} for $line, values %set;
	local %ENV = (%ENV, %set, MLS_SERVE_LISTEN => '127.0.0.1:0', NOTIFY_SOCKET => "$tmp/notify");
	my $manager = IO::Socket::UNIX->new(Type => Socket::SOCK_DGRAM(), Local => "$tmp/notify");
	my $said = '';
	my $handle = IPC::Run::start([ split / /, $line ], '<', \undef, '>', \my $out, '2>', \$said);
	wait_until('it starts', sub { IPC::Run::pump_nb($handle); $said =~ /listening on/ }, 60) or diag($said);
	like($said, qr/listening on 127\.0\.0\.1:\d+ as \Q$set{MLS_SERVE_PUBLIC_URL}\E/, 'as the settings say');
	$manager->recv(my $state, 100);
	is($state, 'READY=1', 'and says so');
	$handle->signal('TERM');
	$handle->finish;
	is($handle->full_result(0), 0, 'it ends');
	append_to_file("$tmp/mls_serve.service", $unit =~ s{^(Exec(?:Start|Reload)=)\S+}{$1/bin/true}mgr);
	my ($wrong, $err) = system("command -v systemd-analyze >/dev/null 2>&1") == 0 ? run_command([ 'systemd-analyze', 'verify', '--man=no', "$tmp/mls_serve.service" ]) : ('', '');
	unlike("$wrong$err", qr/mls_serve\.service:\d+:/, 'systemd understands each line');
}

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
