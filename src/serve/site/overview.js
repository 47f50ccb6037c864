// Overview: what is wrong, and each source and resource at a glance.

import { h, text, number, counted, time, duration, state, level, table, section, sql, sourceLink, link, quoted } from './dom.js';
import { bars, share, percent } from './charts.js';
import { ask } from './api.js';
import { button, sync, publish, feed, mart } from './actions.js';

export const refreshes = true;

export async function load() {
	const [status, health, days, setup, drifts, alerts, publications, feeds, marts] = await Promise.all([ask('status'), ask('health'), ask('days'), ask('setup'), ask('drifts'),
		...['alerts', 'publications', 'feeds', 'marts'].map(question => ask(question).catch(() => []))]);
	// What has changed at a source is no fault, and is to be known all the same.
	if (drifts.length) health.push(...drifts.map(d => ({ item: 'schema', level: 'warning', message: `the schema of ${d.source} has changed: ${d.words}`, source: d.source })));
	const sources = [...new Set(status.map(s => s.source))];
	const quotas = await Promise.all(sources.map(source => ask('quota', { source }).catch(() => [])));
	return { status, health, alerts, publications, feeds, marts, days, setup: setup[0], quotas: Object.fromEntries(sources.map((s, i) => [s, quotas[i].map(q => ({ ...q }))])) };
}

// What to do about a finding: words, a link or SQL.
const CURES = {
	subscriptions: () => ['Follow the steps below.'],
	runs: () => ['See whether pg_cron works, or sync by hand. ', link('#/schedules', 'Schedules')],
	schedule: () => ['See whether pg_cron runs: it has a process “pg_cron launcher”, and its table cron.job_run_details says what it did. ', link('#/schedules', 'Schedules')],
	jobs: () => ['Schedule them again. ', link('#/schedules', 'Schedules')],
	orphans: () => ['Remove their jobs with mls_unschedule(), or subscribe again. ', link('#/schedules', 'Schedules')],
	failures: () => ['The sentence says what the source answered. When its cause is mended, sync: the next run goes on where this one stopped. ', link('#/runs?status=failed', 'Failed runs')],
	lag: () => ['Sync now, or have it done more often. ', link('#/schedules', 'Schedules')],
	refresh: () => ['Sync now, and schedule it more often than the licence asks. ', link('#/schedules', 'Schedules')],
	stuck: () => ['See what it waits for. ', link('#/live', 'Live')],
	issues: () => ['See which values did not fit. ', link('#/quality', 'Quality')],
	conflicts: () => ['Give one of the sources the option key_prefix. ', link('#/quality', 'Quality')],
	quota: () => ['Wait for the window to pass, or ask the source for more. Runs go on by themselves. ', link('#/source', 'Sources')],
	tables: () => ['Subscribe the foreign tables of dropped tables again, which makes what is missing; then sync, which fills them. ', link('#/source', 'Sources')],
	leftovers: () => ['They belong to nothing any more: drop them when you need nothing of them.'],
	geocoding: () => ['See what its runs say. ', link('#/runs?process=geocode', 'Runs')],
	media: () => ['See which files are lost or late, and why. ', link('#/runs?process=media', 'Runs'), sql('SELECT * FROM mls_media WHERE error IS NOT NULL;')],
	alerts: () => ['Mend the receiver or the rule, then try it: ', sql('SELECT mls_alert_test(receiver) FROM mls.alert_receiver WHERE last_error IS NOT NULL;\nSELECT * FROM mls_alert();')],
	destinations: () => ['See what it answers; it is tried again by itself. One that is to be loaded anew: ', sql('SELECT destination, name, state, error FROM mls_publications;\nSELECT mls_publish_resend(destination, name, 0);')],
	files: () => ['Have IMPORT FOREIGN SCHEMA make a table of them, and subscribe it: ', link('#/datasets', 'Datasets'), sql('SELECT * FROM mls.unread;')],
	feeds: () => ['See what was left out, and why: ', sql('SELECT * FROM mls_feed_report(name);')],
	marts: () => ['See why, mend it, then fill it; one that is held is let go of by mls_mart_hold(name, NULL): ', sql('SELECT name, state, coalesce(held, problem) AS reason FROM mls_marts;\nSELECT * FROM mls_mart_sync();')],
	tests: () => ['See what each has found, and rows at fault; then mend the source, the rules or the test: ', sql('SELECT suite, test, status, failures, message FROM mls_tests;\nSELECT * FROM mls_test_failures;\nSELECT * FROM mls_test();')],
	publications: () => ['The sentence says what is missing for subscribers of gold.'],
	schema: f => ['See what is new and accept it, or leave it as it is. ', sourceLink(f.source, `Source ${f.source}`)],
	version: () => [sql('ALTER EXTENSION mls_fdw UPDATE;')],
};

function findings(health, status) {
	const bad = health.filter(f => f.level !== 'ok').sort((a, b) => (a.level === 'critical' ? 0 : 1) - (b.level === 'critical' ? 0 : 1));
	const critical = bad.filter(f => f.level === 'critical').length;
	const words = bad.length === 0 ? 'All is well.' : [critical && counted(critical, 'critical finding', 'critical findings'), bad.length - critical && counted(bad.length - critical, 'warning', 'warnings')].filter(Boolean).join(', ') + '.';
	return h('section', { class: `verdict ${critical ? 'critical' : bad.length ? 'warning' : 'ok'}`, 'aria-label': 'Health' },
		h('p', { class: 'headline' }, h('span', { 'aria-hidden': 'true' }, critical ? '✕' : bad.length ? '!' : '✓'), ' ', words, ' ',
			h('span', { class: 'small' }, `${counted(new Set(status.map(t => t.source)).size, 'source', 'sources')}, ${counted(status.length, 'resource', 'resources')}, ${counted(status.reduce((sum, t) => sum + t.rows, 0), 'row', 'rows')} here; ${counted(health.length, 'check', 'checks')} made now.`)),
		bad.length > 0 && h('ul', { class: 'findings' }, bad.map(f => h('li', { class: f.level, 'data-item': f.item },
			h('p', {}, level(f.level), ' ', h('strong', {}, f.item), ' ', text(f.message, 900)),
			CURES[f.item] && h('p', { class: 'cure' }, h('em', {}, 'What to do: '), CURES[f.item](f))))));
}

// The steps from an empty database to a copy that keeps itself up to date.
export function steps(setup) {
	const servers = setup.servers.filter(s => s.own);
	// The one that has come furthest.
	const server = ['subscribed', 'table', 'mapped', 'name'].map(what => servers.find(s => s[what])).find(Boolean);
	const name = server ? server.name : 'my_mls';
	const mapped = server && (server.mapped || server.table);
	const imported = server && server.table && server;
	const all = [
		[server, 'Say where the source is', `CREATE SERVER ${name} FOREIGN DATA WRAPPER mls_fdw\n  OPTIONS (protocol 'reso', url 'https://api.example.com/odata');`],
		[mapped, 'Give it your login', `CREATE USER MAPPING FOR CURRENT_USER SERVER ${name}\n  OPTIONS (client_id '...', client_secret '...');\nSELECT * FROM mls_check(${quoted(name)});`],
		[imported, 'Read which tables it has', `CREATE SCHEMA ${name};\nIMPORT FOREIGN SCHEMA reso FROM SERVER ${name} INTO ${name};`],
		[setup.subscriptions > 0, 'Choose what is replicated, and load it', `SELECT * FROM mls_subscribe('${imported && imported.table ? imported.table : `${name}.property`}');\nSELECT * FROM mls_sync(${quoted(name)});`],
		[setup.schedules > 0, 'Have it kept up to date', `${setup.has_cron ? '' : 'CREATE EXTENSION pg_cron;  -- shared_preload_libraries has to name it\n'}SELECT * FROM mls_schedule(${quoted(name)}, sync => '*/15 * * * *', purge => '30 3 * * *');`],
	];
	const next = all.findIndex(s => !s[0]);
	if (setup.subscriptions > 0 && setup.schedules > 0) return null;
	return section('Next steps', h('ol', { class: 'steps' }, all.map(([done, title, words], i) =>
		h('li', { class: done ? 'done' : i === next ? 'next' : '' }, h('p', {}, done ? '✓ ' : '', h('strong', {}, title), done ? ' (done)' : ''), i === next && sql(words)))));
}

// The last 14 days, with those on which nothing ran.
export function lastDays(days) {
	const known = new Map(days.map(d => [d.day, d]));
	return Array.from({ length: 14 }, (_, i) => {
		const day = new Date(Date.now() - (13 - i) * 86400000).toISOString().slice(0, 10);
		const d = known.get(day) || { changes: 0, runs: 0, failed: 0 };
		return { value: d.changes, bad: d.failed > 0 && d.changes === 0, label: `${day}: ${counted(d.changes, 'change', 'changes')} in ${counted(d.runs, 'run', 'runs')}${d.failed ? `, ${d.failed} failed` : ''}` };
	});
}

export function rowsAndRemote(r) {
	const differ = r.remote_rows !== null && r.remote_rows !== r.rows;
	return h('span', {}, h('strong', {}, number(r.rows)), ' of ', number(r.remote_rows),
		differ && h('span', { class: 'differ', title: 'the source had another number when it was counted last' }, ` (${r.rows - r.remote_rows > 0 ? '+' : ''}${number(r.rows - r.remote_rows)})`));
}

export const resourceColumns = days => [
	{ title: 'Resource', cell: r => [text(r.resource), r.fed_by && h('span', { class: 'small' }, ' from ', text(r.fed_by))] },
	{ title: 'State', cell: r => [state(r.state), r.state === 'failed' && h('span', { class: 'small', title: r.last_error }, ' ', text(r.cause, 60))] },
	{ title: 'Rows here, there', class: 'number', cell: rowsAndRemote },
	{ title: 'Newest record', cell: r => time(r.newest) },
	{ title: 'Asked', cell: r => [time(r.last_success), r.refresh_by && h('span', { class: 'small', title: 'the licence wants it to be asked again by then' }, ' again by ', time(r.refresh_by, 'clock'))] },
	{ title: 'Next run', cell: r => (r.next_attempt_at && r.state === 'failed' ? time(r.next_attempt_at) : time(r.next_run)) },
	{ title: 'Changes a day', cell: r => bars(`Changes of ${r.resource} a day`, lastDays(days.filter(d => d.source === r.source && d.resource === r.resource))) },
	{ title: 'Issues', class: 'number', cell: r => (r.issues > 0 ? link(`#/quality?source=${encodeURIComponent(r.source)}`, number(r.issues)) : number(r.issues)) },
];

export function quotaBars(quota) {
	const bound = quota.filter(q => q.window !== 'second');
	if (bound.length === 0) return h('span', { class: 'small' }, 'no quota');
	return bound.map(q => share(q.share, `${number(q.used)} of ${number(q.allowed)} requests ${q.window === 'hour' ? 'an' : 'a'} ${q.window} (${percent(q.share)})`));
}

// What operators were told, or will be.
const alertColumns = [
	{ title: 'About', cell: a => [level(a.level), ' ', text(a.subject)] },
	{ title: 'Rule', cell: a => text(a.rule) },
	{ title: 'Since', cell: a => time(a.began_at) },
	{ title: 'Told', cell: a => (a.told_at ? [time(a.told_at), ' to ', text(a.receiver)] : 'not yet') },
];

// A button for each of some names, once.
const buttons = async (names, words, action, then) => new Map(await Promise.all([...new Set(names)].map(async name => [name, await button(words, action, name, () => then(name))])));

// Where views of gold are kept in step.
async function destinations(publications) {
	const send = await buttons(publications.map(p => p.destination), 'Send', 'publish', publish);
	const first = publications.filter((p, i) => i === 0 || publications[i - 1].destination !== p.destination);
	return section('Destinations', table('Destinations', [
		{ title: 'Destination', cell: p => text(p.destination) },
		{ title: 'Table', cell: p => [text(p.name), h('span', { class: 'small' }, ' from ', text(p.view))] },
		{ title: 'State', cell: p => [state(p.state), p.error && h('span', { class: 'small', title: p.error }, ' ', text(p.error, 60))] },
		{ title: 'Behind', class: 'number', cell: p => (p.lag === null ? text(null) : duration(p.lag)) },
		{ title: 'Refused', class: 'number', cell: p => number(p.refused) },
		{ title: 'In step', cell: p => time(p.succeeded_at) },
		{ title: 'Do', cell: p => first.includes(p) && send.get(p.destination) }], publications, { row: p => ({ 'data-publication': `${p.destination} ${p.name}` }) }));
}

async function documents(feeds) {
	const write = await buttons(feeds.map(f => f.name), 'Write', 'feed', feed);
	return section('Feeds', table('Feeds', [
		{ title: 'Feed', cell: f => [text(f.name), h('span', { class: 'small' }, ' ', text(f.format), ' in ', text(f.store), ', ', text(f.path))] },
		{ title: 'State', cell: f => [state(f.state), f.problem && h('span', { class: 'small', title: f.problem }, ' ', text(f.problem, 60))] },
		{ title: 'Listings', class: 'number', cell: f => number(f.written) },
		{ title: 'Left out', class: 'number', cell: f => number(f.skipped) },
		{ title: 'Written', cell: f => time(f.written_at) },
		{ title: 'Up to date', cell: f => time(f.checked_at) },
		{ title: 'Do', cell: f => write.get(f.name) }], feeds, { row: f => ({ 'data-feed': f.name }) }));
}

async function statistics(marts) {
	const fill = await buttons(marts.map(m => m.name), 'Fill', 'mart', mart);
	return section('Marts', table('Marts', [
		{ title: 'Mart', cell: m => link(`#/market/${encodeURIComponent(m.name)}`, text(m.name)) },
		{ title: 'State', cell: m => [state(m.state), m.problem && h('span', { class: 'small', title: m.problem }, ' ', text(m.problem, 60))] },
		{ title: 'Listings', class: 'number', cell: m => number(m.listings) },
		{ title: 'Behind', class: 'number', cell: m => (m.lag === null ? text(null) : duration(m.lag)) },
		{ title: 'Filled', cell: m => time(m.refreshed_at) },
		{ title: 'Do', cell: m => fill.get(m.name) }], marts, { row: m => ({ 'data-mart': m.name }) }));
}

export async function show({ status, health, alerts, publications, feeds, marts, days, setup, quotas }) {
	const sources = [...new Set(status.map(s => s.source))];
	const worst = s => (status.some(r => r.source === s && r.state === 'failed') ? 0 : 1);
	sources.sort((a, b) => worst(a) - worst(b) || (a < b ? -1 : 1));
	return [
		h('h1', {}, 'Overview'),
		status.length > 0 && findings(health, status),
		alerts.length > 0 && section('Alerts', table('Alerts', alertColumns, alerts, { row: a => ({ 'data-alert': a.subject }) })),
		steps(setup),
		await Promise.all(sources.map(async s => h('section', { class: 'card', 'aria-label': s, 'data-source': s },
			h('div', { class: 'card-head' }, h('h2', {}, sourceLink(s)), h('span', { class: 'quota' }, quotaBars(quotas[s] || [])),
				await button('Sync', 'sync', s, () => sync(s))),
			table(`Resources of ${s}`, resourceColumns(days), status.filter(r => r.source === s), { row: r => ({ class: r.state, 'data-resource': r.resource }) })))),
		publications.length > 0 && await destinations(publications),
		feeds.length > 0 && await documents(feeds),
		marts.length > 0 && await statistics(marts),
	];
}
