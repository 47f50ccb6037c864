# MlsTls: a front that ends TLS before a test server, as before every real source:
# nginx, with HTTP/2 and certificates of a private authority made by openssl.
package MlsTls;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Symbol qw(gensym);

our @EXPORT = qw(make_authority make_certificate start_front);

sub openssl
{
	my (@arguments) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'openssl', @arguments ], '>', \$out, '2>', \$err) or die "openssl @arguments: $err";
	return;
}

# An authority of that name; returns where its certificate and key are.
sub make_authority
{
	my ($name) = @_;
	my $base = PostgreSQL::Test::Utils::tempdir() . "/$name";
	openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30',
		'-subj', "/CN=$name", '-keyout', "$base.key", '-out', "$base.crt");
	return { certificate => "$base.crt", key => "$base.key" };
}

# A certificate for names ("IP:127.0.0.1", "DNS:example.com").  from and to are days from now.
sub make_certificate
{
	my ($authority, $names, %when) = @_;
	my $base = PostgreSQL::Test::Utils::tempdir() . '/server';
	openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=server',
		'-keyout', "$base.key", '-out', "$base.csr");
	append_to_file("$base.ext", "subjectAltName=$names\n");
	append_to_file("$base.conf", "[ca]\ndefault_ca=own\n[own]\ndatabase=$base.db\nserial=$base.serial\nnew_certs_dir="
		  . PostgreSQL::Test::Utils::tempdir() . "\ndefault_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n");
	append_to_file("$base.db", '');
	append_to_file("$base.serial", "01\n");
	openssl('ca', '-batch', '-config', "$base.conf", '-cert', $authority->{certificate}, '-keyfile', $authority->{key},
		'-in', "$base.csr", '-out', "$base.crt", '-notext', '-extfile', "$base.ext",
		'-startdate', day($when{from} // -1), '-enddate', day($when{to} // 30));
	return { certificate => "$base.crt", key => "$base.key" };
}

# A day from now as openssl writes it.
sub day
{
	my ($days) = @_;
	my @at = gmtime(time() + $days * 86400);
	return sprintf '%04d%02d%02d%02d%02d%02dZ', $at[5] + 1900, $at[4] + 1, @at[ 3, 2, 1, 0 ];
}

# nginx with a certificate before a test server.  It tells the server neither that it was
# asked by https nor its own port, as most do.
sub start_front
{
	my ($mls, $certificate) = @_;
	my $directory = PostgreSQL::Test::Utils::tempdir();
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	append_to_file("$directory/nginx.conf", <<"CONF");
daemon off;
pid $directory/pid;
worker_processes 1;
events { worker_connections 128; }
http {
	log_format seen '\$server_protocol \$ssl_protocol \$request_method \$request_uri';
	access_log $directory/access.log seen;
	client_body_temp_path $directory/body;
	proxy_temp_path $directory/proxy;
	fastcgi_temp_path $directory/fastcgi;
	uwsgi_temp_path $directory/uwsgi;
	scgi_temp_path $directory/scgi;
	server {
		listen 127.0.0.1:$port ssl http2;
		ssl_certificate $certificate->{certificate};
		ssl_certificate_key $certificate->{key};
		location / {
			proxy_pass http://127.0.0.1:$mls->{port};
			proxy_http_version 1.1;
			proxy_set_header Host \$host;
		}
	}
}
CONF
	my $log = '';
	my $in = gensym;    # the front ends when this is closed
	my $handle = IPC::Run::start([ 'sh', '-c',
			"nginx -e $directory/error.log -c $directory/nginx.conf & pid=\$!; cat >/dev/null; kill \$pid; wait \$pid" ],
		'<pipe', $in, '>', \$log, '2>&1', IPC::Run::timeout(600));
	my $self = bless { handle => $handle, in => $in, directory => $directory, port => $port }, 'MlsTls::Front';
	$self->await($mls);
	return $self;
}

package MlsTls::Front;

use strict;
use warnings;

use IO::Socket::INET;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Time::HiRes qw(usleep);

# Waits until it listens.
sub await
{
	my ($self) = @_;
	for my $attempt (1 .. 600)
	{
		return if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port});
		usleep(100_000);
	}
	die 'nginx did not start: ' . (-e "$self->{directory}/error.log" ? slurp_file("$self->{directory}/error.log") : 'no log');
}

sub url
{
	my ($self, $path) = @_;
	return "https://127.0.0.1:$self->{port}" . ($path // '/odata');
}

# What it was asked: lines of protocol, TLS version, method, path.
sub seen
{
	my ($self) = @_;
	return split /\n/, slurp_file("$self->{directory}/access.log");
}

sub stop
{
	my ($self) = @_;
	return unless $self->{handle};
	close $self->{in};
	IPC::Run::finish(delete $self->{handle});
	return;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $@);
	eval { $self->stop };
	return;
}

1;
