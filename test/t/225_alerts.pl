# Alerts: what is watched is told once, to webhook, Slack, Teams and by mail; who is told of
# something is told of its end; a broken receiver holds back nobody.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use Encode qw(decode encode);
use IPC::Run ();
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use MlsServe;
use MlsSync;
use MlsTest;
use MlsTls;
use PostgreSQL::Test::Utils;
use Symbol qw(gensym);
use Time::HiRes;
use Test::More;

# What the tests themselves say to the server is not to stand in its log.
my $node = new_node('alerts', log_statement => 'none', log_min_error_statement => 'panic');
my $mls = start_mls(listings => 30);
my %hook = map { $_ => start_mls(listings => 1) } qw(hook slack teams);
my %url = map { $_ => "http://127.0.0.1:$hook{$_}{port}/hook" } keys %hook;
create_source($node, $mls, 'east', schema_check_interval => 0, retries => 0, requests_per_second => 1000);

sub query
{
	my ($sql, @more) = @_;
	return scalar $node->safe_psql('postgres', $sql, @more);
}

# ---- A mail server ----

my @mailers;
sub start_mailbox
{
	my (@arguments) = @_;
	my $directory = PostgreSQL::Test::Utils::tempdir();
	my ($out, $err, $in) = ('', '', gensym);
	my $handle = IPC::Run::start([ '/usr/bin/python3', '-B', "$ENV{MLS_TREE}/test/server/mailbox.py", $directory, @arguments ], '<pipe', $in, '>', \$out, '2>', \$err, IPC::Run::timeout(600));
	IPC::Run::pump($handle) until $out =~ /listening on (\d+)/ || !$handle->pumpable;
	die "no mail server: $err" unless $out =~ /listening on (\d+)/;
	push @mailers, { handle => $handle, in => $in, out => \$out, err => \$err };
	return { port => $1, directory => $directory, seen => 0 };
}

# Mails since the last call, with their headers, subject and body as a reader sees them.
sub mails
{
	my ($box) = @_;
	my @all = sort glob "$box->{directory}/*.json";
	my @new = @all[ $box->{seen} .. $#all ];
	$box->{seen} = @all;
	return map {
		my $mail = JSON::PP::decode_json(slurp_file($_));
		my ($head, $body) = split /\r\n\r\n/, $mail->{text}, 2;
		$head =~ s/\r\n[ \t]+/ /g;
		my %header = map { /^([^:]+): (.*)$/ ? (lc $1 => $2) : () } split /\r\n/, $head;
		my $subject = $header{subject} !~ /=\?/ ? $header{subject}
		  : join '', map { decode('UTF-8', decode_base64($_)) } $header{subject} =~ /=\?UTF-8\?B\?([^?]*)\?=/g;
		$body = decode('UTF-8', decode_base64($body)) if $header{'content-transfer-encoding'} eq 'base64';
		+{ %$mail, header => \%header, subject => $subject, body => $body };
	} @new;
}

my $authority = make_authority('Mail authority');
my $certificate = make_certificate($authority, 'IP:127.0.0.1');
my $box = start_mailbox('--tls', $certificate->{certificate}, $certificate->{key}, '--login', 'mailer', 'mail-password');

# ---- What receivers got since the last call ----

my (%seen, %headers);
sub taken
{
	my ($name) = @_;
	my @all = @{ JSON::PP::decode_json($hook{$name}->get('deliveries')) };
	my @new = @all[ $seen{$name} // 0 .. $#all ];
	$seen{$name} = @all;
	$headers{$name} = { map { lc($_) => $new[-1]{headers}{$_} } keys %{ $new[-1]{headers} } } if @new;
	return map { $_->{body} } @new;
}

sub told
{
	return join '; ', map { my $n = JSON::PP->new->decode($_); "$n->{event} $n->{rule}: " . join(', ', map { $_->{subject} } @{ $n->{alerts} }) } taken('hook');
}

# Nothing waits for the clock here: what was told or begun was so long ago, and who is left alone is due.
sub age
{
	my ($interval) = @_;
	query(qq{UPDATE mls.alert SET began_at = began_at - interval '$interval', told_at = told_at - interval '$interval', reminded_at = reminded_at - interval '$interval'});
	return;
}

sub look
{
	query('UPDATE mls.alert_receiver SET next_attempt_at = now()');
	return query(q{SELECT coalesce(string_agg(format('%s %s %s', rule, subject, state), ', ' ORDER BY alert), '') FROM mls_alert()});
}

query(q{SELECT mls_subscribe(t::regclass) FROM unnest('{east.property,east.office}'::text[]) t});
is(query(q{SELECT count(*) FROM mls_sync() WHERE status <> 'finished'}), 0, 'synced');
my $fails = sub { $mls->fault(kind => 'status', status => 500, match => 'Property', times => 1); $node->psql('postgres', q{SELECT status FROM mls_sync('east', 'Property')}) };
my $works = sub { is(query(q{SELECT string_agg(status, '') FROM mls_sync('east', 'Property')}), 'finished', 'it works again') };

# ---- Receivers and rules ----

my $mail_url = "smtp://127.0.0.1:$box->{port}";
for my $bad ([ receiver => q{'x', 'pigeon', 'https://x/'}, '22023: a receiver is a webhook, slack, teams or email' ], [ receiver => q{'x', 'webhook', 'https://u:p@x/'}, '22023: this is no address to post notices to' ],
	[ receiver => q{'x', 'webhook', 'file:///etc/passwd'}, '22023: this is no address to post' ], [ receiver => q{'x', 'email', 'https://x/', sender => 'a@b', recipients => '{a@b}'}, '22023: this is no address of a mail server' ],
	[ receiver => q{'x', 'email', 'smtp://u:p@x', sender => 'a@b', recipients => '{a@b}'}, '22023: this is no address of a mail server' ], [ receiver => q{'x', 'email', 'smtp://x/?a=b', sender => 'a@b', recipients => '{a@b}'}, '22023: this is no address of a mail server' ],
	[ receiver => q{'x', 'email', 'smtp://x', recipients => '{a@b}'}, '22023: mails have a sender' ], [ receiver => q{'x', 'email', 'smtp://x', sender => E'a@b\r\nBcc: c@d', recipients => '{a@b}'}, '22023: mails have a sender' ],
	[ receiver => q{'x', 'email', 'smtp://x', sender => 'a@b', recipients => '{"a@b>,<c@d"}'}, '22023: mails have 1 to 50 recipients' ], [ receiver => q{'x', 'email', 'smtp://x', sender => 'a@b'}, '22023: mails have 1 to 50' ],
	[ receiver => q{'x', 'email', 'smtp://x', sender => 'a@b', recipients => '{a@b}', username => 'u'}, '22023: a login at a mail server' ], [ receiver => q{'x', 'slack', 'https://x/', secret => 's'}, '22023: only notices to a webhook are signed' ],
	[ receiver => q{'x', 'slack', 'https://x/', plain => true}, '22023: only mails have' ], [ receiver => q{'x', 'slack', 'https://x/', link => 'javascript:alert(1)'}, '22023: this is no address for a link' ],
	[ rule => q{'r', 'nobody'}, '42704: there is no receiver "nobody" of yours' ])
{
	my ($what, $arguments, $error) = @$bad;
	like(sql_error($node, "SELECT mls_alert_$what($arguments)"), qr/\Q$error\E/, "refused: $arguments");
}
query(qq{SELECT mls_alert_receiver('hook', 'webhook', '$url{hook}?key=part-of-the-secret', secret => 'signing-key', link => 'https://ops.example.com/'),
	mls_alert_receiver('slack', 'slack', '$url{slack}'), mls_alert_receiver('teams', 'teams', '$url{teams}', link => 'https://ops.example.com/'),
	mls_alert_receiver('mail', 'email', '$mail_url', sender => 'mls\@example.com', recipients => '{ops\@example.com,boss\@example.com}', username => 'mailer', password => 'mail-password', ca_file => '$authority->{certificate}')});
for my $bad ([ q{'health', 'bad'}, 'It is a level' ], [ q{'failures', '0'}, 'a number of failures' ], [ q{'lag', 'soon'}, 'It is an interval' ], [ q{'quota', '90 %'}, 'a share' ], [ q{'quota', '0'}, 'a share' ], [ q{'refresh', 'x'}, 'a share' ], [ q{'drift', '1'}, 'It is NULL' ],
	[ q{'weather'}, 'a rule watches' ], [ q{'health', source => 'east'}, 'health is of all sources' ], [ q{'lag', source => 'west'}, 'no subscription of yours is of source "west"' ], [ q{'lag', hold => '-1 hour'}, 'hold and quiet are not negative' ])
{
	my ($arguments, $error) = @$bad;
	like(sql_error($node, "SELECT mls_alert_rule('r', 'hook', $arguments)"), qr/22023.*\Q$error\E|42704.*\Q$error\E/s, "refused: $arguments");
}
is(query(q{SELECT level || ': ' || message FROM mls_health() WHERE item = 'alerts'}), 'ok: nothing keeps receivers of alerts from being told', 'nothing to be said of rules where there is none');

# ---- A test ----

query(q{SELECT mls_alert_test(r) FROM unnest('{hook,slack,teams,mail}'::text[]) r});
look();
is(query(q{SELECT string_agg(format('%s %s %s', receiver, last_status, last_error), ', ' ORDER BY receiver) FROM mls.alert_receiver}), 'hook 200 , mail 250 , slack 200 , teams 200 ', 'each receiver is asked and answers');
my ($body) = taken('hook');
like($body, qr/"event": ?"test"/, 'a test for a webhook');
is($headers{hook}{'x-mls-signature'}, 'sha256=' . hmac_sha256_hex(encode('UTF-8', $body), 'signing-key'), 'signed');
like($headers{hook}{'x-mls-delivery'}, qr/^\d+$/, 'and numbered');
my ($mail) = mails($box);
is(join('|', $mail->{from}, join(',', @{ $mail->{to} }), $mail->{tls} ? 'TLS' : 'plain', $mail->{user}), 'mls@example.com|ops@example.com,boss@example.com|TLS|mailer', 'a mail over STARTTLS with a login');
is($mail->{subject} . '|' . $mail->{header}{to}, 'mls_fdw: a test (mls_alert_test)|ops@example.com, boss@example.com', 'with a subject');
like($mail->{header}{date}, qr/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000$/, 'a date');
like($mail->{header}{'message-id'}, qr/^<mls-alert-\d+-\d+\@example\.com>$/, 'an id');
like($mail->{body}, qr/This is a test/, 'and words');
is($mail->{header}{'content-transfer-encoding'} . ' ' . $mail->{header}{subject}, '7bit ' . $mail->{subject}, 'which are ASCII, and so sent as they are');
taken($_) for qw(slack teams);

# ---- Failures: once, and their end ----

query(q{SELECT mls_alert_rule(n, n, 'failures', '2') FROM unnest('{hook,slack,teams,mail}'::text[]) n});
$fails->();
is(look(), '', 'one failure is not two');
is(told(), '', 'and nobody is told');
is(query(q{SELECT count(*) FROM mls.alert_rule WHERE last_error IS NOT NULL OR looked_at IS NULL}), 0, 'rules were looked at');
# What the source says is shown as it is written, and calls nobody.
$mls->fault(kind => 'status', status => 500, match => 'Property', times => 1, body => q{{"error":{"message":"<!channel> *see* [here](https://evil.example/) GRUESSE"}}} =~ s/GRUESSE/Gr\x{fc}\x{df}e/r);
$node->psql('postgres', q{SELECT status FROM mls_sync('east', 'Property')});
is(told(), 'alert hook: east.Property sync', 'the sync itself tells, at its end');
look();
my ($slack) = map { JSON::PP->new->decode($_)->{text} } taken('slack');
like($slack, qr/^mls_fdw: east\.Property sync \(slack\)\n\x{2022} CRITICAL: sync of east\.Property failed 2 times: /, 'Slack');
like($slack, qr/&lt;!channel&gt;/, 'calls no channel');
my ($teams) = map { JSON::PP->new->decode($_) } taken('teams');
is($teams->{attachments}[0]{contentType}, 'application/vnd.microsoft.card.adaptive', 'Teams');
my $card = $teams->{attachments}[0]{content};
like($card->{body}[1]{text}, qr/\\\[here\\\]\\\(https/, 'makes no link');
is($card->{actions}[0]{url}, 'https://ops.example.com/', 'but the one that was wanted');
($mail) = mails($box);
is($mail->{subject}, 'mls_fdw: east.Property sync (mail)', 'a mail');
like($mail->{body}, qr/Gr\x{fc}\x{df}e/, 'in all letters');
is($mail->{header}{'content-transfer-encoding'}, 'base64', 'which need to be encoded');
is(query(q{SELECT mls.mail_subject('Gr' || chr(252) || 'n'), mls.mail_subject('=?UTF-8?B?Zm9v?='), mls.mail_subject('plain')}),
	'=?UTF-8?B?R3LDvG4=?=|=?UTF-8?B?PT9VVEYtOD9CP1o=?=' . "\n" . ' =?UTF-8?B?bTl2Pz0=?=|plain', 'as is a subject of other letters, or that looks encoded');
is(look(), join(', ', map { "$_ east.Property sync told" } qw(hook mail slack teams)), 'it is still wrong');
$fails->();
look();
is(join('|', told(), taken('slack'), mails($box)), '', 'and told once');
$works->();
is(told(), 'recovery hook: east.Property sync', 'its end is told');
look();
is(scalar(mails($box)) . scalar(taken('slack')) . scalar(taken('teams')), '111', 'to all');
is(query(q{SELECT DISTINCT state FROM mls_alerts}), 'ended', 'and kept');

# ---- Quiet, hold, reminders ----

$fails->() for 1 .. 2;
look();
is(told(), '', 'soon after, nobody is told again');
is(query(q{SELECT string_agg(DISTINCT state, ',') FROM mls_alerts WHERE ended_at IS NULL}), 'waiting', 'it waits');
$works->();
look();
is(told(), '', 'and its end is told to nobody');
$fails->() for 1 .. 2;
age('61 minutes');
look();
is(told(), 'alert hook: east.Property sync', 'after an hour it is');
query(q{SELECT mls_alert_rule('hook', 'hook', 'failures', '2', remind => '4 hours', recovery => false)});
age('3 hours');
look();
is(told(), '', 'no reminder before its time');
age('1 hour');
look();
is(told(), 'reminder hook: east.Property sync', 'a reminder');
look();
is(told(), '', 'once');
$works->();
look();
is(told(), '', 'no recovery where none is wanted');
query(q{SELECT mls_alert_rule('hook', 'hook', 'failures', '1', hold => '10 minutes')});
$fails->();
age('9 minutes');
look();
is(told(), '', 'what must last is not told at once');
age('2 minutes');
look();
is(told(), 'alert hook: east.Property sync', 'but then');
query(q{SELECT mls_alert_rule_pause('hook')});
$works->();
look();
is(told(), '', 'a rule that is paused tells nothing');
query(q{SELECT mls_alert_rule_pause('hook', false)});
look();
is(told(), 'recovery hook: east.Property sync', 'until it is looked at again');
query(q{SELECT mls_alert_rule_remove(r) FROM unnest('{slack,teams,mail}'::text[]) r});
taken($_) for qw(slack teams);
mails($box);

# ---- What else is watched ----

is(query(q{BEGIN; UPDATE mls.alert_rule SET looked_at = now() - interval '16 minutes', made_at = now() - interval '1 day'; SELECT level || ': ' || message FROM mls_health() WHERE item = 'alerts'; ROLLBACK}),
	'warning: nobody has looked at rules for 15 minutes: let pg_cron or mls_serve call mls_alert()', 'nobody looks');

my %watched = (
	lag => { threshold => '6 hours', break => q{UPDATE mls.run SET started_at = started_at - interval '7 hours', finished_at = finished_at - interval '7 hours'; UPDATE mls.subscription SET subscribed_at = subscribed_at - interval '8 hours'}, subject => 'east.Office, east.Property', mend => q{SELECT count(*) FROM mls_sync()} },
	refresh => { threshold => '1', break => q{ALTER SERVER east OPTIONS (ADD refresh_within '1h'); UPDATE mls.run SET started_at = started_at - interval '2 hours', finished_at = finished_at - interval '2 hours'; UPDATE mls.subscription SET subscribed_at = subscribed_at - interval '3 hours'}, subject => 'east.Office, east.Property', mend => q{SELECT count(*) FROM mls_sync()} },
	quota => { threshold => '0.9', break => q{ALTER SERVER east OPTIONS (ADD requests_per_day '20')}, subject => 'east', mend => q{ALTER SERVER east OPTIONS (DROP requests_per_day)} },
	# pg_cron has stopped: its job is not there, and nothing began when it was due.
	health => { threshold => 'warning', break => q{INSERT INTO mls.schedule (source, process, schedule, scheduled_at) VALUES ('east', 'sync', '*/5 * * * *', now() - interval '2 hours');
		UPDATE mls.run SET started_at = started_at - interval '1 hour', finished_at = finished_at - interval '1 hour'; UPDATE mls.subscription SET subscribed_at = subscribed_at - interval '3 hours'}, subject => 'jobs, schedule', mend => q{DELETE FROM mls.schedule} });
for my $watch (sort keys %watched)
{
	my $case = $watched{$watch};
	query(qq{SELECT mls_alert_rule(r, r, '$watch', '$case->{threshold}', quiet => '0') FROM unnest('{hook,mail}'::text[]) r});
	look();
	is(told() . mails($box), '0', "$watch: all is well");
	query($case->{break});
	look();
	is(told(), "alert hook: $case->{subject}", "$watch is told");
	my @mails = mails($box);
	is(scalar @mails, 1, 'by mail as well');
	like($mails[0]{body}, qr/\Q$_\E/, "of $_") for $case->{subject} =~ /east/ ? split(/, /, $case->{subject}) : ();
	look();
	is(told() . mails($box), '0', 'once');
	query($case->{mend});
	look();
	is(told(), "recovery hook: $case->{subject}", 'and that it is over');
	is(scalar mails($box), 1, 'by mail as well');
}
query(q{SELECT mls_alert_rule_remove('mail'), mls_alert_rule('hook', 'hook', 'drift', quiet => '0')});
$mls->control('option', { schema => { add => [ { field => 'Fireplaces', type => 'Edm.Int32' } ] } });
query(q{SELECT count(*) FROM mls_sync('east')});
look();
is(told(), 'alert hook: east.Property', 'drift is told');
$mls->control('option', { schema => {} });
query(q{SELECT count(*) FROM mls_sync('east')});
look();
is(told(), 'recovery hook: east.Property', 'and that it is over');

# ---- Broken receivers hold back nobody ----

my %broken = map { $_ => start_mls(listings => 1) } qw(silent angry);
my $nobody = start_mailbox();
query(qq{SELECT mls_alert_receiver('silent', 'webhook', 'http://127.0.0.1:$broken{silent}{port}/hook'), mls_alert_receiver('angry', 'slack', 'http://127.0.0.1:$broken{angry}{port}/hook'),
	mls_alert_receiver('closed', 'teams', 'http://127.0.0.1:1/'), mls_alert_receiver('refused', 'email', 'smtp://127.0.0.1:$nobody->{port}', sender => 'a\@b', recipients => '{nobody\@example.com}', plain => true),
	mls_alert_receiver('locked', 'email', '$mail_url', sender => 'a\@b', recipients => '{ops\@example.com}', username => 'mailer', password => 'wrong-password', ca_file => '$authority->{certificate}'),
	mls_alert_receiver('unknown', 'email', '$mail_url', sender => 'a\@b', recipients => '{ops\@example.com}'), mls_alert_receiver('clear', 'email', 'smtp://127.0.0.1:$nobody->{port}', sender => 'a\@b', recipients => '{ops\@example.com}')});
my @broken = qw(silent angry closed refused locked unknown clear);
query(qq{SELECT mls_alert_rule(r, r, 'failures', '1', quiet => '0') FROM unnest('{hook,@{[ join ',', @broken ]}}'::text[]) r});
$broken{silent}->fault(kind => 'stall', match => 'hook', times => 2);
$broken{angry}->fault(kind => 'status', status => 404, match => 'hook', times => 2);
$fails->();
look();
is(told(), 'alert hook: east.Property sync', 'who listens is told');
my %error = map { split /=/, $_, 2 } split /\n/, query(q{SELECT format('%s=%s', receiver, last_error) FROM mls.alert_receiver});
like($error{silent}, qr/^timed out after 5 s/, 'one that keeps silent');
like($error{angry}, qr/^the receiver answered with status 404/, 'one that refuses');
like($error{closed}, qr/^could not connect/, 'one that is not there');
like($error{refused}, qr/550/, 'no such mailbox');
like($error{locked}, qr/denied/i, 'a wrong password');
unlike($error{locked}, qr/wrong-password/, 'which is not shown');
like($error{unknown}, qr/certificate/i, 'a stranger as mail server');
like($error{clear}, qr/SSL|TLS/, 'a mail server without TLS');
like(query(q{SELECT level || ': ' || message FROM mls_health() WHERE item = 'alerts'}), qr/^warning: receiver "angry" takes no notices: /, 'health says who is not told');
is(query(q{SELECT count(DISTINCT receiver) FROM mls.alert_notice}), scalar @broken, 'their notices wait');
is(query(q{SELECT bool_and(next_attempt_at > now()) FROM mls.alert_receiver WHERE last_error IS NOT NULL}), 't', 'for a time that grows');
query(qq{SELECT mls_alert_receiver('clear', 'email', 'smtp://127.0.0.1:$nobody->{port}', sender => 'a\@b', recipients => '{ops\@example.com}', plain => true)});
look();
is(scalar(mails($nobody)), 1, 'what was mended is told then');
query(qq{ALTER SYSTEM SET mls_fdw.allowed_hosts = ''; SELECT pg_reload_conf()});
$node->poll_query_until('postgres', q{SELECT current_setting('mls_fdw.allowed_hosts') = ''});
query(q{SELECT mls_alert_test('clear')});
look();
like(query(q{SELECT last_error FROM mls.alert_receiver WHERE receiver = 'clear'}), qr/may not be sent mail without TLS/, 'in clear only to hosts that a superuser has listed');
query(q{SELECT mls_alert_receiver('clear', 'email', 'smtp://127.0.0.1:25', sender => 'a@b', recipients => '{ops@example.com}')});
look();
like(query(q{SELECT last_error FROM mls.alert_receiver WHERE receiver = 'clear'}), qr/not public/, 'and never to private addresses otherwise');
query(qq{ALTER SYSTEM RESET mls_fdw.allowed_hosts; SELECT pg_reload_conf()});
$node->poll_query_until('postgres', q{SELECT current_setting('mls_fdw.allowed_hosts') <> ''});
$works->();

# ---- Whose they are ----

query(q{CREATE ROLE stranger LOGIN; CREATE ROLE watcher LOGIN IN ROLE pg_monitor; SELECT mls_grant('stranger')});
is(query(q{SET ROLE stranger; SELECT (SELECT count(*) FROM mls.alert_receiver) + (SELECT count(*) FROM mls.alert_rule) + (SELECT count(*) FROM mls_alerts) + (SELECT count(*) FROM mls.alert_notice) + (SELECT count(*) FROM mls.alert_secret)}), 0, 'a stranger sees nothing');
is(query(q{SET ROLE watcher; SELECT count(*) > 0 FROM mls_alerts}), 't', 'pg_monitor sees what there is');
like(sql_error($node, q{SET ROLE watcher; SELECT * FROM mls.alert_secret}), qr/42501/, 'but no address');
for my $try (q{mls_alert_receiver_remove('hook')}, q{mls_alert_receiver('hook', 'webhook', 'https://stranger.example/')}, q{mls_alert_test('hook')}, q{mls_alert_rule('mine', 'hook')}, q{mls_alert_rule('hook', 'hook')}, q{mls_alert_rule_pause('hook')}, q{mls_alert_rule_remove('hook')})
{
	like(sql_error($node, "SET ROLE stranger; SELECT $try"), qr/42704: there is no (receiver|rule) "\w+" of yours/, "nor changes it: $try");
}
like(sql_error($node, q{SET ROLE stranger; SELECT mls_alert_receiver('f', 'webhook', 'https://x/', ca_file => '/etc/passwd')}), qr/42501: permission denied to set ca_file/, 'nor names files of the server');
query(qq{SET ROLE stranger; SELECT mls_alert_receiver('theirs', 'webhook', '$url{hook}'), mls_alert_rule('theirs', 'theirs', 'failures', '1')});
taken('hook');
query(qq{DELETE FROM mls.alert_notice; SELECT mls_alert_rule('hook', 'hook', 'failures', '1', quiet => '0')});
$fails->();
query('UPDATE mls.alert_receiver SET next_attempt_at = now(); UPDATE mls.alert_rule SET looked_at = NULL');
query(q{SET ROLE stranger; SELECT count(*) FROM mls_alert()});
is(told(), 'alert hook: east.Property sync', 'whoever calls: each rule is looked at as its owner, and tells of what he sees');
query(q{DROP OWNED BY stranger; ALTER ROLE stranger RENAME TO gone; SELECT mls_grant('watcher')});
look();
like(query(q{SELECT last_error FROM mls.alert_rule WHERE rule = 'theirs'}), qr/permission denied/, 'a rule of one who lost his rights says so');
$works->();
is(told(), 'recovery hook: east.Property sync', 'and holds back no other');
like(sql_error($node, q{SELECT mls_alert_receiver_remove('hook')}), qr/2BP01: rules tell receiver "hook".*Rule "hook" does/s, 'a receiver that rules name stays');
query(q{SELECT mls_alert_rule_remove('hook'), mls_alert_receiver_remove('hook')});
is(query(q{SELECT count(*) FROM mls.alert_secret WHERE receiver = 'hook'}), 0, 'removed with its secrets');

# ---- What one role does keeps nobody else from being told ----

query(q{CREATE ROLE rival LOGIN; CREATE ROLE other LOGIN; SELECT mls_grant('rival'), mls_grant('other')});
query(qq{SELECT mls_alert_receiver('hook', 'webhook', '$url{hook}'), mls_alert_rule('hook', 'hook', 'failures', '1', quiet => '0')});
query(qq{SELECT mls_alert_receiver('a', 'webhook', '$url{slack}'), mls_alert_receiver('z', 'webhook', '$url{slack}'), mls_alert_rule('a', 'a', 'lag'), mls_alert_rule('z', 'z', 'lag')}, extra_params => [ '-U', 'rival' ]);
taken('hook');

# His settings are not those by which others are looked at.
query(q{ALTER ROLE rival SET row_security = off; ALTER ROLE rival SET standard_conforming_strings = off; ALTER ROLE rival SET transform_null_equals = on; ALTER ROLE rival SET lock_timeout = 1});
$fails->();
taken('hook');
query(q{UPDATE mls.alert SET told_at = NULL, worst = NULL WHERE ended_at IS NULL});
query('UPDATE mls.alert_receiver SET next_attempt_at = now(); UPDATE mls.alert_rule SET looked_at = NULL');
$node->psql('postgres', 'SELECT count(*) FROM mls_alert()', extra_params => [ '-U', 'rival' ]);
is(query(q{SELECT coalesce(string_agg(rule || ': ' || last_error, ', '), 'none') FROM mls.alert_rule WHERE rule IN ('hook', 'a', 'z')}), 'none', 'settings of a caller do no harm');
is(told(), 'alert hook: east.Property sync', 'the rules of others are looked at by theirs');
query(q{ALTER ROLE rival RESET ALL});
$works->();
taken('hook');

# He holds what is his for as long as he likes: a receiver, a rule, one that is going, and what is too old.
for my $held (q{SELECT mls_alert_test('a')}, q{SELECT mls_alert_rule_pause('a', false)}, q{SELECT mls_alert_rule_remove('a'), mls_alert_receiver_remove('a')})
{
	query(q{INSERT INTO mls.alert_notice (receiver, notice, created_at) VALUES ('a', '{"event": "test", "rule": "old", "alerts": []}', now() - interval '4 days');
		INSERT INTO mls.alert (rule, subject, level, message, ended_at) VALUES ('a', 'old', 'warning', 'old', now() - interval '91 days')});
	query(q{UPDATE mls.run SET started_at = started_at - interval '9 hours', finished_at = finished_at - interval '9 hours'; UPDATE mls.subscription SET subscribed_at = subscribed_at - interval '10 hours', owner = 'rival' WHERE resource = 'Office'});
	my $rival = $node->background_psql('postgres', extra_params => [ '-U', 'rival' ]);
	$rival->query_safe("BEGIN; $held");
	$mls->fault(kind => 'status', status => 500, match => 'Property', times => 1);
	$node->psql('postgres', q{SET statement_timeout = '60s'; SELECT status FROM mls_sync('east', 'Property')}, stderr => \my $trouble);
	unlike($trouble, qr/timeout/, "$held: a sync ends");
	is($node->psql('postgres', q{SET statement_timeout = '60s'; UPDATE mls.alert_rule SET looked_at = NULL WHERE rule = 'hook'; SELECT count(*) FROM mls_alert()}), 0, 'and so does who looks');
	like(told(), qr/^alert hook: east\.Property sync/, 'others are told');
	$rival->query_safe('ROLLBACK');
	$rival->quit;
	$works->();
	taken('hook');
}
query(q{UPDATE mls.subscription SET owner = current_user::regrole});
query(q{SELECT count(*) FROM mls_sync()});
taken('hook');

# Nor while a notice is under way: the one he was sent comes again, nobody else's does.
query(q{DELETE FROM mls.alert_notice; SELECT mls_alert_test('hook')});
query(q{SELECT mls_alert_test('a')}, extra_params => [ '-U', 'rival' ]);
$hook{slack}->fault(kind => 'stall', match => 'hook', times => 1);
my $caller = $node->background_psql('postgres', timeout => 60);
$caller->query_until(qr/asked/, "\\echo asked\nSELECT 'told ' || count(*) FROM mls_alert();\n");
$node->poll_query_until('postgres', q{SELECT attempts > 0 FROM mls.alert_receiver WHERE receiver = 'a'});
my $rival = $node->background_psql('postgres', extra_params => [ '-U', 'rival' ]);
$rival->query_safe(q{BEGIN; SELECT mls_alert_test('a')});
$caller->query_safe(q{SELECT 1});
is(query(q{SELECT attempts FROM mls.alert_receiver WHERE receiver = 'hook'}), 0, 'an answer is noted while another receiver is being changed');
$rival->query_safe('ROLLBACK');
taken('hook');

# Two who make the same at once: it is the one's who was first.
for my $make (q{mls_alert_receiver('both', 'webhook', 'https://%s.example/')}, q{mls_alert_rule('hook2', '%s', 'lag')})
{
	query(qq{SELECT mls_alert_receiver('mine', 'webhook', '$url{hook}')}, extra_params => [ '-U', 'other' ]);
	query(qq{SELECT mls_alert_receiver('theirs2', 'webhook', '$url{slack}')}, extra_params => [ '-U', 'rival' ]);
	$rival->query_safe('BEGIN; SELECT ' . sprintf($make, 'theirs2'));
	my $second = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'other' ]);
	$second->query_until(qr/asked/, "\\set VERBOSITY verbose\n\\echo asked\nSELECT " . sprintf($make, 'mine') . ";\n");
	$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'SELECT mls_alert_r%'});
	$rival->query_safe('COMMIT');
	$second->query('SELECT 1');
	like($second->{stderr}, qr/42704: there is no (receiver|rule) "\w+" of yours/, "who comes second is told so: $make");
	$second->quit;
}
is(query(q{SELECT place FROM mls.alert_receiver WHERE receiver = 'both'}) . ' ' . query(q{SELECT receiver FROM mls.alert_rule WHERE rule = 'hook2'}), 'https://theirs2.example theirs2', 'and changes nothing');
$rival->quit;
$caller->quit;

# ---- A warning that becomes critical is told again ----

query(q{DELETE FROM mls.alert_notice; DELETE FROM mls.alert_rule; ALTER SERVER east OPTIONS (ADD requests_per_day '100000'); SELECT mls_alert_rule('hook', 'hook', 'quota', '0.000001')});
my $limit = sub { query("ALTER SERVER east OPTIONS (SET requests_per_day '$_[0]')"); look(); return told() };
is($limit->(100000), 'alert hook: east', 'a warning');
is($limit->(1), 'alert hook: east', 'is told again when it is critical');
is(query(q{SELECT level || ' ' || worst FROM mls.alert WHERE ended_at IS NULL}), 'critical critical', 'as such');
is(join('', $limit->(100000), $limit->(1)), '', 'but once, whatever it does then');
query(q{ALTER SERVER east OPTIONS (DROP requests_per_day)});
look();
is(told(), 'recovery hook: east', 'and so is its end');
query(q{SELECT mls_alert_rule_remove('hook')});

# ---- A recipient who is gone keeps mails from nobody else ----

my $some = start_mailbox();
for my $case ([ 'ops@example.com,nobody@example.com', 'ops@example.com', 250 ], [ 'nobody@example.com,ops@example.com,boss@example.com', 'ops@example.com,boss@example.com', 250 ], [ 'nobody@example.com,nobody@example.org', '', 550 ])
{
	my ($wanted, $reached, $status) = @$case;
	query(qq{SELECT mls_alert_receiver('some', 'email', 'smtp://127.0.0.1:$some->{port}', sender => 'a\@b', recipients => '{$wanted}', plain => true), mls_alert_test('some')});
	look();
	is(join('|', map { join ',', @{ $_->{to} } } mails($some)), $reached, "a mail to $wanted");
	like(query(q{SELECT coalesce(last_error, 'taken') FROM mls.alert_receiver WHERE receiver = 'some'}), $reached ? qr/^taken$/ : qr/550/, $reached ? 'is taken' : 'is not taken');
}
query(q{DELETE FROM mls.alert_notice; DELETE FROM mls.alert_receiver});

# ---- Many receivers: some at a time, and each once ----

query(qq{SELECT mls_alert_receiver('many ' || n, 'webhook', '$url{hook}'), mls_alert_test('many ' || n) FROM generate_series(1, 150) n});
taken('hook');
look();
is(scalar(taken('hook')), 150, 'all of many receivers are told, once');
is(query(q{SELECT count(*) FROM mls.alert_notice}), 0, 'and nothing waits');
query(q{DELETE FROM mls.alert_receiver});

# ---- mls_serve looks where pg_cron does not ----

SKIP:
{
	skip 'mls_serve is not built here', 2 unless -x MlsServe::program();
	query(qq{CREATE ROLE authenticator LOGIN NOINHERIT; SELECT mls_serve_grant('authenticator', '{}');
		SELECT mls_alert_receiver('hook', 'webhook', '$url{hook}'), mls_alert_rule('hook', 'hook', 'lag', '6 hours')});
	taken('hook');
	my $serve = start_serve($node, site => '127.0.0.1:0', alerts => 5);
	query($watched{lag}{break});
	my $what = '';
	for (1 .. 600) { last if $what = told(); Time::HiRes::usleep(100_000); }
	is($what, 'alert hook: east.Office, east.Property', 'mls_serve --alerts: a copy that nobody syncs is told');
	$serve->stop;
	unlike($serve->log_text, qr/not looked at/, 'and its login may do that');
	query(q{SELECT mls_alert_rule_remove('hook'), mls_alert_receiver_remove('hook')});
}

# A transaction that holds what the process needs is told so, not left to wait.
like(sql_error($node, q{BEGIN; LOCK TABLE mls.alert_rule; SELECT * FROM mls_alert()}), qr/55P03: the alert waits for a lock that this transaction holds.*Call mls_alert\(\) in a transaction of its own/s, 'no waiting for oneself');
like(sql_error($node, q{BEGIN; LOCK TABLE mls.push; SELECT * FROM mls_push()}), qr/55P03: the push waits for a lock that this transaction holds/, 'nor when events are posted');
my $log = slurp_file($node->logfile);
unlike($log, qr/mail-password|wrong-password|part-of-the-secret|signing-key/, 'no secret in the log');
for my $mailer (@mailers) { close $mailer->{in}; $mailer->{handle}->finish; }
done_testing();
