# The pages of the operators' site in a browser: what they say is what SQL says, what they do is
# done, and values stay values.
use strict;
use warnings;
use utf8;

use JSON::PP ();
use MlsBrowser;
use MlsServe;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

need_serve();
plan skip_all => 'there is no chromedriver here (Debian: chromium-driver)' unless MlsBrowser::there();
plan skip_all => 'pg_cron is not installed' unless -e `pg_config --sharedir` =~ s/\s+\z//r . '/extension/pg_cron.control';

my $node = empty_node('site_pages', shared_preload_libraries => "'pg_cron'", 'cron.database_name' => "'postgres'");
# Jobs are made and never run: what is looked at stays as it is.
$node->append_conf('postgresql.conf', "cron.host = '/nonexistent'\n");
my $files = PostgreSQL::Test::Utils::tempdir;
$node->append_conf('postgresql.conf', "mls_fdw.file_directories = '$files'\n");
$node->start;
my $mls = start_mls(listings => 120);
my $mls_url = "http://127.0.0.1:$mls->{port}";
my @psql = ('psql', '-h', $node->host, '-p', $node->port, '-d', 'postgres');

sub query
{
	my ($sql) = @_;
	utf8::decode(my $out = $node->safe_psql('postgres', $sql));
	return $out;
}
query('CREATE EXTENSION pg_cron');
command_ok([ 'bash', "$ENV{MLS_TREE}/test/site/demo.sh", $mls_url, @psql ], 'the demonstration');
my $hba = slurp_file($node->data_dir . '/pg_hba.conf');
unlink $node->data_dir . '/pg_hba.conf';
append_to_file($node->data_dir . '/pg_hba.conf', "local all operator,viewer scram-sha-256\n$hba");
$node->reload;
my $site = start_serve($node, site => '127.0.0.1:0', user => 'no_such_role');
my $directory = PostgreSQL::Test::Utils::tempdir();
my $browser = MlsBrowser->new($directory);

sub log_in
{
	my ($role, $password) = @_;
	$browser->type('input[name=role]', $role);
	$browser->type('input[name=password]', $password);
	$browser->click('main form button[type=submit]');
	return;
}

# A page, once it is there.
sub visit
{
	my ($hash, $selector) = @_;
	$browser->js('document.querySelectorAll("dialog").forEach(d => d.close()); document.querySelector("main").setAttribute("aria-busy", "true"); if (location.hash === arguments[0]) dispatchEvent(new HashChangeEvent("hashchange")); else location.hash = arguments[0]', $hash);
	$browser->wait_for("$hash: $selector", 'return document.querySelector("main").getAttribute("aria-busy") === null && document.querySelector(arguments[0]) !== null', $selector);
	return $browser->text_of('main');
}

# Cells of a table: rows by a selector, the columns of these titles, as they are read.
sub cells
{
	my ($rows, @titles) = @_;
	return join "\n", @{ $browser->js('const [rows, titles] = arguments; return [...document.querySelectorAll(rows)].map(r => titles.map(t => r.querySelector(`[data-title="${t}"]`).innerText.trim()).join("|"))', $rows, \@titles) };
}

query(q{SET client_min_messages = warning; CREATE SERVER shop FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'postgres', url 'postgresql://127.0.0.1:1/shop', tls 'none'); SET ROLE operator;
	SELECT mls_publish('gold.property', 'shop', 'listing')});

# ---- Logging in ----

$browser->go($site->{url});
$browser->text_of('input[name=role]');
is($browser->js('return document.activeElement.name'), 'role', 'the role is where one types first');
log_in('operator', 'wrong');
like($browser->text_of('.failure'), qr/Role or password is wrong/, 'a wrong password is told');
$browser->hear;
my @console = grep { !/api\/login/ } @{ $browser->{console} };
$browser->{console} = [];
log_in('operator', 'operator-password');
like($browser->text_of('.verdict'), qr/critical/, 'the right one leads to the overview');

# ---- Overview ----

like($browser->js('return document.querySelector(".card h2").innerText'), qr/lakeside/, 'what is broken comes first');
like($browser->text_of('.findings'), qr/lakeside\.Office sync failed 3 times: source "lakeside" rejected the credentials\..*What to do:/s, 'in a sentence, with what to do');
is($browser->js('return document.querySelectorAll(".findings li:not([data-item=schema])").length'), query(q{SELECT count(*) FROM mls_health() WHERE level <> 'ok'}), 'as many findings as there are');
like($browser->text_of('.findings li[data-item=schema]'), qr/the schema of riverbend has changed: Property: field "BrokerNotes" was added/, 'a schema that has changed is told');
my $rows = $browser->js('return [...document.querySelectorAll(".card")].flatMap(c => [...c.querySelectorAll("tbody tr")].map(r => [c.dataset.source, r.dataset.resource, r.className, ...r.querySelector("[data-title=\"Rows here, there\"]").innerText.match(/[\d,]+|–/g).slice(0, 2)].join("|").replaceAll(",", ""))).sort().join("\n")');
is($rows, query(q{SELECT string_agg(concat_ws('|', source, resource, state, rows, coalesce(remote_rows::text, '–')), E'\n' ORDER BY concat_ws('|', source, resource, state, rows, remote_rows) COLLATE "C") FROM mls_status_detail}), 'states and counts are those of SQL');
is($browser->js('return document.querySelectorAll(".card .quota svg").length'), 2, 'two sources have a quota that is a bar');
is($browser->js('return document.querySelectorAll("[data-alert]").length'), 0, 'no alerts where no rules are');
query(q{SET ROLE operator; SELECT mls_alert_receiver('desk', 'slack', 'https://127.0.0.1:1/'), mls_alert_rule('quota', 'desk', 'quota', '0.9'); RESET ROLE});
query(q{ALTER SERVER oldtown OPTIONS (SET requests_per_day '1'); SET ROLE operator; SELECT mls_schedule('lakeside', sync => '7 7 * * *'); RESET ROLE; DELETE FROM cron.job WHERE jobname = 'mls lakeside sync'});
visit('#/overview', '.card');
like($browser->text_of('.findings li[data-item=quota]'), qr/source oldtown has spent \d+ % of its quota/, 'a quota that is used up');
like($browser->text_of('.findings li[data-item=jobs]'), qr/mls lakeside sync/, 'a job that pg_cron has lost');
query(q{SET ROLE operator; SELECT count(*) FROM mls_alert()});
visit('#/overview', '[data-alert]');
like($browser->text_of('[data-alert]'), qr/oldtown.*quota.*to desk/s, 'an alert, and who is told');
like($browser->text_of('.findings li[data-item=alerts]'), qr/receiver "desk" takes no notices/, 'and that he does not take it');
query(q{SET ROLE operator; SELECT mls_alert_rule_remove('quota'), mls_alert_receiver_remove('desk')});
query(q{ALTER SERVER oldtown OPTIONS (SET requests_per_day '2000'); SET ROLE operator; SELECT mls_unschedule('lakeside')});

# ---- Market, where there is no mart, and the overview's part of one ----

like(visit('#/market', 'main h1 + p'), qr/There is no mart yet: SELECT mls_mart_create\(\)/, 'without a mart it is said how to make one');
query(q{SET client_min_messages = warning; SET ROLE operator; SELECT mls_mart_create('mart', levels => '{all,city}', coverage => '{"riverbend": "2020-01-01", "oldtown": "2020-01-01", "lakeside": "2020-01-01", "agency": "2020-01-01"}'); SELECT * FROM mls_mart_sync('mart')});
visit('#/overview', '[data-mart]');
is(cells('[data-mart]', 'Mart', 'State', 'Listings'), 'mart|✓ filled|' . query('SELECT listings FROM mls_marts'), 'a mart is in the overview');
$browser->click('[data-mart] button');
like($browser->text_of('dialog pre'), qr/mls_mart_sync\('mart'\)/, 'and is filled from there');
$browser->click('dialog button[type=submit]');
ok($browser->wait_for('Live', 'return location.hash === "#/live"'), 'in Live');
$browser->wait_for('it is filled', 'return [...document.querySelectorAll("#jobs li[data-ended=good]")].some(e => /^Fill mart/.test(e.innerText))');

# ---- All pages: fit on a phone, say nothing of secrets, load nothing of elsewhere ----

my %pages = ('#/overview' => '.card', '#/source/riverbend' => 'table', '#/runs' => 'tbody tr', '#/live' => '#work .empty, #work li', '#/schedules' => 'svg.band', '#/record?text=LK00000007' => 'tbody tr',
	'#/record/riverbend/Property/LK00000007' => '#fields table', '#/quality' => 'details table', '#/datasets' => 'main .empty', '#/mapping/oldtown' => 'tbody tr', '#/consumers' => 'tbody tr', '#/market' => 'svg.line');
for my $width (360, 1280)
{
	$browser->chrome('Emulation.setDeviceMetricsOverride', { width => $width, height => 800, deviceScaleFactor => 1, mobile => JSON::PP::false });
	for my $page (sort keys %pages)
	{
		my $text = visit($page, $pages{$page});
		unlike($text, qr/s3cret-demo-value|basic-pass-value|header-key-value/, "$page has no secret");
		is($browser->js('return document.documentElement.scrollWidth > innerWidth ? document.documentElement.scrollWidth : 0'), 0, "$page fits $width pixels");
		is($browser->js('return document.querySelectorAll("h1").length + [...document.querySelectorAll("main input, main select")].filter(e => !e.labels?.length && !e.ariaLabel).length + [...document.querySelectorAll("button, a[href]")].filter(e => !e.textContent.trim()).length'), 1, "$page has one title, and everything has a name") if $width == 360;
	}
}

# ---- Runs ----

visit('#/runs', 'tbody tr');
is($browser->js('return [...document.querySelectorAll("tbody tr")].map(r => r.dataset.run).join(" ")'), query(q{SELECT string_agg(run::text, ' ') FROM (SELECT run FROM mls_history ORDER BY run DESC LIMIT 60) h}), 'the newest runs');
visit('#/runs?status=failed', 'tbody tr');
is($browser->js('return document.querySelectorAll("tbody tr").length'), query(q{SELECT count(*) FROM mls_history WHERE status = 'failed'}), 'those that a filter wants');
$browser->click('tbody tr th a');
my $text = $browser->text_of('.failure');
my $failed = query(q{SELECT message FROM mls_history WHERE status = 'failed' ORDER BY run DESC LIMIT 1});
like($text, qr/\Q$failed\E/, 'one run with its error');
$failed = query(q{SELECT hint FROM mls_history WHERE status = 'failed' ORDER BY run DESC LIMIT 1});
like($text, qr/\Q$failed\E/, 'and its hint');

# ---- What did not fit, before a sync mends it ----

visit('#/quality?source=riverbend', 'details table');
like($browser->text_of('main'), qr/three or four/, 'an issue with its first example');
is($browser->js('return document.querySelectorAll("section:first-of-type tbody tr").length'), query(q{SELECT count(DISTINCT (i.kind, i.field, i.reason, s.resource)) FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription WHERE s.source = 'riverbend' AND solved_at IS NULL}), 'as many as there are');

# ---- Schedules ----

visit('#/schedules', 'svg.band');
is(cells('tr[data-process]:not(.off)', 'Source', 'Process', 'When'), query(q{SELECT string_agg(concat_ws('|', source, process, schedule), E'\n' ORDER BY source, array_position('{sync,purge,reconcile}'::text[], process)) FROM mls_schedules}), 'all that is scheduled');
is($browser->js('return document.querySelectorAll("svg.band rect.run.sync").length > 100 && document.querySelectorAll("svg.band rect.run.purge").length'), 2, 'on one band');
$browser->click('tr[data-process="lakeside sync"] button');
$browser->type('dialog input[name=when]', 'at noon');
$browser->click('dialog button[type=submit]');
like($browser->text_of('dialog .failure'), qr/"at noon" is no schedule for pg_cron/, 'what is no schedule is refused, and told');
$browser->type('dialog input[name=when]', '5 12 * * *');
like($browser->text_of('dialog pre'), qr/mls_schedule\('lakeside', sync => '5 12 \* \* \*'\)/, 'the SQL is shown');
$browser->click('dialog button[type=submit]');
$browser->text_of('tr[data-process="lakeside sync"]:not(.off)');
is(query(q{SELECT schedule FROM cron.job WHERE jobname = 'mls lakeside sync' AND username = 'operator'}), '5 12 * * *', 'a schedule is enabled');
$browser->wait_for('dialogs are gone', 'return !document.querySelector("dialog")');
$browser->click('tr[data-process="lakeside sync"] button:last-child');
$browser->click('dialog button[type=submit]');
$browser->text_of('tr[data-process="lakeside sync"].off');
is(query(q{SELECT count(*) FROM cron.job WHERE jobname = 'mls lakeside sync'}), 0, 'and disabled');

# ---- Destinations ----

visit('#/schedules', 'tr[data-process="shop publish"].off');
$browser->click('tr[data-process="shop publish"] button');
like($browser->text_of('dialog pre'), qr{mls_schedule\('shop', publish => '\*/5 \* \* \* \*'\)}, 'a destination has a schedule, too');
$browser->click('dialog button[type=submit]');
$browser->text_of('tr[data-process="shop publish"]:not(.off)');
is(query(q{SELECT command ~ 'mls_publish_sync\(''shop'', due => true\)' FROM cron.job WHERE jobname = 'mls shop publish'}), 't', 'by which pg_cron sends');
query(q{SET ROLE operator; SELECT mls_unschedule('shop')});
visit('#/overview', '[data-publication]');
is(cells('[data-publication]', 'Destination', 'Table', 'State', 'Refused'), 'shop|listing from gold.property|○ new|0', 'the overview lists what is published');
$browser->click('[data-publication] button');
like($browser->text_of('dialog pre'), qr/mls_publish_sync\('shop'\)/, 'and has it sent');
$browser->click('dialog button[type=submit]');
ok($browser->wait_for('Live', 'return location.hash === "#/live"'), 'in Live');
ok($node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM mls_publications WHERE state = 'failing'}), 'where its run can be seen, and ends');
query(q{SET client_min_messages = error; SELECT mls_unpublish('shop', 'listing'); DROP SERVER shop CASCADE});

# ---- Datasets ----

visit('#/datasets', 'main .empty');
like($browser->text_of('main'), qr/No dataset is replicated yet.*CREATE SERVER office/s, 'where there is none, how to make one is said');
append_to_file("$files/roster.csv", "Id,Name\n1,<b>Ann</b>\n2,Bob\n");
append_to_file("$files/broken.csv", qq{Id,Name\n1,"Ann\n});
utime 1, 1, glob "$files/*";
query(qq{CREATE SERVER office FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$files', files 'roster=*.csv', quote 'none'); GRANT USAGE ON FOREIGN SERVER office TO operator; CREATE SCHEMA office AUTHORIZATION operator;
	SET ROLE operator; IMPORT FOREIGN SCHEMA files FROM SERVER office INTO office; SELECT mls_subscribe('office.roster'); RESET ROLE; ALTER SERVER office OPTIONS (DROP quote)});
$node->psql('postgres', q{SET ROLE operator; SELECT * FROM mls_sync('office')});
visit('#/datasets', '[data-dataset]');
is(cells('[data-dataset]', 'Dataset', 'State', 'Files', 'Rows', 'Rejected'), "office roster|\x{2715} failed|2 (1 failed)|2|0", 'a dataset, as its files are');
like(cells('[data-dataset]', 'Last error', 'Next try'), qr/^could not read file "broken\.csv" of source "office": The quote that opens in line 2 is never closed\.\|in \d min\z/, 'its error, and when it is tried again');
$browser->click('[data-dataset] a');
$browser->text_of('[data-file="broken.csv"]');
is(cells('[data-file]', 'File', 'State', 'Rows'), "broken.csv|\x{2715} failed|0\nroster.csv|\x{2713} synced|2", 'its files, those that failed first');
like($browser->text_of('main'), qr/Its files come from file:.*they are put there, not sent/, 'that no files are sent there is said');
unlink "$files/roster.csv" or die;
$browser->click('[data-file="roster.csv"] button[data-action=remove]');
like($browser->text_of('dialog'), qr/Removes the rows of roster\.csv.*It cannot be undone.*SELECT mls_dataset_remove\('office\.roster', 'roster\.csv'\);/s, 'a file is removed by a button, which says what it does');
$browser->click('dialog button[type=submit]');
ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM silver.office_roster}), 'and its rows are gone');
$browser->wait_for('the page follows', 'return document.querySelector("[data-file=\"roster.csv\"]") === null');
$browser->click('button[data-action=remove]');
$browser->click('dialog button[type=submit]');
$browser->text_of('main .empty');
is(query(q{SELECT to_regclass('silver.office_roster') IS NULL AND to_regclass('office.roster') IS NULL}), 't', 'so is a dataset');
query(q{CREATE SERVER inbox FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'upload:', files 'roster=*.csv'); GRANT USAGE ON FOREIGN SERVER inbox TO operator; CREATE SCHEMA inbox AUTHORIZATION operator;
	SET ROLE operator; SELECT mls_upload('inbox', 'first.csv', convert_to(E'Id,Name\n0,Zoe\n', 'UTF8')); IMPORT FOREIGN SCHEMA files FROM SERVER inbox INTO inbox; SELECT mls_subscribe('inbox.roster')});
visit('#/datasets/inbox/roster', 'form.upload input');
# One of several pieces, and one of a single byte more than none.
$browser->js('const files = new DataTransfer(), input = document.querySelector("form.upload input"); files.items.add(new File(["Id,Name\n", ...Array.from({ length: 40000 }, (_, i) => `${i + 1},name ${i + 1} of many\n`)], "large.csv")); files.items.add(new File(["Id,Name\n50001,K\u00f6ln\n"], "k\u00f6ln.csv")); input.files = files.files');
$browser->click('form.upload button');
$browser->wait_for('files are sent', 'return /2 files were sent, and a sync has begun/.test(document.querySelector("form.upload [role=status]")?.textContent || "") || document.querySelector("[data-file]") !== null');
ok($node->poll_query_until('postgres', q{SELECT count(*) = 40002 FROM silver.inbox_roster}), 'files are sent from the page, and synced');
is(query(q{SELECT string_agg(name, ', ' ORDER BY id) FROM silver.inbox_roster WHERE id IN ('0', '1', '40000', '50001')}), 'Zoe, name 1 of many, name 40000 of many, Köln', 'whole');
visit('#/datasets/inbox/roster', '[data-file]');
is($browser->js('return [...document.querySelectorAll("main input")].filter(e => !e.labels?.length && !e.ariaLabel).length + [...document.querySelectorAll("button, a[href]")].filter(e => !e.textContent.trim()).length'), 0, 'everything there has a name');
is($browser->js('return document.documentElement.scrollWidth > innerWidth ? 1 : 0'), 0, 'and fits');
is(cells('[data-file]', 'File', 'State', 'Rows'), "first.csv|\x{2713} synced|1\nköln.csv|\x{2713} synced|1\nlarge.csv|\x{2713} synced|40,000", 'the page shows them');
$browser->js('const files = new DataTransfer(), input = document.querySelector("form.upload input"); files.items.add(new File(["x"], "notes.docx")); input.files = files.files; window.chosen = input');
query(q{SET ROLE operator; SELECT mls_upload('inbox', 'late.csv', convert_to(E'Id,Name\n60000,Ann\n', 'UTF8')); SELECT count(*) FROM mls_sync('inbox')});
$browser->js('performance.clearResourceTimings()');
$browser->wait_for('the page has looked again', 'return performance.getEntriesByType("resource").some(e => /api/.test(e.name) && e.responseEnd > 0)');
is($browser->js('return window.chosen.isConnected && window.chosen.files.length'), 1, 'files that somebody has chosen stay, whatever comes meanwhile');
$browser->click('form.upload button');
like($browser->text_of('form.upload .failure'), qr/cannot upload file "notes\.docx" to source "inbox".*of no kind that is read/s, 'what is no file of it is refused, and told');

# ---- Market ----

visit('#/market/mart', '.measure svg.line');
my ($place, $type) = split / /, $browser->js('return document.querySelector("[data-group]").dataset.group');
my $figures = "FROM mart.agg_market_month a WHERE a.location_id = $place AND a.type_id = $type AND a.source_id = 0 AND a.currency = '" . $browser->js('return document.querySelector("select[name=currency]").value') . "' AND a.month > (SELECT max(month) FROM mart.agg_market_month) - interval '24 months'";
is($browser->js('return [...document.querySelectorAll("[data-group]")[0].querySelectorAll("figure[data-measure=inventory_eom] tr[data-month]")].map(r => `${r.dataset.month} ${r.querySelector("td").textContent.replaceAll(",", "")}`).join("\n")'),
	query(qq{SELECT string_agg(month || ' ' || coalesce(inventory_eom::text, '–'), E'\n' ORDER BY month DESC) $figures}), 'the table beside a chart has what the mart has');
is($browser->js('return document.querySelector("[data-group] figure[data-measure=inventory_eom] svg").querySelectorAll("circle").length'), query(qq{SELECT count(inventory_eom) $figures}), 'and the chart a point for each month that is known');
is($browser->js('return document.querySelector("figure[data-measure=months_supply_12p] figcaption").title'), query(q{SELECT definition FROM mls.mart_column WHERE relation = 'agg_market_month' AND name = 'months_supply_12p'}), 'its definition is told on pointing at it');
$browser->js('window.saved = null; const make = URL.createObjectURL; URL.createObjectURL = b => { b.text().then(t => { window.saved = t; }); return make.call(URL, b); }');
$browser->click('button[data-action=csv]');
my @csv = split /\r\n/, $browser->wait_for('a file', 'return window.saved');
is($csv[0], 'month,place,kind,inventory_eom,new_listings,new_pending,closed_sales,median_sale_price,months_supply_12p,dom_median,sale_to_list_pct,is_thin,is_complete', 'as CSV');
is(scalar(@csv) - 1, $browser->js('return document.querySelectorAll("figure[data-measure=inventory_eom] tr[data-month]").length'), 'with all that is shown');
$browser->js('const s = document.querySelector("select[name=months]"); s.value = "12"; s.form.dispatchEvent(new Event("change"))');
is($browser->wait_for('fewer months', 'const n = document.querySelectorAll("[data-group]")[0].querySelectorAll("figure[data-measure=inventory_eom] tr[data-month]").length; return n <= 12 ? n : null'), 12, 'of so many months as are wanted');

# ---- Record ----

visit('#/record?text=12%20Harbour', 'tbody tr');
$browser->click('tbody tr th a');
$browser->text_of('#fields table');
is($browser->js('return document.querySelector("#fields tr[data-field=UnparsedAddress] [data-title=Gold]").innerText'), '12 Harbour Street', 'found by its address, as gold has it');
$mls->control('update', { resource => 'Property', keys => ['LK00000003'], fields => { ListPrice => 98765 } });
$browser->click('button[data-action=compare]');
$browser->wait_for('the source has answered', 'return document.querySelector("#verdict").textContent !== ""');
my $differ = query(q{SELECT count(*) FROM mls_compare('riverbend', 'Property', 'LK00000003') WHERE differs});
like($browser->text_of('#verdict'), qr/^$differ field/, 'as many differences as SQL tells');
is($browser->js('return document.querySelector("#fields tr.differs[data-field=ListPrice] [data-title=\"At the source\"]").innerText'), '98765', 'marked, with what the source has');

# ---- Sync, seen live ----

visit('#/source/riverbend', 'tr[data-resource=Property] button');
$browser->click('tr[data-resource=Property] button[data-action=sync]');
like($browser->text_of('dialog'), qr/Asks riverbend for what has changed.*SELECT \* FROM mls_sync\('riverbend', 'Property'\);/s, 'it says what it will do');
$browser->click('dialog button[type=submit]');
ok($browser->wait_for('the sync ends', 'return [...document.querySelectorAll("#jobs li[data-ended=good]")].some(e => /^Sync riverbend Property,/.test(e.innerText))'), 'a sync is seen to its end');
is(query(q{SELECT "ListPrice" FROM gold.property WHERE mls_source = 'riverbend' AND mls_source_key = 'LK00000003'}), 98765, 'and has done what it said');
visit('#/record/riverbend/Property/LK00000003', '#fields table');
like($browser->text_of('main'), qr/ListPrice: \S+ → 98765/, 'the change is in the history of the record');

# ---- Purge: numbers first; undo ----

$mls->control('delete', { resource => 'Property', keys => [ 'LK00000020', 'LK00000021' ] });
my $before = query(q{SELECT count(*) FROM gold.property WHERE mls_source = 'riverbend'});
visit('#/source/riverbend', 'tr[data-resource=Property] button');
$browser->click('tr[data-resource=Property] button[data-action=purge]');
$browser->js('location.hash = "#/runs"');
$browser->wait_for('a dialog goes with its page', 'return location.hash === "#/runs" && !document.querySelector("dialog")');
visit('#/source/riverbend', 'tr[data-resource=Property] button');
$browser->click('tr[data-resource=Property] button[data-action=purge]');
$browser->click('dialog button[type=submit]');
like($browser->text_of('dialog .outcome'), qr/^2 records are missing there/, 'a purge is tried first, with its numbers');
is(query(q{SELECT count(*) FROM gold.property WHERE mls_source = 'riverbend'}), $before, 'and nothing is removed by that');
$browser->click('dialog button[type=submit]');
$browser->wait_for('the purge ends', 'return [...document.querySelectorAll("#jobs li[data-ended=good]")].some(e => /^Purge/.test(e.innerText) && !/with options/.test(e.innerText))');
is(query(q{SELECT count(*) FROM gold.property WHERE mls_source = 'riverbend'}), $before - 2, 'then it is done');
visit('#/runs?process=purge', 'tbody tr');
$browser->click('tbody tr:first-child th a');
$browser->click('button[data-action=undo]');
like($browser->text_of('dialog'), qr/2 records/, 'it can be undone');
$browser->click('dialog button[type=submit]');
$browser->wait_for('it is undone', 'return [...document.querySelectorAll("#jobs li[data-ended=good]")].some(e => /^Undo/.test(e.innerText))');
is(query(q{SELECT count(*) FROM gold.property WHERE mls_source = 'riverbend'}), $before, 'and is');

# ---- Check, drift, accept ----

visit('#/source/riverbend', 'table');
$browser->click('button[data-action=check]');
$browser->wait_for('the check', 'return [...document.querySelectorAll("caption")].some(c => c.textContent === "mls_check")');
like($browser->text_of('main'), qr/credentials.*OAuth 2 client credentials are configured/s, 'a source is checked by a button');
$browser->click('button[data-action=accept]');
$browser->click('dialog button[type=submit]');
$browser->wait_for('it is accepted', 'return [...document.querySelectorAll("#jobs li[data-ended=good]")].some(e => /^Accept/.test(e.innerText))');
is(query(q{SELECT count(*) FROM pg_attribute WHERE attrelid = 'riverbend.property'::regclass AND attname IN ('broker_notes', 'solar_panels_yn')}), 2, 'a schema is accepted');

# ---- Quality, mapping, consumers ----

visit('#/quality?source=riverbend', 'details table');
is($browser->js('return document.querySelectorAll("details tr[data-field]").length'), query(q{SELECT count(*) FROM mls_quality WHERE source = 'riverbend' AND filled > 0}), 'all fields that are filled');
query(q{SET client_min_messages = warning; SET ROLE operator; SELECT mls_test_add('mine', 'b well', 'not_null', 'gold.property', '{ListingKey}');
	SELECT mls_test_add('mine', 'a <b>fault</b>', 'accepted_values', 'gold.property', '{mls_source}', '{"values": ["nobody"]}', samples => 3); SELECT count(*) FROM mls_test('mine')});
visit('#/quality', '[data-test]');
is(cells('[data-test]', 'Test', 'Faults'), "mine a <b>fault</b>|" . query('SELECT count(*) FROM gold.property') . "\nmine b well|0", 'data tests, those at fault first');
$browser->click('[data-test] button.more');
$browser->wait_for('rows at fault', 'return document.querySelectorAll("[data-test] li").length === 3');
like($browser->text_of('[data-test] li'), qr/"mls_source": ?"/, 'are shown when asked for');
query(q{SET ROLE operator; SELECT mls_test_drop('mine')});
visit('#/mapping/oldtown', 'tbody tr');
is($browser->js('return document.querySelectorAll("tr[data-field]").length'), query(q{SELECT count(*) FROM mls_map_explain('oldtown.property_res')}), 'all rules');
visit('#/consumers', 'tbody tr');
is($browser->js('return document.querySelector("tr[data-consumer=\"First Realty\"] [data-title=Requests]").innerText'), query(q{SELECT count(*) FROM mls.serve_log WHERE consumer = 'First Realty' AND at > now() - interval '1 day'}), 'who asks, and how much');

# ---- Values that would be something else ----

my $evil = q{<img src=x onerror="window.broken=1"><script>window.broken=2</script>};
query(qq{UPDATE gold.property SET "UnparsedAddress" = \$e\$$evil\$e\$ || chr(8238) || 'txt.exe', "PublicRemarks" = repeat('long ', 2048) WHERE mls_source = 'riverbend' AND mls_source_key = 'LK00000005';
	INSERT INTO mls.issue (subscription, kind, key, field, value, reason) SELECT id, 'value', \$e\$$evil\$e\$, \$e\$$evil\$e\$, repeat('x', 10000), \$e\$$evil\$e\$ FROM mls.subscription WHERE source = 'riverbend' AND resource = 'Property';
	INSERT INTO mls.run (subscription, process, status, started_at, finished_at, message, detail, hint) SELECT id, 'purge', 'failed', now(), now(), \$e\$$evil\$e\$, repeat('y', 10000), \$e\$$evil\$e\$ FROM mls.subscription WHERE source = 'riverbend' AND resource = 'Property';
	UPDATE gold.property SET "City" = \$e\$=1+$evil\$e\$ WHERE mls_source = 'riverbend' AND mls_source_key <> 'LK00000003';
	SELECT mls_consumer_add(\$e\$$evil\$e\$, 'idx'); CREATE SERVER "<b>bold</b>" FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'https://x.invalid')});
query(q{SET ROLE operator; SELECT * FROM mls_mart_sync('mart')});
visit('#/market/mart', '.measure svg.line');
ok($browser->js('return [...document.querySelectorAll("h2")].some(e => e.textContent.startsWith(arguments[0]))', "=1+$evil"), 'a place of that name is a title');
$browser->js('window.saved = null; URL.createObjectURL = b => { b.text().then(t => { window.saved = t; }); return "#/market/mart"; }');
$browser->click('button[data-action=csv]');
like($browser->wait_for('a file', 'return window.saved'), qr/,"'=1\+<img src=x onerror=""/, 'and no formula of a spreadsheet');
visit('#/record/riverbend/Property/LK00000005', '#fields table');
is($browser->js('return document.querySelector("tr[data-field=UnparsedAddress] [data-title=Gold] bdi").textContent.slice(0, arguments[0])', length $evil), $evil, 'a script in a record is a text');
is($browser->js('return getComputedStyle(document.querySelector("tr[data-field=UnparsedAddress] [data-title=Gold] bdi")).unicodeBidi'), 'isolate', 'whose direction stays its own');
cmp_ok($browser->js('return document.querySelector("tr[data-field=PublicRemarks] [data-title=Gold] bdi").textContent.length'), '<', 300, 'a long one begins');
$browser->js('document.querySelector("tr[data-field=PublicRemarks] [data-title=Gold] button.more").click()');
is($browser->js('return document.querySelector("tr[data-field=PublicRemarks] [data-title=Gold] bdi").textContent.length'), 10240, 'and is shown whole when that is wanted');
my $run = query(q{SELECT max(run) FROM mls_history WHERE status = 'failed'});
for my $page ([ '#/overview', '.card' ], [ '#/quality', 'details table' ], [ "#/runs/$run", '.failure' ], [ '#/runs', 'tbody tr' ], [ '#/consumers', 'tbody tr' ], [ '#/market', 'svg.line' ], [ '#/source/%3Cb%3Ebold%3C%2Fb%3E', 'h1' ], [ '#/record?text=%3Cscript%3E', 'main p.empty, tbody tr' ], [ '#/source/%3Cscript%3E', 'h1' ], [ '#/%3Cscript%3E', 'h1' ])
{
	visit(@$page);
	is($browser->js('return window.broken === undefined && document.querySelectorAll("main img, main script, main b").length'), 0, "$page->[0] has texts alone");
	is($browser->js('return document.documentElement.scrollWidth > innerWidth ? 1 : 0'), 0, 'and is no wider for them');
}

# ---- Who may look, and no more ----

$browser->click('#logout');
$browser->text_of('input[name=role]');
log_in('viewer', 'viewer-password');
$browser->text_of('.card');
visit('#/source/riverbend', 'tr[data-resource=Property] button');
is($browser->js('return [...document.querySelectorAll("main button[data-action]")].filter(b => b.getAttribute("aria-disabled") !== "true").length'), 0, 'a role without rights has no button that works');
like($browser->js('const b = document.querySelector("button[data-action=sync]"); return document.getElementById(b.getAttribute("aria-describedby")).textContent'), qr/Role "viewer" may not call mls_sync\(\)/, 'each says why');
$browser->js('document.querySelector("button[data-action=sync]").click()');
is($browser->js('return document.querySelectorAll("dialog").length'), 0, 'and asks nothing');
like($browser->text_of('.note'), qr/You may look here and not change anything/, 'the page says so as well');
for my $part ([ '#/datasets/inbox/roster', qr/You may look here and not change anything/ ], [ '#/quality', qr/measured is shown to roles that may verify: .*mls_grant\('viewer'\)/ ], [ '#/consumers', qr/You see who has asked; what each may ask is shown to roles that add consumers/ ],
	[ '#/mapping', qr/shown to roles that may call mls_map_explain\(\): .*mls_grant\('viewer'\)/ ])
{
	visit($part->[0], 'main .note');
	like($browser->text_of('main .note'), $part->[1], "$part->[0] says what is missing");
	is($browser->js('return document.querySelectorAll("main .failure").length'), 0, 'in a sentence of its own');
}

visit('#/market/mart', 'main .note');
like($browser->text_of('main .note'), qr/Its tables are shown to who may read them: GRANT USAGE ON SCHEMA mart/, 'figures are shown to who may read them');
is($browser->js('return document.querySelectorAll("svg.line").length'), 0, 'and to nobody else');
query('GRANT USAGE ON SCHEMA mart TO viewer; GRANT SELECT ON ALL TABLES IN SCHEMA mart TO viewer');
visit('#/market/mart', '.measure svg.line');
query('SET ROLE operator; ALTER TABLE mart.agg_market_month RENAME TO hidden; CREATE VIEW mart.agg_market_month AS TABLE mart.hidden; GRANT SELECT ON mart.agg_market_month TO viewer');
visit('#/market/mart', 'main .note');
is($browser->js('return document.querySelectorAll("svg.line").length'), 0, 'nor what is none of the tables that it has made');
query('DROP VIEW mart.agg_market_month; ALTER TABLE mart.hidden RENAME TO agg_market_month');

# ---- A fresh database ----

query('CREATE DATABASE empty');
$node->safe_psql('empty', q{CREATE EXTENSION mls_fdw; SELECT mls_grant('viewer')});
my $empty = start_serve($node, site => '127.0.0.1:0', user => 'no_such_role', dbname => 'empty');
$browser->go($empty->{url});
$browser->text_of('input[name=role]');
log_in('viewer', 'viewer-password');
like($browser->text_of('.steps .next'), qr/Say where the source is\s+CREATE SERVER/, 'a fresh database says what to do first');
$node->safe_psql('empty', q{CREATE SERVER first FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'https://x.invalid')});
visit('#/overview', '.steps .next');
like($browser->text_of('.steps .next'), qr/Say where the source is\s+CREATE SERVER/, 'a server that the role may not use is none of its own');
$node->safe_psql('empty', q{CREATE SERVER a_finder FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'geocoder', platform 'nominatim', url 'https://x.invalid');
	CREATE SERVER a_shop FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'postgres', url 'postgresql://x.invalid/shop'); GRANT USAGE ON FOREIGN SERVER first, a_finder, a_shop TO viewer;
	CREATE USER MAPPING FOR viewer SERVER a_finder OPTIONS (api_key 'x')});
visit('#/overview', '.steps .next');
like($browser->text_of('.steps .next'), qr/Give it your login\s+CREATE USER MAPPING FOR CURRENT_USER SERVER first/, 'and then what next, of a source');
$node->safe_psql('empty', q{CREATE USER MAPPING FOR viewer SERVER first OPTIONS (token 'x'); CREATE SCHEMA others; CREATE FOREIGN TABLE others.lookup (key text OPTIONS (field 'LookupKey')) SERVER first OPTIONS (resource 'Lookup', key 'LookupKey')});
visit('#/overview', '.steps .next');
like($browser->text_of('.steps .next'), qr/Read which tables it has\s+CREATE SCHEMA first/, 'tables of others are not proposed');
visit('#/source', 'main h1');
unlike($browser->text_of('main'), qr/a_finder|a_shop/, 'nor are those sources that are none');
$empty->stop;

# ---- What the browser has noticed ----

$browser->hear;
is(join("\n", grep { !/api\/login|api\/do\/(?:schedule|upload).*status of 400|api\/q\/.*status of 403|net::ERR_CONNECTION_REFUSED/ } @console, @{ $browser->{console} }), '', 'no word of the console');
my @elsewhere = grep { !m{^\Q$site->{url}\E/} && !m{^\Q$empty->{url}\E/} && !/^(?:data|chrome[a-z-]*|about|devtools):/ } @{ $browser->{requests} };
is(join("\n", @elsewhere), '', 'no request to elsewhere');
cmp_ok(scalar @{ $browser->{requests} }, '>', 100, 'of many');
$browser->end;
$site->stop;
$mls->stop;
done_testing();
