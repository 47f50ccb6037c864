# MlsMaria: a MariaDB server of the test's own, as whoever runs the tests, on a free port.
package MlsMaria;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run ();
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(has_maria start_maria);

sub has_maria
{
	return -x '/usr/sbin/mariadbd';
}

# A running server with database "shop" and user "mls"; options are those of mariadbd.
sub start_maria
{
	my (@options) = @_;
	my $self = bless { directory => PostgreSQL::Test::Utils::tempdir_short(), port => PostgreSQL::Test::Cluster::get_free_port(), options => \@options }, __PACKAGE__;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'mariadb-install-db', '--no-defaults', '--auth-root-authentication-method=normal', '--skip-test-db', "--datadir=$self->{directory}/data" ], '<', \undef, '>', \$out, '2>', \$err)
	  or die "mariadb-install-db: $out$err";
	$self->start;
	$self->sql(q{CREATE DATABASE shop; CREATE USER mls@'127.0.0.1' IDENTIFIED BY 'maria-pass-value'; GRANT ALL ON shop.* TO mls@'127.0.0.1'}, 'mysql');
	return $self;
}

sub start
{
	my ($self) = @_;
	my $dir = $self->{directory};
	my @command = ('/usr/sbin/mariadbd', '--no-defaults', "--datadir=$dir/data", "--socket=$dir/s", "--port=$self->{port}", '--bind-address=127.0.0.1', "--pid-file=$dir/pid",
		"--log-error=$dir/log", '--innodb-buffer-pool-size=64M', '--innodb-log-file-size=32M', '--skip-name-resolve', '--performance-schema=OFF', @{ $self->{options} });
	$self->{pid} = fork() // die "fork: $!";
	if ($self->{pid} == 0)
	{
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', "$dir/log";
		open STDERR, '>>', "$dir/log";
		exec @command or POSIX::_exit(1);
	}
	for (1 .. 600)
	{
		return if eval { $self->sql('SELECT 1', 'mysql'); 1 };
		die 'mariadbd did not start: ' . slurp_file("$dir/log") if waitpid($self->{pid}, POSIX::WNOHANG()) > 0;
		select(undef, undef, undef, 0.1);
	}
	die 'mariadbd does not answer: ' . slurp_file("$dir/log");
}

# As a crash would.
sub kill9
{
	my ($self) = @_;
	kill 'KILL', $self->{pid};
	waitpid($self->{pid}, 0);
	delete $self->{pid};
	return;
}

sub stop
{
	my ($self) = @_;
	return unless $self->{pid};
	local ($?, $!);
	kill 'TERM', $self->{pid};
	waitpid($self->{pid}, 0);
	delete $self->{pid};
	return;
}

# What the client shows, tabs between columns; as the superuser, by the socket.
sub sql
{
	my ($self, $sql, $database) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'mariadb', '--no-defaults', '--skip-ssl', "--socket=$self->{directory}/s", '-uroot', '--default-character-set=utf8mb4', '-N', '-r', '-B', $database // 'shop' ], '<', \$sql, '>', \$out, '2>', \$err)
	  or die "mariadb: $err";
	chomp $out;
	return $out;
}

# A client that does a query in a transaction, and stays in that.
sub hold
{
	my ($self, $sql) = @_;
	my ($out, $err) = ('', '');
	my $script = "BEGIN; $sql; SELECT 'held'; DO SLEEP(1000);";
	my $client = IPC::Run::start([ 'mariadb', '--no-defaults', '--skip-ssl', "--socket=$self->{directory}/s", '-uroot', '-N', '-B', '--unbuffered', '-e', $script, 'shop' ], '<', \undef, '>', \$out, '2>', \$err);
	$self->wait_for(q{SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'DO SLEEP%'});
	return $client;
}

# Until a number is not 0.  InnoDB shows what it is doing from a copy, which is not made anew
# while somebody looks more often than each 100 ms.
sub wait_for
{
	my ($self, $sql) = @_;
	for (1 .. 150)
	{
		return if $self->sql($sql, 'mysql') > 0;
		select(undef, undef, undef, 0.2);
	}
	die "waited in vain for: $sql";
}

sub url
{
	my ($self) = @_;
	return "mysql://127.0.0.1:$self->{port}/shop";
}

sub DESTROY
{
	my ($self) = @_;
	$self->stop;
	return;
}

1;
